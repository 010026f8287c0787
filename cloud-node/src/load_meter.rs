//! The share of the last seconds in which a node has computed, and how many passes a second that was.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Over about so long: a conversation's pauses are shorter, and a plan lasts longer.
const WINDOW: Duration = Duration::from_secs(10);

/// Told of the time that was computed, now and then; knows the share of it.
#[derive(Debug)]
pub(crate) struct LoadMeter {
    state: Mutex<State>,
}

#[derive(Debug, Clone, Copy)]
struct State {
    at: Instant,
    /// Of all the time before.
    busy: Duration,
    /// Of all the time before.
    passes: u64,
    load: f64,
    passes_per_s: f64,
}

impl LoadMeter {
    /// Of a node that starts now.
    pub(crate) fn new(now: Instant) -> Self {
        let (busy, passes, load, passes_per_s) = (Duration::ZERO, 0, 0.0, 0.0);
        Self { state: Mutex::new(State { at: now, busy, passes, load, passes_per_s }) }
    }

    /// `busy` is how long it has computed since its start, in so many `passes`.
    pub(crate) fn observe(&self, now: Instant, busy: Duration, passes: u64) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let passed = now.saturating_duration_since(state.at).as_secs_f64();
        if passed > 0.0 {
            let share = busy.saturating_sub(state.busy).as_secs_f64() / passed;
            let gain = 1.0 - (-passed / WINDOW.as_secs_f64()).exp();
            let load = state.load + (share.min(1.0) - state.load) * gain;
            #[expect(clippy::cast_precision_loss, reason = "passes of half a second are few")]
            let pace = passes.saturating_sub(state.passes) as f64 / passed;
            let passes_per_s = state.passes_per_s + (pace - state.passes_per_s) * gain;
            *state = State { at: now, busy, passes, load, passes_per_s };
        }
    }

    /// From 0 to 1.
    pub(crate) fn load(&self) -> f64 {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).load
    }

    /// Forward passes a second.
    pub(crate) fn passes_per_s(&self) -> f64 {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).passes_per_s
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn load_follows_what_was_computed_lately() {
        let (began, second) = (Instant::now(), Duration::from_secs(1));
        let meter = LoadMeter::new(began);
        for at in 1..=40 {
            meter.observe(began + second * at, second / 2 * at, 20 * u64::from(at));
        }
        assert!((meter.passes_per_s() - 20.0).abs() < 0.5, "{}", meter.passes_per_s());
        assert!((meter.load() - 0.5).abs() < 0.01, "{}", meter.load());
        meter.observe(began + second * 100, second * 20, 800);
        assert!(meter.load() < 0.01);
    }

    #[test]
    fn two_looks_at_the_same_time_are_one() {
        let began = Instant::now();
        let meter = LoadMeter::new(began);
        meter.observe(began, Duration::from_secs(9), 9);
        assert_eq!(meter.load(), 0.0);
    }
}
