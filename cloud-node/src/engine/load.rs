//! How busy the engine is, and with whose jobs.

use super::batcher::SequenceKey;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What an engine and its worker both know.
#[derive(Debug, Default)]
pub(super) struct Load {
    busy_ns: AtomicU64,
    jobs: Mutex<Jobs>,
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

    /// A forward pass took so long.
    pub(super) fn ran(&self, took: Duration) {
        let took = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        // Nothing is ordered by this number; it is only read.
        self.busy_ns.fetch_add(took, Ordering::Relaxed);
    }

    /// See [`super::Engine::busy`].
    pub(super) fn busy(&self) -> Duration {
        Duration::from_nanos(self.busy_ns.load(Ordering::Relaxed))
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
