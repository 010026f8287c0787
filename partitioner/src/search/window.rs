//! The least of what is in a window that slides towards the front.
//!
//! Only such places stay as are lower than all before them: what is further away and no lower is never the
//! least, for it leaves the window first and takes a longer stage.

use std::collections::VecDeque;
use std::ops::Range;

/// A window over places with a number each.
#[derive(Debug, Default)]
pub(super) struct Window {
    /// Places upwards, numbers downwards.
    lows: VecDeque<(usize, f64)>,
}

impl Window {
    /// Slides it to `places`, the first of which comes in with `number`.
    pub(super) fn slide(&mut self, places: &Range<usize>, number: f64) {
        while self.lows.front().is_some_and(|(_, low)| *low >= number) {
            self.lows.pop_front();
        }
        self.lows.push_front((places.start, number));
        while self.lows.back().is_some_and(|(place, _)| *place >= places.end) {
            self.lows.pop_back();
        }
    }

    /// The least number in it.
    pub(super) fn least(&self) -> f64 {
        self.lows.back().map_or(f64::INFINITY, |(_, low)| *low)
    }

    /// The least of the larger ones, of each place its number and what `rising` says of it.
    pub(super) fn least_peak(&self, rising: impl Fn(usize) -> f64) -> f64 {
        let risen = self.lows.partition_point(|(place, low)| rising(*place) < *low);
        let above = self.lows.get(risen).map_or(f64::INFINITY, |(place, _)| rising(*place));
        let before = risen.checked_sub(1).and_then(|at| self.lows.get(at));
        before.map_or(above, |(_, low)| low.min(above))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: both are what a look at every place finds. Method: numbers in no order, some of them infinite,
    /// and windows of all lengths, which get shorter at the front.
    #[test]
    fn the_least_is_the_least_of_all_places_in_it() {
        let numbers: Vec<f64> = (0..40_u32)
            .map(|at| if at % 7 == 3 { f64::INFINITY } else { f64::from(at * 29 % 41) })
            .collect();
        for length in 1..=numbers.len() {
            let mut window = Window::default();
            for start in (0..numbers.len()).rev() {
                let places = start..(start + length).min(numbers.len());
                let rising = |place: usize| 3.0 + 2.5 * (place - start) as f64;
                window.slide(&places, numbers[start]);
                let least = |number: &dyn Fn(usize) -> f64| {
                    places.clone().map(number).fold(f64::INFINITY, f64::min)
                };
                assert_eq!(window.least(), least(&|at| numbers[at]), "{places:?}");
                let peak = least(&|at| numbers[at].max(rising(at)));
                assert_eq!(window.least_peak(rising), peak, "{places:?}");
            }
        }
    }
}
