//! How much a key may ask in a minute: a bucket that fills as time passes.

use super::keys::KeyLimits;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// As long as a bucket takes to fill.
const PERIOD: Duration = Duration::from_secs(60);

/// Less than this is no second more.
const ROUNDING_S: f64 = 1e-6;

/// What each key has left.
#[derive(Debug, Default)]
pub(super) struct Allowances {
    by_key: BTreeMap<Arc<str>, Allowance>,
}

#[derive(Debug)]
struct Allowance {
    requests: Bucket,
    tokens: Bucket,
    streams: u32,
}

/// A level between nothing and `full`; below nothing where more was taken than was known beforehand.
#[derive(Debug)]
struct Bucket {
    full: f64,
    level: f64,
    seen: Instant,
}

/// A key that may not ask now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Exceeded {
    /// What it may, in words.
    pub(super) limit: String,
    /// Seconds after which it may again.
    pub(super) retry_after_s: u32,
}

impl Allowances {
    /// Takes one request of `name`, whose reply begins. It is to be [ended](Self::end).
    ///
    /// # Errors
    ///
    /// [`Exceeded`]; then nothing is taken.
    pub(super) fn begin(
        &mut self,
        name: &Arc<str>,
        limits: KeyLimits,
        now: Instant,
    ) -> Result<(), Exceeded> {
        let fresh = || Allowance {
            requests: Bucket::full(limits.requests_per_minute, now),
            tokens: Bucket::full(limits.tokens_per_minute, now),
            streams: 0,
        };
        let allowance = self.by_key.entry(Arc::clone(name)).or_insert_with(fresh);
        let most = |limit: Option<u32>| limit.unwrap_or(u32::MAX);
        if allowance.streams >= most(limits.streams_max) {
            let limit = format!("{} replies at a time are what this key may", allowance.streams);
            return Err(Exceeded { limit, retry_after_s: 1 });
        }
        let waits = [
            (allowance.requests.wait_for(1.0, now), limits.requests_per_minute, "requests"),
            // What a reply takes is known when it is over: until then a positive level lets it in.
            (allowance.tokens.wait_for(f64::MIN_POSITIVE, now), limits.tokens_per_minute, "tokens"),
        ];
        for (wait, limit, what) in waits {
            if let (Some(retry_after_s), Some(limit)) = (wait, limit) {
                let limit = format!("{limit} {what} a minute are what this key may");
                return Err(Exceeded { limit, retry_after_s });
            }
        }
        allowance.requests.take(1.0, now);
        allowance.streams += 1;
        Ok(())
    }

    /// A reply is over, and took so many tokens.
    pub(super) fn end(&mut self, name: &str, tokens: u64, now: Instant) {
        let Some(allowance) = self.by_key.get_mut(name) else { return };
        allowance.streams = allowance.streams.saturating_sub(1);
        #[expect(clippy::cast_precision_loss, reason = "tokens of a reply are far below 2^52")]
        allowance.tokens.take(tokens as f64, now);
    }
}

impl Bucket {
    fn full(limit: Option<u32>, now: Instant) -> Self {
        let full = limit.map_or(f64::INFINITY, f64::from);
        Self { full, level: full, seen: now }
    }

    fn fill(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.seen).as_secs_f64() / PERIOD.as_secs_f64();
        if self.full.is_finite() {
            self.level = (self.level + self.full * passed).min(self.full);
        }
        self.seen = now;
    }

    /// Seconds until there is so much; `None` where there is.
    fn wait_for(&mut self, amount: f64, now: Instant) -> Option<u32> {
        self.fill(now);
        if self.level >= amount {
            return None;
        }
        let seconds = (amount - self.level) / self.full * PERIOD.as_secs_f64();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "saturating, and not below 0"
        )]
        let seconds = (seconds - ROUNDING_S).ceil().max(1.0) as u32;
        Some(seconds)
    }

    fn take(&mut self, amount: f64, now: Instant) {
        self.fill(now);
        self.level -= amount;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(requests: Option<u32>, tokens: Option<u32>, streams: Option<u32>) -> KeyLimits {
        KeyLimits { requests_per_minute: requests, tokens_per_minute: tokens, streams_max: streams }
    }

    #[test]
    fn requests_come_back_as_the_minute_passes() {
        let (mut all, name, start) = (Allowances::default(), Arc::from("car"), Instant::now());
        let at = |s: u64| start + Duration::from_secs(s);
        let two = limits(Some(2), None, None);
        assert_eq!(all.begin(&name, two, at(0)), Ok(()));
        assert_eq!(all.begin(&name, two, at(0)), Ok(()));
        let refused = all.begin(&name, two, at(10)).unwrap_err();
        assert_eq!(refused.retry_after_s, 20, "half a minute for one of two: {refused:?}");
        assert!(refused.limit.contains("2 requests a minute"), "{refused:?}");
        assert_eq!(all.begin(&name, two, at(30)), Ok(()));
        assert_eq!(all.begin(&Arc::from("home"), two, at(30)), Ok(()), "each has its own");
    }

    #[test]
    fn tokens_are_paid_after_the_reply_and_keep_the_next_one_waiting() {
        let (mut all, name, start) = (Allowances::default(), Arc::from("car"), Instant::now());
        let at = |s: u64| start + Duration::from_secs(s);
        let hundred = limits(None, Some(100), None);
        assert_eq!(all.begin(&name, hundred, at(0)), Ok(()));
        all.end("car", 150, at(0));
        assert_eq!(all.begin(&name, hundred, at(0)).unwrap_err().retry_after_s, 30);
        assert_eq!(all.begin(&name, hundred, at(31)), Ok(()));
    }

    #[test]
    fn so_many_replies_at_a_time() {
        let (mut all, name, now) = (Allowances::default(), Arc::from("car"), Instant::now());
        let one = limits(None, None, Some(1));
        assert_eq!(all.begin(&name, one, now), Ok(()));
        assert!(all.begin(&name, one, now).unwrap_err().limit.contains("at a time"));
        all.end("car", 0, now);
        assert_eq!(all.begin(&name, one, now), Ok(()));
    }
}
