//! A run with an outage: each token when it was shown, in the colour of who vouches for it.

use super::canvas::{Anchor, CHAR_PX, Canvas, Stroke, WIDTH_PX, svg};
use super::ink::{Ink, JUDGED, of_standing};
use super::scale::Scale;
use super::units::Unit;
use crate::experiment::outcome::{Outcome, Standing};

const HEIGHT_PX: f64 = 220.0;
const LEFT_PX: f64 = 40.0;
const RIGHT_PX: f64 = WIDTH_PX - 14.0;
const TOP_PX: f64 = 22.0;
const BOTTOM_PX: f64 = HEIGHT_PX - 38.0;
const MARK_PX: f64 = 2.6;
/// Several marks a pixel: more cannot be seen, and would make a page of megabytes.
const MARKS_MAX: usize = 1_500;

/// The axes of several timelines, so that they can be compared.
#[derive(Debug)]
pub(super) struct Axes {
    time: Scale,
    tokens: Scale,
}

impl Axes {
    /// Over all of `outcomes`.
    pub(super) fn over<'a>(outcomes: impl Iterator<Item = &'a Outcome> + Clone) -> Self {
        let ends_s = outcomes.clone().map(|outcome| judged_ms(outcome) / 1e3);
        let lengths = outcomes.map(|outcome| outcome.tokens.len() as f64);
        let time = Scale::linear(ends_s, Unit::Plain);
        Self { time, tokens: Scale::linear(lengths, Unit::Plain) }
    }

    /// One run as SVG.
    pub(super) fn draw(&self, outcome: &Outcome) -> String {
        svg((WIDTH_PX, HEIGHT_PX), |canvas| {
            self.outages(canvas, outcome);
            self.grid(canvas);
            self.tokens(canvas, outcome);
        })
    }

    fn outages(&self, canvas: &Canvas<'_>, outcome: &Outcome) {
        for outage in &outcome.outages {
            let (from, to) = (outage.from_ms, outage.to_ms.unwrap_or(f64::MAX));
            let (from, to) = (self.x(from), self.x(to).max(self.x(from) + 0.5));
            canvas.area((from, TOP_PX), (to, BOTTOM_PX), Ink::Outage, 0.4);
        }
    }

    fn grid(&self, canvas: &Canvas<'_>) {
        let stroke = Stroke { ink: Ink::Grid, alpha: 1.0, width_px: 1.0 };
        for (at, said) in self.time.ticks((RIGHT_PX - LEFT_PX) / CHAR_PX) {
            let x = LEFT_PX + at * (RIGHT_PX - LEFT_PX);
            canvas.line((x, TOP_PX), (x, BOTTOM_PX), stroke);
            canvas.text(&said, (x, BOTTOM_PX + 10.0), Ink::Muted, Anchor::Middle);
        }
        for (at, said) in self.tokens.ticks((BOTTOM_PX - TOP_PX) / CHAR_PX) {
            let y = BOTTOM_PX - at * (BOTTOM_PX - TOP_PX);
            canvas.line((LEFT_PX, y), (RIGHT_PX, y), stroke);
            canvas.text(&said, (LEFT_PX - 6.0, y), Ink::Muted, Anchor::End);
        }
        let middle = f64::midpoint(LEFT_PX, RIGHT_PX);
        let below = BOTTOM_PX + 27.0;
        canvas.text("seconds since the request", (middle, below), Ink::Muted, Anchor::Middle);
        canvas.text("tokens shown", (2.0, 8.0), Ink::Muted, Anchor::Start);
    }

    fn tokens(&self, canvas: &Canvas<'_>, outcome: &Outcome) {
        for (token, count) in outcome.tokens.iter().zip(1_u32..).step_by(one_in(outcome)) {
            let (standing, y) = (token.standing(), self.y(count));
            if let (Standing::Later, Some(verified_ms)) = (standing, token.verified_ms) {
                canvas.mark((self.x(verified_ms), y), MARK_PX, JUDGED);
            }
            canvas.mark((self.x(token.at_ms), y), MARK_PX, of_standing(standing));
        }
    }

    fn x(&self, ms: f64) -> f64 {
        LEFT_PX + self.time.at(ms / 1e3) * (RIGHT_PX - LEFT_PX)
    }

    fn y(&self, count: u32) -> f64 {
        BOTTOM_PX - self.tokens.at(f64::from(count)) * (BOTTOM_PX - TOP_PX)
    }
}

/// One token in so many is drawn.
pub(super) fn one_in(outcome: &Outcome) -> usize {
    outcome.tokens.len().div_ceil(MARKS_MAX).max(1)
}

/// When the last token was shown and the last word of the target on one was there.
fn judged_ms(outcome: &Outcome) -> f64 {
    let verified = outcome.tokens.iter().filter_map(|token| token.verified_ms);
    verified.fold(end_ms(outcome), f64::max)
}

/// When the last token was shown.
pub(super) fn end_ms(outcome: &Outcome) -> f64 {
    outcome.tokens.last().map_or(0.0, |token| token.at_ms)
}
