//! The ledger beside a naive model of it, and budgets over restarts.

use super::{Amount, BudgetPolicy, Caps, Ledger, Orphans, Refusal, Resource, Span, span};
use crate::tests::{Home, NOON, limits};
use crate::{Journal, JournalError, RequestId, UnixTime};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore as _, SeedableRng as _};
use std::collections::BTreeMap;

fn tokens(tokens: u64) -> Amount {
    Amount { tokens, ..Amount::default() }
}

fn daily(tokens: u64) -> BudgetPolicy {
    BudgetPolicy {
        day: Caps { tokens: Some(tokens), ..Caps::default() },
        ..BudgetPolicy::default()
    }
}

/// All that ever happened, and nothing summed up.
#[derive(Debug, Default)]
struct Model {
    /// Day, month, amount.
    spent: Vec<(i64, i64, Amount)>,
    reserved: BTreeMap<RequestId, Amount>,
    day: i64,
    month: i64,
}

impl Model {
    /// What counts for a span, in a resource.
    fn taken(&self, span: Span, resource: Resource) -> u64 {
        let counts = |(day, month, amount): &(i64, i64, Amount)| match span {
            Span::Day if *day == self.day => amount.of(resource),
            Span::Month if *month == self.month => amount.of(resource),
            Span::Request | Span::Day | Span::Month => 0,
        };
        let reserved: u64 = self.reserved.values().map(|amount| amount.of(resource)).sum();
        reserved + self.spent.iter().map(counts).sum::<u64>()
    }

    fn allows(&self, policy: &BudgetPolicy, request: RequestId, more: Amount) -> bool {
        Resource::ALL.into_iter().all(|resource| {
            let asked = more.of(resource);
            let held = self.reserved.get(&request).map_or(0, |amount| amount.of(resource));
            let within = |cap: Option<u64>, taken: u64| cap.is_none_or(|cap| taken + asked <= cap);
            within(policy.request.of(resource), held)
                && within(policy.day.of(resource), self.taken(Span::Day, resource))
                && within(policy.month.of(resource), self.taken(Span::Month, resource))
        })
    }

    fn check(&self, policy: &BudgetPolicy, ledger: &Ledger, now: UnixTime) {
        let standing = ledger.clone().standing(policy, now);
        for resource in Resource::ALL {
            let (day, month) = (self.taken(Span::Day, resource), self.taken(Span::Month, resource));
            let reserved = standing.reserved.of(resource);
            assert_eq!(standing.day.of(resource) + reserved, day);
            assert_eq!(standing.month.of(resource) + reserved, month);
            assert!(policy.day.of(resource).is_none_or(|cap| day <= cap), "{resource}: {day}");
            assert!(
                policy.month.of(resource).is_none_or(|cap| month <= cap),
                "{resource}: {month}"
            );
        }
    }
}

/// Goal: what is spent and reserved is within each limit after every step, and a request is refused
/// where and only where it would not be. Method: a thousand random interleavings of up to five
/// requests, over days and months, with deaths and with a clock that goes back, beside a model that
/// adds up all that ever happened.
#[test]
fn the_ledger_is_exact_and_never_exceeded() {
    let (mut refused, mut reserved) = (0, 0);
    for seed in 0..1_000 {
        let mut dice = ChaCha8Rng::seed_from_u64(seed);
        let mut below = move |end: u64| dice.next_u64() % end;
        let mut cap = || (below(2) > 0).then(|| below(4_000));
        let mut caps = || Caps { money_micro: cap(), metered_bytes: cap(), tokens: cap() };
        let (request, day, month) = (caps(), caps(), caps());
        let utc_offset_s = i32::try_from(below(130_000)).unwrap() - 64_800;
        let policy = BudgetPolicy { utc_offset_s, request, day, month, orphans: Orphans::Spend };
        let (mut ledger, mut model, mut now) = (Ledger::default(), Model::default(), NOON.0);
        for _ in 0..60 {
            now = if below(10) == 0 { now - below(200_000) } else { now + below(90_000) };
            let time = UnixTime(now);
            model.day = model.day.max(span::day(time, utc_offset_s));
            model.month = model.month.max(span::month(time, utc_offset_s));
            let request = RequestId(u128::from(below(5)));
            match below(10) {
                0..=5 => {
                    let more = Amount {
                        money_micro: below(300),
                        metered_bytes: below(300),
                        tokens: below(300),
                    };
                    let allowed = model.allows(&policy, request, more);
                    let total = ledger.reserve(&policy, request, more, time);
                    assert_eq!(total.is_ok(), allowed, "{total:?}");
                    if let Ok(total) = total {
                        model.reserved.insert(request, total);
                    }
                    *if allowed { &mut reserved } else { &mut refused } += 1;
                }
                6..=8 => {
                    let held = model.reserved.remove(&request);
                    let part = |of: u64, below: &mut dyn FnMut(u64) -> u64| below(of + 1);
                    let most = held.unwrap_or_default();
                    let actual = Amount {
                        money_micro: part(most.money_micro, &mut below),
                        metered_bytes: most.metered_bytes,
                        tokens: part(most.tokens, &mut below),
                    };
                    let settled = ledger.settle(&policy, request, actual, time);
                    assert_eq!(settled.ok(), held.map(|_| Amount::default()));
                    model.spent.push((model.day, model.month, actual));
                }
                _ => {
                    let orphans = ledger.spend_orphans(&policy, time);
                    assert_eq!(orphans, model.reserved);
                    for amount in std::mem::take(&mut model.reserved).into_values() {
                        model.spent.push((model.day, model.month, amount));
                    }
                }
            }
            model.check(&policy, &ledger, time);
        }
    }
    assert!(refused > 5_000 && reserved > 5_000, "{refused} refused, {reserved} reserved");
}

#[test]
fn a_refusal_says_which_limit_it_is_and_when_it_frees() {
    let policy = BudgetPolicy {
        request: Caps { metered_bytes: Some(50), ..Caps::default() },
        day: Caps { tokens: Some(100), ..Caps::default() },
        month: Caps { tokens: Some(150), money_micro: Some(7), ..Caps::default() },
        ..BudgetPolicy::default()
    };
    let mut ledger = Ledger::default();
    // 2024-02-28, noon: twelve hours to the next day, and a day more to the next month.
    let (midnight, march) = (UnixTime(NOON.0 + 43_200), UnixTime(NOON.0 + 43_200 + 86_400));
    let mut ask = |request, more, at| ledger.reserve(&policy, RequestId(request), more, at);
    let bytes = |metered_bytes| Amount { metered_bytes, ..Amount::default() };
    ask(1, tokens(60), NOON).unwrap();
    ask(1, bytes(50), NOON).unwrap();
    let refused = |span, resource, limit, left, asked, frees| {
        Err(Refusal { span, resource, limit, left, asked, frees })
    };
    let (used, metered) = (Resource::Tokens, Resource::MeteredBytes);
    // A request's limit is for all that it reserves.
    assert_eq!(ask(1, bytes(1), NOON), refused(Span::Request, metered, 50, 0, 1, None));
    assert_eq!(ask(2, tokens(41), NOON), refused(Span::Day, used, 100, 40, 41, Some(midnight)));
    assert_eq!(ask(2, tokens(91), NOON), refused(Span::Month, used, 150, 90, 91, Some(march)));
    // Nobody ever gets so much.
    assert_eq!(ask(2, tokens(101), NOON), refused(Span::Month, used, 150, 90, 101, Some(march)));
    assert_eq!(ask(2, tokens(151), NOON), refused(Span::Month, used, 150, 90, 151, None));
    let money = Amount { money_micro: 8, ..Amount::default() };
    assert_eq!(ask(2, money, NOON), refused(Span::Month, Resource::MoneyMicro, 7, 7, 8, None));
    assert_eq!(ask(2, tokens(40), NOON), Ok(tokens(40)));
    let text = ask(3, tokens(1), NOON).unwrap_err().to_string();
    assert_eq!(
        text,
        format!("1 tokens are too much: 0 of 100 are left for this day, until {midnight}")
    );
}

#[test]
fn what_is_still_reserved_counts_for_the_next_day_too() {
    let policy = daily(100);
    let mut ledger = Ledger::default();
    let next_day = UnixTime(NOON.0 + 86_400);
    ledger.reserve(&policy, RequestId(1), tokens(80), NOON).unwrap();
    assert!(ledger.reserve(&policy, RequestId(2), tokens(30), next_day).is_err());
    ledger.settle(&policy, RequestId(1), tokens(60), next_day).unwrap();
    assert_eq!(ledger.clone().standing(&policy, next_day).day, tokens(60));
    // A clock that goes back finds nothing free that was not.
    assert!(ledger.reserve(&policy, RequestId(2), tokens(41), NOON).is_err());
    ledger.reserve(&policy, RequestId(2), tokens(40), NOON).unwrap();
}

#[test]
fn a_clock_that_had_run_ahead_is_set_right_and_frees_nothing() {
    let home = Home::new();
    let mut journal = home.open();
    let years_ahead = UnixTime(NOON.0 + (1 << 30));
    journal.reserve(RequestId(1), tokens(900), years_ahead).unwrap().unwrap();
    journal.settle(RequestId(1), tokens(900), years_ahead).unwrap();
    let tomorrow = UnixTime(NOON.0 + 86_400);
    journal.reserve(RequestId(2), tokens(101), tomorrow).unwrap().unwrap_err();
    journal.clock_had_run_ahead(NOON).unwrap();
    assert_eq!(journal.standing(NOON).unwrap().day, tokens(900));
    journal.reserve(RequestId(2), tokens(101), NOON).unwrap().unwrap_err();
    journal.reserve(RequestId(2), tokens(101), tomorrow).unwrap().unwrap();
    assert_eq!(journal.standing(tomorrow).unwrap().month, tokens(900));
}

#[test]
fn who_spends_more_than_was_reserved_has_spent_it() {
    let policy = daily(100);
    let mut ledger = Ledger::default();
    ledger.reserve(&policy, RequestId(1), tokens(10), NOON).unwrap();
    let beyond = ledger.settle(&policy, RequestId(1), tokens(95), NOON).unwrap();
    assert_eq!(beyond, tokens(85));
    assert!(ledger.reserve(&policy, RequestId(2), tokens(6), NOON).is_err());
}

#[test]
fn a_reservation_whose_process_died_counts_in_full_or_waits_for_somebody_who_knows() {
    for orphans in [Orphans::Spend, Orphans::Keep] {
        let home = Home::new();
        let mut limits = limits();
        limits.budgets.orphans = orphans;
        let mut journal = home.open_with(limits.clone());
        journal.reserve(RequestId(1), tokens(300), NOON).unwrap().unwrap();
        journal.reserve(RequestId(2), tokens(50), NOON).unwrap().unwrap();
        journal.settle(RequestId(2), tokens(20), NOON).unwrap();
        drop(journal);
        let (mut journal, recovery) = Journal::open(&home.path(), limits, NOON).unwrap();
        let standing = journal.standing(NOON).unwrap();
        let settled = journal.settle(RequestId(1), tokens(200), NOON);
        match orphans {
            Orphans::Spend => {
                assert_eq!(recovery.spent, [(RequestId(1), tokens(300))].into());
                assert_eq!((standing.day, standing.reserved), (tokens(320), tokens(0)));
                assert!(matches!(settled, Err(JournalError::NoReservation(RequestId(1)))));
            }
            Orphans::Keep => {
                assert!(recovery.spent.is_empty());
                assert_eq!((standing.day, standing.reserved), (tokens(20), tokens(300)));
                assert_eq!(settled.unwrap(), tokens(0));
                assert_eq!(journal.standing(NOON).unwrap().day, tokens(220));
            }
        }
    }
}

#[test]
fn only_so_many_requests_hold_reservations_and_a_refused_one_holds_none() {
    let home = Home::new();
    let mut journal = home.open();
    for request in 0..3 {
        journal.reserve(RequestId(request), tokens(1), NOON).unwrap().unwrap();
    }
    // One that holds one may have more.
    journal.reserve(RequestId(0), tokens(1), NOON).unwrap().unwrap();
    let error = journal.reserve(RequestId(3), tokens(1), NOON).unwrap_err();
    assert!(matches!(error, JournalError::ReservationsFull(3)), "{error}");
    journal.settle(RequestId(0), tokens(0), NOON).unwrap();
    journal.reserve(RequestId(3), tokens(9_999), NOON).unwrap().unwrap_err();
    assert_eq!(journal.reservations().unwrap().len(), 2);
    let error = journal.settle(RequestId(3), tokens(0), NOON).unwrap_err();
    assert!(matches!(error, JournalError::NoReservation(_)), "{error}");
}
