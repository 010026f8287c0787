//! Totals and a snapshot as metrics. docs/METRICS.md is made of what stands here.

use super::snapshot::{LinkSnapshot, LinkState, Snapshot};
use super::totals::{Outcome, Refusal, Totals};
use routing::Route;
use telemetry::{Histogram, Labels, Page};

/// Counts that a float of 53 bits holds exactly for longer than any device runs.
#[expect(clippy::cast_precision_loss, reason = "exact up to 2^53")]
const fn count(count: u64) -> f64 {
    count as f64
}

fn by(label: &'static str, value: &str) -> Labels {
    vec![(label, value.to_owned())]
}

/// Everything that Prometheus reads of a device.
pub(super) fn page(
    totals: &Totals,
    now: &Snapshot,
    (first_token, between_tokens): (&Histogram, &Histogram),
) -> Page {
    let mut page = Page::default();
    device(&mut page, now);
    requests(&mut page, totals, now);
    page.histogram(
        "causeway_first_token_seconds",
        "From a request to the first token of its reply",
        first_token,
    );
    page.histogram(
        "causeway_between_tokens_seconds",
        "From a token to the next; those of one verdict come together",
        between_tokens,
    );
    tokens(&mut page, totals);
    costs(&mut page, totals);
    links(&mut page, &now.links);
    page
}

fn device(page: &mut Page, now: &Snapshot) {
    let about = vec![("node", now.node.clone()), ("version", env!("CARGO_PKG_VERSION").to_owned())];
    page.gauges("causeway_device_info", "Which device this is; 1", [(about, 1.0)]);
    page.gauge("causeway_device_uptime_seconds", "Since the device started", now.uptime_s);
    let ready = u8::from(now.ready).into();
    page.gauge("causeway_device_ready", "1 where a request would be taken now, else 0", ready);
}

fn requests(page: &mut Page, totals: &Totals, now: &Snapshot) {
    let each =
        Route::ALL.into_iter().flat_map(|route| Outcome::ALL.map(|outcome| (route, outcome)));
    page.counters(
        "causeway_requests",
        "Requests that ended, by the route that they took and how they ended",
        each.filter_map(|of| {
            let (route, outcome) = of;
            let labels =
                vec![("route", route.to_string()), ("outcome", outcome.as_str().to_owned())];
            Some((labels, count(*totals.ended.get(&of)?)))
        }),
    );
    let refused = |why: Refusal| totals.refused.get(&why).copied().unwrap_or_default();
    page.counters(
        "causeway_requests_refused",
        "Requests that were not taken, by reason",
        Refusal::ALL.map(|why| (by("reason", why.as_str()), count(refused(why)))),
    );
    for (name, help, requests) in [
        ("causeway_requests_running", "Requests that are being answered", now.running),
        ("causeway_requests_queued", "Requests that wait for their turn", now.queued),
        ("causeway_requests_running_max", "The most that are answered at once", now.streams_max),
        ("causeway_requests_queued_max", "The most that wait", now.queue_max),
    ] {
        page.gauge(name, help, count(requests as u64));
    }
}

fn tokens(page: &mut Page, totals: &Totals) {
    page.counter("causeway_prompt_tokens", "Tokens of prompts", count(totals.prompt_tokens));
    page.counters(
        "causeway_reply_tokens",
        "Tokens of replies, and whether the target vouches for them",
        [("true", totals.verified), ("false", totals.unverified)]
            .map(|(verified, tokens)| (by("verified", verified), count(tokens))),
    );
    page.counters(
        "causeway_draft_tokens",
        "Tokens that were sent to the target as drafts, and whether it would have said them itself",
        [("true", totals.accepted), ("false", totals.drafted.saturating_sub(totals.accepted))]
            .map(|(accepted, tokens)| (by("accepted", accepted), count(tokens))),
    );
    page.counters(
        "causeway_alone_tokens",
        "Tokens that were said without the target, and what it said of them later: agreed, disagreed, \
         or that they are taken back",
        [
            ("agreed", totals.agreed),
            ("disagreed", totals.judged.saturating_sub(totals.agreed)),
            ("revised", totals.revised),
        ]
        .map(|(verdict, tokens)| (by("verdict", verdict), count(tokens))),
    );
    page.counter(
        "causeway_target_passes",
        "Forward passes of the target for this device",
        count(totals.target_passes),
    );
    page.counter(
        "causeway_failovers",
        "Times that the target was lost in mid-reply",
        count(totals.failovers),
    );
}

fn costs(page: &mut Page, totals: &Totals) {
    page.counter(
        "causeway_money",
        "What replies cost, in the currency of all prices of the configuration",
        totals.money,
    );
    page.counter(
        "causeway_energy_joules",
        "What the device drew for replies, where `[profile] power` says what it draws",
        totals.energy_j,
    );
}

fn links(page: &mut Page, links: &[LinkSnapshot]) {
    let each = |value: fn(&LinkSnapshot) -> f64| {
        links.iter().map(move |link| (of(link), value(link))).collect::<Vec<_>>()
    };
    page.gauges(
        "causeway_uplink_up",
        "1 while sessions can be opened at the peer, else 0",
        each(|link| u8::from(link.state == LinkState::Up).into()),
    );
    page.gauges(
        "causeway_uplink_rtt_seconds",
        "Round trip to the peer, as it is to be expected",
        each(|link| link.rtt_ms / 1e3),
    );
    page.gauges(
        "causeway_uplink_loss_ratio",
        "Share of packets to the peer that are lost",
        each(|link| link.loss),
    );
    page.counters(
        "causeway_uplink_bytes",
        "UDP payload that crossed links to the peer, with what QUIC adds, by its way from the device",
        links.iter().flat_map(|link| ways(link, link.traffic.udp)),
    );
    page.counters(
        "causeway_uplink_frame_bytes",
        "Frames of the protocol that crossed links to the peer, by their way from the device",
        links.iter().flat_map(|link| ways(link, link.traffic.frames)),
    );
}

fn of(link: &LinkSnapshot) -> Labels {
    vec![("peer", link.peer.clone()), ("role", link.role.to_string())]
}

fn ways(link: &LinkSnapshot, flow: transport::Flow) -> [(Labels, f64); 2] {
    [("sent", flow.sent), ("received", flow.received)].map(|(way, bytes)| {
        let mut labels = of(link);
        labels.push(("way", way.to_owned()));
        (labels, count(bytes.0))
    })
}
