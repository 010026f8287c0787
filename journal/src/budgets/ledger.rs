//! What was spent and what is reserved, as a pure machine.
//!
//! ```text
//!            reserve                     settle(actual)
//!   free ───────────────▶ reserved ───────────────────────▶ spent (actual), the rest free again
//!                             │ the process dies
//!                             └──────────────────────────▶ spent, in full
//! ```
//!
//! # Invariants
//!
//! - **Spent and reserved together are within each limit, at every step**, as long as nobody settles
//!   for more than was reserved. Who does has spent it: it is counted all the same.
//! - **A clock that goes back frees nothing**: what is spent counts for the latest day and month that
//!   was ever seen, until somebody who knows says that the clock had run ahead.
//! - A reservation counts for each day and month that it is held in, and is spent in the one in which
//!   it is settled.

use super::amount::{Amount, Caps, Resource};
use super::span::{self, Span};
use crate::{JournalError, RequestId, UnixTime};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// What may be spent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BudgetPolicy {
    /// How far local time is ahead of UTC, in seconds, at most 18 hours: when days and months begin.
    pub utc_offset_s: i32,
    /// For each request.
    pub request: Caps,
    /// For each day.
    pub day: Caps,
    /// For each month.
    pub month: Caps,
    /// What becomes of reservations whose process died.
    pub orphans: Orphans,
}

/// What becomes of reservations whose process died.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Orphans {
    /// They count as spent, in full: nobody knows what was, and this is never too little.
    #[default]
    Spend,
    /// They stay, to be settled by somebody who knows.
    Keep,
}

/// What is reserved and spent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ledger {
    day: Period,
    month: Period,
    reserved: BTreeMap<RequestId, Amount>,
}

/// What was spent in a day or a month.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Period {
    number: i64,
    spent: Amount,
}

/// Why nothing was reserved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// Whose limit it is.
    pub span: Span,
    /// Of what.
    pub resource: Resource,
    /// The limit.
    pub limit: u64,
    /// What is left of it.
    pub left: u64,
    /// What was asked for.
    pub asked: u64,
    /// When there is as much again at the latest; sooner where others settle for less than they have
    /// reserved. Never where more is asked than the limit allows anyone.
    pub frees: Option<UnixTime>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { span, resource, limit, left, asked, frees } = self;
        write!(f, "{asked} {resource} are too much: {left} of {limit} are left for this {span}")?;
        match frees {
            Some(time) => write!(f, ", until {time}"),
            None => write!(f, "; ask for less"),
        }
    }
}

/// How a budget stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Spent on this day.
    pub day: Amount,
    /// Spent in this month.
    pub month: Amount,
    /// Reserved and not settled.
    pub reserved: Amount,
}

impl BudgetPolicy {
    pub(crate) fn check(&self) -> Result<(), &'static str> {
        match self.utc_offset_s.unsigned_abs() <= 18 * 3_600 {
            true => Ok(()),
            false => Err("local time is 18 hours from UTC at most"),
        }
    }
}

impl Ledger {
    /// Reserves `more` for `request`, beside what it has reserved already.
    ///
    /// Returns all that it has reserved now.
    pub(crate) fn reserve(
        &mut self,
        policy: &BudgetPolicy,
        request: RequestId,
        more: Amount,
        now: UnixTime,
    ) -> Result<Amount, Refusal> {
        self.roll(policy, now);
        let held = self.reserved.get(&request).copied().unwrap_or_default();
        let reserved = self.reserved();
        let (day, month) = (self.day.number, self.month.number);
        let offset = policy.utc_offset_s;
        // The month comes before the day: who waits for a day should not be sent away again.
        for (span, caps, taken, frees) in [
            (Span::Request, &policy.request, held, None),
            (
                Span::Month,
                &policy.month,
                reserved.plus(self.month.spent),
                Some(span::month_after(month, offset)),
            ),
            (
                Span::Day,
                &policy.day,
                reserved.plus(self.day.spent),
                Some(span::day_after(day, offset)),
            ),
        ] {
            for resource in Resource::ALL {
                let (asked, taken) = (more.of(resource), taken.of(resource));
                let Some(limit) = caps.of(resource) else { continue };
                let left = limit.saturating_sub(taken);
                if asked > left {
                    let frees = frees.filter(|_| asked <= limit);
                    return Err(Refusal { span, resource, limit, left, asked, frees });
                }
            }
        }
        let total = held.plus(more);
        self.reserved.insert(request, total);
        Ok(total)
    }

    /// Counts `actual` as spent by `request`, and frees what else it had reserved.
    ///
    /// Returns what it spent beyond its reservation.
    pub(crate) fn settle(
        &mut self,
        policy: &BudgetPolicy,
        request: RequestId,
        actual: Amount,
        now: UnixTime,
    ) -> Result<Amount, JournalError> {
        self.roll(policy, now);
        let held = self.reserved.remove(&request).ok_or(JournalError::NoReservation(request))?;
        self.spend(actual);
        Ok(actual.less(held))
    }

    /// Counts all that is reserved as spent, and says what that was.
    pub(crate) fn spend_orphans(
        &mut self,
        policy: &BudgetPolicy,
        now: UnixTime,
    ) -> BTreeMap<RequestId, Amount> {
        self.roll(policy, now);
        self.spend(self.reserved());
        std::mem::take(&mut self.reserved)
    }

    /// Takes `now` for the present, though a later one was seen. What was spent counts for it.
    pub(crate) fn set_back(&mut self, policy: &BudgetPolicy, now: UnixTime) {
        self.day.number = span::day(now, policy.utc_offset_s);
        self.month.number = span::month(now, policy.utc_offset_s);
    }

    /// How it stands.
    pub(crate) fn standing(mut self, policy: &BudgetPolicy, now: UnixTime) -> Standing {
        self.roll(policy, now);
        Standing { day: self.day.spent, month: self.month.spent, reserved: self.reserved() }
    }

    /// How many requests hold reservations, `request` left out.
    pub(crate) fn others(&self, request: RequestId) -> usize {
        self.reserved.keys().filter(|other| **other != request).count()
    }

    /// What is reserved, by request.
    pub(crate) fn reservations(&self) -> &BTreeMap<RequestId, Amount> {
        &self.reserved
    }

    fn spend(&mut self, amount: Amount) {
        self.day.spent = self.day.spent.plus(amount);
        self.month.spent = self.month.spent.plus(amount);
    }

    fn reserved(&self) -> Amount {
        self.reserved.values().fold(Amount::default(), |sum, amount| sum.plus(*amount))
    }

    fn roll(&mut self, policy: &BudgetPolicy, now: UnixTime) {
        self.day.roll(span::day(now, policy.utc_offset_s));
        self.month.roll(span::month(now, policy.utc_offset_s));
    }
}

impl Period {
    fn roll(&mut self, number: i64) {
        if number > self.number {
            *self = Self { number, spent: Amount::default() };
        }
    }
}
