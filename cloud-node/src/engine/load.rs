//! How busy the engine is, and with whose jobs.

use super::batcher::SequenceKey;
use base::ByteCount;
use runtime::{KvPool, PoolCounts};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use telemetry::{Histogram, histogram_of};

/// Upper bounds of the time of a pass, in seconds: of a demo model's token up to a large one's prompt.
const PASS_SECONDS: [f64; 12] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];

/// Upper bounds of a batch's rows.
const BATCH_ROWS: [f64; 9] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];

/// What an engine and its worker both know.
#[derive(Debug)]
pub(super) struct Load {
    busy_ns: AtomicU64,
    passes_run: AtomicU64,
    jobs: Mutex<Jobs>,
    pool: Mutex<PoolReading>,
    passes: Passes,
}

/// How forward passes are distributed.
#[derive(Debug, Clone)]
pub(crate) struct Passes {
    /// How long they take, in seconds.
    pub(crate) seconds: Histogram,
    /// How many rows they have.
    pub(crate) rows: Histogram,
}

/// The KV pool, as the worker last left it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct PoolReading {
    /// Bytes in use, with those that are only kept.
    pub(crate) used: ByteCount,
    /// Full blocks that a sequence with the same text would find.
    pub(crate) known_blocks: usize,
    /// Rows computed and rows found.
    pub(crate) counts: PoolCounts,
}

impl Default for Load {
    fn default() -> Self {
        let passes =
            Passes { seconds: histogram_of(&PASS_SECONDS), rows: histogram_of(&BATCH_ROWS) };
        Self {
            busy_ns: AtomicU64::new(0),
            passes_run: AtomicU64::new(0),
            jobs: Mutex::default(),
            pool: Mutex::default(),
            passes,
        }
    }
}

#[derive(Debug, Default)]
struct Jobs {
    /// How many of each sequence wait or run.
    handed_in: BTreeMap<SequenceKey, usize>,
    /// The sequences of the last batch.
    batch: Vec<SequenceKey>,
}

/// A job that somebody waits for, as long as this lives.
#[derive(Debug)]
pub(super) struct HandedIn {
    load: Arc<Load>,
    key: SequenceKey,
}

impl Load {
    /// A job of `key` waits from now on.
    pub(super) fn hand_in(self: &Arc<Self>, key: SequenceKey) -> HandedIn {
        *self.jobs().handed_in.entry(key).or_default() += 1;
        HandedIn { load: Arc::clone(self), key }
    }

    /// A batch with rows of `sequences` begins.
    pub(super) fn begin(&self, sequences: impl Iterator<Item = SequenceKey>) {
        let batch = &mut self.jobs().batch;
        batch.clear();
        batch.extend(sequences);
    }

    /// A forward pass of so many rows took so long.
    pub(super) fn ran(&self, rows: usize, took: Duration) {
        #[expect(clippy::cast_precision_loss, reason = "row counts are small")]
        self.passes.rows.observe(rows as f64);
        self.passes.seconds.observe(took.as_secs_f64());
        let took = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        // Nothing is ordered by this number; it is only read.
        self.busy_ns.fetch_add(took, Ordering::Relaxed);
        self.passes_run.fetch_add(1, Ordering::Relaxed);
    }

    /// See [`super::Engine::busy`].
    pub(super) fn busy(&self) -> Duration {
        Duration::from_nanos(self.busy_ns.load(Ordering::Relaxed))
    }

    /// See [`super::Engine::passes_run`].
    pub(super) fn passes_run(&self) -> u64 {
        self.passes_run.load(Ordering::Relaxed)
    }

    /// The worker leaves its pool so.
    pub(super) fn leave(&self, pool: &KvPool) {
        let (used, known_blocks, counts) = (pool.used(), pool.known_blocks(), pool.counts());
        *self.pool.lock().unwrap_or_else(PoisonError::into_inner) =
            PoolReading { used, known_blocks, counts };
    }

    /// See [`super::Engine::pool`].
    pub(super) fn pool(&self) -> PoolReading {
        *self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// See [`super::Engine::passes`].
    pub(super) const fn passes(&self) -> &Passes {
        &self.passes
    }

    /// See [`super::Engine::jobs`].
    pub(super) fn waiting(&self) -> usize {
        self.jobs().handed_in.values().sum()
    }

    /// See [`super::Engine::is_crowded_for`].
    pub(super) fn is_crowded_for(&self, key: SequenceKey) -> bool {
        let jobs = self.jobs();
        jobs.handed_in.keys().chain(&jobs.batch).any(|other| *other != key)
    }

    fn jobs(&self) -> MutexGuard<'_, Jobs> {
        // Each change is one step, so whatever panics around them leaves it whole.
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for HandedIn {
    fn drop(&mut self) {
        let handed_in = &mut self.load.jobs().handed_in;
        if let Some(count) = handed_in.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                handed_in.remove(&self.key);
            }
        }
    }
}
