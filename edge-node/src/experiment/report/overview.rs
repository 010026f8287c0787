//! The words and the table of a report: what was not real, and every cell with its numbers.

use super::layout::{AXES, Axis};
use super::units::Unit;
use crate::experiment::axes::DraftSource;
use crate::experiment::design::{Clock, Experiment, Prices};
use crate::experiment::statistics::Statistics;
use crate::experiment::sweep::FinishedCell;
use crate::percentile::percentile;
use serde::Serialize;

/// What is said in a line, under a name.
#[derive(Debug, Serialize)]
pub(super) struct Fact {
    name: String,
    text: String,
}

impl Fact {
    fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self { name: name.into(), text: text.into() }
    }
}

/// All cells.
#[derive(Debug, Serialize)]
pub(super) struct Table {
    /// Columns that say which cell it is.
    names: Vec<&'static str>,
    /// Columns of numbers, each with its unit.
    numbers: Vec<&'static str>,
    rows: Vec<TableRow>,
}

#[derive(Debug, Serialize)]
struct TableRow {
    names: Vec<String>,
    numbers: Vec<String>,
    id: String,
}

/// Runs that gave nothing, and why.
#[derive(Debug, Serialize)]
pub(super) struct Failure {
    cell: String,
    repetition: u32,
    why: String,
}

/// A column of medians of runs.
struct Column {
    name: &'static str,
    unit: Unit,
    of: fn(&Statistics) -> Option<f64>,
}

/// What was emulated, and how. There is always a line about time and one about speed.
pub(super) fn emulated(experiment: &Experiment) -> Vec<Fact> {
    let axes = &experiment.axes;
    let mut facts = vec![Fact::new("Time", clock(experiment.clock))];
    if axes.paces.is_empty() {
        facts.push(Fact::new("Speed", "this machine's own: passes are not slowed down."));
    }
    facts.extend(axes.paces.iter().map(|paces| {
        let text = format!("emulated: a pass takes at least so long: {}.", paces.in_words());
        Fact::new(format!("Pace “{}”", paces.label), text)
    }));
    facts.extend(axes.links.iter().map(|link| {
        let text = format!("emulated: {}.", link.emulation.about());
        Fact::new(format!("Link “{}”", link.label), text)
    }));
    facts.extend(experiment.outages.iter().map(|outage| {
        let [at, length] = [outage.at_ms, outage.for_ms].map(|ms| Unit::Ms.say_tick(ms as f64));
        let text = format!("emulated: every link is cut {at} after the request, for {length}.");
        Fact::new("Outage", text)
    }));
    if axes.sources.iter().any(|source| matches!(source, DraftSource::Forced { .. })) {
        facts.push(Fact::new("Drafter “accept A”", TEST_DRAFTER));
    }
    facts
}

const TEST_DRAFTER: &str = "a test: it knows the target's choices, and errs so that a share A of \
                            its tokens is accepted. No model drafts like it.";

const fn clock(clock: Clock) -> &'static str {
    match clock {
        Clock::Virtual => {
            "virtual: nothing but emulated passes and links takes time. These are not the speeds \
             of the machine that ran it."
        }
        Clock::Real => "real, of the machine that ran it.",
    }
}

/// What else was set.
pub(super) fn settings(
    experiment: &Experiment,
    versions: &str,
    cells: &[FinishedCell],
) -> Vec<Fact> {
    let models = match &experiment.models {
        None => "the demo pair".to_owned(),
        Some(pair) => format!("draft {}, target {}", pair.draft.display(), pair.target.display()),
    };
    let runs: usize = cells.iter().map(|finished| finished.runs.len()).sum();
    let mut facts = vec![
        Fact::new(
            "Runs",
            format!("{runs}, of {} cells, up to {} tokens each", cells.len(), experiment.tokens),
        ),
        Fact::new("Models", models),
        Fact::new("Seed", experiment.seed.to_string()),
        Fact::new("Program", versions.to_owned()),
    ];
    for axis in AXES {
        let mut values = cells.iter().filter_map(|finished| axis.value(&finished.cell));
        if let Some(only) = values.next().filter(|first| values.all(|value| value == *first)) {
            facts.push(Fact::new(capitalized(axis.name()), format!("{only}, everywhere")));
        }
    }
    facts.extend(experiment.prices.as_ref().map(|prices| Fact::new("Prices", price_list(prices))));
    let prompts = experiment.axes.prompts.iter();
    facts.extend(
        prompts.map(|prompt| Fact::new(format!("Prompt {}", prompt.number), prompt.text.clone())),
    );
    facts
}

fn price_list(prices: &Prices) -> String {
    let Prices { currency, target_compute_hour, gigabyte, device_joule } = prices;
    let parts = [
        target_compute_hour
            .map(|price| format!("{price} {currency} for an hour in which the target computes")),
        gigabyte.map(|price| format!("{price} {currency} for 10⁹ bytes of UDP payload")),
        device_joule.map(|price| {
            format!("{price} {currency} for a joule at the device, where it was measured")
        }),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join("; ")
}

/// A row for each cell. Axes on which all cells are alike have no column.
pub(super) fn table(experiment: &Experiment, cells: &[FinishedCell]) -> Table {
    let alike = |axis: &Axis| {
        let mut values = cells.iter().map(|finished| axis.value(&finished.cell));
        let first = values.next();
        values.all(|value| Some(value) == first)
    };
    let axes: Vec<_> = AXES.into_iter().filter(|axis| !alike(axis)).collect();
    let prompts = experiment.axes.prompts.len() > 1;
    let columns = columns(experiment);
    let row = |finished: &FinishedCell| {
        let cell = &finished.cell;
        let value = |axis: &Axis| axis.value(cell).unwrap_or_else(|| "–".to_owned());
        let mut names: Vec<_> = axes.iter().map(value).collect();
        names.insert(names.len().min(1), cell.mode.to_string());
        names.extend(prompts.then(|| cell.prompt.number.to_string()));
        let numbers = columns.iter().map(|column| column.of(finished)).collect();
        TableRow { names, numbers, id: cell.id.clone() }
    };
    let mut names: Vec<_> = axes.iter().map(|axis| axis.name()).collect();
    names.insert(names.len().min(1), "mode");
    names.extend(prompts.then_some("prompt"));
    Table {
        names,
        numbers: columns.iter().map(|column| column.name).collect(),
        rows: cells.iter().map(row).collect(),
    }
}

fn columns(experiment: &Experiment) -> Vec<Column> {
    const fn column(name: &'static str, unit: Unit, of: fn(&Statistics) -> Option<f64>) -> Column {
        Column { name, unit, of }
    }
    let mut columns = vec![
        column("tokens", Unit::Plain, |s| Some(s.tokens as f64)),
        column("unverified", Unit::Plain, |s| Some(s.unverified as f64)),
        column("tokens/s", Unit::Plain, |s| s.tokens_per_s),
        column("time / token", Unit::Ms, |s| s.ms_per_token),
        column("TTFT", Unit::Ms, |s| s.ttft_ms),
        column("ITL p50", Unit::Ms, |s| s.itl_ms_p50),
        column("ITL p95", Unit::Ms, |s| s.itl_ms_p95),
        column("ITL p99", Unit::Ms, |s| s.itl_ms_p99),
        column("longest silence", Unit::Ms, |s| s.gap_ms_max),
        column("recovery", Unit::Ms, |s| s.recovery_ms_max),
        column("accepted %", Unit::Plain, |s| s.accepted_share.map(|share| 100.0 * share)),
        column("passes / 1,000", Unit::Plain, |s| s.target_passes_per_1000),
        column("up / token", Unit::Bytes, |s| s.bytes_up_per_token),
        column("down / token", Unit::Bytes, |s| s.bytes_down_per_token),
    ];
    if experiment.prices.is_some() {
        columns.push(column("money / 1,000", Unit::Plain, |s| s.money_per_1000));
    }
    columns
}

impl Column {
    fn of(&self, finished: &FinishedCell) -> String {
        let values = finished.measured().filter_map(|run| (self.of)(&run.statistics));
        let median = percentile(&values.collect::<Vec<_>>(), 0.5);
        median.map_or_else(|| "–".to_owned(), |median| self.unit.say(median))
    }
}

/// Every run that failed.
pub(super) fn failures(cells: &[FinishedCell]) -> Vec<Failure> {
    let mut failures = Vec::new();
    for finished in cells {
        for run in &finished.runs {
            if let Err(why) = &run.result {
                let (cell, why) = (finished.cell.id.clone(), why.clone());
                failures.push(Failure { cell, repetition: run.repetition, why });
            }
        }
    }
    failures
}

fn capitalized(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}
