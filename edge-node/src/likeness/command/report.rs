//! What was found, as data.

use super::exchange::{Exchange, Times};
use super::judges::Judge;
use crate::percentile::percentile_ms;
use serde::Serialize;
use std::path::PathBuf;
use std::time::Duration;

/// On what it was measured.
#[derive(Debug, Serialize)]
pub(super) struct Run {
    pub(super) draft: String,
    pub(super) target: String,
    pub(super) text: PathBuf,
    pub(super) conversations: usize,
    /// Requests without room for an answer.
    pub(super) left_out: usize,
    pub(super) threads: usize,
    /// Requests that weights were fitted to.
    pub(super) fitted: usize,
    /// The file of the weights that the device has at present; `None`: those that come with the program.
    pub(super) present: Option<PathBuf>,
}

/// All that one run of the command found.
#[derive(Debug, Serialize)]
pub(in crate::likeness) struct Report {
    #[serde(flatten)]
    pub(super) run: Run,
    pub(super) kernels: &'static str,
    /// Requests that were not fitted to; all that follows is of these.
    pub(super) held: usize,
    /// The share of them whose own answer is as good as the target's.
    pub(super) good: f64,
    /// The same of what a hybrid reply shows.
    pub(super) good_as_shown: f64,
    /// The share of which both say the same.
    pub(super) shown_right: f64,
    /// Tokens of own answers, in the mean.
    pub(super) tokens: f64,
    pub(super) times: TimesReport,
    pub(super) judges: Vec<Judge>,
}

/// What the draft model took for a request, in milliseconds.
#[derive(Debug, Serialize)]
pub(super) struct TimesReport {
    /// To read the prompt's new tokens and find the features: the median.
    pub(super) probe_ms_p50: Option<f64>,
    /// The same, 95th percentile.
    pub(super) probe_ms_p95: Option<f64>,
    /// For all of the answer, without features: the median.
    pub(super) answer_ms_p50: Option<f64>,
    /// The mean of the same.
    pub(super) answer_ms_mean: f64,
    /// By how much the mean grows with features, whose passes are the answer's as well.
    pub(super) features_ms_mean: f64,
}

impl TimesReport {
    fn of(exchanges: &[Exchange]) -> Self {
        let all = |of: fn(&Times) -> Duration| -> Vec<Duration> {
            exchanges.iter().map(|exchange| of(&exchange.times)).collect()
        };
        let mean = |times: &[Duration]| {
            1e3 * times.iter().map(Duration::as_secs_f64).sum::<f64>() / times.len() as f64
        };
        let (probe, plain) = (all(|times| times.probe), all(|times| times.plain));
        Self {
            probe_ms_p50: percentile_ms(&probe, 0.5),
            probe_ms_p95: percentile_ms(&probe, 0.95),
            answer_ms_p50: percentile_ms(&plain, 0.5),
            answer_ms_mean: mean(&plain),
            features_ms_mean: mean(&all(|times| times.answer)) - mean(&plain),
        }
    }
}

impl Report {
    /// Of all `exchanges`, of which those `held` were judged.
    pub(super) fn new(
        run: Run,
        exchanges: &[Exchange],
        held: &[&Exchange],
        judges: Vec<Judge>,
    ) -> Self {
        let share = |is: fn(&Exchange) -> bool| {
            held.iter().filter(|exchange| is(exchange)).count() as f64 / held.len() as f64
        };
        let tokens: u32 = held.iter().map(|exchange| exchange.own.judged()).sum();
        Self {
            run,
            kernels: kernels::table_name(),
            held: held.len(),
            good: share(|exchange| exchange.own.is_good()),
            good_as_shown: share(|exchange| exchange.hybrid.is_good()),
            shown_right: share(|exchange| exchange.own.is_good() == exchange.hybrid.is_good()),
            tokens: f64::from(tokens) / held.len() as f64,
            times: TimesReport::of(exchanges),
            judges,
        }
    }
}
