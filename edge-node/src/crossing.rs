//! What of the links' traffic is one request's, of several that run at once.
//!
//! The bytes of its own frames are counted exactly. What QUIC adds to them is nobody's in particular: a request
//! has its share of it, by its frames; all of it, where no other request ran meanwhile.

use crate::uplinks::Uplinks;
use base::ByteCount;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use transport::{Flow, FrameTally, Traffic};

/// The requests of a device, counted.
#[derive(Debug, Default)]
pub(crate) struct Requests {
    begun: AtomicU64,
    ended: AtomicU64,
}

/// What crosses the links for one request.
#[derive(Debug)]
pub(crate) struct Crossing {
    uplinks: Arc<Uplinks>,
    before: Traffic,
    /// Of the sessions that it has had.
    own: Mutex<Vec<Arc<FrameTally>>>,
    requests: Arc<Requests>,
    /// How many had begun with it, where all others had ended by then.
    alone: Option<u64>,
}

impl Crossing {
    /// Of a request that begins now.
    pub(crate) fn begin(uplinks: &Arc<Uplinks>, requests: &Arc<Requests>) -> Arc<Self> {
        let before_it = requests.begun.fetch_add(1, Ordering::SeqCst);
        let ended = requests.ended.load(Ordering::SeqCst);
        Arc::new(Self {
            uplinks: Arc::clone(uplinks),
            before: uplinks.traffic(),
            own: Mutex::default(),
            requests: Arc::clone(requests),
            alone: (ended == before_it).then_some(before_it + 1),
        })
    }

    /// It has a session whose frames are counted there.
    pub(crate) fn note(&self, session: &Arc<FrameTally>) {
        self.own.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(session));
    }

    /// What has crossed for it so far.
    pub(crate) fn so_far(&self) -> Traffic {
        let all = self.uplinks.traffic() - self.before;
        if self.alone == Some(self.requests.begun.load(Ordering::SeqCst)) {
            return all;
        }
        let own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        let own = own.iter().map(|tally| tally.flow()).fold(Flow::default(), |sum, one| sum + one);
        let udp = Flow {
            sent: share(all.udp.sent, own.sent, all.frames.sent),
            received: share(all.udp.received, own.received, all.frames.received),
        };
        Traffic { frames: own, udp }
    }
}

impl Drop for Crossing {
    fn drop(&mut self) {
        self.requests.ended.fetch_add(1, Ordering::SeqCst);
    }
}

/// The part of `whole` that is as large as `own` is of `all`.
fn share(whole: ByteCount, own: ByteCount, all: ByteCount) -> ByteCount {
    let part = u128::from(whole.0) * u128::from(own.0.min(all.0));
    ByteCount(
        part.checked_div(u128::from(all.0))
            .map_or(0, |part| u64::try_from(part).unwrap_or(whole.0)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_as_large_as_its_frames_and_never_more_than_the_whole() {
        let share = |whole, own, all| share(ByteCount(whole), ByteCount(own), ByteCount(all)).0;
        assert_eq!(share(1_000, 25, 100), 250);
        assert_eq!(share(1_000, 200, 100), 1_000, "frames that are not counted on the link yet");
        assert_eq!(share(1_000, 0, 0), 0);
        assert_eq!(share(u64::MAX, 1, 1), u64::MAX);
    }

    #[test]
    fn a_request_is_alone_until_another_begins() {
        let (uplinks, requests) = (Arc::default(), Arc::default());
        let first = Crossing::begin(&uplinks, &requests);
        assert_eq!(first.alone, Some(1));
        let second = Crossing::begin(&uplinks, &requests);
        assert_eq!(second.alone, None);
        assert_ne!(first.alone, Some(requests.begun.load(Ordering::SeqCst)), "no longer");
        drop((first, second));
        assert_eq!(Crossing::begin(&uplinks, &requests).alone, Some(3));
    }
}
