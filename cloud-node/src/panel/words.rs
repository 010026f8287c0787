//! A reading for a person.

use super::reading::{LinkReading, Reading, UpstreamReading};
use base::ByteCount;
use std::fmt::Write as _;

/// Some lines, of which the first says whether the node serves.
pub(super) fn words(reading: &Reading) -> String {
    let mut text = String::new();
    let mut line = |name: &str, what: String| {
        writeln!(text, "{name:<10}{what}").expect("a string takes all that is written to it");
    };
    let Reading { node, role, version, sessions, kv, engine, model, segments, .. } = reading;
    let state = match &reading.why {
        None => "ready".to_owned(),
        Some(why) => format!("not ready: {why}"),
    };
    line(role, format!("{node}, version {version}, up for {}: {state}", span(reading.uptime_s)));
    let [first, end] = model.holds;
    line("model", format!("{}, layers {first} to {end} of {}", model.name, model.layers));
    let refused: u64 = sessions.refused.values().sum();
    line(
        "sessions",
        format!(
            "{} served, {} wait for their device, {} at most; {} admitted, {refused} refused so far",
            sessions.served, sessions.orphans, sessions.max, sessions.admitted
        ),
    );
    line(
        "KV",
        format!(
            "{} used, {} reserved, of {}; {} rows computed, {} found",
            ByteCount(kv.used_bytes),
            ByteCount(kv.reserved_bytes),
            ByteCount(kv.bound_bytes),
            kv.rows_run,
            kv.rows_found
        ),
    );
    line(
        "engine",
        format!(
            "{:.1} passes/s, load {:.0} %, {} jobs wait or run",
            engine.passes_per_s,
            engine.load * 100.0,
            engine.jobs
        ),
    );
    line("segments", format!("{} given, {} taken", segments.given, segments.taken));
    for link in &reading.links {
        line("link", from_below(link));
    }
    if let Some(above) = &reading.upstream {
        line("upstream", to_above(above));
    }
    text
}

fn from_below(link: &LinkReading) -> String {
    let LinkReading { role, name, address, rtt_ms, .. } = link;
    let (sent, received) = (ByteCount(link.bytes_sent), ByteCount(link.bytes_received));
    let since = span(link.since_s);
    format!(
        "{role} {name} at {address} for {since}: RTT {rtt_ms:.1} ms, {sent} sent, {received} received"
    )
}

fn to_above(above: &UpstreamReading) -> String {
    let UpstreamReading { name, address, state, why, rtt_ms, loss, traffic, .. } = above;
    let (sent, received) = (ByteCount(traffic.bytes_sent), ByteCount(traffic.bytes_received));
    let why = why.as_ref().map_or_else(String::new, |why| format!(": {why}"));
    let loss = loss * 100.0;
    format!(
        "{name} at {address} is {state}{why}; RTT {rtt_ms:.1} ms, {loss:.1} % lost, {sent} sent, {received} received"
    )
}

/// So long, in the two units that matter.
fn span(seconds: f64) -> String {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a float saturates"
    )]
    let seconds = seconds as u64;
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min {} s", seconds % 60),
        (0, _, _) => format!("{hours} h {} min", minutes % 60),
        (_, _, _) => format!("{days} d {} h", hours % 24),
    }
}
