//! What answers took so far, for forecasts where nothing was measured.

use std::time::Duration;

/// How much the last answer counts beside those before.
const WEIGHT: f64 = 0.25;

/// What a token took.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Experience {
    /// Seconds, of the device alone.
    local_s: Option<f64>,
    /// Seconds, of the target.
    hybrid_s: Option<f64>,
    /// Bytes of the links, of prompt and reply, by the target.
    hybrid_bytes: Option<f64>,
}

impl Experience {
    /// An answer of the device alone came.
    pub(super) fn note_local(&mut self, tokens: usize, took: Duration) {
        learn(&mut self.local_s, took.as_secs_f64(), tokens);
    }

    /// An answer of the target came, to a prompt of so many tokens.
    pub(super) fn note_hybrid(&mut self, prompt: usize, tokens: usize, took: Duration, bytes: u64) {
        learn(&mut self.hybrid_s, took.as_secs_f64(), tokens);
        #[expect(clippy::cast_precision_loss, reason = "bytes of a reply are far below 2^52")]
        learn(&mut self.hybrid_bytes, bytes as f64, prompt + tokens);
    }

    /// How long the device alone takes for so many tokens. Of what was never tried nothing is known, and no
    /// deadline is held against it.
    pub(super) fn local(&self, tokens: u32) -> Duration {
        duration(self.local_s, tokens)
    }

    /// The same of the target.
    pub(super) fn hybrid(&self, tokens: u32) -> Duration {
        duration(self.hybrid_s, tokens)
    }

    /// The bytes for so many tokens of prompt and reply, of which each takes `usual` until it is known.
    pub(super) fn bytes(&self, usual: f64, prompt: usize, tokens: u32) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a prompt has few tokens")]
        let tokens = prompt as f64 + f64::from(tokens);
        tokens * self.hybrid_bytes.unwrap_or(usual)
    }
}

fn duration(per_token_s: Option<f64>, tokens: u32) -> Duration {
    Duration::from_secs_f64(per_token_s.unwrap_or(0.0) * f64::from(tokens))
}

fn learn(known: &mut Option<f64>, whole: f64, tokens: usize) {
    if tokens == 0 {
        return;
    }
    #[expect(clippy::cast_precision_loss, reason = "a reply has few tokens")]
    let one = whole / tokens as f64;
    *known = Some(known.map_or(one, |before| before + WEIGHT * (one - before)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_never_tried_takes_no_time_and_the_usual_bytes() {
        let mut experience = Experience::default();
        assert_eq!((experience.local(9), experience.hybrid(9)), (Duration::ZERO, Duration::ZERO));
        assert_eq!(experience.bytes(100.0, 6, 4), 1_000.0);
        experience.note_local(0, Duration::from_secs(1));
        assert_eq!(experience.local(9), Duration::ZERO, "no token says nothing of one");
        experience.note_local(10, Duration::from_secs(1));
        experience.note_hybrid(6, 4, Duration::from_secs(2), 500);
        assert_eq!(experience.local(20), Duration::from_secs(2));
        assert_eq!(experience.hybrid(2), Duration::from_secs(1));
        assert_eq!(experience.bytes(100.0, 6, 4), 500.0);
        experience.note_local(10, Duration::from_secs(5));
        assert_eq!(experience.local(1), Duration::from_millis(200), "a quarter of the way");
    }
}
