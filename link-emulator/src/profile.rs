//! What a link is like, as a person writes it down.

use crate::trace::{Opportunities, Seconds};
use crate::{Distribution, Emulation, ProfileError};
use serde::Deserialize;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A link, as its file says it. Nothing is checked yet but the form; see [`Self::resolve`].
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinkProfile {
    /// What it stands for, in a sentence.
    pub about: String,
    pub(crate) up: Direction,
    pub(crate) down: Direction,
    #[serde(default)]
    pub(crate) outages: OutagesProfile,
    #[serde(default)]
    pub(crate) moves: Moves,
    seconds: Option<SecondsFile>,
}

/// One direction: `up` is from the node that dials.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Direction {
    /// One way, without waiting in the queue.
    pub(crate) delay_ms: Distribution,
    /// A new delay is drawn so often. What was sent before a shorter one is not overtaken.
    #[serde(default = "delay_hold_ms")]
    pub(crate) delay_hold_ms: f64,
    /// Default: no bound.
    pub(crate) rate_mbps: Option<Distribution>,
    /// A new rate is drawn so often.
    #[serde(default = "rate_hold_ms")]
    pub(crate) rate_hold_ms: f64,
    /// In place of a rate: a file in mahimahi's format.
    pub(crate) trace: Option<PathBuf>,
    /// What waits beyond this is lost.
    #[serde(default = "queue_bytes_max")]
    pub(crate) queue_bytes_max: usize,
    /// Chance of each datagram, on its own.
    #[serde(default)]
    pub(crate) loss: f64,
    pub(crate) burst: Option<Burst>,
    pub(crate) reorder: Option<Reorder>,
    /// Chance to arrive twice.
    #[serde(default)]
    pub(crate) repeat: f64,
}

/// Thirty years: no time of a profile is longer, so that none overflows a clock.
const SECONDS_MAX: f64 = 1e9;

/// The longest that a datagram may be under way.
pub(crate) const DELAY_MS_MAX: f64 = 60_000.0;

const fn delay_hold_ms() -> f64 {
    100.0
}

const fn rate_hold_ms() -> f64 {
    1_000.0
}

const fn queue_bytes_max() -> usize {
    256 << 10
}

/// Loss in bursts: chances that a bad time begins or ends with a datagram, and to be lost in it.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Burst {
    pub(crate) enter: f64,
    pub(crate) leave: f64,
    pub(crate) loss: f64,
}

/// Chance to be held back, and for how long.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Reorder {
    pub(crate) chance: f64,
    pub(crate) ms: f64,
}

/// Times at which nothing is carried, either way.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct OutagesProfile {
    pub(crate) scheduled: Vec<Outage>,
    pub(crate) random: Option<RandomOutages>,
}

/// One outage, once or again and again.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Outage {
    pub(crate) at_s: f64,
    pub(crate) for_s: f64,
    pub(crate) every_s: Option<f64>,
}

/// Outages that nobody foresees.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RandomOutages {
    /// The mean time from the end of one to the next.
    pub(crate) every_s: f64,
    pub(crate) for_s: Distribution,
}

/// When the node's address changes, as its peer sees it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Moves {
    pub(crate) at_s: Vec<f64>,
    pub(crate) every_s: Option<f64>,
}

/// A table with a row a second, which replaces rates, delays and loss where it has them.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct SecondsFile {
    file: PathBuf,
    #[serde(default)]
    columns: Columns,
}

/// Names of columns in such a table. Default: `up_mbps`, `down_mbps`, `rtt_ms` and `loss_percent`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Columns {
    pub(crate) up_mbps: Option<String>,
    pub(crate) up_kbps: Option<String>,
    pub(crate) down_mbps: Option<String>,
    pub(crate) down_kbps: Option<String>,
    pub(crate) rtt_ms: Option<String>,
    pub(crate) loss_percent: Option<String>,
}

impl Default for Columns {
    fn default() -> Self {
        let named = |name: &str| Some(name.to_owned());
        Self {
            up_mbps: named("up_mbps"),
            up_kbps: None,
            down_mbps: named("down_mbps"),
            down_kbps: None,
            rtt_ms: named("rtt_ms"),
            loss_percent: named("loss_percent"),
        }
    }
}

impl LinkProfile {
    /// Reads a profile's TOML.
    ///
    /// # Errors
    ///
    /// [`ProfileError::Malformed`].
    pub fn parse(text: &str) -> Result<Self, ProfileError> {
        Ok(toml::from_str(text)?)
    }

    /// Checks the profile; `read` gives the text of a trace that it names.
    ///
    /// # Errors
    ///
    /// [`ProfileError`].
    pub fn resolve(
        self,
        read: impl Fn(&Path) -> io::Result<String>,
    ) -> Result<Emulation, ProfileError> {
        let read = |path: &Path| {
            read(path).map_err(|source| ProfileError::Read { path: path.to_owned(), source })
        };
        let trace = |direction: &Direction| {
            let path = direction.trace.as_deref();
            path.map(|path| Opportunities::parse(path, &read(path)?)).transpose()
        };
        let seconds = self.seconds.as_ref();
        let seconds = seconds
            .map(|table| Seconds::parse(&table.file, &read(&table.file)?, &table.columns))
            .transpose()?;
        self.up.check(["up.rate_mbps", "up.delay_hold_ms", "up.rate_hold_ms"])?;
        self.down.check(["down.rate_mbps", "down.delay_hold_ms", "down.rate_hold_ms"])?;
        self.outages.check()?;
        self.moves.check()?;
        let (up, down) = (trace(&self.up)?, trace(&self.down)?);
        Ok(Emulation { up, down, seconds, profile: Arc::new(self) })
    }
}

impl Direction {
    /// `rate`, `delay_hold` and `rate_hold` are what the keys are called in the file.
    fn check(&self, [rate, delay_hold, rate_hold]: [&'static str; 3]) -> Result<(), ProfileError> {
        chance("loss", self.loss)?;
        chance("repeat", self.repeat)?;
        if let Some(Burst { enter, leave, loss }) = self.burst {
            chance("burst.enter", enter)?;
            chance("burst.leave", leave)?;
            chance("burst.loss", loss)?;
        }
        if let Some(Reorder { chance: often, ms }) = self.reorder {
            chance("reorder.chance", often)?;
            amount("reorder.ms", ms, 0.0..=DELAY_MS_MAX, "0 to 60000")?;
        }
        amount("delay_ms", self.delay_ms.max(), 0.0..=DELAY_MS_MAX, "0 to 60000")?;
        amount(
            "queue_bytes_max",
            self.queue_bytes_max as f64,
            0.0..=67_108_864.0,
            "at most 64 MiB",
        )?;
        amount(delay_hold, self.delay_hold_ms, 1.0..=3.6e6, "from 1 millisecond to an hour")?;
        amount(rate_hold, self.rate_hold_ms, 1.0..=3.6e6, "from 1 millisecond to an hour")?;
        match (&self.rate_mbps, &self.trace) {
            (Some(_), Some(_)) => Err(ProfileError::TwoRates { key: rate }),
            (Some(mbps), None) if mbps.max() <= 0.0 => {
                Err(ProfileError::NeverCarries { key: rate })
            }
            (Some(_), None) | (None, _) => Ok(()),
        }
    }
}

impl OutagesProfile {
    fn check(&self) -> Result<(), ProfileError> {
        const ANY: &str = "0 or more seconds";
        const SOME: &str = "above 0 seconds";
        for Outage { at_s, for_s, every_s } in &self.scheduled {
            amount("outages.at_s", *at_s, 0.0..=SECONDS_MAX, ANY)?;
            amount("outages.for_s", *for_s, 0.0..=SECONDS_MAX, ANY)?;
            // One that begins before the last has ended never ends.
            every_s.map_or(Ok(()), |every| {
                let within = for_s + 1e-3..=SECONDS_MAX;
                amount("outages.every_s", every, within, "longer than for_s")
            })?;
        }
        self.random.as_ref().map_or(Ok(()), |random| {
            amount("outages.random.every_s", random.every_s, 1e-3..=SECONDS_MAX, SOME)
        })
    }
}

impl Moves {
    fn check(&self) -> Result<(), ProfileError> {
        for at_s in &self.at_s {
            amount("moves.at_s", *at_s, 0.0..=SECONDS_MAX, "0 or more seconds")?;
        }
        self.every_s.map_or(Ok(()), |every_s| {
            amount("moves.every_s", every_s, 0.1..=SECONDS_MAX, "at least a tenth of a second")
        })
    }
}

fn chance(key: &'static str, value: f64) -> Result<(), ProfileError> {
    match (0.0..=1.0).contains(&value) {
        true => Ok(()),
        false => Err(ProfileError::Chance { key, value }),
    }
}

fn amount(
    key: &'static str,
    value: f64,
    within: std::ops::RangeInclusive<f64>,
    wanted: &'static str,
) -> Result<(), ProfileError> {
    match within.contains(&value) {
        true => Ok(()),
        false => Err(ProfileError::Amount { key, wanted, value }),
    }
}
