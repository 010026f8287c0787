//! Looks at what crosses the links while a reply is spoken, and says when that is nearly what was reserved for it.

use crate::uplinks::Uplinks;
use std::sync::Arc;
use std::time::Duration;
use transport::Uplink;

/// What still crosses after a reply is ended: words that are under way, and the goodbye.
const PARTING_BYTES: u64 = 4_096;

/// How often it looks: a reply of a fast target takes some kilobytes a second.
const PERIOD: Duration = Duration::from_millis(50);

/// Counts the bytes of one reply.
pub(super) struct Meter {
    uplinks: Vec<Arc<Uplink>>,
    before: u64,
    /// `None` where nobody counts.
    most: Option<u64>,
}

impl Meter {
    /// From now on, for a reply that may take so many bytes.
    pub(super) fn new(uplinks: &Uplinks, most: Option<u64>) -> Self {
        let uplinks: Vec<_> = uplinks.each().map(|(_, uplink)| Arc::clone(uplink)).collect();
        let before = crossed(&uplinks);
        Self { uplinks, before, most }
    }

    /// Waits until nearly all of it has crossed; for ever, where nobody counts.
    pub(super) async fn runs_out(&self) {
        let Some(most) = self.most else { return std::future::pending().await };
        while crossed(&self.uplinks) - self.before + PARTING_BYTES < most {
            tokio::time::sleep(PERIOD).await;
        }
    }
}

fn crossed(uplinks: &[Arc<Uplink>]) -> u64 {
    let of = |uplink: &Arc<Uplink>| {
        let udp = uplink.traffic().udp;
        udp.sent.0 + udp.received.0
    };
    uplinks.iter().map(of).sum()
}
