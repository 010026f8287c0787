//! What every plot is drawn on: an SVG measured in CSS pixels.

use super::ink::{Ink, Shape};
use plotters::backend::SVGBackend;
use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, DrawingAreaErrorKind, IntoDrawingArea as _};
use plotters::element::{Circle, PathElement, Polygon, Rectangle, Text};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color as _, FontFamily, IntoFont as _, RGBAColor, TextStyle};

/// All plots are as wide as a phone; a wide page has several beside each other.
pub(super) const WIDTH_PX: f64 = 400.0;

/// Legible on a phone, where a plot is shown a little smaller than it is.
const TEXT_PX: f64 = 12.0;

/// The width of a character, about: what a column of labels reserves for each.
pub(super) const CHAR_PX: f64 = 6.6;

/// User units of a CSS pixel: the library rounds to whole units.
const UNITS: f64 = 4.0;

/// The library divides the size of a text by this.
const TEXT_FACTOR: f64 = 1.24;

/// A place, in CSS pixels from the upper left.
pub(super) type At = (f64, f64);

/// Which end of a text its place is; vertically that is always the middle.
#[derive(Debug, Clone, Copy)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// A line's colour, how much of it, and how thick it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stroke {
    pub(super) ink: Ink,
    pub(super) alpha: f64,
    pub(super) width_px: f64,
}

/// A plot under way.
pub(super) struct Canvas<'a>(DrawingArea<SVGBackend<'a>, Shift>);

/// The SVG that `draw` draws, in a size in CSS pixels.
pub(super) fn svg((width, height): At, draw: impl FnOnce(&Canvas<'_>)) -> String {
    let size = |px: f64| units(px).unsigned_abs();
    let mut svg = String::new();
    let backend = SVGBackend::with_string(&mut svg, (size(width), size(height)));
    let canvas = Canvas(backend.into_drawing_area());
    draw(&canvas);
    drawn(canvas.0.present());
    drop(canvas);
    svg
}

impl Canvas<'_> {
    /// A straight line.
    pub(super) fn line(&self, from: At, to: At, stroke: Stroke) {
        let width = units(stroke.width_px).unsigned_abs();
        let style = colour(stroke.ink, stroke.alpha).stroke_width(width);
        drawn(self.0.draw(&PathElement::new([place(from), place(to)], style)));
    }

    /// A filled rectangle.
    pub(super) fn area(&self, from: At, to: At, ink: Ink, alpha: f64) {
        let style = colour(ink, alpha).filled();
        drawn(self.0.draw(&Rectangle::new([place(from), place(to)], style)));
    }

    /// A line of text.
    pub(super) fn text(&self, text: &str, at: At, ink: Ink, anchor: Anchor) {
        let h = match anchor {
            Anchor::Start => HPos::Left,
            Anchor::Middle => HPos::Center,
            Anchor::End => HPos::Right,
        };
        let font = (FontFamily::SansSerif, TEXT_PX * UNITS * TEXT_FACTOR).into_font();
        let colour = ink.rgb();
        let style = TextStyle::from(font).color(&colour).pos(Pos::new(h, VPos::Center));
        drawn(self.0.draw(&Text::new(text, place(at), style)));
    }

    /// A mark, about twice `radius` wide.
    pub(super) fn mark(&self, at: At, radius: f64, (ink, shape): (Ink, Shape)) {
        let style = colour(ink, 1.0).filled();
        let polygon = |corners: &[At]| {
            let corner = |(x, y): &At| place((at.0 + x * radius, at.1 + y * radius));
            let corners: Vec<_> = corners.iter().map(corner).collect();
            drawn(self.0.draw(&Polygon::new(corners, style)));
        };
        match shape {
            Shape::Circle => drawn(self.0.draw(&Circle::new(place(at), units(radius), style))),
            Shape::Square => polygon(&[(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)]),
            Shape::Diamond => polygon(&[(0.0, -1.25), (1.25, 0.0), (0.0, 1.25), (-1.25, 0.0)]),
            Shape::TriangleUp => polygon(&[(0.0, -1.15), (1.15, 0.85), (-1.15, 0.85)]),
            Shape::TriangleDown => polygon(&[(0.0, 1.15), (1.15, -0.85), (-1.15, -0.85)]),
            Shape::Stroke => {
                let stroke = Stroke { ink, alpha: 1.0, width_px: 1.0 };
                self.line((at.0, at.1 - radius), (at.0, at.1 + radius), stroke);
            }
            Shape::Cross => {
                let stroke = Stroke { ink, alpha: 1.0, width_px: radius * 0.6 };
                let corner = |x: f64, y: f64| (at.0 + x * radius, at.1 + y * radius);
                self.line(corner(-0.9, -0.9), corner(0.9, 0.9), stroke);
                self.line(corner(-0.9, 0.9), corner(0.9, -0.9), stroke);
            }
        }
    }
}

fn colour(ink: Ink, alpha: f64) -> RGBAColor {
    ink.rgb().mix(alpha)
}

fn place((x, y): At) -> (i32, i32) {
    (units(x), units(y))
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "plots are some thousand pixels high, not more"
)]
fn units(px: f64) -> i32 {
    (px * UNITS).round() as i32
}

/// What the library says of each step.
fn drawn<E: std::error::Error + Send + Sync>(result: Result<(), DrawingAreaErrorKind<E>>) {
    result.expect("drawing into a string meets no I/O");
}
