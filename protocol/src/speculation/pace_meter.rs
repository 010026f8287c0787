//! How long a token takes, when tokens come in bursts.
//!
//! Tokens and time are summed apart, and the pace is the one over the other. A verdict that brings
//! five tokens after 100 ms and one that brings one after 100 ms are then 33 ms a token, not the
//! 60 ms that is the mean of 20 and 100.

#[cfg(test)]
mod tests;

use std::time::Duration;

/// Tokens that the sums are worth at most: some ten verdicts, so that one odd verdict is a tenth of
/// what is said, and a sentence later a change is known.
const TOKENS_REMEMBERED: f64 = 32.0;

/// The recent time a token: of emitted ones or of drafted ones.
#[derive(Debug, Clone, Default)]
pub(super) struct PaceMeter {
    tokens: f64,
    seconds: f64,
}

impl PaceMeter {
    /// So many tokens came, `elapsed` after those before. None at all is an observation too: time
    /// went by.
    pub(super) fn observe(&mut self, tokens: u32, elapsed: Duration) {
        self.tokens += f64::from(tokens);
        self.seconds += elapsed.as_secs_f64();
        let excess = (self.tokens / TOKENS_REMEMBERED).max(1.0);
        self.tokens /= excess;
        self.seconds /= excess;
    }

    /// The time a token; `None` before the first one.
    pub(super) fn per_token(&self) -> Option<Duration> {
        let pace = || Duration::try_from_secs_f64(self.seconds / self.tokens);
        (self.tokens > 0.0).then(|| pace().unwrap_or(Duration::MAX))
    }
}
