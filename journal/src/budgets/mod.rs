//! Budgets of money, metered bytes and tokens: for each request, day and month.
//!
//! What a request may come to cost is reserved before it is sent, and what it did cost is settled
//! afterwards. Both are flushed before they return, so that a process that dies between them has
//! spent no more than its reservation, and the next one knows of it.

mod amount;
mod ledger;
mod span;
#[cfg(test)]
mod tests;

pub use amount::{Amount, Caps, Resource};
pub(crate) use ledger::Ledger;
pub use ledger::{BudgetPolicy, Orphans, Refusal, Standing};
pub use span::Span;

use crate::rows::LEDGER;
use crate::transaction::{Reading, Writing};
use crate::{Journal, JournalError, RequestId, UnixTime};
use std::collections::BTreeMap;

/// The key of the one ledger.
const ONLY: u64 = 0;

impl Journal {
    /// Reserves `more` for `request`, beside what it has reserved already, if the budgets allow it.
    /// Returns all that it has reserved then, or why nothing more is.
    ///
    /// # Errors
    ///
    /// [`JournalError::ReservationsFull`], and those of the file.
    pub fn reserve(
        &mut self,
        request: RequestId,
        more: Amount,
        now: UnixTime,
    ) -> Result<Result<Amount, Refusal>, JournalError> {
        let (policy, reservations_max) = (self.limits.budgets, self.limits.reservations_max);
        self.store.write(|tx| {
            let mut ledger = ledger(tx)?;
            if ledger.others(request) >= reservations_max {
                return Err(JournalError::ReservationsFull(reservations_max));
            }
            let reserved = ledger.reserve(&policy, request, more, now);
            if reserved.is_ok() {
                LEDGER.put(tx, ONLY, &ledger)?;
            }
            Ok(reserved)
        })
    }

    /// Counts `actual` as spent by `request`, and frees what else it had reserved. Returns what it
    /// spent beyond its reservation: none, where its caller stopped in time.
    ///
    /// # Errors
    ///
    /// [`JournalError::NoReservation`], and those of the file.
    pub fn settle(
        &mut self,
        request: RequestId,
        actual: Amount,
        now: UnixTime,
    ) -> Result<Amount, JournalError> {
        let policy = self.limits.budgets;
        self.store.write(|tx| {
            let mut ledger = ledger(tx)?;
            let beyond = ledger.settle(&policy, request, actual, now)?;
            LEDGER.put(tx, ONLY, &ledger)?;
            Ok(beyond)
        })
    }

    /// Says that a clock had run ahead, and that `now` is right. Without it, all that is spent until the
    /// day comes that the clock had shown counts for that day. What was spent stays spent, until the
    /// day after `now`, and the next month.
    ///
    /// # Errors
    ///
    /// Those of the file.
    pub fn clock_had_run_ahead(&mut self, now: UnixTime) -> Result<(), JournalError> {
        let policy = self.limits.budgets;
        self.store.write(|tx| {
            let mut ledger = ledger(tx)?;
            ledger.set_back(&policy, now);
            LEDGER.put(tx, ONLY, &ledger).map(|_| ())
        })
    }

    /// How the budgets stand.
    ///
    /// # Errors
    ///
    /// Those of the file.
    pub fn standing(&self, now: UnixTime) -> Result<Standing, JournalError> {
        self.store.read(|tx| Ok(ledger(tx)?.standing(&self.limits.budgets, now)))
    }

    /// What is reserved and not settled, by request.
    ///
    /// # Errors
    ///
    /// Those of the file.
    pub fn reservations(&self) -> Result<BTreeMap<RequestId, Amount>, JournalError> {
        self.store.read(|tx| Ok(ledger(tx)?.reservations().clone()))
    }
}

fn ledger(tx: &impl Reading) -> Result<Ledger, JournalError> {
    Ok(LEDGER.get(tx, ONLY)?.unwrap_or_default())
}

/// Does with the reservations of a process that died what the policy says. Returns those that count
/// as spent now.
pub(crate) fn recover(
    tx: &Writing,
    policy: &BudgetPolicy,
    now: UnixTime,
) -> Result<BTreeMap<RequestId, Amount>, JournalError> {
    let mut ledger = ledger(tx)?;
    if policy.orphans == Orphans::Keep || ledger.reservations().is_empty() {
        return Ok(BTreeMap::new());
    }
    let spent = ledger.spend_orphans(policy, now);
    LEDGER.put(tx, ONLY, &ledger)?;
    Ok(spent)
}
