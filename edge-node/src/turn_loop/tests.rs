//! How soon a request that went on alone has its target back.

use crate::demo::models;
use crate::experiment::{World, WorldConfig, delayed, in_virtual_time};
use crate::{Notice, Request, Show};
use base::Sampling;
use link_emulator::Emulation;
use partitioner::Mode;
use runtime::Turn;
use settings::{Link, Pace};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;
use transport::clock;

/// When the link ends, in time since it began.
const CUT: Duration = Duration::from_secs(3);

/// A token of the device's own.
const DRAFT_MS: f64 = 25.0;

/// A pass of the target, and each of its rows.
const PASS: Pace = Pace { decode_ms: 40.0, per_row_ms: 3.0 };

/// What was said alone, and when the target had its say again.
#[derive(Debug)]
struct Watch {
    back: Instant,
    /// Words of the device.
    alone: u32,
    /// The first judgement, and how many words it was about.
    judged: Option<(Instant, u32)>,
    /// The target's first own word.
    verified: Option<Instant>,
}

impl Show for Watch {
    fn piece(&mut self, _: &str, verified: bool) {
        self.alone += u32::from(!verified);
        if verified && clock::now() > self.back {
            self.verified.get_or_insert_with(clock::now);
        }
    }

    fn notice(&mut self, notice: &Notice) {
        if let Notice::Judged { said, .. } = notice {
            let said = u32::try_from(*said).unwrap();
            self.judged.get_or_insert_with(|| (clock::now(), said));
        }
    }
}

fn link(rtt: Duration, outage: Duration) -> Emulation {
    let (cut, outage) = (CUT.as_secs(), outage.as_secs_f64());
    let outages = format!("[outages]\nscheduled = [{{ at_s = {cut}, for_s = {outage} }}]");
    delayed(u64::try_from(rtt.as_millis() / 2).unwrap(), &outages)
}

/// A long reply with an outage in its middle.
async fn outage(mode: Mode, rtt: Duration, outage: Duration) -> Watch {
    let link = link(rtt, outage);
    let mut config = WorldConfig::new(models::find(None).unwrap(), mode, Some(link), 1);
    config.paces.device = Pace { decode_ms: DRAFT_MS, per_row_ms: 0.0 };
    config.paces.cloud = PASS;
    let began = clock::now();
    let mut world = World::start(&config).await.unwrap();
    let device = world.device();
    let content = "I'd like a table for two tonight.".to_owned();
    let request = Request::new(
        device.chat_prompt(&[Turn::said("user", content)]).unwrap(),
        Sampling::new(20.0, 0, 1.0, 1).unwrap(),
        700,
    );
    let back = began + CUT + outage;
    let mut watch = Watch { back, alone: 0, judged: None, verified: None };
    device.generate(&request, &mut watch, &CancellationToken::new()).await.unwrap();
    world.end().await;
    watch
}

/// Goal: from the end of an outage to the target's judgement it takes at most one pace of dialling with its
/// jitter, two round trips and a pass over what was said alone; to its own first word, where the device
/// spoke on meanwhile, one round trip and the passes over the rest more. Method: outages that end in several phases
/// of the pace, and one that is so long that the device speaks on.
#[test]
fn the_targets_word_is_a_pace_two_round_trips_and_a_pass_after_the_link() {
    let (rtt, slack) = (Duration::from_millis(100), Duration::from_millis(15));
    let pace = Link::default().reconnect().mul_f64(1.25);
    let pass = |rows: u32| {
        Duration::from_secs_f64((PASS.decode_ms + PASS.per_row_ms * f64::from(rows + 2)) / 1e3)
    };
    let remote = [5_000, 5_180, 12_000].map(|ms| (Mode::Remote, ms));
    for (mode, ms) in remote.into_iter().chain([(Mode::Speculative, 5_090)]) {
        let run = outage(mode, rtt, Duration::from_millis(ms));
        let watch = in_virtual_time(run).unwrap();
        let (judged, said) = watch.judged.expect("it was judged");
        let judged = judged - watch.back;
        assert!(judged <= pace + 2 * rtt + pass(said) + slack, "{mode:?}: {judged:?}, {watch:?}");
        let verified = watch.verified.expect("the target spoke again") - watch.back;
        // In two passes at most: the rest of the outage, and what was said meanwhile.
        let rest = match watch.alone - said {
            0 => Duration::ZERO,
            rows => rtt + pass(rows) + pass(0),
        };
        assert_eq!(watch.alone > said, ms > 10_000, "{ms}: {watch:?}");
        assert!(verified <= judged + rest + slack, "{mode:?}: {verified:?}, {watch:?}");
    }
}
