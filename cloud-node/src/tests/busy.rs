//! Whose turn it is in a busy engine, under a paused clock: passes take what their pace says, computing
//! and the network nothing.

use super::device::{Device, Session};
use super::world::{
    MODEL, World, cloud_peer, eventually, first, gateway_peer, layers, prompt, reference, stage,
    whole,
};
use crate::{Config, EngineOptions, RunsOn, Server};
use base::{Position, Role, Sampling, TokenId};
use protocol::{Close, Epoch, Message};
use settings::Pace;
use std::time::{Duration, Instant};
use tokio::time::sleep;
use transport::{Network, clock};

/// What every pass takes.
const PASS: Duration = Duration::from_millis(100);

struct Scene {
    world: World,
    network: Network,
    cloud: Server,
}

impl Scene {
    async fn new(pass: Duration) -> Self {
        let (mut world, network) = (World::new(), Network::memory());
        let config = paced(world.config(Role::Cloud), &network, pass);
        let cloud = Server::start(config).await.unwrap();
        Self { world, network, cloud }
    }

    /// A gateway to the cloud, whose passes take so long.
    async fn gateway(&mut self, pass: Duration) -> Server {
        let config = self.world.gateway_config(self.cloud.local_addr());
        let server = Server::start(paced(config, &self.network, pass)).await.unwrap();
        eventually(|| server.upstream_is_up()).await;
        server
    }

    async fn device(&mut self, name: &str) -> Device {
        let (network, at) = (self.network.clone(), self.cloud.local_addr());
        Device::dial_over(network, &mut self.world, name, &cloud_peer(), at).await
    }
}

/// The same node on `network`, whose passes take so long.
pub(super) fn paced(config: Config, network: &Network, pass: Duration) -> Config {
    let pace = Pace { decode_ms: pass.as_secs_f64() * 1e3, per_row_ms: 0.0 };
    let engine =
        EngineOptions { pace, runs_on: RunsOn::Runtime, batch_rows_max: 64, ..config.engine };
    Config { network: network.clone(), engine, ..config }
}

/// A session of `device` that is open.
async fn opened(device: &Device, id: u8) -> Session {
    let mut session = device.session(id, Sampling::GREEDY, whole(), None).await;
    session.opened().await;
    session
}

/// A text as its device sees it.
struct Text {
    session: Session,
    /// What the target says in the end.
    expected: Vec<TokenId>,
    /// How much of that it has said.
    said: usize,
}

/// A device that drafts, and how long everybody took.
#[derive(Debug)]
struct Drafted {
    /// From a verdict that contradicts a draft to the next draft.
    reaction: Duration,
    /// From that draft to a token that the target says past it, by itself.
    alone_after: Duration,
}

impl Text {
    async fn begin(mut session: Session, extend: u32) -> Self {
        let expected = reference(&Sampling::GREEDY, 12);
        session.pass(&prompt(), 0, 0, extend).await;
        Self { session, expected, said: 0 }
    }

    /// Listens until the target has said `count` tokens; when it said the last.
    async fn hear(&mut self, count: usize) -> Instant {
        while self.said < count {
            let verdict = self.session.verdict().await;
            self.said += verdict.accepted as usize + verdict.tokens.len();
            let last = verdict.tokens.last();
            assert_eq!(last, self.expected.get(self.said - 1), "{verdict:?}");
        }
        clock::now()
    }

    async fn draft(&mut self, token: TokenId) -> Instant {
        let before = [prompt(), self.expected[..self.said].to_vec()].concat();
        self.session.draft(&before, &[token]).await;
        clock::now()
    }

    /// Drafts wrong, then right.
    async fn drafted(&mut self) -> Drafted {
        self.hear(2).await;
        self.draft(TokenId(self.expected[2].0 ^ 1)).await;
        let contradicted = self.hear(3).await;
        // By itself, as far as it may.
        self.hear(5).await;
        let drafts = self.draft(self.expected[5]).await;
        self.hear(7).await;
        let alone = self.hear(8).await;
        Drafted { reaction: drafts - contradicted, alone_after: alone - drafts }
    }
}

/// Goal: a target for which drafts come leaves its time to those that wait for it. Method: the same
/// session alone, where every pass follows the one before, and beside one that the target goes on
/// with without a pause.
#[tokio::test(start_paused = true)]
async fn a_target_goes_on_by_itself_at_once_where_nobody_else_wants_the_engine() {
    for crowded in [false, true] {
        let mut scene = Scene::new(PASS).await;
        let device = scene.device("device").await;
        let mut busy = opened(&device, 1).await;
        if crowded {
            busy.pass(&prompt(), 0, 0, 80).await;
            busy.verdict().await;
        }
        let mut text = Text::begin(opened(&device, 2).await, 2).await;
        let drafted = text.drafted().await;
        let Drafted { reaction, alone_after } = drafted;
        match crowded {
            false => assert!(alone_after < PASS * 5 / 2, "the draft's pass, its own: {drafted:?}"),
            true => assert!(alone_after >= reaction * 2 + PASS, "drafts were due: {drafted:?}"),
        }
    }
}

/// Goal: only passes count, from the first on.
#[tokio::test(start_paused = true)]
async fn a_server_tells_how_long_it_has_computed() {
    let mut scene = Scene::new(PASS).await;
    let device = scene.device("device").await;
    let session = opened(&device, 1).await;
    assert_eq!(scene.cloud.busy(), Duration::ZERO);
    let mut text = Text::begin(session, 3).await;
    text.hear(3).await;
    sleep(Duration::from_secs(5)).await;
    assert_eq!(scene.cloud.busy(), PASS * 3);
}

/// What a pass takes that nobody should wait for.
const LONG: Duration = Duration::from_secs(10);

/// Enough for a message to arrive and a job to begin.
const MOMENT: Duration = Duration::from_secs(1);

/// Goal: a device that takes its question back does not wait for it, and neither does anybody else.
/// Method: a rollback and a close in the middle of a pass; the next pass of the same session, and of
/// another.
#[tokio::test(start_paused = true)]
async fn a_pass_that_was_taken_back_ends_at_once() {
    let mut scene = Scene::new(LONG).await;
    let device = scene.device("device").await;
    let mut session = opened(&device, 1).await;
    session.pass(&prompt(), 0, 0, 0).await;
    sleep(MOMENT).await;
    session.roll_back(Epoch(1), Position(0)).await;
    session.pass(&prompt(), 0, 0, 0).await;
    assert_eq!(session.verdict().await.tokens, reference(&Sampling::GREEDY, 1));
    assert!(scene.cloud.busy() < MOMENT * 2 + LONG, "{:?}", scene.cloud.busy());

    let before = scene.cloud.busy();
    session.pass(&[prompt(), prompt()].concat(), prompt().len(), 0, 0).await;
    sleep(MOMENT).await;
    session.channel.send(Message::Close(Close {})).await.unwrap();
    let mut next = opened(&device, 2).await;
    next.pass(&prompt(), 0, 0, 0).await;
    next.verdict().await;
    let busy = scene.cloud.busy() - before;
    assert!(busy < MOMENT * 2 + LONG, "{busy:?}");
}

/// Goal: a gateway does not run what nobody wants either, and is free for what is. Method: it takes long
/// for a pass, the cloud no time; first a rollback in the middle of a pass, then drafts that the target
/// contradicts while the gateway runs them.
#[tokio::test(start_paused = true)]
async fn a_gateway_ends_what_was_taken_back_or_contradicted() {
    let mut scene = Scene::new(Duration::ZERO).await;
    let gateway = scene.gateway(LONG).await;
    let (network, at) = (scene.network.clone(), gateway.local_addr());
    let device = Device::dial_over(network, &mut scene.world, "device", &gateway_peer(), at).await;
    let last = MODEL.config().layers;
    let stages = vec![first(stage("gateway", layers(0, 3))), stage("cloud", layers(3, last))];
    let mut session = device.session(1, Sampling::GREEDY, stages, None).await;
    session.opened().await;
    let (prompt, said) = (prompt(), reference(&Sampling::GREEDY, 2));

    session.pass(&prompt, 0, 0, 0).await;
    sleep(MOMENT).await;
    session.roll_back(Epoch(1), Position(0)).await;
    session.pass(&prompt, 0, 0, 0).await;
    let wrong = [&prompt[..], &[TokenId(said[0].0 ^ 1), said[1]]].concat();
    session.pass(&wrong, prompt.len(), 2, 0).await;
    assert_eq!(session.verdict().await.tokens, said[..1]);
    let right = [&prompt[..], &said[..1]].concat();
    session.pass(&right, prompt.len(), 0, 0).await;
    assert_eq!(session.verdict().await.tokens, said[1..]);
    assert!(gateway.busy() < LONG * 2 + MOMENT * 2, "{:?}", gateway.busy());
}

/// Goal: a rollback that leaves part of what runs does not end it.
#[tokio::test(start_paused = true)]
async fn a_pass_of_which_some_rows_are_still_wanted_goes_on() {
    let mut scene = Scene::new(LONG).await;
    let device = scene.device("device").await;
    let mut session = opened(&device, 1).await;
    session.pass(&prompt(), 0, 0, 0).await;
    sleep(MOMENT).await;
    session.roll_back(Epoch(1), Position::after(prompt().len() - 1)).await;
    session.pass(&prompt(), prompt().len() - 1, 0, 0).await;
    assert_eq!(session.verdict().await.tokens, reference(&Sampling::GREEDY, 1));
    assert_eq!(scene.cloud.busy(), LONG * 2);
}

/// Goal: a link that is lost costs no prefill, and nobody waits for a target that talks to nobody.
/// Method: the link goes in the middle of a prefill, then while the target goes on by itself.
#[tokio::test(start_paused = true)]
async fn of_a_session_without_its_link_only_what_it_will_want_runs_on() {
    let mut scene = Scene::new(LONG).await;
    let device = scene.device("device").await;
    let mut session = opened(&device, 1).await;
    session.pass(&prompt(), 0, 0, 3).await;
    sleep(MOMENT).await;
    drop((session, device));
    sleep(LONG).await;
    assert_eq!((scene.cloud.busy(), scene.cloud.sessions()), (LONG, 0));

    let device = scene.device("device").await;
    let mut session = device.session(1, Sampling::GREEDY, whole(), None).await;
    (session.open.epoch, session.open.have) = (Epoch(1), Position(100));
    assert_eq!(session.opened().await.held, Position::after(prompt().len()));
    session.pass(&prompt(), prompt().len(), 0, 3).await;
    session.verdict().await;
    let before = scene.cloud.busy();
    sleep(MOMENT).await;
    drop((session, device));
    sleep(LONG).await;
    let busy = scene.cloud.busy() - before;
    assert!((MOMENT..MOMENT * 2).contains(&busy), "{busy:?}");
    assert_eq!(scene.cloud.sessions(), 0);
}
