//! Recorded links: mahimahi's delivery opportunities, and tables with a row a second.

use crate::ProfileError;
use crate::profile::{Columns, DELAY_MS_MAX};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Bytes that may leave at one opportunity, in mahimahi's format.
const OPPORTUNITY_BYTES: usize = 1_500;

/// Packets of a trace, 8 bytes each: 200 Mbit/s for a quarter of an hour, or 12 for more than four hours.
const ROWS_MAX: usize = 1 << 24;

/// Times at which 1,500 bytes may leave, as mahimahi records them: one millisecond a line, rising; the
/// trace repeats after the last. What finds no bytes waiting is lost.
#[derive(Debug, Clone)]
pub(crate) struct Opportunities {
    at_ms: Arc<[u64]>,
    /// Which one is next, counted through all repetitions.
    next: u64,
    /// Bytes that it still has room for.
    room: usize,
}

impl Opportunities {
    pub(crate) fn parse(path: &Path, text: &str) -> Result<Self, ProfileError> {
        let mut at_ms = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let wrong = |detail: &str| complain(path, index + 1, detail);
            let at: u64 = line.trim().parse().map_err(|_| {
                wrong("a line is one whole number, the millisecond at which a packet may leave")
            })?;
            if at_ms.last().is_some_and(|last| *last > at) {
                return Err(wrong("times never fall"));
            }
            if at_ms.len() == ROWS_MAX {
                return Err(wrong("a trace has at most 16,777,216 packets"));
            }
            at_ms.push(at);
        }
        // Its last time is also the time after which it repeats.
        if at_ms.last().is_none_or(|last| *last == 0) {
            return Err(complain(path, 1, "nothing would ever leave: no time is above 0"));
        }
        Ok(Self { at_ms: at_ms.into(), next: 0, room: OPPORTUNITY_BYTES })
    }

    /// As [`crate::capacity::Capacity::departure`].
    pub(crate) fn departure(&mut self, turn: Duration, bytes: usize) -> Option<Duration> {
        let turn_ms = u64::try_from(turn.as_nanos().div_ceil(1_000_000)).ok()?;
        let first = self.first_from(turn_ms);
        if first > self.next {
            (self.next, self.room) = (first, OPPORTUNITY_BYTES);
        }
        let mut left = bytes;
        while left > self.room {
            left -= self.room;
            (self.next, self.room) = (self.next + 1, OPPORTUNITY_BYTES);
        }
        self.room -= left;
        let leaves = Duration::from_millis(self.time_ms(self.next)).max(turn);
        (leaves <= turn + crate::WAIT_MAX).then_some(leaves)
    }

    fn first_from(&self, ms: u64) -> u64 {
        let count = self.at_ms.len() as u64;
        let period = self.period_ms();
        // The last time of one round is the first of the next, which `at_ms` may begin with as well.
        let round = (ms / period).saturating_sub(1);
        let within = ms - round * period;
        match within.checked_sub(period) {
            None => round * count + self.index_from(within),
            Some(0) => round * count + self.index_from(period),
            Some(within) => (round + 1) * count + self.index_from(within),
        }
    }

    fn index_from(&self, ms: u64) -> u64 {
        self.at_ms.partition_point(|at| *at < ms) as u64
    }

    fn time_ms(&self, opportunity: u64) -> u64 {
        let count = self.at_ms.len() as u64;
        let within = usize::try_from(opportunity % count).unwrap_or_default();
        (opportunity / count).saturating_mul(self.period_ms()).saturating_add(self.at_ms[within])
    }

    fn period_ms(&self) -> u64 {
        *self.at_ms.last().expect("a trace has a line")
    }
}

/// A table with a row a second.
#[derive(Debug, Clone)]
pub(crate) struct Seconds {
    /// Bytes a second.
    pub(crate) up_rate: Option<Arc<[f64]>>,
    /// Bytes a second.
    pub(crate) down_rate: Option<Arc<[f64]>>,
    /// Seconds, one way.
    pub(crate) delay: Option<Arc<[f64]>>,
    /// Chance, one way.
    pub(crate) loss: Option<Arc<[f64]>>,
}

impl Seconds {
    /// Reads the columns that `columns` names. A field that is no number, as where a measurement
    /// failed, is as the one before it.
    pub(crate) fn parse(path: &Path, text: &str, columns: &Columns) -> Result<Self, ProfileError> {
        let mut table = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
        let header = table.headers().map_err(|error| complain(path, 1, &error.to_string()))?;
        let header: Vec<String> = header.iter().map(|name| name.trim().to_owned()).collect();
        let rows = table.records().collect::<Result<Vec<_>, _>>();
        let rows = rows.map_err(|error| complain(path, 1, &error.to_string()))?;
        let column = |name: &Option<String>, scale: f64| {
            let Some(name) = name else { return Ok::<_, ProfileError>(None) };
            let at = header.iter().position(|known| known == name);
            let at = at.ok_or_else(|| {
                complain(path, 1, &format!("no column `{name}`; it has {}", header.join(", ")))
            })?;
            let field = |row: &csv::StringRecord| row.get(at)?.trim().parse::<f64>().ok();
            let mut last = rows.iter().find_map(field).filter(|value| value.is_finite());
            let values = rows.iter().map(|row| {
                let value = field(row).filter(|value| value.is_finite() && *value >= 0.0);
                last = value.or(last);
                last.map(|value| value * scale)
            });
            let values: Option<Vec<f64>> = values.collect();
            let values = values.filter(|values| !values.is_empty());
            let none = || complain(path, 2, &format!("column `{name}` holds no number"));
            Ok(Some(Arc::from(values.ok_or_else(none)?)))
        };
        let either = |mbps: &Option<String>, kbps: &Option<String>| match mbps {
            Some(_) => column(mbps, 1e6 / 8.0),
            None => column(kbps, 1e3 / 8.0),
        };
        let delay: Option<Arc<[f64]>> = column(&columns.rtt_ms, 0.5e-3)?;
        let loss = column(&columns.loss_percent, 1e-2)?;
        // Two ways that each lose as much lose together what was measured of both.
        let one_way = |both: &f64| 1.0 - (1.0 - both.min(1.0)).sqrt();
        Ok(Self {
            up_rate: either(&columns.up_mbps, &columns.up_kbps)?,
            down_rate: either(&columns.down_mbps, &columns.down_kbps)?,
            delay: delay.map(|delay| delay.iter().map(|way| way.min(DELAY_MS_MAX / 1e3)).collect()),
            loss: loss.map(|loss: Arc<[f64]>| loss.iter().map(one_way).collect()),
        })
    }
}

fn complain(path: &Path, line: usize, detail: &str) -> ProfileError {
    ProfileError::Trace { path: path.to_owned(), line: line as u64, detail: detail.to_owned() }
}
