//! What a plot puts where: one axis of the experiment makes its rows, modes its colours, and what
//! else varies its panels.
//!
//! A cell to which an axis means nothing (mode remote has no drafts) is a row of its own, but
//! stands in every panel: it is what the others are compared with.

use crate::experiment::axes::CellMode;
use crate::experiment::cell::Cell;
use crate::experiment::sweep::{FinishedCell, Measured};

/// More panels than this are nobody's reading.
pub(super) const PANELS_MAX: usize = 12;

/// An axis that is no mode; prompts and repetitions are samples of the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Axis {
    Link,
    Draft,
    Source,
    Temperature,
    Pace,
}

/// In the order in which they are chosen for rows.
pub(super) const AXES: [Axis; 5] =
    [Axis::Link, Axis::Draft, Axis::Source, Axis::Temperature, Axis::Pace];

/// Where the cells of an experiment go.
#[derive(Debug)]
pub(super) struct Layout<'a> {
    cells: &'a [FinishedCell],
    /// Of each cell.
    spots: Vec<Spot>,
    /// What rows differ in.
    pub(super) rows_axis: Axis,
    /// What each row is called, from the top.
    pub(super) rows: Vec<String>,
    /// The modes that there are.
    pub(super) modes: Vec<CellMode>,
    /// What panels differ in.
    panels_axes: Vec<Axis>,
    /// What each panel is called; empty where there is but one.
    pub(super) panels: Vec<String>,
    /// How many there would be without a limit.
    pub(super) panels_possible: usize,
}

/// Where a cell goes.
#[derive(Debug)]
struct Spot {
    row: usize,
    panels: Vec<usize>,
}

impl Axis {
    /// The cell's value, as plots say it; `None` where the axis means nothing to it.
    pub(super) fn value(self, cell: &Cell) -> Option<String> {
        match self {
            Self::Link => cell.link.as_ref().map(|link| link.label.clone()),
            Self::Draft => cell.draft.map(|draft| draft.to_string()),
            Self::Source => cell.source.map(|source| source.to_string()),
            Self::Temperature => Some(cell.temperature.to_string()),
            Self::Pace => cell.paces.as_ref().map(|paces| paces.label.clone()),
        }
    }

    /// What its values are values of.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Link => "link",
            Self::Draft => "draft length",
            Self::Source => "drafter",
            Self::Temperature => "temperature",
            Self::Pace => "pace",
        }
    }

    /// What a row is called whose cells have no value.
    const fn nothing(self) -> &'static str {
        match self {
            Self::Link => "no link",
            Self::Draft | Self::Source => "no drafts",
            Self::Temperature => "no temperature",
            Self::Pace => "not paced",
        }
    }

    /// Its values in the order of the cells, each once.
    fn values(self, cells: &[FinishedCell]) -> Vec<String> {
        distinct(cells.iter().filter_map(|finished| self.value(&finished.cell)))
    }
}

impl<'a> Layout<'a> {
    /// Of `cells`.
    pub(super) fn of(cells: &'a [FinishedCell]) -> Self {
        let varying = AXES.into_iter().filter(|axis| axis.values(cells).len() > 1);
        let mut panels_axes: Vec<_> = varying.collect();
        let rows_axis = if panels_axes.is_empty() { Axis::Link } else { panels_axes.remove(0) };
        let values = |cell: &Cell| panels_axes.iter().map(|axis| axis.value(cell)).collect();
        let of_cells: Vec<Vec<_>> = cells.iter().map(|finished| values(&finished.cell)).collect();
        let complete = |values: &Vec<Option<String>>| values.iter().cloned().collect();
        let mut panels: Vec<Vec<String>> = distinct(of_cells.iter().filter_map(complete));
        let panels_possible = panels.len();
        panels.truncate(PANELS_MAX);
        let rows = distinct(cells.iter().map(|finished| row_of(rows_axis, &finished.cell)));
        let spot = |(finished, values): (&FinishedCell, &Vec<Option<String>>)| {
            let row = row_of(rows_axis, &finished.cell);
            let row = rows.iter().position(|found| *found == row).expect("every cell has a row");
            let fits = |panel: &Vec<String>| {
                values
                    .iter()
                    .zip(panel)
                    .all(|(own, wanted)| own.as_ref().is_none_or(|own| own == wanted))
            };
            let panels = (0..panels.len()).filter(|panel| fits(&panels[*panel])).collect();
            Spot { row, panels }
        };
        Self {
            cells,
            spots: cells.iter().zip(&of_cells).map(spot).collect(),
            rows_axis,
            modes: modes(cells),
            panels: panels.iter().map(|values| panel_title(&panels_axes, values)).collect(),
            panels_possible,
            rows,
            panels_axes,
        }
    }

    /// The runs of a panel, a row and a mode that succeeded.
    pub(super) fn runs(&self, panel: usize, row: usize, mode: CellMode) -> Vec<&'a Measured> {
        let there = |(finished, spot): &(&FinishedCell, &Spot)| {
            finished.cell.mode == mode && spot.row == row && spot.panels.contains(&panel)
        };
        let cells = self.cells.iter().zip(&self.spots).filter(there);
        cells.flat_map(|(finished, _)| finished.measured()).collect()
    }

    /// What a cell is called beside others: its link, its mode, and what else varies.
    pub(super) fn cell_title(&self, cell: &Cell) -> String {
        let mut parts: Vec<_> = Axis::Link.value(cell).into_iter().collect();
        parts.push(cell.mode.to_string());
        let others = [self.rows_axis].into_iter().chain(self.panels_axes.iter().copied());
        for axis in others.filter(|axis| *axis != Axis::Link) {
            parts.extend(axis.value(cell).map(|value| format!("{} {value}", axis.name())));
        }
        if self.cells.iter().any(|finished| finished.cell.prompt != cell.prompt) {
            parts.push(format!("prompt {}", cell.prompt.number));
        }
        parts.join(", ")
    }
}

fn panel_title(axes: &[Axis], values: &[String]) -> String {
    let pairs = axes.iter().zip(values).map(|(axis, value)| format!("{} {value}", axis.name()));
    pairs.collect::<Vec<_>>().join(", ")
}

fn row_of(axis: Axis, cell: &Cell) -> String {
    axis.value(cell).unwrap_or_else(|| axis.nothing().to_owned())
}

fn modes(cells: &[FinishedCell]) -> Vec<CellMode> {
    let mut modes: Vec<_> = cells.iter().map(|finished| finished.cell.mode).collect();
    modes.sort_unstable();
    modes.dedup();
    modes
}

/// Each value once, in the order in which they come.
fn distinct<T: PartialEq>(values: impl Iterator<Item = T>) -> Vec<T> {
    let mut seen = Vec::new();
    for value in values {
        if !seen.contains(&value) {
            seen.push(value);
        }
    }
    seen
}
