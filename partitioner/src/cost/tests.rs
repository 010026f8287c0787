//! Predictions whose numbers can be worked out by hand.

mod brought;
mod home;

use crate::testing::{name, range, three_tiers};
use crate::{Candidate, Costs, LocalChoice, Prediction, RequestedStage, Situation, Speculation};
use base::{DraftLength, WireCodec};

/// Milliseconds of a pass of the cloud in [`three_tiers`]: overhead, 24 layers, embedding, head.
fn cloud_pass(rows: f64, choices: f64) -> f64 {
    let head = if choices > 0.0 { 1.0 + choices * 0.25 } else { 0.0 };
    0.5 + 24.0 * (1.0 + rows * 0.1) + (0.05 + rows * 0.001) + head
}

#[test]
fn a_remote_target_costs_the_way_once_and_a_pass_a_token() {
    let found = predict(&three_tiers(), &remote());
    close(found.itl_ms, cloud_pass(1.0, 1.0));
    // 300 tokens are 256 and 44. 818 bytes up and 53 down at 20 Mbit/s.
    let prompt = cloud_pass(256.0, 0.0) + cloud_pass(44.0, 1.0);
    // Before that 50 up and 50 down, to open the session.
    close(found.ttft_ms, 2.0 * 60.0 + (818.0 + 53.0 + 100.0) * 8.0 / 20e3 + prompt);
    close(found.reply_ms, found.ttft_ms + 100.0 * found.itl_ms);
    assert_eq!(found.target_passes_per_token, 1.0);
    assert_eq!(found.cloud_passes, 102.0);
}

#[test]
fn money_is_time_and_bytes_and_energy_is_waiting() {
    let found = predict(&three_tiers(), &remote());
    // A thousandth of money a second; 5 for 10^9 bytes.
    let computes_s = (found.reply_ms - 120.0 - 971.0 * 8.0 / 20e3) / 1e3;
    let (prompt, token) = (
        found.prompt_bytes_up + found.prompt_bytes_down,
        found.token_bytes_up + found.token_bytes_down,
    );
    close(found.metered_bytes, prompt + 100.0 * token);
    close(found.money * 1e6, computes_s * 1e3 + found.metered_bytes * 5e-3);
    close(found.money_per_1000_tokens, found.money / 101.0 * 1e3);
    close(found.device_energy_j, found.reply_ms / 1e3 * 5.0);
    let busy = predict(&three_tiers(), &Candidate::Local { model: LocalChoice::Target });
    close(busy.device_energy_j, busy.reply_ms / 1e3 * 25.0);
}

#[test]
fn a_target_far_away_waits_for_leave_to_say_more() {
    let mut situation = three_tiers();
    situation.links[1].estimate.rtt_ms.mean = 1_600.0;
    let found = predict(&situation, &remote());
    // A renewal comes for each 16 tokens. 50 bytes up and 53 down at 20 Mbit/s.
    close(found.itl_ms, (1_600.0 + 103.0 * 8.0 / 20e3) / 16.0);
}

#[test]
fn rounds_take_drafts_a_round_trip_and_a_pass() {
    let speculation = Speculation::Rounds;
    let draft_length = DraftLength::Fixed(3);
    let candidate = Candidate::Speculative { target: name("cloud"), speculation, draft_length };
    let found = predict(&three_tiers(), &candidate);
    let draft = 1.0 + 4.0 * 2.2 + 0.101 + 2.5;
    let bytes = (4.0 * 3.0 + 50.0) * 2.0;
    let round = 3.0 * draft + 60.0 + bytes * 8.0 / 20e3 + cloud_pass(4.0, 4.0);
    close(found.itl_ms, round / (1.0 + 0.8 + 0.64 + 0.512));
}

#[test]
fn drafts_as_pay_are_as_many_as_are_fastest() {
    let of = |draft_length| {
        let speculation = Speculation::Rounds;
        let candidate = Candidate::Speculative { target: name("cloud"), speculation, draft_length };
        predict(&three_tiers(), &candidate).itl_ms
    };
    let fixed = (1..=16).map(|length| of(DraftLength::Fixed(length)));
    assert_eq!(of(DraftLength::Auto), fixed.fold(f64::INFINITY, f64::min));
}

#[test]
fn a_split_takes_each_stage_and_each_hop_and_the_way_back() {
    let found = predict(&three_tiers(), &split(0));
    let (car, site) = (2.0 + 4.0 * 4.4 + 0.201, 1.0 + 8.0 * 2.2);
    let cloud = 0.5 + 12.0 * 1.1 + 1.25;
    // A row of 1,024 values of 4 bytes, a token, a frame; and a verdict back.
    let (row, verdict) = ((4_096.0 + 3.0 + 50.0) * 8.0, 53.0 * 8.0);
    let hops = 4.0 + 30.0 + (row + verdict) / 200e3 + (row + verdict) / 500e3;
    close(found.itl_ms, car + site + cloud + hops);
}

#[test]
fn a_split_that_streams_takes_a_cycle_and_periods() {
    let found = predict(&three_tiers(), &split(2));
    let draft = 1.0 + 4.0 * 2.2 + 0.101 + 2.5;
    let car = 2.0 * draft + 2.0 + 4.0 * 5.2 + 0.203;
    let (site, cloud) = (1.0 + 8.0 * 2.6, 0.5 + 12.0 * 1.3 + 1.75);
    let (rows, verdict) = ((3.0 * 4_099.0 + 50.0) * 8.0, 59.0 * 8.0);
    let hops = 4.0 + 30.0 + (rows + verdict) / 200e3 + (rows + verdict) / 500e3;
    let cycle = car + site + cloud + hops;
    close(found.itl_ms, 0.2 * (cycle + car * 0.512 / (1.0 - 0.64)));
}

#[test]
fn a_thin_link_is_the_slowest_of_a_chain() {
    let mut situation = three_tiers();
    let wide = predict(&situation, &split(2));
    situation.links[2].estimate.up_mbps.mean = 1.0;
    let thin = predict(&situation, &split(2));
    let rows_ms = (3.0 * 4_099.0 + 50.0) * 8.0 / 1e3;
    let car = 2.0 * (1.0 + 4.0 * 2.2 + 0.101 + 2.5) + 2.0 + 4.0 * 5.2 + 0.203;
    let periods = (rows_ms - car) * 0.512 / 0.36;
    close(thin.itl_ms - wide.itl_ms, 0.2 * (rows_ms * (1.0 - 1.0 / 500.0) + periods));
}

#[test]
fn the_stage_that_decides_reads_no_draft_in_vain_and_others_do() {
    // Drafts of 2 that are right in 0.8: 14 ahead, 6 chunks behind the wrong one.
    let (judged, sent) = (1.0 / 1.8, 1.0 / 1.8 + 0.2 * 6.0);
    let mut situation = three_tiers();
    situation.nodes[1].profile.role = base::Role::Cloud;
    let found = predict(&situation, &split(2));
    close(found.target_passes_per_token, judged);
    close(found.cloud_passes, 4.0 + 100.0 * (judged + sent));
}

#[test]
fn a_busy_node_takes_longer_and_costs_the_same() {
    let mut situation = three_tiers();
    let free = predict(&situation, &remote());
    situation.nodes[2].profile.load = 0.5;
    let busy = predict(&situation, &remote());
    close(busy.itl_ms, 2.0 * free.itl_ms);
    close(busy.money * 1e6, free.money * 1e6);
    situation.nodes[2].profile.load = 1.0;
    close(predict(&situation, &remote()).itl_ms, 10.0 * free.itl_ms);
}

#[test]
fn what_is_unsure_of_links_is_unsure_of_times() {
    let mut situation = three_tiers();
    assert_eq!(predict(&situation, &remote()).ttft_deviation_ms, 0.0);
    situation.links[1].estimate.rtt_ms.deviation = 9.0;
    let found = predict(&situation, &remote());
    close(found.ttft_deviation_ms, 18.0);
    assert_eq!(found.itl_deviation_ms, 0.0);
    let draft_length = DraftLength::Fixed(1);
    let speculation = Speculation::Rounds;
    let rounds = Candidate::Speculative { target: name("cloud"), speculation, draft_length };
    close(predict(&situation, &rounds).itl_deviation_ms, 9.0 / 1.8);
}

#[test]
fn a_leaner_codec_is_never_worse_in_anything() {
    let mut situation = three_tiers();
    let exact = predict(&situation, &split(4));
    let all = (0..=24).map(|boundary| crate::Certificate {
        codec: WireCodec::Int8,
        boundary,
        bits: 8.5,
        kl: 0.0,
        top1: 1.0,
        perplexity_change: 0.0,
    });
    situation.certificates.measured = all.collect();
    let Candidate::Split { mut stages, speculation, draft_length } = split(4) else {
        panic!("a split")
    };
    stages[2].codec = WireCodec::Int8;
    let lean = predict(&situation, &Candidate::Split { stages, speculation, draft_length });
    let pairs = lean.criteria().values().into_iter().zip(exact.criteria().values());
    assert!(pairs.into_iter().all(|(lean, exact)| lean <= exact));
    assert!(lean.itl_ms < exact.itl_ms);
}

fn remote() -> Candidate {
    Candidate::Remote { target: name("cloud") }
}

fn split(drafts: u32) -> Candidate {
    let stage = |node, start, end| RequestedStage {
        node: name(node),
        layers: range(start, end),
        codec: WireCodec::F32,
    };
    let stages = vec![stage("car", 0, 4), stage("site", 4, 12), stage("cloud", 12, 24)];
    let draft_length = DraftLength::Fixed(drafts);
    Candidate::Split { stages, speculation: Speculation::Streaming, draft_length }
}

fn predict(situation: &Situation, candidate: &Candidate) -> Prediction {
    Costs::new(situation).unwrap().predict(candidate).unwrap()
}

/// Equal but for the rounding of times that are kept as `f32`.
fn close(found: f64, expected: f64) {
    assert!((found - expected).abs() <= 1e-5 * expected.abs(), "{found} in place of {expected}");
}

/// Goal: the target on a slow device begins sooner where the cloud reads the prompt too, at the price of the
/// bytes; a text that may not leave the site is read by the device alone.
#[test]
fn a_prompt_is_read_by_another_node_too_where_that_pays_and_is_allowed() {
    let candidate = Candidate::Local { model: LocalChoice::Target };
    let mut slow = three_tiers();
    slow.demand.prompt_tokens = 900;
    let pass = |situation: &Situation| {
        let device = &situation.nodes[0].profile;
        let target = device.target.as_ref().unwrap();
        target.times.whole_s(target.layers, 32.0, 0.0, 0.0)
    };
    let links = slow.links.clone();
    slow.links.clear();
    let alone = predict(&slow, &candidate);
    slow.links = links;
    let helped = predict(&slow, &candidate);
    assert_eq!((alone.metered_bytes, alone.cloud_passes), (0.0, 0.0));
    assert!(helped.ttft_ms < alone.ttft_ms / 1.5, "{} of {}", helped.ttft_ms, alone.ttft_ms);
    assert_eq!(helped.itl_ms, alone.itl_ms);
    // 28 blocks; what the device reads meanwhile does not come.
    let most = 28.0 * 32.0 * 24.0 * 1_024.0;
    let read_ms = pass(&slow) * 1e3 * 28.0;
    assert!(helped.prompt_bytes_down > most * 0.1 && helped.prompt_bytes_down < most);
    let share = 1.0 - helped.prompt_bytes_down / most;
    assert!((share * read_ms / helped.ttft_ms - 1.0).abs() < 0.1, "both are busy to the end");
    slow.demand.privacy = base::Privacy::Device;
    assert_eq!(predict(&slow, &candidate), alone);
}
