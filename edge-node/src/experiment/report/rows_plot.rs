//! A plot of rows: for each a name at the left, a mark and its spread for each mode, and the number
//! at the right. Names and numbers have columns of their own, so that nothing lies on anything.

use super::canvas::{Anchor, CHAR_PX, Canvas, Stroke, WIDTH_PX, svg};
use super::ink::{Ink, Shape};
use super::scale::Scale;
use std::borrow::Cow;

/// Of one mode in a row: room for a line of text.
const LANE_PX: f64 = 14.0;
/// Between rows.
const GAP_PX: f64 = 9.0;
/// Above the first row: what the columns are.
const HEAD_PX: f64 = 20.0;
/// Below the last: numbers of the axis, and what they are.
const FOOT_PX: f64 = 38.0;
/// The column of numbers.
const NUMBERS_PX: f64 = 62.0;
/// The longest name that leaves room for a plot beside it.
const NAME_CHARS_MAX: usize = 26;
const MARK_PX: f64 = 4.0;

/// One plot.
#[derive(Debug)]
pub(super) struct RowsPlot<'a> {
    /// What the axis is, with its unit.
    pub(super) axis: &'a str,
    /// What the rows are.
    pub(super) names: &'a str,
    /// What the numbers are.
    pub(super) numbers: &'a str,
    pub(super) scale: &'a Scale,
    pub(super) rows: Vec<Row<'a>>,
}

/// A row; one without lanes is left out.
#[derive(Debug)]
pub(super) struct Row<'a> {
    pub(super) name: &'a str,
    pub(super) lanes: Vec<Lane>,
}

/// What a row has for one mode.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) look: (Ink, Shape),
    pub(super) value: f64,
    /// A thin line.
    pub(super) thin: (f64, f64),
    /// A thick line over it.
    pub(super) thick: Option<(f64, f64)>,
    /// A stroke across the line.
    pub(super) end: Option<f64>,
    /// At the right.
    pub(super) number: String,
}

/// Where things are, from the left.
#[derive(Debug, Clone, Copy)]
struct Columns {
    left: f64,
    right: f64,
}

impl Columns {
    fn at(self, scale: &Scale, value: f64) -> f64 {
        self.left + scale.at(value) * (self.right - self.left)
    }
}

impl RowsPlot<'_> {
    /// The plot as SVG.
    pub(super) fn draw(&self) -> String {
        let rows: Vec<_> = self.rows.iter().filter(|row| !row.lanes.is_empty()).collect();
        let longest = rows.iter().map(|row| clipped(row.name).chars().count()).max().unwrap_or(0);
        let columns = Columns {
            left: (longest as f64 * CHAR_PX + 14.0).max(30.0),
            right: WIDTH_PX - NUMBERS_PX - 10.0,
        };
        let bottom = HEAD_PX + rows.iter().map(|row| height(row)).sum::<f64>();
        svg((WIDTH_PX, bottom + FOOT_PX), |canvas| {
            self.axis(canvas, columns, bottom);
            let mut top = HEAD_PX;
            for row in rows {
                self.row(canvas, columns, row, top);
                top += height(row);
            }
        })
    }

    fn axis(&self, canvas: &Canvas<'_>, columns: Columns, bottom: f64) {
        let width = columns.right - columns.left;
        for (at, said) in self.scale.ticks(width / CHAR_PX) {
            let x = columns.left + at * width;
            let stroke = Stroke { ink: Ink::Grid, alpha: 1.0, width_px: 1.0 };
            canvas.line((x, HEAD_PX), (x, bottom), stroke);
            canvas.text(&said, (x, bottom + 10.0), Ink::Muted, Anchor::Middle);
        }
        let middle = f64::midpoint(columns.left, columns.right);
        canvas.text(self.axis, (middle, bottom + 27.0), Ink::Muted, Anchor::Middle);
        canvas.text(self.names, (2.0, 9.0), Ink::Muted, Anchor::Start);
        canvas.text(self.numbers, (WIDTH_PX - 2.0, 9.0), Ink::Muted, Anchor::End);
    }

    fn row(&self, canvas: &Canvas<'_>, columns: Columns, row: &Row<'_>, top: f64) {
        let middle = top + height(row) / 2.0;
        canvas.text(&clipped(row.name), (columns.left - 10.0, middle), Ink::Text, Anchor::End);
        let rule = Stroke { ink: Ink::Grid, alpha: 1.0, width_px: 0.5 };
        canvas.line((2.0, top), (WIDTH_PX - 2.0, top), rule);
        for (lane, i) in row.lanes.iter().zip(0..) {
            let y = top + (GAP_PX + LANE_PX) / 2.0 + f64::from(i) * LANE_PX;
            self.lane(canvas, columns, lane, y);
        }
    }

    fn lane(&self, canvas: &Canvas<'_>, columns: Columns, lane: &Lane, y: f64) {
        let at = |value| columns.at(self.scale, value);
        let (ink, _) = lane.look;
        let line = |(from, to), alpha, width_px| {
            canvas.line((at(from), y), (at(to), y), Stroke { ink, alpha, width_px });
        };
        line(lane.thin, 0.7, 1.5);
        if let Some(thick) = lane.thick {
            line(thick, 0.45, 5.0);
        }
        if let Some(end) = lane.end {
            let stroke = Stroke { ink, alpha: 1.0, width_px: 1.5 };
            canvas.line((at(end), y - 4.0), (at(end), y + 4.0), stroke);
        }
        canvas.mark((at(lane.value), y), MARK_PX, lane.look);
        canvas.text(&lane.number, (WIDTH_PX - 2.0, y), Ink::Text, Anchor::End);
    }
}

/// A name as far as there is room for it beside a plot.
fn clipped(name: &str) -> Cow<'_, str> {
    match name.char_indices().nth(NAME_CHARS_MAX) {
        None => name.into(),
        Some((end, _)) => format!("{}…", &name[..end]).into(),
    }
}

fn height(row: &Row<'_>) -> f64 {
    row.lanes.len() as f64 * LANE_PX + GAP_PX
}

/// A mark beside a text.
pub(super) fn swatch(look: (Ink, Shape)) -> String {
    svg((14.0, 14.0), |canvas| canvas.mark((7.0, 7.0), 4.5, look))
}
