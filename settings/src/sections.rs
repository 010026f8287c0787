//! Sections that every node's configuration has.

use crate::emulation::emulation;
use crate::{ConfigError, ConfigFile};
use base::{ByteCount, LayerRange, NodeName};
use link_emulator::Emulation;
use profile::{Estimate, LinkTerms, Power};
use serde::Deserialize;
use std::path::PathBuf;
use std::time::Duration;

/// Peers give up a link after 30 s without a packet, which is also when many routers forget it.
const KEEP_ALIVE_S_MAX: u64 = 25;

/// `[identity]`: who this node is and whom it trusts. Secrets are named by path, never inline.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// PEM chain of this node's certificate; it carries the node's role and name.
    pub certificate: PathBuf,
    /// PEM private key of the certificate.
    pub key: PathBuf,
    /// PEM certificate of the private CA that signs every peer.
    pub authority: PathBuf,
    /// PEM revocation list of that CA.
    pub revoked: Option<PathBuf>,
}

impl Identity {
    /// The same with paths relative to the configuration file.
    #[must_use]
    pub fn resolved(self, file: &ConfigFile) -> Self {
        Self {
            certificate: file.resolve(&self.certificate),
            key: file.resolve(&self.key),
            authority: file.resolve(&self.authority),
            revoked: self.revoked.map(|path| file.resolve(&path)),
        }
    }
}

/// A peer to dial: `[upstream]` of a gateway, `[peers.*]` of a device.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Peer {
    /// `host:port`, UDP.
    pub address: String,
    /// The name that the peer's certificate must carry.
    pub name: NodeName,
}

/// `[link]`: how long silence is borne, and what link is emulated.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Link {
    /// The shortest silence that counts as a loss, whatever the measured round trip.
    pub silence_ms_min: u64,
    /// The longest silence that is borne, whatever the measured round trip.
    pub silence_ms_max: u64,
    /// From one attempt to reconnect to the next; the first begins with the loss.
    pub reconnect_ms: u64,
    /// How often an idle link sends a packet.
    pub keep_alive_s: u64,
    /// Megabits a second towards the target, for planning; nobody knows where it is not said.
    pub up_mbps: Option<f64>,
    /// Megabits a second from the target.
    pub down_mbps: Option<f64>,
    /// What 10^9 bytes cost, either way.
    pub price_per_gigabyte: Option<f64>,
    /// Whether somebody counts the bytes, though they have no price.
    pub metered: bool,
    /// An emulated link in place of the real one: a profile that ships, or the path of one.
    pub emulate: Option<String>,
    /// What makes the emulated weather: the same seed makes the same again.
    pub emulate_seed: u64,
}

impl Default for Link {
    fn default() -> Self {
        Self {
            silence_ms_min: 500,
            silence_ms_max: 2_000,
            reconnect_ms: 250,
            keep_alive_s: 20,
            up_mbps: None,
            down_mbps: None,
            price_per_gigabyte: None,
            metered: false,
            emulate: None,
            emulate_seed: 0,
        }
    }
}

impl Link {
    /// Checks that the bounds make sense.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] where a time is zero or the bounds are crossed.
    pub fn checked(self, file: &ConfigFile) -> Result<Self, ConfigError> {
        if self.silence_ms_min == 0 || self.silence_ms_min > self.silence_ms_max {
            let detail = "must be above 0 and at most silence_ms_max";
            return Err(file.invalid("link.silence_ms_min", detail));
        }
        if self.reconnect_ms == 0 {
            return Err(file.invalid("link.reconnect_ms", "must be above 0"));
        }
        if !(1..=KEEP_ALIVE_S_MAX).contains(&self.keep_alive_s) {
            let detail = format!("must be from 1 to {KEEP_ALIVE_S_MAX}");
            return Err(file.invalid("link.keep_alive_s", detail));
        }
        let speeds = [("link.up_mbps", self.up_mbps), ("link.down_mbps", self.down_mbps)];
        for (key, mbps) in speeds {
            if mbps.is_some_and(|mbps| !(mbps.is_finite() && mbps > 0.0)) {
                return Err(file.invalid(key, "must be above 0"));
            }
        }
        if self.price_per_gigabyte.is_some_and(|price| !(price.is_finite() && price >= 0.0)) {
            return Err(file.invalid("link.price_per_gigabyte", "is 0 or more"));
        }
        Ok(self)
    }

    /// What is said of it that cannot be measured.
    pub fn terms(&self) -> LinkTerms {
        let unknown = LinkTerms::default();
        LinkTerms {
            up_mbps: self.up_mbps.map_or(unknown.up_mbps, Estimate::exactly),
            down_mbps: self.down_mbps.map_or(unknown.down_mbps, Estimate::exactly),
            price_per_gigabyte: self.price_per_gigabyte.or_else(|| self.metered.then_some(0.0)),
        }
    }

    /// Whether somebody counts its bytes.
    pub const fn is_metered(&self) -> bool {
        self.metered || self.price_per_gigabyte.is_some()
    }

    /// The link that is emulated, if any.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] where there is no such profile, or it is wrong.
    pub fn emulation(&self, file: &ConfigFile) -> Result<Option<Emulation>, ConfigError> {
        self.emulate.as_deref().map(|wanted| emulation(file, wanted)).transpose()
    }

    /// The shortest silence that counts as a loss.
    pub const fn silence_min(&self) -> Duration {
        Duration::from_millis(self.silence_ms_min)
    }

    /// The longest silence that is borne.
    pub const fn silence_max(&self) -> Duration {
        Duration::from_millis(self.silence_ms_max)
    }

    /// How often an idle link sends a packet.
    pub const fn keep_alive(&self) -> Duration {
        Duration::from_secs(self.keep_alive_s)
    }

    /// From one attempt to reconnect to the next.
    pub const fn reconnect(&self) -> Duration {
        Duration::from_millis(self.reconnect_ms)
    }
}

/// `[profile]`: what a node can do and what it costs, for those who plan.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Profile {
    /// The file that `measure` writes, and the node reads at its start.
    pub path: Option<PathBuf>,
    /// Memory that models and KV may take; what is free when it is measured, where nobody says.
    pub memory_mib: Option<u64>,
    /// What the node draws.
    pub power: Option<Power>,
    /// What an hour of its computing costs, in any currency that all nodes share.
    pub price_per_hour: Option<f64>,
}

impl Profile {
    /// Checks that figures are possible, and resolves the path.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] where one is negative or not finite.
    pub fn checked(self, file: &ConfigFile) -> Result<Self, ConfigError> {
        let possible = |figure: f64| figure.is_finite() && figure >= 0.0;
        if let Some(Power { idle_w, busy_w }) = self.power
            && !(possible(idle_w.into()) && idle_w <= busy_w && possible(busy_w.into()))
        {
            let detail = "watts are 0 or more, and no less while it computes than while it waits";
            return Err(file.invalid("profile.power", detail));
        }
        if self.price_per_hour.is_some_and(|price| !possible(price)) {
            return Err(file.invalid("profile.price_per_hour", "is 0 or more"));
        }
        Ok(Self { path: self.path.map(|path| file.resolve(&path)), ..self })
    }

    /// The memory that it says.
    pub fn memory(&self) -> Option<ByteCount> {
        self.memory_mib.map(|mib| ByteCount(mib.saturating_mul(1 << 20)))
    }
}

/// `[engine] pace`: emulated slowness, to stand for a slower machine or a larger model. A pass through
/// some of the layers takes their share of it. What is paced is labelled so wherever a figure of it
/// shows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Pace {
    /// A forward pass through all layers takes at least this long.
    pub decode_ms: f64,
    /// And this much longer for each of its rows.
    pub per_row_ms: f64,
}

impl Pace {
    /// Checks that both are times.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] where one is negative, not finite, or above a minute.
    pub fn checked(self, file: &ConfigFile) -> Result<Self, ConfigError> {
        let possible = |ms: f64| (0.0..=60_000.0).contains(&ms);
        match possible(self.decode_ms) && possible(self.per_row_ms) {
            true => Ok(self),
            false => Err(file.invalid("engine.pace", "times are 0 to 60000 milliseconds")),
        }
    }

    /// Whether nothing is emulated.
    pub fn is_none(self) -> bool {
        self == Self::default()
    }

    /// The shortest time that a forward pass of `rows` rows through `run` may take, of a model with
    /// `layers` layers.
    pub fn pass(self, rows: usize, run: LayerRange, layers: u32) -> Duration {
        // Row counts are far below what f64 holds exactly.
        #[expect(clippy::cast_precision_loss, reason = "row counts are small")]
        let rows = rows as f64;
        let share = f64::from(run.len()) / f64::from(layers.max(1));
        Duration::from_secs_f64((self.decode_ms + rows * self.per_row_ms) * share / 1e3)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_metered_or_has_a_price_is_counted() {
        let free = Link::default();
        let (metered, dear) = (
            Link { metered: true, ..free.clone() },
            Link { price_per_gigabyte: Some(3.0), ..free.clone() },
        );
        assert_eq!([&free, &metered, &dear].map(Link::is_metered), [false, true, true]);
        let price = |link: &Link| link.terms().price_per_gigabyte;
        assert_eq!([&free, &metered, &dear].map(price), [None, Some(0.0), Some(3.0)]);
    }

    #[test]
    fn a_pass_through_some_layers_takes_their_share_of_a_pace() {
        let pace = Pace { decode_ms: 40.0, per_row_ms: 3.0 };
        let pass = |start, end| pace.pass(4, LayerRange::new(start, end).unwrap(), 6);
        assert_eq!(pass(0, 6), Duration::from_millis(52));
        assert_eq!(pass(2, 5), Duration::from_millis(26));
        assert_eq!(pass(3, 3), Duration::ZERO);
    }
}
