//! A device that says what the test tells it to, with the target's first layers at hand.

use super::head::Head;
use super::world::{MODEL, POSITIONS, World, alone, prompt};
use base::{KvFormat, LayerRange, Position, Privacy, Role, Sampling, TokenId, WireCodec};
use bytes::Bytes;
use protocol::{
    Draft, Epoch, Fault, FaultKind, Frame, Hello, Hidden, Message, Open, Opened, Pass,
    PlannedStage, PrefixHash, Rollback, SessionId, Verdict, Welcome,
};
use runtime::{HopCoder, Input, KvOptions, KvPool, SequenceId, Span, SpanOutput, Stage, StageSpec};
use std::net::SocketAddr;
use std::time::Duration;
use transport::{ControlChannel, Dialer, Link, LinkOptions, Network, Peer, SessionChannel};

/// Longer than anything that a test waits for.
const PATIENCE: Duration = Duration::from_secs(20);

pub(super) struct Device {
    _dialer: Dialer,
    pub(super) link: Link,
    pub(super) control: ControlChannel,
    pub(super) welcome: Welcome,
}

/// A session as the device sees it.
pub(super) struct Session {
    pub(super) channel: SessionChannel,
    pub(super) open: Open,
    /// The first layers, where the device runs them.
    own: Option<Own>,
    /// The head, where the chain comes back to it.
    pub(super) head: Option<Head>,
}

/// The device's own stage.
struct Own {
    stage: Stage,
    pool: KvPool,
    sequence: SequenceId,
}

/// A link on which nothing was said yet, and the dialler that must outlive it.
pub(super) async fn dial(
    network: Network,
    world: &mut World,
    node: &str,
    to: &Peer,
    at: SocketAddr,
) -> (Dialer, Link) {
    let (identity, trust) = world.identity(Role::Device, node);
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let options = LinkOptions { network, ..LinkOptions::default() };
    let dialer = Dialer::bind(any, &identity, &trust, &options).unwrap();
    let link = dialer.dial(at, to).await.unwrap();
    (dialer, link)
}

pub(super) fn hello(node: &str) -> Hello {
    Hello {
        versions: protocol::VERSIONS,
        node: super::world::name(node),
        role: Role::Device,
        numerics: kernels::NUMERICS_CLASS.to_owned(),
        tokenizer: None,
        model: Some(MODEL.fingerprint()),
        tenant: None,
    }
}

/// The first message of a session.
pub(super) fn open(id: u8, sampling: Sampling, stages: Vec<PlannedStage>) -> Open {
    Open {
        session: SessionId([id; 16]),
        epoch: Epoch(0),
        have: Position(0),
        sampling,
        stages,
        end_tokens: Vec::new(),
        positions_max: POSITIONS,
        kv: KvFormat::F16,
        stream: None,
        tenant: None,
        lineage: None,
        class: Privacy::Anywhere,
        constraint: None,
        likelihoods: None,
        trace: None,
    }
}

impl Device {
    pub(super) async fn dial(world: &mut World, node: &str, to: &Peer, at: SocketAddr) -> Self {
        Self::dial_over(Network::system(), world, node, to, at).await
    }

    pub(super) async fn dial_over(
        network: Network,
        world: &mut World,
        node: &str,
        to: &Peer,
        at: SocketAddr,
    ) -> Self {
        let (dialer, link) = dial(network, world, node, to, at).await;
        let mut control = link.control().await.unwrap();
        control.send(Message::Hello(hello(node))).await.unwrap();
        let Message::Welcome(welcome) = control.recv().await.unwrap() else {
            panic!("no welcome");
        };
        Self { _dialer: dialer, link, control, welcome }
    }

    /// Opens a session; `stages` are those of the other nodes, `own` the layers of the device.
    pub(super) async fn session(
        &self,
        id: u8,
        sampling: Sampling,
        stages: Vec<PlannedStage>,
        own: Option<LayerRange>,
    ) -> Session {
        let open = open(id, sampling, stages);
        let channel = self.link.open_session().await.unwrap();
        Session { channel, open, own: own.map(Own::new), head: None }
    }
}

impl Session {
    /// Sends the Open.
    pub(super) async fn open(&mut self) -> Message {
        if let Some(head) = &mut self.head {
            head.homecoming.handle_going_up(&Message::Open(self.open.clone()));
        }
        self.channel.send(Message::Open(self.open.clone())).await.unwrap();
        self.recv().await
    }

    /// Sends the Open, which must be granted.
    pub(super) async fn opened(&mut self) -> Opened {
        let message = self.open().await;
        let Message::Opened(opened) = message else { panic!("not opened: {message:?}") };
        opened
    }

    /// Sends the Open, which must be refused.
    pub(super) async fn refused(&mut self) -> Fault {
        let message = self.open().await;
        let Message::Fault(fault) = message else { panic!("not refused: {message:?}") };
        fault
    }

    pub(super) async fn recv(&mut self) -> Message {
        loop {
            let frame = tokio::time::timeout(PATIENCE, self.channel.recv()).await;
            let frame = frame.expect("no answer in time").unwrap();
            let Some(head) = &mut self.head else { return frame.message };
            let (up, down) = head.take(frame, &self.open.sampling);
            for verdict in up {
                self.channel.send(verdict).await.unwrap();
            }
            if let Some(message) = down {
                return message;
            }
        }
    }

    pub(super) async fn verdict(&mut self) -> Verdict {
        let message = self.recv().await;
        let Message::Verdict(verdict) = message else { panic!("no verdict: {message:?}") };
        verdict
    }

    /// Takes back what lies beyond `to`, as `epoch`, which the passes that follow belong to.
    pub(super) async fn roll_back(&mut self, epoch: Epoch, to: Position) {
        self.open.epoch = epoch;
        self.channel.send(Message::Rollback(Rollback { epoch, to })).await.unwrap();
    }

    /// Sends `text[base..]`, of which the last `drafts` are drafts.
    pub(super) async fn pass(&mut self, text: &[TokenId], base: usize, drafts: u32, extend: u32) {
        let tokens = text[base..].to_vec();
        let (hidden, payload) = match &mut self.own {
            None => (None, Bytes::new()),
            Some(own) => own.run(base, &tokens, self.open.stages[0].codec, drafts as usize + 1),
        };
        let pass = Pass {
            epoch: self.open.epoch,
            base: Position::after(base),
            prefix: PrefixHash::EMPTY.extend(&text[..base]).check(),
            tokens,
            said: 0,
            drafts,
            ask: true,
            extend,
            told: false,
            hidden,
        };
        let frame = Frame { message: Message::Pass(pass), payload };
        self.channel.send(frame).await.unwrap();
    }

    /// Says that `text[base..]` need not be run. The device's own layers run it, as if they had it.
    pub(super) async fn tell(&mut self, text: &[TokenId], base: usize) {
        let tokens = text[base..].to_vec();
        if let Some(own) = &mut self.own {
            let _ = own.run(base, &tokens, self.open.stages[0].codec, tokens.len());
        }
        let pass = Pass {
            epoch: self.open.epoch,
            base: Position::after(base),
            prefix: PrefixHash::EMPTY.extend(&text[..base]).check(),
            tokens,
            said: 0,
            drafts: 0,
            ask: false,
            extend: 0,
            told: true,
            hidden: None,
        };
        self.channel.send(Message::Pass(pass)).await.unwrap();
    }

    /// What is held of a told pass that was not known in full.
    pub(super) async fn gap(&mut self) -> u32 {
        let message = self.recv().await;
        let Message::Fault(Fault { kind: FaultKind::Gap { held, .. }, .. }) = message else {
            panic!("no gap: {message:?}");
        };
        held.0
    }

    /// Sends `drafts`, which continue `text`, on their own.
    pub(super) async fn draft(&mut self, text: &[TokenId], drafts: &[TokenId]) {
        let draft = Draft {
            epoch: self.open.epoch,
            base: Position::after(text.len()),
            prefix: PrefixHash::EMPTY.extend(text).check(),
            tokens: drafts.to_vec(),
        };
        self.channel.send(Message::Draft(draft)).await.unwrap();
    }

    /// What the target says after the prompt, a token a pass.
    pub(super) async fn say(&mut self, count: usize) -> Vec<TokenId> {
        let mut text = prompt();
        let mut base = 0;
        while text.len() < prompt().len() + count {
            self.pass(&text, base, 0, 0).await;
            base = text.len();
            text.extend(self.verdict().await.tokens);
        }
        text.split_off(prompt().len())
    }

    /// Drafts `expected` with a mistake in every third round, and checks each verdict against it.
    pub(super) async fn speculate(&mut self, expected: &[TokenId]) {
        let mut text = prompt();
        let (start, mut base, mut round) = (text.len(), 0, 0);
        while text.len() < start + expected.len() - 5 {
            let said = text.len() - start;
            let mut drafts = expected[said..said + round % 5].to_vec();
            let miss = (round % 3 == 1).then(|| drafts.last_mut()).flatten();
            let good = drafts_before(&miss, round % 5);
            if let Some(token) = miss {
                *token = TokenId(token.0 ^ 1);
            }
            let passed = [&text[..], &drafts].concat();
            let count = u32::try_from(drafts.len()).unwrap();
            self.pass(&passed, base, count, 0).await;
            let verdict = self.verdict().await;
            assert_eq!(verdict.accepted as usize, good, "round {round}: {verdict:?}");
            assert_eq!(verdict.tokens, [expected[said + good]], "round {round}");
            base = text.len() + good;
            text.extend(&expected[said..=said + good]);
            round += 1;
        }
        assert_eq!(text[start..], expected[..text.len() - start]);
    }
}

/// How many of `count` drafts come before the wrong last one, if it is.
fn drafts_before(miss: &Option<&mut TokenId>, count: usize) -> usize {
    if miss.is_some() { count - 1 } else { count }
}

impl Own {
    fn new(layers: LayerRange) -> Self {
        let spec = StageSpec { layers, embedding: true, head: false };
        let stage = MODEL.load_stage(spec, &alone()).unwrap();
        let mut pool = stage.new_pool(POSITIONS as usize).unwrap();
        let sequence = pool.open(&KvOptions::default());
        Self { stage, pool, sequence }
    }

    fn run(
        &mut self,
        base: usize,
        tokens: &[TokenId],
        codec: WireCodec,
        chosen: usize,
    ) -> (Option<Hidden>, Bytes) {
        let base = Position::after(base);
        self.pool.truncate(self.sequence, base).unwrap();
        let input = Input::Tokens(tokens);
        let span = Span { sequence: self.sequence, base, input, logits: 0..0 };
        let output = self.stage.forward(self.stage.spec(), &[span], &mut self.pool);
        let SpanOutput::Hidden(mut values) = output.unwrap().remove(0) else { panic!("logits") };
        let (width, last) = (MODEL.config().width, MODEL.config().layers);
        if self.stage.spec().layers.end() == last {
            values.drain(..(tokens.len() - chosen.min(tokens.len())) * width);
        }
        let payload = Bytes::from(HopCoder::new(codec, &[], width).unwrap().encode(&values, width));
        let bytes = u32::try_from(payload.len()).unwrap();
        let width = u32::try_from(width).unwrap();
        (Some(Hidden { codec, width, bytes }), payload)
    }
}
