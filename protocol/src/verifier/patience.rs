//! When the target goes on alone, and when it is better to wait for drafts.
//!
//! The target has contradicted a draft, and nothing else waits. To go on alone takes a pass of one row,
//! `t1`, and gives one token for sure; drafts that come meanwhile and match stay valid. To wait for `w`
//! has the drafts judged that come then, one pass earlier. Going on alone adds a token only where the
//! first of them would have been wrong, so that it is worth it where
//!
//! ```text
//!   (1 - a) * l  >  t1 - w        a: share of drafts that are right, l: time for each token said
//! ```
//!
//! When drafts are due is measured: the device's reaction to a contradiction, which is a round trip and
//! the drafting of a chunk. Only [`WORTH`] of that time is risked, because what comes may be short, late
//! or wrong. While drafts follow each other without a contradiction there is no waiting: then the
//! target's pass, not the device, is what they wait for.
//!
//! # Invariants
//!
//! - **Without drafts there is no waiting**: a device that sends none, or stopped, costs no time.
//! - **A wait ends**: at a time that is fixed when it begins.

use crate::Cost;
use crate::mean::Mean;
use std::time::{Duration, Instant};

/// Share of drafts taken to be right before any was judged.
const AGREEMENT_FIRST: f64 = 0.7;

/// The part of a wait's value that is risked. In simulations of passes of 43 and 158 ms, round trips of
/// 10 to 200 ms and 60 to 85 % right drafts, 0.6 is within 3 % of the best in each case; none at all
/// costs up to 14 % on a short link with slow passes, all of it 4 % elsewhere.
const WORTH: f64 = 0.6;

/// How fast the share of right drafts follows the newest one.
const AGREEMENT_GAIN: f64 = 1.0 / 32.0;

#[derive(Debug)]
pub(super) struct Patience {
    /// Others wait for the machine.
    crowded: bool,
    /// From a contradiction to the next chunk.
    reaction: Mean,
    /// A pass of one row.
    row: Mean,
    /// From one said token to the next.
    token: Mean,
    /// Share of drafts that are right.
    agreement: f64,
    /// When the device's drafts were contradicted; `None` once others came.
    contradicted: Option<Instant>,
    /// When the last chunk came.
    came: Option<Instant>,
    /// When the target spoke last.
    spoke: Option<Instant>,
    /// The end of the wait that has begun.
    until: Option<Instant>,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            crowded: false,
            reaction: Mean::default(),
            row: Mean::default(),
            token: Mean::default(),
            agreement: AGREEMENT_FIRST,
            contradicted: None,
            came: None,
            spoke: None,
            until: None,
        }
    }
}

impl Patience {
    pub(super) const fn set_crowded(&mut self, crowded: bool) {
        self.crowded = crowded;
    }

    /// A new epoch: nothing is due. What was measured stays.
    pub(super) const fn forget(&mut self) {
        (self.contradicted, self.came, self.spoke, self.until) = (None, None, None, None);
    }

    /// A chunk of drafts came.
    pub(super) fn drafts_came(&mut self, now: Instant) {
        if let Some(since) = self.contradicted.take() {
            self.reaction.observe(now.saturating_duration_since(since));
        }
        self.came = Some(now);
        self.until = None;
    }

    /// The device's drafts are wrong, and it is about to hear of it.
    pub(super) const fn contradicted(&mut self, now: Instant) {
        (self.contradicted, self.until) = (Some(now), None);
    }

    /// `accepted` of `drafts` were right; what follows a wrong one says nothing.
    pub(super) fn judged(&mut self, drafts: usize, accepted: usize) {
        for _ in 0..accepted {
            self.agreement += (1.0 - self.agreement) * AGREEMENT_GAIN;
        }
        if accepted < drafts {
            self.agreement -= self.agreement * AGREEMENT_GAIN;
        }
    }

    /// The target said `tokens` more.
    pub(super) fn spoke(&mut self, now: Instant, tokens: usize) {
        let since = self.spoke.replace(now).map(|since| now.saturating_duration_since(since));
        if let (Some(since), Ok(tokens @ 1..)) = (since, u32::try_from(tokens)) {
            self.token.observe(since / tokens);
        }
    }

    /// A pass ran.
    pub(super) fn ran(&mut self, cost: Cost) {
        if cost.rows == 1 {
            self.row.observe(Duration::from_micros(u64::from(cost.us)));
        }
    }

    /// The end of the wait that has begun.
    pub(super) const fn until(&self) -> Option<Instant> {
        self.until
    }

    /// Whether to wait for drafts at `now`, when nothing else is to be done.
    pub(super) fn waits(&mut self, now: Instant) -> bool {
        if self.until.is_none() {
            self.until = self.begin(now);
        }
        self.until.is_some_and(|until| now < until)
    }

    fn begin(&self, now: Instant) -> Option<Instant> {
        let reaction = self.reaction.mean()?;
        if self.crowded {
            let since = self.contradicted.max(self.came)?;
            return Some(since + reaction * 2).filter(|limit| now < *limit);
        }
        let due = self.contradicted? + reaction;
        let late = due + self.reaction.deviation() * 2;
        let worth = now + self.worth()?;
        (now < late && due <= worth).then(|| late.min(worth))
    }

    /// How long a wait may be.
    fn worth(&self) -> Option<Duration> {
        let lost = self.token.mean().unwrap_or_default().mul_f64(1.0 - self.agreement);
        Some(self.row.mean()?.saturating_sub(lost).mul_f64(WORTH))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// The one clock reading of these tests: where simulated time begins.
    #[expect(clippy::disallowed_methods, reason = "any instant will do; it is never read again")]
    fn dawn() -> Instant {
        Instant::now()
    }

    /// Passes of `row`, and a device that answered a few contradictions after `reaction`; the last is
    /// of now.
    fn measured(row: Duration, reaction: Duration) -> (Patience, Instant) {
        let (mut patience, mut now) = (Patience::default(), dawn());
        for _ in 0..20 {
            now += row;
            patience.ran(Cost { rows: 1, us: u32::try_from(row.as_micros()).unwrap() });
            patience.spoke(now, 2);
            patience.judged(4, 1);
            patience.contradicted(now);
            patience.drafts_came(now + reaction);
        }
        patience.contradicted(now);
        (patience, now)
    }

    #[test]
    fn drafts_are_waited_for_where_they_are_due_well_within_a_pass() {
        let (mut patience, now) = measured(ms(150), ms(40));
        assert!(patience.waits(now));
        let until = patience.until().unwrap();
        assert!(until >= now + ms(40) && until < now + ms(60), "{:?}", until - now);
        assert!(!patience.waits(until), "a wait ends");
        assert!(!patience.waits(until + ms(1)), "and does not begin again by itself");
        for (row, reaction) in [(150, 140), (40, 40), (10, 200)] {
            let (mut patience, now) = measured(ms(row), ms(reaction));
            assert!(!patience.waits(now), "passes of {row} ms, drafts in {reaction}");
        }
    }

    #[test]
    fn without_drafts_or_a_contradiction_nothing_is_due() {
        let mut fresh = Patience::default();
        fresh.ran(Cost { rows: 1, us: 150_000 });
        assert!(!fresh.waits(dawn()));
        let (mut patience, now) = measured(ms(150), ms(40));
        patience.drafts_came(now);
        assert!(!patience.waits(now));
        let (mut patience, now) = measured(ms(150), ms(40));
        patience.forget();
        assert!(!patience.waits(now), "another epoch");
    }

    #[test]
    fn others_have_the_machine_while_drafts_come_and_no_longer() {
        let (mut patience, now) = measured(ms(10), ms(200));
        patience.set_crowded(true);
        assert!(patience.waits(now));
        let until = patience.until().unwrap();
        assert_eq!(until, now + ms(600), "twice the reaction after the last chunk");
        assert!(!patience.waits(until));
        let (mut silent, now) = (Patience::default(), dawn());
        silent.set_crowded(true);
        assert!(!silent.waits(now), "a device without drafts is served as ever");
    }
}
