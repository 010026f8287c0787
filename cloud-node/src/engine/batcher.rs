//! Whose rows run next: many sequences' jobs become one ragged batch after another.
//!
//! ```text
//!   turns   [ s3 | s1 | s7 | s2 ]      sequences that wait, longest first
//!   batch     9    32   1    32        rows of each; what is left over goes to the first that
//!                                      can use it; the served go to the back
//! ```
//!
//! # Invariants
//!
//! - **A decode never waits for a prefill to end.** A job is cut where its share ends, and shares
//!   are at most the batch, so every waiting sequence gets rows again within
//!   `ceil(sequences * ROWS_SHARE / rows_max)` batches.
//! - **One sequence's jobs run in order**, and never two of them in one batch: the second may need
//!   what the first leaves behind.
//! - **A batch runs one `Run`**: a forward pass goes through one range of layers.
//! - No clock, no randomness: the batches are a function of what was pushed and advanced.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;

/// The rows that a sequence gets before another one gets more: above any round of drafts that is
/// worth its pass, so that a verification is never cut in two.
pub(crate) const ROWS_SHARE: usize = 32;

/// A sequence, as the engine keys it.
pub(crate) type SequenceKey = u64;

/// Jobs that wait, by sequence. `Run` is what all jobs of a batch must have in common.
#[derive(Debug)]
pub(crate) struct Batcher<Run, Job> {
    rows_max: usize,
    /// Sequences with a job, in the order of their next turn. Each key of `waiting`, once.
    turns: VecDeque<SequenceKey>,
    waiting: BTreeMap<SequenceKey, VecDeque<Waiting<Run, Job>>>,
}

#[derive(Debug)]
struct Waiting<Run, Job> {
    run: Run,
    rows: Range<usize>,
    job: Job,
}

/// One forward pass.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Batch<Run> {
    /// Through these layers.
    pub(crate) run: Run,
    /// Rows of the first job of each of these sequences.
    pub(crate) slices: Vec<Slice>,
}

/// A part of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Slice {
    /// Whose first job.
    pub(crate) sequence: SequenceKey,
    /// Which of its rows.
    pub(crate) rows: Range<usize>,
}

impl<Run: Copy + PartialEq, Job> Batcher<Run, Job> {
    /// Batches of at most `rows_max` rows.
    pub(crate) fn new(rows_max: usize) -> Self {
        assert!(rows_max > 0, "a batch without rows never ends");
        Self { rows_max, turns: VecDeque::new(), waiting: BTreeMap::new() }
    }

    /// Whether no job waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.turns.is_empty()
    }

    /// Whether `sequence` has a job that waits.
    pub(crate) fn has(&self, sequence: SequenceKey) -> bool {
        self.waiting.contains_key(&sequence)
    }

    /// Queues a job of `rows` rows behind the sequence's others.
    pub(crate) fn push(&mut self, sequence: SequenceKey, run: Run, rows: usize, job: Job) {
        assert!(rows > 0, "a job without rows never runs");
        let jobs = self.waiting.entry(sequence).or_default();
        if jobs.is_empty() {
            self.turns.push_back(sequence);
        }
        jobs.push_back(Waiting { run, rows: 0..rows, job });
    }

    /// The next batch; `None` where nothing waits. Nothing changes until [`Self::advance`] or
    /// [`Self::abandon`] is called for each of its slices.
    pub(crate) fn next_batch(&self) -> Option<Batch<Run>> {
        let run = self.first(*self.turns.front()?).run;
        let fitting = self.turns.iter().filter(|sequence| self.first(**sequence).run == run);
        let fitting: Vec<_> = fitting.map(|key| (*key, self.first(*key).rows.clone())).collect();
        let share = ROWS_SHARE.max(self.rows_max / fitting.len());
        let mut left = self.rows_max;
        let mut slices = Vec::new();
        for (sequence, rows) in fitting {
            let count = rows.len().min(share).min(left);
            // A round of drafts that does not fit whole is first in the next batch.
            if count == 0 || (count < rows.len().min(share) && !slices.is_empty()) {
                break;
            }
            left -= count;
            slices.push(Slice { sequence, rows: rows.start..rows.start + count });
        }
        for slice in &mut slices {
            let more = (self.first(slice.sequence).rows.end - slice.rows.end).min(left);
            slice.rows.end += more;
            left -= more;
        }
        Some(Batch { run, slices })
    }

    /// The job that `sequence` is at.
    pub(crate) fn job(&self, sequence: SequenceKey) -> &Job {
        &self.first(sequence).job
    }

    /// The job that `sequence` is at.
    pub(crate) fn job_mut(&mut self, sequence: SequenceKey) -> &mut Job {
        let jobs = self.waiting.get_mut(&sequence);
        &mut jobs.and_then(VecDeque::front_mut).expect("only called for waiting sequences").job
    }

    /// The rows of a slice have run. Gives the job back where it was the last of them, and puts
    /// the sequence behind all others.
    pub(crate) fn advance(&mut self, slice: &Slice) -> Option<Job> {
        let jobs = self.waiting.get_mut(&slice.sequence);
        let job = jobs.and_then(VecDeque::front_mut).expect("only called for waiting sequences");
        assert_eq!(job.rows.start, slice.rows.start, "rows run in order, once");
        job.rows.start = slice.rows.end;
        let done = job.rows.is_empty();
        self.turns.retain(|sequence| *sequence != slice.sequence);
        self.turns.push_back(slice.sequence);
        done.then(|| self.abandon(slice.sequence))
    }

    /// Takes the job that `sequence` is at, whether or not its rows have run.
    pub(crate) fn abandon(&mut self, sequence: SequenceKey) -> Job {
        let jobs = self.waiting.get_mut(&sequence).expect("only called for waiting sequences");
        let waiting = jobs.pop_front().expect("a sequence without jobs does not wait");
        if jobs.is_empty() {
            self.waiting.remove(&sequence);
            self.turns.retain(|waiting| *waiting != sequence);
        }
        waiting.job
    }

    fn first(&self, sequence: SequenceKey) -> &Waiting<Run, Job> {
        let jobs = self.waiting.get(&sequence);
        jobs.and_then(VecDeque::front).expect("every sequence of `turns` has a job")
    }
}

#[cfg(test)]
mod tests;
