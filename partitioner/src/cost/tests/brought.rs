//! Splits whose prompt another node reads as well.

use super::{close, predict};
use crate::testing::{model, name, range, three_tiers};
use crate::{Candidate, Costs, Meeting, RequestedStage, Situation, Speculation};
use base::{DraftLength, Privacy, WireCodec};

type Change = fn(&mut Situation);

/// Goal: the device's layers are read from both ends; then the cloud is told, and runs what is behind the last
/// block. Method: worked out by hand.
#[test]
fn a_split_is_told_of_what_the_cloud_has_read_and_sends_the_rest() {
    let situation = slow();
    let found = predict(&situation, &split(WireCodec::F32));
    // 900 tokens are 28 blocks and 4. A block of 4 layers of 40 ms and 4 ms a row; 4 KiB of KV a token.
    let (block, kv) = (20.0 + 4.0 * (40.0 + 32.0 * 4.0) + 2.0 + 0.032, 4.0 * 1_024.0 * 32.0);
    // 900 are three passes of 256 and one of 132, of 24 layers on the cloud.
    let pass = |rows: f64| 0.5 + 24.0 * (1.0 + rows * 0.1) + 0.05 + rows * 0.001;
    let reads = 3.0 * pass(256.0) + pass(132.0);
    let way = |bytes: f64| 30.0 + bytes * 8.0 / 20e3;
    let delay = 5.0 * way(50.0) + way(900.0 * 3.0 + 50.0) + reads;
    // Four packets in 60 ms, and a quarter more in each, until these are 20 Mbit/s.
    let (first, link, growth) = (4_800.0 / 0.06, 2.5e6_f64, 0.25 / 0.06);
    let held_back = ((link / first).ln() - (1.0 - first / link)) / growth;
    let meeting = Meeting {
        blocks: 28,
        computed_s: block / 1e3,
        brought_s: kv * 8.0 / 20e6,
        delay_s: delay / 1e3 + held_back,
    };
    let meets = meeting.together_s() * 1e3;
    let opened = way(50.0) + way(50.0) + way(896.0 * 3.0 + 50.0) + way(53.0);
    let device = 20.0 + 4.0 * (40.0 + 4.0 * 4.0) + 2.0 + 0.004;
    // 16 KiB are more than a first window; 12,000 bytes take 4.8 ms of the round trip.
    let rows = way(4.0 * 4_099.0 + 50.0) + (60.0 - 12_000.0 * 8.0 / 20e3) + way(53.0);
    let cloud = 0.5 + 20.0 * (1.0 + 4.0 * 0.1) + 1.25;
    close(found.ttft_ms, meets + opened + device + rows + cloud);
    // The cloud runs the prompt's passes, one for the rest, and the reply's.
    assert_eq!(found.cloud_passes, 4.0 + 1.0 + 100.0);
    let told = Costs::new(&situation).unwrap().brought_prompt(&split(WireCodec::F32)).unwrap();
    assert_eq!((told.reader, told.blocks), (name("cloud"), 28));
    close(found.ttft_ms + told.sooner_ms, alone(&situation).ttft_ms);
}

/// Goal: nobody reads a prompt in vain.
#[test]
fn the_device_reads_alone_what_others_cannot_be_told_of_or_may_not_read() {
    let brought = |situation: &Situation, candidate: &Candidate| {
        Costs::new(situation).unwrap().brought_prompt(candidate).is_some()
    };
    let exact = split(WireCodec::F32);
    assert!(brought(&slow(), &exact));
    let cases: [(&str, Change); 5] = [
        ("not wanted", |it| it.demand.brings = false),
        ("too short", |it| it.demand.prompt_tokens = 63),
        ("half a target", |it| it.nodes[2].profile.target.as_mut().unwrap().holds = range(4, 24)),
        ("a thin link", |it| it.links[1].estimate.down_mbps.mean = 0.1),
        ("a fast device", |it| it.nodes[0].profile.target = Some(model(24, 100.0))),
    ];
    for (what, change) in cases {
        let mut situation = slow();
        change(&mut situation);
        assert!(!brought(&situation, &exact), "{what}");
    }
    let behind = staged(&[("car", 0, 4), ("site", 4, 5), ("cloud", 5, 24)], WireCodec::F32);
    assert!(!brought(&slow(), &behind), "the site would need the rows");
    let bare = staged(&[("cloud", 0, 24), ("car", 24, 24)], WireCodec::F32);
    assert!(!brought(&slow(), &bare), "the device has no layers");
    let mut lossy = slow();
    lossy.certificates.measured.push(crate::Certificate {
        codec: WireCodec::Int8,
        boundary: 4,
        bits: 8.5,
        kl: 0.0,
        top1: 1.0,
        perplexity_change: 0.0,
    });
    assert!(!brought(&lossy, &split(WireCodec::Int8)), "its KV has another name");
    assert!(brought(&lossy, &exact));
    let mut private = slow();
    private.demand.privacy = Privacy::Site;
    assert!(!brought(&private, &exact), "the text may not reach the cloud");
}

#[test]
fn rows_come_home_also_where_the_prompt_was_brought() {
    let home = staged(&[("car", 0, 4), ("cloud", 4, 24), ("car", 24, 24)], WireCodec::F32);
    let (found, above) = (predict(&slow(), &home), predict(&slow(), &split(WireCodec::F32)));
    let head = 20.0 + 40.0 + 10.0 - 1.25;
    // Told of 896 tokens it passes them on, and with the last 4 one row.
    let down = (896.0 * 3.0 - 3.0 + 4.0 * 3.0 + 4_096.0 - 3.0) * 8.0 / 20e3;
    close(found.ttft_ms - above.ttft_ms, head + down);
}

/// A device so slow that it had better be helped.
fn slow() -> Situation {
    let mut situation = three_tiers();
    situation.demand.prompt_tokens = 900;
    situation.nodes[0].profile.target = Some(model(24, 40_000.0));
    situation
}

fn alone(situation: &Situation) -> crate::Prediction {
    let mut situation = situation.clone();
    situation.demand.brings = false;
    predict(&situation, &split(WireCodec::F32))
}

fn split(codec: WireCodec) -> Candidate {
    staged(&[("car", 0, 4), ("cloud", 4, 24)], codec)
}

fn staged(stages: &[(&str, u32, u32)], codec: WireCodec) -> Candidate {
    let stages = stages.iter().map(|(node, start, end)| RequestedStage {
        node: name(node),
        layers: range(*start, *end),
        codec,
    });
    let draft_length = DraftLength::NONE;
    let stages = stages.collect();
    Candidate::Split { stages, speculation: Speculation::Streaming, draft_length }
}
