//! A device at the moment of a reading.

use crate::device::Device;
use base::Role;
use settings::chain;
use std::sync::Arc;
pub use transport::LinkState;
use transport::{Traffic, Uplink};

/// What is true now, and not summed up.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Snapshot {
    /// The device's name.
    pub node: String,
    /// Seconds since it started.
    pub uptime_s: f64,
    /// Whether a request would be taken.
    pub ready: bool,
    /// Requests that are being answered.
    pub running: usize,
    /// Requests that wait for their turn.
    pub queued: usize,
    /// The most that are answered at once.
    pub streams_max: usize,
    /// The most that wait.
    pub queue_max: usize,
    /// Its links.
    pub links: Vec<LinkSnapshot>,
}

/// One of its links.
#[derive(Debug, Clone, PartialEq)]
pub struct LinkSnapshot {
    /// Whose it is.
    pub peer: String,
    /// What that may be.
    pub role: Role,
    /// As configured.
    pub address: String,
    /// Where it stands.
    pub state: LinkState,
    /// Why it is not up.
    pub why: Option<String>,
    /// Milliseconds there and back, as they are to be expected.
    pub rtt_ms: f64,
    /// The share of packets that are lost.
    pub loss: f64,
    /// Megabits a second that it is expected to carry from the device, and to it.
    pub mbps: (f64, f64),
    /// The share of the last seconds in which the peer computed, by its own word.
    pub load: Option<f64>,
    /// What crossed all links to it.
    pub traffic: Traffic,
}

impl LinkSnapshot {
    /// Of a link as it is now.
    pub fn of(uplink: &Uplink) -> Self {
        let watched = uplink.watch();
        let (state, why) = {
            let now = watched.borrow();
            (now.state(), now.why().map(|why| chain(why)))
        };
        let estimate = uplink.estimate();
        Self {
            peer: uplink.peer().name.to_string(),
            role: uplink.peer().role,
            address: uplink.address().to_owned(),
            state,
            why,
            rtt_ms: estimate.rtt_ms.mean,
            loss: estimate.loss.mean,
            mbps: (estimate.up_mbps.mean, estimate.down_mbps.mean),
            load: uplink.load().map(|(load, _)| load.into()),
            traffic: uplink.traffic(),
        }
    }
}

/// Reads a device's links, whoever holds the device.
#[derive(Debug, Clone)]
pub struct LinksReader(Vec<Arc<Uplink>>);

impl LinksReader {
    /// All of them as they are now.
    pub fn read(&self) -> Vec<LinkSnapshot> {
        self.0.iter().map(|uplink| LinkSnapshot::of(uplink)).collect()
    }
}

impl Device {
    /// Reads its links also while it answers.
    pub fn links_reader(&self) -> LinksReader {
        LinksReader(self.uplinks.each().map(|(_, uplink)| Arc::clone(uplink)).collect())
    }
}
