//! An axis: where a value lies on it, and which values are written at it.

use super::units::Unit;

/// From so much on values are spread over decades, or the small ones would lie on each other.
const RATIO_LINEAR_MAX: f64 = 30.0;

/// Spaces between ticks, at most: more numbers say no more.
const STEPS_MAX: usize = 5;

/// Linear from zero, or logarithmic.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Scale {
    unit: Unit,
    low: f64,
    high: f64,
    spread: Spread,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spread {
    Linear,
    Decades,
}

impl Scale {
    /// Linear from zero to at least the largest of `values`.
    pub(super) fn linear(values: impl Iterator<Item = f64>, unit: Unit) -> Self {
        let most = values.fold(0.0, f64::max);
        let most = if most > 0.0 { most } else { 1.0 };
        let step = step(most);
        Self { unit, low: 0.0, high: (most / step - 1e-9).ceil() * step, spread: Spread::Linear }
    }

    /// Logarithmic over `values`; what is below `least`, which is above zero, is put there.
    pub(super) fn decades(values: impl Iterator<Item = f64>, least: f64, unit: Unit) -> Self {
        let ends = values.fold((f64::MAX, least), |(low, high), v| (low.min(v), high.max(v)));
        let low = one_two_five(ends.0.clamp(least, ends.1), false);
        let high = one_two_five(ends.1, true).max(10.0 * low);
        Self { unit, low, high, spread: Spread::Decades }
    }

    /// The one of both that shows `values` better.
    pub(super) fn fitting(values: &[f64], unit: Unit) -> Self {
        let low = values.iter().copied().fold(f64::MAX, f64::min);
        let high = values.iter().copied().fold(0.0, f64::max);
        match low > 0.0 && high / low > RATIO_LINEAR_MAX {
            true => Self::decades(values.iter().copied(), low, unit),
            false => Self::linear(values.iter().copied(), unit),
        }
    }

    /// Where `value` lies, from 0 to 1.
    pub(super) fn at(&self, value: f64) -> f64 {
        let share = match self.spread {
            Spread::Linear => (value - self.low) / (self.high - self.low),
            Spread::Decades => (value.max(self.low) / self.low).ln() / (self.high / self.low).ln(),
        };
        share.clamp(0.0, 1.0)
    }

    /// Places, from 0 to 1, and what is written there, on an axis that is `room` characters long.
    pub(super) fn ticks(&self, room: f64) -> Vec<(f64, String)> {
        let said = |value: f64| (self.at(value), self.unit.say_tick(value));
        let choices =
            self.choices().into_iter().map(|values| values.into_iter().map(said).collect());
        let mut choices: Vec<Vec<_>> = choices.collect();
        let coarsest = choices.pop().unwrap_or_default();
        let fits = |ticks: &Vec<_>| ticks.len() <= STEPS_MAX + 1 && are_apart(ticks, 1, room);
        choices.into_iter().find(fits).unwrap_or_else(|| thinned(coarsest, room))
    }

    /// Whether places stand for ratios.
    pub(super) fn is_logarithmic(&self) -> bool {
        self.spread == Spread::Decades
    }

    /// Values that may be written at it, from the finest choice of them to the coarsest.
    fn choices(&self) -> Vec<Vec<f64>> {
        match self.spread {
            Spread::Linear => {
                let (step, end) = (step(self.high), self.high * 1.001);
                vec![(0..).map(|i| f64::from(i) * step).take_while(|value| *value <= end).collect()]
            }
            Spread::Decades => {
                let choices: [&[f64]; 3] = [&[1.0, 2.0, 5.0], &[1.0, 3.0], &[1.0]];
                choices.into_iter().map(|mantissas| self.multiples(mantissas)).collect()
            }
        }
    }

    /// `mantissas` times powers of ten, as far as they lie on it.
    fn multiples(&self, mantissas: &[f64]) -> Vec<f64> {
        let within = |value: &f64| (self.low * 0.999..=self.high * 1.001).contains(value);
        let powers = (-12..=12).map(|exponent| 10f64.powi(exponent));
        let all = powers.flat_map(|power| mantissas.iter().map(move |mantissa| mantissa * power));
        all.filter(within).collect()
    }
}

/// Whether each one in `every` of `ticks` has its place for itself.
fn are_apart(ticks: &[(f64, String)], every: usize, room: f64) -> bool {
    let half = |text: &str| (text.chars().count() as f64 + 1.0) / 2.0;
    let kept: Vec<_> = ticks.iter().step_by(every).collect();
    let apart = |pair: &[&(f64, String)]| {
        (pair[1].0 - pair[0].0) * room >= half(&pair[0].1) + half(&pair[1].1)
    };
    kept.windows(2).all(apart)
}

/// As many of `ticks` as have room.
fn thinned(ticks: Vec<(f64, String)>, room: f64) -> Vec<(f64, String)> {
    let every = (1..ticks.len()).find(|every| are_apart(&ticks, *every, room));
    let every = every.unwrap_or_else(|| ticks.len().max(1));
    ticks.into_iter().step_by(every).collect()
}

/// The distance of ticks on an axis from zero to `most`: 1, 2 or 5 times a power of ten.
fn step(most: f64) -> f64 {
    one_two_five(most / STEPS_MAX as f64, true)
}

/// The next of 1, 2, 5, 10, 20, … at or beyond `value`, upwards or downwards.
fn one_two_five(value: f64, up: bool) -> f64 {
    let power = 10f64.powf(value.log10().floor());
    let ratio = value / power;
    let steps = [1.0, 2.0, 5.0, 10.0];
    let found = match up {
        true => steps.into_iter().find(|step| *step >= ratio * (1.0 - 1e-9)),
        false => steps.into_iter().rev().find(|step| *step <= ratio * (1.0 + 1e-9)),
    };
    found.unwrap_or(1.0) * power
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An axis of 40 characters: what a plot as wide as a phone has.
    const ROOM: f64 = 40.0;

    fn said(scale: &Scale) -> Vec<String> {
        scale.ticks(ROOM).into_iter().map(|(_, text)| text).collect()
    }

    #[test]
    fn a_linear_axis_begins_at_zero_and_has_round_ticks_up_to_its_end() {
        let scale = Scale::fitting(&[3.0, 47.0], Unit::Plain);
        assert_eq!(said(&scale), ["0", "10", "20", "30", "40", "50"]);
        assert_eq!((scale.at(0.0), scale.at(25.0), scale.at(99.0)), (0.0, 0.5, 1.0));
    }

    #[test]
    fn values_far_apart_are_spread_over_decades() {
        let scale = Scale::fitting(&[20.0, 20_000.0], Unit::Ms);
        assert!(scale.is_logarithmic());
        assert_eq!(said(&scale), ["100 ms", "1 s", "10 s"]);
        assert!((scale.at(632.455_532) - 0.5).abs() < 1e-6);
        let narrower = Scale::fitting(&[110.0, 4_000.0], Unit::Ms);
        assert_eq!(said(&narrower), ["100 ms", "200 ms", "500 ms", "1 s", "2 s", "5 s"]);
    }

    #[test]
    fn what_is_too_small_for_decades_lies_at_their_begin() {
        let scale = Scale::decades([0.0, 80.0].into_iter(), 1.0, Unit::Ms);
        assert_eq!((scale.at(0.0), scale.at(1.0)), (0.0, 0.0));
        assert_eq!(said(&scale), ["1 ms", "3 ms", "10 ms", "30 ms", "100 ms"]);
    }

    #[test]
    fn no_axis_has_more_ticks_than_there_is_room_for() {
        for most in [1e-6, 0.03, 0.99, 1.0, 1.01, 7.0, 19.9, 4e5, 3e9] {
            for least in [most, most / 3.0, most / 40.0, most / 1e5, most / 1e9] {
                let ticks = Scale::fitting(&[least, most], Unit::Plain).ticks(ROOM);
                assert!((2..=7).contains(&ticks.len()), "{least} to {most}: {ticks:?}");
                let half = |text: &String| text.len() as f64 / 2.0 / ROOM;
                let apart =
                    |a: &(f64, String), b: &(f64, String)| a.0 + half(&a.1) < b.0 - half(&b.1);
                assert!(ticks.is_sorted_by(apart), "{least} to {most}: {ticks:?}");
            }
        }
    }

    #[test]
    fn nothing_to_show_has_an_axis_too() {
        assert_eq!(Scale::fitting(&[], Unit::Plain).ticks(ROOM).len(), 6);
        assert_eq!(Scale::fitting(&[0.0], Unit::Plain).ticks(ROOM).len(), 6);
    }
}
