//! What the device says alone is held to the grammar as well.

use super::{ask, check, config, some};
use crate::experiment::WorldConfig;
use base::Privacy;
use partitioner::Mode;
use protocol::AfterOutage;
use settings::Pace;

/// Every 1.4 s for 0.8 s, so that most replies are cut.
fn outages() -> String {
    let outage = |n: u32| format!("{{ at_s = {:.1}, for_s = 0.8 }}", 0.5 + 1.4 * f64::from(n));
    let outages: Vec<String> = (0..400).map(outage).collect();
    format!("scheduled = [{}]", outages.join(", "))
}

/// Nodes so slow that a reply takes longer than that.
fn slow(mode: Mode, outages: &str) -> WorldConfig {
    let mut config = config(mode, outages);
    let pace = Pace { decode_ms: 60.0, per_row_ms: 1.0 };
    (config.paces.device, config.paces.cloud) = (pace, pace);
    config
}

/// Goal: through outages in mid-reply a reply stays of its shape; where what was said alone is revised, and all of it
/// judged, it is what the target says without any. Method: the same requests with and without outages, by both policies.
#[test]
fn outages_break_no_structured_reply() {
    let cases = some(10, 80);
    let expected = ask(&slow(Mode::Remote, ""), Privacy::Anywhere, |_| {}, &cases);
    for (mode, policy) in [
        (Mode::Remote, AfterOutage::Keep),
        (Mode::Remote, AfterOutage::Revise),
        (Mode::Speculative, AfterOutage::Keep),
        (Mode::Speculative, AfterOutage::Revise),
    ] {
        let tune = |device: &mut crate::device::Device| device.config.plan.after_outage = policy;
        let replies = ask(&slow(mode, &outages()), Privacy::Anywhere, tune, &cases);
        check(&replies, &cases);
        let cut = replies.iter().filter(|reply| reply.usage.failovers > 0).count();
        assert!(cut > cases.len() / 4, "{mode:?}, {policy:?}: {cut} were cut");
        let mut same = 0;
        for (reply, expected) in replies.iter().zip(&expected) {
            if policy == AfterOutage::Revise && reply.verified.iter().all(|verified| *verified) {
                assert_eq!(reply.tokens, expected.tokens, "{mode:?}: {}", reply.text);
                same += usize::from(reply.usage.failovers > 0);
            }
        }
        assert!(policy == AfterOutage::Keep || same > 0, "{mode:?}: none was judged to its end");
    }
}
