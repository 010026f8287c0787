//! What a device's metrics say of its requests and its links.

use super::{LinkSnapshot, LinkState, Metrics, Outcome, Refusal, Snapshot};
use crate::reply::{Reply, Usage};
use base::{ByteCount, Role};
use routing::Route;
use std::time::Duration;
use transport::{Flow, Traffic};

fn reply(finish_reason: &'static str) -> Reply {
    Reply {
        text: "nobody may read this".to_owned(),
        tokens: vec![4711, 4712, 4713],
        verified: vec![true, true, false],
        finish_reason,
        plan: "speculative with cloud".to_owned(),
        stays: false,
        switches: Vec::new(),
        paced: false,
        emulated_link: None,
        usage: Usage {
            prompt_tokens: 20,
            completion_tokens: 3,
            drafted: 8,
            accepted: 5,
            judged: 4,
            agreed: 3,
            revised: 1,
            failovers: 1,
            money: 0.5,
            energy_j: Some(1.5),
            target_passes: 2,
            ttft_ms: Some(40.0),
            latencies: vec![Duration::from_millis(2), Duration::from_millis(200)],
            ..Usage::default()
        },
    }
}

fn now() -> Snapshot {
    let flow = |sent, received| Flow { sent: ByteCount(sent), received: ByteCount(received) };
    let link = LinkSnapshot {
        peer: "cloud".to_owned(),
        role: Role::Cloud,
        address: "10.0.0.1:7443".to_owned(),
        state: LinkState::Down,
        why: Some("no answer".to_owned()),
        rtt_ms: 50.0,
        loss: 0.25,
        mbps: (10.0, 20.0),
        load: None,
        traffic: Traffic { frames: flow(100, 200), udp: flow(150, 250) },
    };
    Snapshot {
        node: "car".to_owned(),
        uptime_s: 12.0,
        ready: true,
        running: 1,
        queued: 2,
        streams_max: 4,
        queue_max: 16,
        links: vec![link],
    }
}

fn answered(metrics: &Metrics, route: Route, reply: &Reply) {
    metrics.answered(route, Outcome::of(reply), &[reply]);
}

fn sample() -> Metrics {
    let metrics = Metrics::new();
    answered(&metrics, Route::Hybrid, &reply("stop"));
    answered(&metrics, Route::Local, &reply("length"));
    answered(&metrics, Route::Local, &reply("cancelled"));
    metrics.ended(Route::Action, Outcome::Done);
    metrics.ended(Route::Deferred, Outcome::Deferred);
    metrics.ended(Route::Hybrid, Outcome::Failed);
    metrics.refused(Refusal::QueueFull);
    metrics
}

#[test]
fn the_document_says_what_the_code_says_of_each_metric() {
    let document = include_str!("../../../docs/METRICS.md");
    let section = document.split("\n## ").find(|section| section.starts_with("Device\n"));
    let table = telemetry::table(&sample().page(&now()));
    let says =
        section.is_some_and(|section| section.ends_with(&format!("|---|---|---|---|\n{table}")));
    assert!(says, "docs/METRICS.md, \"Device\", is to end with\n{table}");
}

#[test]
fn each_request_is_counted_once_and_by_what_became_of_it() {
    let page = sample().page(&now());
    for line in [
        "causeway_requests_total{route=\"hybrid\",outcome=\"done\"} 1.0",
        "causeway_requests_total{route=\"local\",outcome=\"length\"} 1.0",
        "causeway_requests_total{route=\"local\",outcome=\"cancelled\"} 1.0",
        "causeway_requests_total{route=\"action\",outcome=\"done\"} 1.0",
        "causeway_requests_total{route=\"deferred\",outcome=\"deferred\"} 1.0",
        "causeway_requests_total{route=\"hybrid\",outcome=\"failed\"} 1.0",
        "causeway_requests_refused_total{reason=\"queue_full\"} 1.0",
        "causeway_requests_refused_total{reason=\"draining\"} 0.0",
        "causeway_requests_queued 2.0",
        "causeway_reply_tokens_total{verified=\"true\"} 6.0",
        "causeway_reply_tokens_total{verified=\"false\"} 3.0",
        "causeway_draft_tokens_total{accepted=\"false\"} 9.0",
        "causeway_alone_tokens_total{verdict=\"disagreed\"} 3.0",
        "causeway_alone_tokens_total{verdict=\"revised\"} 3.0",
        "causeway_failovers_total 3.0",
        "causeway_money_total 1.5",
        "causeway_energy_joules_total 4.5",
        "causeway_first_token_seconds_bucket{le=\"0.05\"} 3",
        "causeway_between_tokens_seconds_bucket{le=\"0.1\"} 3",
        "causeway_between_tokens_seconds_count 6",
    ] {
        assert!(page.lines().any(|found| found == line), "no {line} in\n{page}");
    }
    assert_eq!(sample().totals().served(), 4);
}

#[test]
fn several_replies_to_one_prompt_are_one_request() {
    let metrics = Metrics::new();
    let (first, second) = (reply("stop"), reply("length"));
    metrics.answered(Route::Local, Outcome::Length, &[&first, &second]);
    let page = metrics.page(&now());
    for line in [
        "causeway_requests_total{route=\"local\",outcome=\"length\"} 1.0",
        "causeway_prompt_tokens_total 20.0",
        "causeway_reply_tokens_total{verified=\"true\"} 4.0",
        "causeway_first_token_seconds_count 1",
        "causeway_between_tokens_seconds_count 4",
    ] {
        assert!(page.lines().any(|found| found == line), "no {line} in\n{page}");
    }
    assert_eq!(metrics.totals().served(), 1);
}

#[test]
fn a_link_says_whose_it_is_and_how_it_stands() {
    let page = sample().page(&now());
    for line in [
        "causeway_uplink_up{peer=\"cloud\",role=\"cloud\"} 0.0",
        "causeway_uplink_rtt_seconds{peer=\"cloud\",role=\"cloud\"} 0.05",
        "causeway_uplink_loss_ratio{peer=\"cloud\",role=\"cloud\"} 0.25",
        "causeway_uplink_bytes_total{peer=\"cloud\",role=\"cloud\",way=\"sent\"} 150.0",
        "causeway_uplink_frame_bytes_total{peer=\"cloud\",role=\"cloud\",way=\"received\"} 200.0",
    ] {
        assert!(page.lines().any(|found| found == line), "no {line} in\n{page}");
    }
}

#[test]
fn nothing_that_was_said_is_in_a_metric() {
    let page = sample().page(&now());
    assert!(!page.contains("nobody") && !page.contains("4711"), "{page}");
}
