//! The figures of a report: which numbers go into which plot.

use super::ink::{self, Ink, Shape};
use super::layout::{Layout, PANELS_MAX};
use super::rows_plot::{Lane, Row, RowsPlot, swatch};
use super::scale::Scale;
use super::timeline::{Axes, end_ms, one_in};
use super::units::Unit;
use crate::experiment::axes::CellMode;
use crate::experiment::cell::Cell;
use crate::experiment::design::Experiment;
use crate::experiment::outcome::{Outcome, Standing};
use crate::experiment::statistics::{Statistics, inter_token_ms};
use crate::experiment::sweep::{FinishedCell, Measured};
use crate::percentile::percentile;
use serde::Serialize;

/// More timelines than this are nobody's reading.
const TIMELINES_MAX: usize = 24;

/// Between tokens of one verdict there is no time, which has no place among decades.
const ITL_MS_LEAST: f64 = 1.0;

/// A section of the report.
#[derive(Debug, Serialize)]
pub(super) struct Figure {
    title: String,
    about: String,
    legend: Vec<Key>,
    panels: Vec<Panel>,
}

/// A plot.
#[derive(Debug, Serialize)]
struct Panel {
    title: String,
    /// What is not in the plot.
    note: String,
    svg: String,
}

/// What a mark means.
#[derive(Debug, Serialize)]
struct Key {
    svg: String,
    text: String,
}

/// A number of each run that is shown as the median of runs, with the least and the greatest.
struct Shown {
    title: &'static str,
    about: &'static str,
    axis: String,
    unit: Unit,
    of: fn(&Statistics) -> Option<f64>,
}

/// All figures that there is anything to show in.
pub(super) fn figures(experiment: &Experiment, cells: &[FinishedCell]) -> Vec<Figure> {
    let layout = Layout::of(cells);
    let [rate, first, rest @ ..] = shown(experiment);
    let before = [of_statistic(&layout, &rate), of_itl(&layout), of_statistic(&layout, &first)];
    let after = rest.iter().map(|shown| of_statistic(&layout, shown));
    let mut figures: Vec<_> = before.into_iter().chain(after).flatten().collect();
    // What an experiment is about comes first.
    let place = if experiment.outages.is_empty() { figures.len() } else { 0 };
    figures.splice(place..place, timelines(&layout, cells));
    figures
}

fn shown(experiment: &Experiment) -> [Shown; 6] {
    let currency = experiment.prices.as_ref().map_or("", |prices| &prices.currency);
    [
        Shown {
            title: "Tokens a second",
            about: "Tokens of the reply over the time from the request to the last of them.",
            axis: "tokens/s".to_owned(),
            unit: Unit::Plain,
            of: |statistics| statistics.tokens_per_s,
        },
        Shown {
            title: "Time to the first token",
            about: "From the request until the first token is shown, whoever vouches for it.",
            axis: "TTFT".to_owned(),
            unit: Unit::Ms,
            of: |statistics| statistics.ttft_ms,
        },
        Shown {
            title: "The longest silence",
            about: "The longest time without a new token, the first one's included.",
            axis: "longest silence".to_owned(),
            unit: Unit::Ms,
            of: |statistics| statistics.gap_ms_max,
        },
        Shown {
            title: "Passes of the target",
            about: "Forward passes of the node that verifies, for 1,000 tokens of the reply.",
            axis: "passes for 1,000 tokens".to_owned(),
            unit: Unit::Plain,
            of: |statistics| statistics.target_passes_per_1000,
        },
        Shown {
            title: "Money",
            about: "What 1,000 tokens cost, by the prices above.",
            axis: format!("{currency} for 1,000 tokens"),
            unit: Unit::Plain,
            of: |statistics| statistics.money_per_1000,
        },
        Shown {
            title: "Bytes",
            about: "UDP payload for a token of the reply, both ways, retransmissions and \
                    acknowledgements included.",
            axis: "UDP payload for a token".to_owned(),
            unit: Unit::Bytes,
            of: |statistics| {
                Some(statistics.bytes_up_per_token? + statistics.bytes_down_per_token?)
            },
        },
    ]
}

fn of_statistic(layout: &Layout<'_>, shown: &Shown) -> Option<Figure> {
    let values = |runs: &[&Measured]| -> Vec<f64> {
        runs.iter().filter_map(|run| (shown.of)(&run.statistics)).collect()
    };
    let lane = |runs: &[&Measured], mode| {
        let values = values(runs);
        let value = percentile(&values, 0.5)?;
        let thin = (percentile(&values, 0.0)?, percentile(&values, 1.0)?);
        let (look, number) = (ink::of_mode(mode), shown.unit.say(value));
        Some(Lane { look, value, thin, thick: None, end: None, number })
    };
    let lanes = lanes(layout, lane);
    let all: Vec<f64> = each(&lanes).flat_map(|lane| [lane.thin.0, lane.thin.1]).collect();
    if all.is_empty() {
        return None;
    }
    let scale = Scale::fitting(&all, shown.unit);
    let about = format!("{}{}", shown.about, if_logarithmic(&scale));
    let plot = Plot { axis: &shown.axis, numbers: "median", scale: &scale };
    Some(figure(layout, shown.title, about, &plot, lanes))
}

fn of_itl(layout: &Layout<'_>) -> Option<Figure> {
    let lane = |runs: &[&Measured], mode| {
        let all = runs.iter().flat_map(|run| inter_token_ms(&run.outcome.tokens));
        let all: Vec<f64> = all.collect();
        let at = |share| percentile(&all, share);
        let (p50, p95, p99, max) = (at(0.5)?, at(0.95)?, at(0.99)?, at(1.0)?);
        let (look, number) = (ink::of_mode(mode), Unit::Ms.say(p99));
        let (thin, thick) = ((p50, p99), Some((p50, p95)));
        Some(Lane { look, value: p50, thin, thick, end: Some(max), number })
    };
    let lanes = lanes(layout, lane);
    let all: Vec<f64> =
        each(&lanes).flat_map(|lane| [Some(lane.value), lane.end]).flatten().collect();
    if all.is_empty() {
        return None;
    }
    let scale = Scale::decades(all.into_iter(), ITL_MS_LEAST, Unit::Ms);
    let about = "Times between two tokens, of all runs together: the mark is the median, the thick \
                 line ends at the 95th percentile, the thin one at the 99th, the stroke is the \
                 longest. Tokens of one verdict come together: what is below 1 ms stands at 1 ms. \
                 The axis is logarithmic.";
    let plot = Plot { axis: "time between tokens (ITL)", numbers: "p99", scale: &scale };
    Some(figure(layout, "Time between tokens", about.to_owned(), &plot, lanes))
}

/// What the panels of a figure have in common.
struct Plot<'a> {
    axis: &'a str,
    numbers: &'a str,
    scale: &'a Scale,
}

/// Of each panel and row.
type Lanes = Vec<Vec<Vec<Lane>>>;

fn lanes(layout: &Layout<'_>, lane: impl Fn(&[&Measured], CellMode) -> Option<Lane>) -> Lanes {
    let row = |panel, row| {
        let modes = layout.modes.iter();
        modes.filter_map(|mode| lane(&layout.runs(panel, row, *mode), *mode)).collect()
    };
    let panel = |panel| (0..layout.rows.len()).map(|at| row(panel, at)).collect();
    (0..layout.panels.len()).map(panel).collect()
}

fn each(lanes: &Lanes) -> impl Iterator<Item = &Lane> {
    lanes.iter().flatten().flatten()
}

fn figure(
    layout: &Layout<'_>,
    title: &str,
    mut about: String,
    plot: &Plot<'_>,
    lanes: Lanes,
) -> Figure {
    if layout.panels_possible > layout.panels.len() {
        let (most, all) = (PANELS_MAX, layout.panels_possible);
        about =
            format!("{about} Of {all} combinations the first {most} are drawn; the table has all.");
    }
    let panel = |(title, rows): (&String, Vec<Vec<Lane>>)| {
        let rows = layout.rows.iter().zip(rows).map(|(name, lanes)| Row { name, lanes }).collect();
        let Plot { axis, numbers, scale } = *plot;
        let plot = RowsPlot { axis, names: layout.rows_axis.name(), numbers, scale, rows };
        Panel { title: title.clone(), note: String::new(), svg: plot.draw() }
    };
    Figure {
        title: title.to_owned(),
        about,
        legend: layout
            .modes
            .iter()
            .map(|mode| key(ink::of_mode(*mode), mode.to_string()))
            .collect(),
        panels: layout.panels.iter().zip(lanes).map(panel).collect(),
    }
}

fn if_logarithmic(scale: &Scale) -> &'static str {
    if scale.is_logarithmic() { " The axis is logarithmic." } else { "" }
}

/// Of the first run of each cell that had an outage before its last token.
fn timelines(layout: &Layout<'_>, cells: &[FinishedCell]) -> Option<Figure> {
    let first_runs = cells.iter().filter_map(|finished| {
        let run = finished.measured().next()?;
        Some((&finished.cell, run))
    });
    let hit: Vec<_> = first_runs.filter(|(_, run)| is_hit(&run.outcome)).collect();
    let drawn = &hit[..hit.len().min(TIMELINES_MAX)];
    if drawn.is_empty() {
        return None;
    }
    let axes = Axes::over(drawn.iter().map(|(_, run)| &run.outcome));
    let panel = |(cell, run): &(&Cell, &Measured)| Panel {
        title: layout.cell_title(cell),
        note: in_short(&run.statistics, one_in(&run.outcome)),
        svg: axes.draw(&run.outcome),
    };
    let about = "Each mark is a token of the first run of a cell, at the time when it was shown. \
                 The link carries nothing where it is shaded.";
    let about = match hit.len() - drawn.len() {
        0 => about.to_owned(),
        left => format!("{about} {left} more such runs are in tokens.csv."),
    };
    Some(Figure {
        title: "Through outages".to_owned(),
        about,
        legend: vec![
            key(ink::of_standing(Standing::AtOnce), "the target vouched when it was shown"),
            key(ink::of_standing(Standing::Later), "the device said it, the target vouched later"),
            key(ink::JUDGED, "the time when it did"),
            key(ink::of_standing(Standing::Never), "the device said it, the target never vouched"),
        ],
        panels: drawn.iter().map(panel).collect(),
    })
}

fn is_hit(outcome: &Outcome) -> bool {
    outcome.outages.iter().any(|outage| outage.from_ms < end_ms(outcome))
}

/// What a reader had to bear.
fn in_short(statistics: &Statistics, one_in: usize) -> String {
    let Statistics { tokens, unverified, gap_ms_max, recovery_ms_max, .. } = statistics;
    let silence = gap_ms_max.map(|ms| format!("longest silence {}", Unit::Ms.say(ms)));
    let recovery = recovery_ms_max
        .map(|ms| format!("verified again {} after the link was back", Unit::Ms.say(ms)));
    let never = Some(format!("{unverified} of {tokens} tokens never verified"));
    let every = Some(one_in).filter(|one_in| *one_in > 1);
    let drawn = every.map(|one_in| format!("one token in {one_in} is drawn"));
    [silence, never, recovery, drawn].into_iter().flatten().collect::<Vec<_>>().join("; ")
}

fn key(look: (Ink, Shape), text: impl Into<String>) -> Key {
    Key { svg: swatch(look), text: text.into() }
}
