//! Chains that turn behind the last layer, and rows that come home to a head.

use super::{close, predict};
use crate::testing::{MIB, name, range, three_tiers};
use crate::{Candidate, Costs, Obstacle, RequestedStage, Situation, Speculation};
use base::{ByteCount, DraftLength, Privacy, WireCodec};

/// Bytes of a frame, of a token, and of a row of 1,024 values of 4 bytes.
const FRAME: f64 = 50.0;
const TOKEN: f64 = 3.0;
const ROW: f64 = 4_096.0;

/// Milliseconds of a head alone: a pass of nothing, and logits.
fn head(overhead: f64, layer: f64, choices: f64) -> f64 {
    overhead + layer * (1.0 + choices / 4.0)
}

#[test]
fn rows_come_down_to_a_head_on_the_device_and_nobody_waits_for_the_verdict() {
    let found = predict(&three_tiers(), &chain(&[("car", 0, 4), ("cloud", 4, 24)], "car", 0));
    let (car, cloud) = (2.0 + 4.0 * 4.4 + 0.201, 0.5 + 20.0 * 1.1);
    let rows = (ROW + TOKEN + FRAME) * 8.0 / 20e3;
    close(found.itl_ms, car + 60.0 + 2.0 * rows + cloud + head(2.0, 4.0, 1.0));
    // A token's verdict goes up as well.
    close(found.token_bytes_up, ROW + 2.0 * (TOKEN + FRAME));
    close(found.token_bytes_down, ROW + TOKEN + FRAME);
}

/// Goal: of a prompt one row comes back, and the head runs for that one alone.
#[test]
fn of_a_prompt_one_row_comes_home() {
    let found = predict(&three_tiers(), &chain(&[("car", 0, 4), ("cloud", 4, 24)], "car", 0));
    close(found.prompt_bytes_down, FRAME + 2.0 * FRAME + 300.0 * TOKEN + ROW);
    assert_eq!(found.cloud_passes, 2.0 + 100.0);
    let above = predict(&three_tiers(), &split(&[("car", 0, 4), ("cloud", 4, 24)], 0));
    let (up_row, down_row) = (TOKEN + FRAME, 44.0 * TOKEN + ROW + FRAME);
    let heads = head(2.0, 4.0, 1.0) - 1.25;
    close(found.ttft_ms - above.ttft_ms, heads + (down_row - up_row) * 8.0 / 20e3);
}

#[test]
fn a_gateway_with_the_head_says_the_word_and_the_device_gets_verdicts() {
    let stages = [("car", 0, 4), ("site", 4, 12), ("cloud", 12, 24)];
    let found = predict(&three_tiers(), &chain(&stages, "site", 0));
    let above = predict(&three_tiers(), &split(&stages, 0));
    let heads = head(1.0, 2.0, 1.0) - 1.25;
    close(found.itl_ms - above.itl_ms, heads + ROW * 8.0 / 500e3);
    let device = predict(&three_tiers(), &chain(&stages, "car", 0));
    let heads = head(2.0, 4.0, 1.0) - 1.25;
    close(device.itl_ms - above.itl_ms, heads + ROW * 8.0 / 500e3 + ROW * 8.0 / 200e3);
}

/// Goal: drafts that stream are as fast as the slowest, and a node with layers and head is slow with both.
#[test]
fn layers_and_head_on_one_node_are_one_place_to_wait_at() {
    let stages = [("car", 0, 4), ("cloud", 4, 24)];
    let found = predict(&three_tiers(), &chain(&stages, "car", 2));
    let draft = 1.0 + 4.0 * 2.2 + 0.101 + 2.5;
    let car = 2.0 * draft + 2.0 + 4.0 * 5.2 + 0.203 + head(2.0, 4.0, 3.0);
    let rows = (3.0 * (ROW + TOKEN) + FRAME) * 8.0 / 20e3;
    let cycle = car + 0.5 + 20.0 * 1.3 + 60.0 + 2.0 * rows;
    close(found.itl_ms, 0.2 * (cycle + car * 0.512 / 0.36));
}

/// Goal: the head is counted where it is. Method: memory that is too small by one byte.
#[test]
fn the_head_needs_room_at_home_and_none_above() {
    let mut situation = three_tiers();
    let candidate = chain(&[("site", 0, 4), ("cloud", 4, 24)], "site", 0);
    let kv = |layers: u64| layers * 1_024 * 2_048;
    let (site, cloud) = ((4 * 10 + 20 + 20) * MIB + kv(4), 20 * 10 * MIB + kv(20));
    let fits = |situation: &mut Situation, site, cloud| {
        situation.nodes[1].profile.memory = ByteCount(site);
        situation.nodes[2].profile.memory = ByteCount(cloud);
        Costs::new(situation).unwrap().predict(&candidate).is_ok()
    };
    assert!(fits(&mut situation, site, cloud));
    assert!(!fits(&mut situation, site - 1, cloud) && !fits(&mut situation, site, cloud - 1));
    // A head that shares the embedding's weights needs no more where those are, and these elsewhere.
    for node in &mut situation.nodes {
        node.profile.target.as_mut().unwrap().weights.head = ByteCount(0);
    }
    assert!(fits(&mut situation, site - 20 * MIB, cloud));
    let bare = chain(&[("cloud", 0, 24)], "car", 0);
    let draft = 4 * 10 * MIB + 40 * MIB + kv(4);
    let mut device = |memory| {
        situation.nodes[0].profile.memory = ByteCount(memory);
        situation.nodes[2].profile.memory = ByteCount(1_000 * MIB);
        Costs::new(&situation).unwrap().predict(&bare).is_ok()
    };
    assert!(device(draft + 20 * MIB) && !device(draft + 20 * MIB - 1));
}

/// Goal: a text of a site goes to clouds for middle layers, and for nothing that reads or chooses tokens.
#[test]
fn clouds_run_middle_layers_for_a_site() {
    let mut situation = three_tiers();
    let far = [("car", 0, 4), ("cloud", 4, 24)];
    let both = [("car", 0, 4), ("site", 4, 12), ("cloud", 12, 24)];
    let near = [("site", 0, 4), ("cloud", 4, 24)];
    let good = [chain(&far, "car", 0), chain(&both, "site", 2), chain(&near, "site", 0)];
    let target = || name("cloud");
    let bad = [
        split(&far, 0),
        split(&both, 0),
        chain(&[("cloud", 0, 24)], "car", 0),
        Candidate::Remote { target: target() },
        Candidate::Speculative {
            target: target(),
            speculation: Speculation::Streaming,
            draft_length: DraftLength::Auto,
        },
    ];
    let refused = |situation: &Situation, candidate: &Candidate| {
        let refused = Costs::new(situation).unwrap().predict(candidate).err();
        refused.map(|why| matches!(why, Obstacle::Privacy { .. }).then(|| why.to_string()).unwrap())
    };
    situation.demand.privacy = Privacy::Site;
    for candidate in &good {
        assert_eq!(refused(&situation, candidate), None, "{candidate}");
    }
    for candidate in &bad {
        let why = "privacy class site lets cloud, a cloud, run middle layers alone";
        assert_eq!(refused(&situation, candidate).as_deref(), Some(why), "{candidate}");
    }
    situation.demand.privacy = Privacy::Device;
    for candidate in good.iter().chain(&bad) {
        let why = refused(&situation, candidate).unwrap();
        assert!(why.starts_with("privacy class device forbids "), "{candidate}: {why}");
    }
}

#[test]
fn only_certified_codecs_carry_rows_home() {
    let Candidate::Split { mut stages, speculation, draft_length } =
        chain(&[("car", 0, 4), ("cloud", 4, 24)], "car", 0)
    else {
        panic!("a split")
    };
    stages[2].codec = WireCodec::Int8;
    let candidate = Candidate::Split { stages, speculation, draft_length };
    let mut situation = three_tiers();
    let refused = Costs::new(&situation).unwrap().predict(&candidate).unwrap_err();
    assert_eq!(refused.to_string(), "int8 was not measured at boundary 24");
    situation.certificates.measured.push(crate::Certificate {
        codec: WireCodec::Int8,
        boundary: 24,
        bits: 8.0,
        kl: 0.0,
        top1: 1.0,
        perplexity_change: 0.0,
    });
    let lean = predict(&situation, &candidate);
    close(lean.token_bytes_down, ROW / 4.0 + TOKEN + FRAME);
}

#[test]
fn it_is_shown_where_the_head_is() {
    let candidate = chain(&[("car", 0, 4), ("cloud", 4, 24)], "car", 0);
    assert_eq!(candidate.to_string(), "split car 0..4 > cloud 4..24 > car 24..24, no drafts");
    assert_eq!(candidate.crosses(&name("car")), [&name("cloud")]);
    let twice = chain(&[("site", 0, 4), ("cloud", 4, 24)], "site", 0);
    assert_eq!(twice.crosses(&name("car")), [&name("site"), &name("cloud")]);
}

fn chain(stages: &[(&str, u32, u32)], home: &str, drafts: u32) -> Candidate {
    split(&stages.iter().copied().chain([(home, 24, 24)]).collect::<Vec<_>>(), drafts)
}

fn split(stages: &[(&str, u32, u32)], drafts: u32) -> Candidate {
    let stages = stages.iter().map(|(node, start, end)| RequestedStage {
        node: name(node),
        layers: range(*start, *end),
        codec: WireCodec::F32,
    });
    let draft_length = DraftLength::Fixed(drafts);
    let stages = stages.collect();
    Candidate::Split { stages, speculation: Speculation::Streaming, draft_length }
}
