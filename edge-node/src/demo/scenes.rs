//! What the demo plays.

use crate::config::{Config, ModelPaths, PlanSettings};
use crate::demo::nodes;
use crate::demo::outage::{Script, Stage};
use crate::demo::paint::Paint;
use crate::demo::tiers::Tiers;
use crate::demo::tunnel;
use crate::demo::{Report, Scene};
use crate::device::Device;
use crate::drafting::SourceChoice;
use crate::request::Request;
use anyhow::Context as _;
use base::{DraftLength, Role, Sampling};
use partitioner::{LocalChoice, Mode, Speculation};
use protocol::AfterOutage;
use runtime::{ModelFile, Turn};
use settings::{Link, Pace};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// A person reads about five words a second; the nodes are slowed down to that.
const DEVICE_PACE: Pace = Pace { decode_ms: 60.0, per_row_ms: 0.0 };
const SLOW_DEVICE_PACE: Pace = Pace { decode_ms: 200.0, per_row_ms: 0.0 };
pub(super) const TARGET_PACE: Pace = Pace { decode_ms: 150.0, per_row_ms: 5.0 };
const EMULATED: &str = "slowed down so that you can watch (emulated): 60 ms a pass of the device (200 ms in scene 4), \
                        150 ms + 5 ms a row of gateway and cloud";

/// Patience with a restarted gateway link.
const JOINED_PATIENCE: Duration = Duration::from_secs(10);

const DRAFT_LENGTH: DraftLength = DraftLength::Fixed(4);

/// One request, and how it is run.
struct Play {
    name: &'static str,
    title: &'static str,
    mode: Mode,
    draft_length: DraftLength,
    pace: Pace,
    said_before: &'static [(&'static str, &'static str)],
    prompt: &'static str,
    script: Option<Script>,
}

const BOOKING: &[(&str, &str)] = &[
    ("user", "I'd like to book a table for two in San Jose."),
    ("assistant", "What time would you like the reservation for?"),
];

const PLAYS: [Play; 4] = [
    Play {
        name: "alone",
        title: "1  Alone: the device's small model answers. No network, nobody vouches.",
        mode: Mode::Local,
        draft_length: DraftLength::NONE,
        pace: DEVICE_PACE,
        said_before: &[],
        prompt: "I'd like a table for two tonight.",
        script: None,
    },
    Play {
        name: "confirmed",
        title: "2  Confirmed: the device drafts, the cloud's model confirms several tokens a pass.",
        mode: Mode::Speculative,
        draft_length: DRAFT_LENGTH,
        pace: DEVICE_PACE,
        said_before: &[],
        prompt: "I'd like a table for two tonight.",
        script: None,
    },
    Play {
        name: "split",
        title: "3  Split: the big model's layers run on device, gateway and cloud.",
        mode: Mode::Split,
        draft_length: DRAFT_LENGTH,
        pace: DEVICE_PACE,
        said_before: &[],
        prompt: "What's the weather like in San Jose today?",
        script: None,
    },
    Play {
        name: "outage",
        title: "4  Outage: the cloud is killed in mid-sentence, and comes back.",
        mode: Mode::Speculative,
        draft_length: DraftLength::Fixed(2),
        pace: SLOW_DEVICE_PACE,
        said_before: BOOKING,
        prompt: "Make it 7 pm tomorrow at Bird Dog, please.",
        script: Some(Script { killed_after: 4, restarted_after: 2 }),
    },
];

/// Plays all scenes on `paint`.
///
/// # Errors
///
/// Where models, certificates or sockets fail.
pub(super) async fn play(models: &ModelPaths, paint: &mut Paint) -> anyhow::Result<Report> {
    let target = models.target.as_ref().expect("the demo pair has a target");
    let layers = ModelFile::open(target)?.config().layers;
    let link = Link::default();
    paint.line("Causeway: device, gateway and cloud in this process, over QUIC with mutual TLS.");
    paint.line(EMULATED);
    paint.line("green: the target vouches; yellow (or [brackets]): the device alone");
    let tiers = Arc::new(Mutex::new(Tiers::start(target, link.clone(), TARGET_PACE)?));
    joined(&tiers).await?;
    let mut scenes = Vec::new();
    for play in &PLAYS {
        let config = config(play, models, layers, link.clone(), &tiers);
        scenes.push(run(play, config, &tiers, paint).await.context(play.name)?);
    }
    let car = config(&PLAYS[1], models, layers, link, &tiers);
    let tunnel = tunnel::play(car, &tiers, *paint).await.context("tunnel")?;
    Ok(Report { emulated: EMULATED.to_owned(), scenes, tunnel })
}

async fn run(
    play: &Play,
    config: Config,
    tiers: &Arc<Mutex<Tiers>>,
    paint: &Paint,
) -> anyhow::Result<Scene> {
    let mut device = Device::start(config).await?;
    paint.title(play.title);
    paint.user(play.prompt);
    let turn = |(role, content): (&str, &str)| Turn::said(role, content);
    let turns: Vec<_> =
        play.said_before.iter().copied().chain([("user", play.prompt)]).map(turn).collect();
    let request = Request::new(device.chat_prompt(&turns)?, Sampling::GREEDY, 64);
    let mut stage = Stage::new(*paint, Arc::clone(tiers), play.script);
    let reply = device.generate(&request, &mut stage, &CancellationToken::new()).await?;
    paint.end();
    stage.finish()?;
    if play.script.is_some() {
        repaint(paint, &device.pieces(&request.prompt, &reply));
    }
    let (name, prompt, gap_ms_max) = (play.name, play.prompt, stage.gap_ms_max);
    Ok(Scene { name, prompt, reply, gap_ms_max, events: stage.events })
}

/// The text once more, now that it is judged.
fn repaint(paint: &Paint, pieces: &[(String, bool)]) {
    paint.title("5  Judged: the same text, after the cloud came back.");
    paint.user("(as above)");
    for (text, verified) in pieces {
        paint.token(text, *verified);
    }
    paint.end();
}

fn config(
    play: &Play,
    models: &ModelPaths,
    layers: u32,
    link: Link,
    tiers: &Mutex<Tiers>,
) -> Config {
    let plan = PlanSettings {
        mode: play.mode,
        auto: false,
        local: LocalChoice::Draft,
        target: Some(nodes::name(Role::Cloud)),
        draft_length: play.draft_length,
        speculation: Speculation::default(),
        source: SourceChoice::Auto,
        stages: nodes::even_stages(&[Role::Device, Role::Gateway, Role::Cloud], layers),
        after_outage: AfterOutage::Keep,
        switches: Vec::new(),
    };
    device(tiers, models, plan, link, play.pace)
}

/// The device of `tiers`.
pub(super) fn device(
    tiers: &Mutex<Tiers>,
    models: &ModelPaths,
    plan: PlanSettings,
    link: Link,
    pace: Pace,
) -> Config {
    let tiers = tiers.lock().unwrap_or_else(PoisonError::into_inner);
    nodes::device(tiers.device(), models, tiers.peers(), plan, link, pace)
}

pub(super) async fn joined(tiers: &Mutex<Tiers>) -> anyhow::Result<()> {
    let up = async {
        while !tiers.lock().unwrap_or_else(PoisonError::into_inner).are_joined() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(JOINED_PATIENCE, up).await.context("the gateway does not find the cloud")
}
