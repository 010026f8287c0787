//! How fast drafts flow past a target that has all of its layers: an event model, computed exactly.
//!
//! The device drafts on and on, one draft after the other, and sends them in chunks; the target runs all drafts that wait in one
//! pass, and each pass gives one token of its own behind the drafts that were right. A target that
//! conserves work never waits: with no draft there it makes a pass of one row.
//!
//! After a correction everything begins again, so a cycle from one to the next says it all. It starts
//! where a pass has ended with a token that no draft foretold; the word of it is under way to the
//! device. As long as drafts are right, what follows is one fixed course of passes, and the first wrong
//! draft, at place `m` with the chance `a^m (1 - a)`, ends it in the pass that reaches `m`:
//!
//! ```text
//!   pass n starts at frontier F, covers c drafts, ends at e:  F' = F + c + 1
//!   m in F..F'   the cycle gave m + 1 tokens and took e       chance a^F - a^F'
//! ```
//!
//! `m = F + c` is a draft that the pass did not cover: the target's own token contradicts it before it is
//! looked at. Where the device has not drafted what the target says, the cycle ends there as well.
//!
//! Agrees with the event simulation in the test's table, whose rules these are.

/// Drafts that one pass covers at most.
pub(crate) const COVERED_MAX: usize = 16;

/// What remains of a cycle that is less likely than this is left out.
const TAIL: f64 = 1e-6;

/// Passes after which a cycle is cut: a reply is not longer.
const PASSES_MAX: usize = 512;

/// A device that drafts and a target that verifies.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Flow {
    /// Seconds a draft.
    pub(crate) draft_s: f64,
    /// Seconds of drafts to the target.
    pub(crate) up_s: f64,
    /// Seconds of its word to the device.
    pub(crate) down_s: f64,
    /// Seconds of a pass that covers so many drafts.
    pub(crate) pass_s: [f64; COVERED_MAX + 1],
    /// The chance that a draft is right.
    pub(crate) acceptance: f64,
    /// How many drafts may wait for the target's word; at least a chunk.
    pub(crate) window: usize,
    /// How many go out together, at least one.
    pub(crate) chunk: usize,
    /// Whether the target goes on where no draft waits.
    pub(crate) work_conserving: bool,
}

/// What a token takes.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Pace {
    /// Seconds.
    pub(crate) token_s: f64,
    /// Seconds for which the target computes.
    pub(crate) target_s: f64,
    /// Passes of the target.
    pub(crate) passes: f64,
    /// Drafts of the device.
    pub(crate) drafts: f64,
}

/// The drafts of a cycle: when each was made.
#[derive(Debug)]
struct Drafting {
    flow: Flow,
    made: Vec<f64>,
    /// When the device heard that the target said so many.
    heard: Vec<(f64, usize)>,
}

impl Flow {
    /// The expected cycle, divided by its tokens.
    pub(crate) fn pace(&self) -> Pace {
        let start = (self.down_s, 0);
        let mut drafting = Drafting { flow: *self, made: Vec::new(), heard: vec![start] };
        let (mut now, mut frontier, mut reached) = (0.0, 0, 1.0);
        let (mut sum, mut tokens, mut target_s) = (Pace::default(), 0.0, 0.0);
        for pass in 1..=PASSES_MAX {
            if !self.work_conserving {
                now = drafting.arrival(frontier).max(now);
            }
            let covered = drafting.arrived(now).saturating_sub(frontier).min(COVERED_MAX);
            now += self.pass_s[covered];
            target_s += self.pass_s[covered];
            let next = frontier + covered + 1;
            let hears = now + self.down_s;
            let drafts = drafting.made_by(hears);
            let goes_on = self.acceptance.powf(count(next));
            let is_last = drafts < next || goes_on < TAIL || pass == PASSES_MAX;
            let ends = if is_last { reached } else { reached - goes_on };
            let wrong = (frontier..next).map(|at| (count(at) + 1.0) * self.chance_of_run(at));
            tokens += wrong.sum::<f64>() + if is_last { goes_on * count(next) } else { 0.0 };
            sum.token_s += ends * now;
            sum.target_s += ends * target_s;
            sum.passes += ends * count(pass);
            sum.drafts += ends * count(drafts);
            if is_last {
                break;
            }
            drafting.heard.push((hears, next));
            (frontier, reached) = (next, goes_on);
        }
        Pace {
            token_s: sum.token_s / tokens,
            target_s: sum.target_s / tokens,
            passes: sum.passes / tokens,
            drafts: sum.drafts / tokens,
        }
    }

    /// The same in chunks as a device sends them that finds out what pays: a chunk has one more draft while
    /// a token's time, as often as all of them and that one are right, covers a draft and its row
    /// (`ends_chunk` in `protocol/src/speculation/tuning.rs`). What a token takes is first what it takes a
    /// target alone, then what follows from that.
    pub(crate) fn in_chunks_that_pay(&self) -> Self {
        let first = self.in_chunks_for(self.pass_s[0]);
        self.in_chunks_for(first.pace().token_s)
    }

    /// The same where a token takes so long.
    fn in_chunks_for(&self, token_s: f64) -> Self {
        let (acceptance, worth_s) =
            (self.acceptance, self.draft_s + self.pass_s[1] - self.pass_s[0]);
        let is_enough = |chunk: &usize| token_s * acceptance.powf(count(chunk + 1)) < worth_s;
        let chunk = (1..COVERED_MAX).find(is_enough).unwrap_or(COVERED_MAX);
        Self { chunk: chunk.min(self.window), ..*self }
    }

    /// The chance that exactly the first `right` drafts are right.
    fn chance_of_run(&self, right: usize) -> f64 {
        self.acceptance.powf(count(right)) * (1.0 - self.acceptance)
    }
}

impl Drafting {
    /// When the draft at place `at` is with the target.
    fn arrival(&mut self, at: usize) -> f64 {
        let chunk = self.flow.chunk;
        let last = at / chunk * chunk + chunk - 1;
        while self.made.len() <= last && self.make().is_some() {}
        self.made.get(last).map_or(f64::INFINITY, |made| made + self.flow.up_s)
    }

    /// How many drafts are with the target at `now`.
    fn arrived(&mut self, now: f64) -> usize {
        let chunk = self.flow.chunk;
        self.made_by(now - self.flow.up_s) / chunk * chunk
    }

    /// How many drafts are made at `now`.
    fn made_by(&mut self, now: f64) -> usize {
        while self.made.last().is_none_or(|last| *last <= now) && self.make().is_some() {}
        self.made.partition_point(|made| *made <= now)
    }

    /// Makes the next draft, if it is known when the window has room for it.
    fn make(&mut self) -> Option<f64> {
        let needs = (self.made.len() + 1).saturating_sub(self.flow.window);
        let room = self.heard.partition_point(|(_, said)| *said < needs);
        let (free, _) = self.heard.get(room)?;
        let made = self.made.last().map_or(*free, |last| last.max(*free)) + self.flow.draft_s;
        self.made.push(made);
        Some(made)
    }
}

fn count(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests;
