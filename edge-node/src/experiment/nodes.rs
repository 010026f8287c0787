//! Runs cells on real nodes: a world for each run, and one reply. In virtual time the nodes' network is in
//! memory; in real time it is the system's, on loopback.
//!
//! ```text
//!   link begins      lead-in: handshakes      request ─────────────── reply's last token
//!   0 ───────────────────────────────────────▶│ 0 of the outcome's times
//! ```
//!
//! Texts go on past the models' end tokens, so that every run has as many tokens as the file asks for.

use super::axes::{CellMode, DraftSource};
use super::cell::Cell;
use super::design::{Clock, Experiment};
use super::outcome::{Bytes, Counts, Emulated, LinkOutage, Outcome, TokenTime, Voucher};
use super::predicted::predicted;
use super::runner::{Run, RunCell};
use super::share::Share;
use super::virtual_time::in_virtual_time;
use super::world::{Drafts, Paces, World, WorldConfig};
use crate::config::{ModelPaths, SegmentSettings};
use crate::demo::{models, nodes};
use crate::drafting::SourceChoice;
use crate::reply::Reply;
use crate::request::Request;
use crate::show::{Notice, Show};
use anyhow::Context as _;
use base::{DraftLength, Role, Sampling};
use partitioner::{LocalChoice, Mode, Speculation};
use protocol::Source;
use runtime::Turn;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;
use transport::clock;

/// How long the link is up before the request: long enough for a handshake on a bad one. Real time is
/// dearer.
const LEAD_IN: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(2));

/// What runs the cells of an experiment.
#[derive(Debug)]
pub struct Nodes {
    models: ModelPaths,
}

impl Nodes {
    /// Of the experiment's models, or the demo pair.
    ///
    /// # Errors
    ///
    /// Where the demo pair is not to be found.
    pub fn new(experiment: &Experiment) -> anyhow::Result<Self> {
        let models = match &experiment.models {
            None => models::find(None)?,
            Some(pair) => ModelPaths {
                target: Some(pair.target.clone()),
                draft: Some(pair.draft.clone()),
                packed: None,
                likeness: None,
            },
        };
        Ok(Self { models })
    }
}

impl RunCell for Nodes {
    fn run(&mut self, run: &Run<'_>) -> anyhow::Result<Outcome> {
        let world = world_of(run, self.models.clone());
        let conversation = converse(run, &world);
        match run.experiment.clock {
            Clock::Virtual => in_virtual_time(conversation).context("no virtual time")?,
            Clock::Real => {
                let runtime = tokio::runtime::Runtime::new().context("no async runtime")?;
                runtime.block_on(conversation)
            }
        }
    }
}

fn lead_in(clock: Clock) -> Duration {
    match clock {
        Clock::Virtual => LEAD_IN.0,
        Clock::Real => LEAD_IN.1,
    }
}

fn world_of(run: &Run<'_>, models: ModelPaths) -> WorldConfig {
    let Cell { link, mode, draft, source, paces, .. } = run.cell;
    let start = lead_in(run.experiment.clock);
    let cuts =
        run.experiment.outages.iter().map(|cut| {
            (start + Duration::from_millis(cut.at_ms), Duration::from_millis(cut.for_ms))
        });
    let link = link.as_ref().map(|link| link.emulation.with_outages(cuts));
    let (share, (local, segments)) = (share_of(*mode), alone_of(*mode));
    let (mode, speculation) = mode_of(*mode);
    let plain = WorldConfig::new(models, mode, link, run.seeds.weather);
    WorldConfig {
        draft_length: draft.unwrap_or(DraftLength::NONE),
        speculation,
        drafts: source
            .map_or(Drafts::From(SourceChoice::Auto), |source| drafts_of(source, run.seeds.own)),
        share,
        local,
        segments,
        gateway: mode == Mode::Split && !matches!(share, Share::Two(_)),
        real_sockets: run.experiment.clock == Clock::Real,
        paces: paces.as_ref().map_or_else(Paces::default, |paces| Paces {
            device: paces.draft,
            gateway: paces.target,
            cloud: paces.target,
        }),
        ..plain
    }
}

const fn mode_of(mode: CellMode) -> (Mode, Speculation) {
    match mode {
        CellMode::Local => (Mode::Local, Speculation::Rounds),
        CellMode::Remote => (Mode::Remote, Speculation::Rounds),
        CellMode::Sync => (Mode::Speculative, Speculation::Rounds),
        CellMode::Streaming => (Mode::Speculative, Speculation::Streaming),
        CellMode::WorkConserving => (Mode::Speculative, Speculation::WorkConserving),
        CellMode::Split(_) => (Mode::Split, Speculation::Streaming),
        CellMode::Target { layers: None, .. } => (Mode::Local, Speculation::Rounds),
        CellMode::Target { layers: Some(_), .. } => (Mode::Split, Speculation::Streaming),
    }
}

const fn share_of(mode: CellMode) -> Share {
    match mode {
        CellMode::Split(share) => share,
        CellMode::Target { layers: Some(layers), .. } => Share::Two(layers),
        CellMode::Local
        | CellMode::Remote
        | CellMode::Sync
        | CellMode::Streaming
        | CellMode::WorkConserving
        | CellMode::Target { layers: None, .. } => Share::Even,
    }
}

/// Which model speaks in mode local, and who reads its prompts.
fn alone_of(mode: CellMode) -> (LocalChoice, SegmentSettings) {
    match mode {
        CellMode::Target { prefill, format, .. } => {
            let from = Some(nodes::name(Role::Cloud));
            let segments = SegmentSettings { prefill, from, format, ..SegmentSettings::default() };
            (LocalChoice::Target, segments)
        }
        CellMode::Local
        | CellMode::Remote
        | CellMode::Sync
        | CellMode::Streaming
        | CellMode::WorkConserving
        | CellMode::Split(_) => (LocalChoice::Draft, SegmentSettings::default()),
    }
}

const fn drafts_of(source: DraftSource, seed: u64) -> Drafts {
    match source {
        DraftSource::Model => Drafts::From(SourceChoice::Only(Source::Model)),
        DraftSource::Lookup => Drafts::From(SourceChoice::Only(Source::Lookup)),
        DraftSource::Both => Drafts::From(SourceChoice::Only(Source::Both)),
        DraftSource::Forced { accept } => Drafts::RightAt { accept, seed },
    }
}

/// One reply of a world of its own.
async fn converse(run: &Run<'_>, config: &WorldConfig) -> anyhow::Result<Outcome> {
    let mut world = World::start(config).await?;
    let lead = world.began() + lead_in(run.experiment.clock);
    clock::reached(Some((lead, ()))).await;
    let device = world.device();
    let content = run.cell.prompt.text.clone();
    let request = Request {
        past_end: true,
        ..Request::new(
            device.chat_prompt(&[Turn::said("user", content)])?,
            Sampling::new(run.cell.temperature, 0, 1.0, run.seeds.text)?,
            run.experiment.tokens,
        )
    };
    let predicted = predicted(config, request.prompt.len(), request.tokens_max)?;
    let busy = world.cloud_busy();
    let mut watch = Watch { asked: clock::now(), tokens: Vec::new() };
    let reply = world.device().generate(&request, &mut watch, &CancellationToken::new()).await?;
    let busy = world.cloud_busy() - busy;
    let ended = clock::now();
    let outages = outages_of(config, world.began(), watch.asked, ended);
    world.end().await;
    let (tokens, paced) = (watch.tokens, run.cell.paces.as_ref());
    let outcome = outcome(&reply, tokens, busy, outages, paced.map(|paces| paces.in_words()));
    Ok(Outcome { predicted, ..outcome })
}

fn outcome(
    reply: &Reply,
    tokens: Vec<TokenTime>,
    busy: Duration,
    outages: Vec<LinkOutage>,
    pace: Option<String>,
) -> Outcome {
    let usage = &reply.usage;
    Outcome {
        tokens,
        counts: Counts {
            drafted: usage.drafted,
            accepted: usage.accepted,
            target_passes: usage.target_passes,
            target_busy_ms: ms(busy),
            failovers: usage.failovers,
            judged: usage.judged as u64,
            agreed: usage.agreed as u64,
        },
        application: Bytes { up: usage.frame_bytes_sent, down: usage.frame_bytes_received },
        udp: Bytes { up: usage.bytes_sent, down: usage.bytes_received },
        outages,
        device_joules: None,
        emulated: Emulated { link: reply.emulated_link.clone(), pace },
        predicted: None,
    }
}

/// When the link carried nothing while the request was under way.
fn outages_of(
    config: &WorldConfig,
    began: Instant,
    asked: Instant,
    ended: Instant,
) -> Vec<LinkOutage> {
    let Some(link) = &config.link else { return Vec::new() };
    let (lead, until) = (asked - began, ended - began);
    let during = link.outages(config.seed, until).into_iter().filter(|(_, to)| *to > lead);
    during
        .map(|(from, to)| LinkOutage {
            from_ms: ms(from.saturating_sub(lead)),
            to_ms: (to <= until).then(|| ms(to - lead)),
        })
        .collect()
}

/// Takes the time of each token.
struct Watch {
    asked: Instant,
    tokens: Vec<TokenTime>,
}

impl Watch {
    fn now_ms(&self) -> f64 {
        ms(clock::now() - self.asked)
    }
}

impl Show for Watch {
    fn piece(&mut self, _text: &str, _verified: bool) {}

    fn notice(&mut self, _notice: &Notice) {}

    fn token(&mut self, verified: bool) {
        let at_ms = self.now_ms();
        let voucher = if verified { Voucher::Target } else { Voucher::Device };
        self.tokens.push(TokenTime { at_ms, verified_ms: verified.then_some(at_ms), voucher });
    }

    fn vouched(&mut self, index: usize) {
        let now_ms = self.now_ms();
        self.tokens[index].verified_ms.get_or_insert(now_ms);
    }
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
