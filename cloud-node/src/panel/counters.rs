//! What nothing else counts.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// Why a session may be refused: for its plan, for its grammar, or as the registry says.
const REASONS: [&str; 8] =
    ["plan", "grammar", "draining", "sessions", "peer_sessions", "outdated", "memory", "too_much"];

/// Since the server started.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    /// Handshakes of peers with a good certificate that do not fit.
    pub(crate) hellos_refused: Count,
    /// Turns of sessions that were admitted.
    pub(crate) admitted: Count,
    /// Sessions that ended because their peer broke the protocol.
    pub(crate) misbehaved: Count,
    /// Segments of KV that were given out.
    pub(crate) given: Count,
    /// Their bytes.
    pub(crate) given_bytes: Count,
    /// Segments of KV that came from the node above.
    pub(crate) taken: Count,
    /// Their bytes.
    pub(crate) taken_bytes: Count,
    refused: Mutex<BTreeMap<&'static str, u64>>,
}

/// Counts up.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    pub(crate) fn add(&self, amount: usize) {
        // Nothing is ordered by these numbers; they are only read.
        self.0.fetch_add(amount as u64, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Counters {
    /// A session was refused, for one of the reasons that there are.
    pub(crate) fn refuse(&self, reason: &'static str) {
        debug_assert!(REASONS.contains(&reason), "{reason} is not among the reasons");
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        *refused.entry(reason).or_default() += 1;
    }

    /// How many sessions were refused, for each reason that there is.
    pub(crate) fn refused(&self) -> BTreeMap<String, u64> {
        let refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        let none = REASONS.into_iter().map(|reason| (reason.to_owned(), 0));
        none.chain(refused.iter().map(|(reason, count)| ((*reason).to_owned(), *count))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: a graph of refusals has each reason from the start, and not only once it came.
    #[test]
    fn each_reason_is_there_before_it_comes() {
        let counters = Counters::default();
        let reasons = counters.refused();
        for reason in REASONS {
            counters.refuse(reason);
        }
        assert_eq!(reasons.values().sum::<u64>(), 0);
        assert!(reasons.contains_key("plan") && reasons.contains_key("grammar"), "{reasons:?}");
        assert!(reasons.keys().eq(counters.refused().keys()));
    }
}
