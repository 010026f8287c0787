//! How many drafts go out together and whether the device waits for their verdict: what it does to the
//! time and the work of a token.
//!
//! With `a` the chance that a draft is right, `k` drafts in a chunk, `C` from the start of a chunk to
//! its verdict, and `P` the slowest thing on its way:
//!
//! ```text
//!   none        C                                      one token a crossing
//!   rounds      C / (1 + a + … + a^k)                  Leviathan et al. 2023, arXiv 2211.17192, eq. 1
//!   streaming   (1 - a) C  +  P a^(k+1) / (1 + … + a^(k-1))
//! ```
//!
//! Streaming is a renewal: a correction comes after `1 / (1 - a)` tokens, and takes one `C` and a period
//! `P` for each further chunk that it took to find it. With a chunk comes the target's word on what follows
//! it, so that there are `a^(k+1) / (1 - a^k)` of them. No more than so many chunks are under way: the
//! next one waits for a verdict, and a period is at least that part of `C`. What follows a wrong draft is in
//! vain: the deciding stage drops it unread, the others run what came before they heard.

use crate::Speculation;

/// More drafts than these in a chunk come too late (`LENGTH_MAX` in `protocol/src/speculation/tuning.rs`).
pub(crate) const DRAFTS_MAX: u32 = 16;

/// Drafts that are all right less often than this are not followed by more (`RUN_MIN`, same place).
const RUN_MIN: f64 = 0.05;

/// Drafts that a device makes ahead of the target's word at most.
pub(crate) const AHEAD_MAX: f64 = 24.0;

/// Chunks under way (`IN_FLIGHT_MAX` in `protocol/src/drafter/upload.rs`).
pub(crate) const IN_FLIGHT_MAX: f64 = 8.0;

/// A draft length and a way to wait, with the shares that follow.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Style {
    /// Drafts in a chunk; 0 for none.
    pub(crate) drafts: u32,
    /// Never [`Speculation::WorkConserving`]: no stage of a chain can go on by itself.
    pub(crate) speculation: Speculation,
    /// Of the time from a chunk to its verdict, what a token takes.
    pub(crate) cycle_share: f64,
    /// Of a period from one chunk to the next, what a token takes.
    pub(crate) peak_share: f64,
    /// Chunks under way at most.
    pub(crate) in_flight: f64,
    /// Passes that the deciding stage runs for a token.
    pub(crate) judged_per_token: f64,
    /// Passes that other stages run for a token, and that cross each hop.
    pub(crate) sent_per_token: f64,
}

impl Style {
    pub(crate) fn new(drafts: u32, speculation: Speculation, acceptance: f64) -> Self {
        let run = |drafts: u32| (0..drafts).map(|at| acceptance.powf(f64::from(at))).sum::<f64>();
        let rounds = |per_token: f64, speculation| Self {
            drafts,
            speculation,
            cycle_share: per_token,
            peak_share: 0.0,
            in_flight: 1.0,
            judged_per_token: per_token,
            sent_per_token: per_token,
        };
        match speculation {
            Speculation::Rounds => rounds(1.0 / run(drafts + 1), speculation),
            Speculation::Streaming | Speculation::WorkConserving if drafts == 0 => {
                rounds(1.0, Speculation::Streaming)
            }
            Speculation::Streaming | Speculation::WorkConserving => {
                let chunk = f64::from(drafts);
                let judged = 1.0 / run(drafts);
                let behind = (ahead(acceptance) / chunk).clamp(1.0, IN_FLIGHT_MAX) - 1.0;
                Self {
                    drafts,
                    speculation: Speculation::Streaming,
                    cycle_share: 1.0 - acceptance,
                    peak_share: acceptance.powf(chunk + 1.0) / run(drafts),
                    in_flight: (AHEAD_MAX / chunk).clamp(1.0, IN_FLIGHT_MAX),
                    judged_per_token: judged,
                    sent_per_token: judged + (1.0 - acceptance) * behind,
                }
            }
        }
    }

    /// Every style worth looking at, fewest drafts first.
    pub(crate) fn all(acceptance: f64, can_draft: bool) -> Vec<Self> {
        let most = if can_draft { DRAFTS_MAX } else { 0 };
        let drafting = (1..=most).flat_map(|drafts| {
            let ways = [Speculation::Rounds, Speculation::Streaming];
            ways.map(|way| Self::new(drafts, way, acceptance))
        });
        std::iter::once(Self::new(0, Speculation::Streaming, acceptance)).chain(drafting).collect()
    }

    /// Whether drafts flow while verdicts are under way.
    pub(crate) const fn streams(&self) -> bool {
        self.drafts > 0 && matches!(self.speculation, Speculation::Streaming)
    }

    /// From one chunk to the next, in the unit of both: of `peak` on the slowest thing on the way, `cycle`
    /// from a chunk to its verdict.
    pub(crate) fn period_s(&self, peak: f64, cycle: f64) -> f64 {
        peak.max(cycle / self.in_flight)
    }

    /// Rows of a pass: the drafts, and the settled token before them.
    pub(crate) fn rows(&self) -> f64 {
        f64::from(self.drafts) + 1.0
    }
}

/// How many drafts a device makes before it hears of the first.
pub(crate) fn ahead(acceptance: f64) -> f64 {
    (RUN_MIN.ln() / acceptance.ln()).abs().ceil().clamp(1.0, AHEAD_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_give_the_expected_run_and_one_more() {
        let style = Style::new(2, Speculation::Rounds, 0.5);
        assert_eq!(1.0 / style.cycle_share, 1.75);
        assert_eq!((style.peak_share, style.sent_per_token), (0.0, style.judged_per_token));
    }

    #[test]
    fn streaming_repeats_a_period_for_each_chunk_that_was_right() {
        let style = Style::new(2, Speculation::Streaming, 0.5);
        assert_eq!(style.cycle_share, 0.5);
        // Of chunks of two, one time in eight the first does not show what is wrong.
        assert!((style.peak_share - 0.5 * 0.125 / 0.75).abs() < 1e-12);
        assert_eq!((style.period_s(3.0, 16.0), style.period_s(1.0, 16.0)), (3.0, 2.0));
        assert!((style.judged_per_token - 1.0 / 1.5).abs() < 1e-12);
        // ln 0.05 / ln 0.5 is 4.3: five drafts ahead, of which two are the wrong chunk.
        assert!((style.sent_per_token - (1.0 / 1.5 + 0.5 * 1.5)).abs() < 1e-12);
    }

    #[test]
    fn drafts_that_are_always_or_never_right_are_no_division_by_zero() {
        let always = Style::new(4, Speculation::Streaming, 1.0);
        assert_eq!((always.cycle_share, always.peak_share), (0.0, 0.25));
        let never = Style::new(4, Speculation::Streaming, 0.0);
        assert_eq!((never.cycle_share, never.peak_share), (1.0, 0.0));
        assert_eq!((ahead(0.0), ahead(1.0)), (1.0, 24.0));
    }

    #[test]
    fn a_device_without_a_draft_model_has_one_style() {
        assert_eq!(Style::all(0.5, false).len(), 1);
        assert_eq!(Style::all(0.5, true).len(), 33);
    }
}
