//! What follows from an outcome. No clock and no I/O: the same outcome gives the same numbers.

use super::design::Prices;
use super::outcome::{Bytes, LinkOutage, Outcome, Standing, TokenTime};
use crate::percentile::percentile;
use serde::Serialize;

/// Derived figures of one run. `None` where there is nothing to derive one from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Statistics {
    /// Tokens of the text.
    pub tokens: usize,
    /// Of these, verified when they were shown.
    pub verified_at_once: usize,
    /// Shown on the device's word and verified afterwards.
    pub verified_later: usize,
    /// Never verified.
    pub unverified: usize,
    /// Tokens over the time from the request to the last of them.
    pub tokens_per_s: Option<f64>,
    /// That time over the tokens.
    pub ms_per_token: Option<f64>,
    /// From the request to the first token.
    pub ttft_ms: Option<f64>,
    /// Between two tokens; tokens of one verdict come together, 0 ms apart.
    pub itl_ms_p50: Option<f64>,
    /// 95th percentile.
    pub itl_ms_p95: Option<f64>,
    /// 99th percentile.
    pub itl_ms_p99: Option<f64>,
    /// The longest.
    pub itl_ms_max: Option<f64>,
    /// The longest silence: between two tokens or before the first.
    pub gap_ms_max: Option<f64>,
    /// From the end of an outage to the next token that the target vouches for; of several outages
    /// the longest.
    pub recovery_ms_max: Option<f64>,
    /// Accepted drafts over drafts.
    pub accepted_share: Option<f64>,
    /// Passes of the target for 1,000 tokens.
    pub target_passes_per_1000: Option<f64>,
    /// Its computing time for 1,000 tokens.
    pub target_busy_ms_per_1000: Option<f64>,
    /// UDP payload from the device.
    pub bytes_up_per_token: Option<f64>,
    /// UDP payload to the device.
    pub bytes_down_per_token: Option<f64>,
    /// Frames, both ways.
    pub application_bytes_per_token: Option<f64>,
    /// In the currency of the prices; what has no price, or was not measured, costs nothing.
    pub money_per_1000: Option<f64>,
}

impl Statistics {
    /// Of `outcome`; money where there are `prices`.
    pub fn of(outcome: &Outcome, prices: Option<&Prices>) -> Self {
        let Outcome { tokens, counts, udp, application, .. } = outcome;
        let standing = |wanted| tokens.iter().filter(|token| token.standing() == wanted).count();
        let itl = inter_token_ms(tokens);
        let itl_ms = |share| percentile(&itl, share);
        let count = tokens.len() as f64;
        let for_each = |amount: f64| (!tokens.is_empty()).then(|| amount / count);
        let last_ms = tokens.last().map(|token| token.at_ms);
        let ttft_ms = tokens.first().map(|token| token.at_ms);
        Self {
            tokens: tokens.len(),
            verified_at_once: standing(Standing::AtOnce),
            verified_later: standing(Standing::Later),
            unverified: standing(Standing::Never),
            tokens_per_s: last_ms.filter(|ms| *ms > 0.0).map(|ms| count / ms * 1e3),
            ms_per_token: last_ms.map(|ms| ms / count),
            ttft_ms,
            itl_ms_p50: itl_ms(0.5),
            itl_ms_p95: itl_ms(0.95),
            itl_ms_p99: itl_ms(0.99),
            itl_ms_max: itl_ms(1.0),
            gap_ms_max: ttft_ms.map(|first| itl.iter().copied().fold(first, f64::max)),
            recovery_ms_max: recoveries_ms(tokens, &outcome.outages).reduce(f64::max),
            accepted_share: (counts.drafted > 0)
                .then(|| counts.accepted as f64 / counts.drafted as f64),
            target_passes_per_1000: for_each(1e3 * counts.target_passes as f64),
            target_busy_ms_per_1000: for_each(1e3 * counts.target_busy_ms),
            bytes_up_per_token: for_each(udp.up as f64),
            bytes_down_per_token: for_each(udp.down as f64),
            application_bytes_per_token: for_each(application.total()),
            money_per_1000: prices.and_then(|prices| for_each(1e3 * money(outcome, prices))),
        }
    }
}

/// Times between tokens, in the order of the text.
pub(super) fn inter_token_ms(tokens: &[TokenTime]) -> Vec<f64> {
    tokens.windows(2).map(|pair| pair[1].at_ms - pair[0].at_ms).collect()
}

/// For each outage that ended: how long until the target vouched for a token again. Where it never
/// did, there is no such time.
fn recoveries_ms(tokens: &[TokenTime], outages: &[LinkOutage]) -> impl Iterator<Item = f64> {
    outages.iter().filter_map(|outage| {
        let up_ms = outage.to_ms?;
        let verified = tokens.iter().filter_map(|token| token.verified_ms);
        verified.map(|at_ms| at_ms - up_ms).filter(|ms| *ms >= 0.0).reduce(f64::min)
    })
}

/// What a run costs, as far as it has prices and was measured.
fn money(outcome: &Outcome, prices: &Prices) -> f64 {
    let hours = outcome.counts.target_busy_ms / 3.6e6;
    let parts = [
        (prices.target_compute_hour, Some(hours)),
        (prices.gigabyte, Some(outcome.udp.total() / 1e9)),
        (prices.device_joule, outcome.device_joules),
    ];
    parts.into_iter().filter_map(|(price, amount)| Some(price? * amount?)).sum()
}

impl Bytes {
    /// Both ways.
    fn total(self) -> f64 {
        self.up as f64 + self.down as f64
    }
}
