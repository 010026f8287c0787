//! A device's reading for a person. What is not known is left out or shown as a dash.

use super::reading::{Happened, Link, Model, Reading, Requests, Stage, Totals};
use base::ByteCount;
use std::fmt::{Display, Write as _};

/// How much of what happened lately is shown.
const HAPPENED_MAX: usize = 5;

/// Some lines, of which the first says whether the device answers; `now_ms` are milliseconds since the beginning
/// of 1970.
pub(super) fn words(reading: &Reading, now_ms: u64) -> String {
    let mut lines = vec![("device", first(reading))];
    let models = reading.models.clone().unwrap_or_default();
    lines.extend(models.target.as_ref().map(|target| ("target", model(target))));
    lines.extend(models.draft.as_ref().map(|draft| ("draft", model(draft))));
    lines.push(("plan", plan(reading)));
    lines.extend(reading.links.iter().flatten().map(|of| ("link", link(of))));
    lines.extend(reading.requests.as_ref().map(|of| ("requests", requests(of))));
    if let Some(totals) = &reading.totals {
        lines.extend([("tokens", tokens(totals)), ("cost", cost(totals))]);
    }
    let happened = reading.timeline.as_deref().unwrap_or_default();
    let lately = &happened[happened.len().saturating_sub(HAPPENED_MAX)..];
    lines.extend(lately.iter().map(|of| ("lately", lately_words(of, now_ms))));
    let mut text = String::new();
    for (name, what) in lines {
        writeln!(text, "{name:<10}{}", tame(&what))
            .expect("a string takes all that is written to it");
    }
    text
}

fn first(reading: &Reading) -> String {
    let loading = reading.loading.as_ref().map(|loading| {
        let step = known(loading.step.as_ref());
        format!("loads {step}, {} of {}", known(loading.done), known(loading.of))
    });
    let state = match (reading.ready, loading, &reading.failed) {
        (_, _, Some(why)) => format!("cannot start: {why}"),
        (_, Some(loading), None) => loading,
        (Some(true), None, None) => "ready".to_owned(),
        (Some(false), None, None) => "not ready".to_owned(),
        (None, None, None) => "-".to_owned(),
    };
    let (node, version) = (known(reading.node.as_ref()), known(reading.version.as_ref()));
    format!("{node}, version {version}, up for {}: {state}", decimals(reading.uptime_s, 0, " s"))
}

fn model(model: &Model) -> String {
    let Model { id, layers, bytes: size } = model;
    format!("{}, {} layers, {}", known(id.as_ref()), known(*layers), bytes(*size))
}

fn plan(reading: &Reading) -> String {
    let plan = reading.plan.clone().unwrap_or_default();
    let stages: Vec<_> = plan.stages.iter().flatten().map(stage).collect();
    let text = format!("mode {}: {}", known(reading.mode.as_ref()), known(plan.text.as_ref()));
    match stages.is_empty() {
        true => text,
        false => format!("{text}; {} of {} layers", stages.join(", "), known(reading.layers)),
    }
}

fn stage(stage: &Stage) -> String {
    let [first, end] =
        stage.layers.map_or_else(Default::default, |of| of.map(|layer| layer.to_string()));
    let head = if stage.head == Some(true) { " and the head" } else { "" };
    let codec = stage.codec.as_ref().map_or_else(String::new, |codec| format!(" by {codec}"));
    format!("{} runs {first} to {end}{head}{codec}", known(stage.node.as_ref()))
}

fn link(link: &Link) -> String {
    let why = link.why.as_ref().map_or_else(String::new, |why| format!(" ({why})"));
    let cut = if link.cut == Some(true) { ", cut" } else { "" };
    let emulated = link.emulated.as_ref().map_or_else(String::new, |of| format!(", emulates {of}"));
    format!(
        "{} {} at {} is {}{why}{cut}{emulated}; RTT {}, {} lost, {} sent, {} received",
        known(link.role.as_ref()),
        known(link.peer.as_ref()),
        known(link.address.as_ref()),
        known(link.state.as_ref()),
        decimals(link.rtt_ms, 1, " ms"),
        decimals(link.loss.map(|loss| loss * 100.0), 1, " %"),
        bytes(link.bytes_sent),
        bytes(link.bytes_received)
    )
}

fn requests(requests: &Requests) -> String {
    format!(
        "{} of {} running, {} of {} queued; {} served, {} refused, {} failed, {} cancelled so far",
        known(requests.running),
        known(requests.streams_max),
        known(requests.queued),
        known(requests.queue_max),
        known(requests.served),
        known(requests.refused),
        known(requests.failed),
        known(requests.cancelled)
    )
}

fn tokens(totals: &Totals) -> String {
    format!(
        "{} said, {} verified; {} drafted, {} accepted; the target was lost {} times",
        known(totals.tokens),
        known(totals.verified),
        known(totals.drafted),
        known(totals.accepted),
        known(totals.failovers)
    )
}

fn cost(totals: &Totals) -> String {
    format!(
        "{} sent, {} received, money {}, energy {}",
        bytes(totals.bytes_sent),
        bytes(totals.bytes_received),
        decimals(totals.money, 4, ""),
        decimals(totals.energy_j, 1, " J")
    )
}

fn lately_words(happened: &Happened, now_ms: u64) -> String {
    let age = happened.at_ms.map(|at_ms| age(now_ms.saturating_sub(at_ms)));
    let (kind, text) = (known(happened.kind.as_ref()), known(happened.text.as_ref()));
    format!("{} {kind}: {text}", known(age))
}

/// How long ago it is, in the unit that matters. What a clock that goes ahead says is now.
fn age(ms: u64) -> String {
    let seconds = ms / 1_000;
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s ago"),
        (0, 0, _) => format!("{minutes} min ago"),
        (0, _, _) => format!("{hours} h ago"),
        (_, _, _) => format!("{days} d ago"),
    }
}

fn known<T: Display>(value: Option<T>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

fn decimals(value: Option<f64>, places: usize, unit: &str) -> String {
    known(value.map(|value| format!("{value:.places$}{unit}")))
}

fn bytes(bytes: Option<u64>) -> String {
    known(bytes.map(ByteCount))
}

/// Without what a terminal would act on: it came over a network.
fn tame(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
