//! When a request in progress moves to a better plan.
//!
//! Moving costs time: the new stages read the text, or get its keys and values. So a move must win more
//! than that, surely, and not too often:
//!
//! ```text
//!   gain   =  tokens left * (ms a token now - ms a token then)
//!   moves  if gain > 1.5 * cost of moving   and   gain > 3 * tokens left * deviation of the difference
//! ```
//!
//! # Invariants
//!
//! - **No clock**: time is handed in, and never runs backwards.
//! - **Two moves are 2 s apart**, whatever the estimates say; a plan that cannot run any longer is left at
//!   once, for it wins nothing to wait.
//! - **A plan that failed to get ready** is asked for again later, each time after twice as long.

use crate::Prediction;
use serde::Serialize;
use std::fmt;
use std::time::Duration;

/// What a move must win, as a multiple of what it costs.
const WORTH: f64 = 1.5;

/// How many deviations a gain must exceed: what wavers by one or two wins nothing.
const SURE: f64 = 3.0;

/// From one move to the next at least.
const APART: Duration = Duration::from_secs(2);

/// After a failed preparation: the first pause and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_secs(4), Duration::from_secs(64));

/// When a request in progress moves to a better plan.
#[derive(Debug, Clone, Default)]
pub struct Replanner {
    /// When it moved last.
    moved: Option<Duration>,
    /// Preparations that failed since it moved, and until when there is none.
    failed: Option<(u32, Duration)>,
}

/// What there is to decide on.
#[derive(Debug, Clone, Copy)]
pub struct Outlook<'a> {
    /// The present plan under the newest estimates; `None` where it cannot run any longer.
    pub current: Option<&'a Prediction>,
    /// The best other plan.
    pub candidate: &'a Prediction,
    /// Tokens that the reply is still expected to have.
    pub tokens_left: f64,
    /// Milliseconds that are lost at the switch.
    pub moving_ms: f64,
}

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Advice {
    /// Prepare the other plan and go over to it.
    Move,
    /// Go on as it is.
    Stay(Reason),
}

/// Why to stay.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The other plan is no faster.
    NoGain,
    /// What it wins is less than moving costs, with a margin.
    TooDear {
        /// Milliseconds won over the tokens left.
        gain_ms: f64,
        /// Milliseconds that it would have to win.
        needs_ms: f64,
    },
    /// It may be no faster, by what is known of the links.
    Unsure {
        /// Milliseconds won over the tokens left.
        gain_ms: f64,
        /// Standard deviation of that.
        deviation_ms: f64,
    },
    /// It moved a moment ago.
    TooSoon {
        /// Until then.
        wait: Duration,
    },
    /// Another plan failed to get ready a moment ago.
    BackedOff {
        /// Until then.
        wait: Duration,
    },
}

impl Replanner {
    /// What to do at `now`, a time since any fixed moment. Changes nothing: what becomes of a move is told
    /// by [`Self::moved`] and [`Self::failed`].
    pub fn advise(&self, now: Duration, outlook: &Outlook<'_>) -> Advice {
        if let Some((_, until)) = self.failed
            && now < until
        {
            return Advice::Stay(Reason::BackedOff { wait: until - now });
        }
        let Some(current) = outlook.current else { return Advice::Move };
        let Outlook { candidate, tokens_left, moving_ms, .. } = *outlook;
        let gain_ms = tokens_left * (current.itl_ms - candidate.itl_ms);
        // A gain that is no number, of two plans that never end, is none.
        if gain_ms.is_nan() || gain_ms <= 0.0 {
            return Advice::Stay(Reason::NoGain);
        }
        let needs_ms = WORTH * moving_ms;
        if gain_ms <= needs_ms {
            return Advice::Stay(Reason::TooDear { gain_ms, needs_ms });
        }
        let deviation = current.itl_deviation_ms.hypot(candidate.itl_deviation_ms);
        let deviation_ms = tokens_left * deviation;
        if gain_ms <= SURE * deviation_ms {
            return Advice::Stay(Reason::Unsure { gain_ms, deviation_ms });
        }
        match self.moved.map(|moved| moved + APART) {
            Some(until) if now < until => Advice::Stay(Reason::TooSoon { wait: until - now }),
            Some(_) | None => Advice::Move,
        }
    }

    /// The request goes on under the other plan.
    pub const fn moved(&mut self, now: Duration) {
        self.moved = Some(now);
        self.failed = None;
    }

    /// The other plan did not get ready, and the request goes on as it was.
    pub fn failed(&mut self, now: Duration) {
        let times = self.failed.map_or(0, |(times, _)| times);
        let pause = PAUSES.0.saturating_mul(2_u32.saturating_pow(times)).min(PAUSES.1);
        self.failed = Some((times + 1, now + pause));
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoGain => f.write_str("the other plan is no faster"),
            Self::TooDear { gain_ms, needs_ms } => {
                write!(f, "it wins {gain_ms:.0} ms and would have to win {needs_ms:.0} ms")
            }
            Self::Unsure { gain_ms, deviation_ms } => {
                write!(f, "it wins {gain_ms:.0} ms, give or take {deviation_ms:.0} ms")
            }
            Self::TooSoon { wait } => write!(f, "it moved a moment ago; {wait:.1?} to wait"),
            Self::BackedOff { wait } => {
                write!(f, "another plan failed to get ready; {wait:.1?} to wait")
            }
        }
    }
}

#[cfg(test)]
mod tests;
