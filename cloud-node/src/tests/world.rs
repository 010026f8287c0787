//! Servers and identities of one test, and the text that the target says without any of them.

use crate::{Config, EngineOptions, Limits, SegmentOptions, Server};
use base::{Allowed, LayerRange, NodeName, Position, Role, Sampling, TokenId, WireCodec};
use protocol::PlannedStage;
use runtime::{Input, KvOptions, ModelFile, Pool, Span, SpanOutput, StageSpec, sampler};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::LazyLock;
use std::time::Duration;
use transport::ca::EphemeralAuthority;
use transport::{Identity, Network, Peer, Trust};

/// The calling thread and no other.
pub(super) fn alone() -> Arc<Pool> {
    Arc::new(Pool::new(1).unwrap())
}

/// The committed target. Small, and with a tokenizer.
pub(super) fn model_path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../models/causeway-demo-target-q8_0.gguf")
}

pub(super) static MODEL: LazyLock<ModelFile> =
    LazyLock::new(|| ModelFile::open(&model_path()).unwrap());

/// Positions of a test's session.
pub(super) const POSITIONS: u32 = 128;

pub(super) fn name(name: &str) -> NodeName {
    NodeName::new(name).unwrap()
}

pub(super) fn layers(start: u32, end: u32) -> LayerRange {
    LayerRange::new(start, end).unwrap()
}

/// One CA and what it vouches for.
pub(super) struct World {
    authority: EphemeralAuthority,
}

impl World {
    pub(super) fn new() -> Self {
        Self { authority: EphemeralAuthority::new().unwrap() }
    }

    pub(super) fn identity(&mut self, role: Role, node: &str) -> (Identity, Trust) {
        let identity = self.authority.identity(role, &name(node)).unwrap();
        (identity, self.authority.trust().unwrap())
    }

    pub(super) fn config(&mut self, role: Role) -> Config {
        let (identity, trust) = self.identity(role, role.as_str());
        Config {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            identity,
            trust,
            model: model_path(),
            packed: None,
            layers: None,
            upstream: None,
            limits: Limits {
                kv_tokens_max: 1024,
                positions_per_session_max: POSITIONS,
                ..Limits::default()
            },
            engine: EngineOptions { threads: 1, batch_rows_max: 16, ..EngineOptions::default() },
            segments: SegmentOptions::default(),
            profile: settings::Profile::default(),
            measured: None,
            link: settings::Link { reconnect_ms: 50, ..settings::Link::default() },
            network: Network::system(),
        }
    }

    pub(super) fn gateway_config(&mut self, cloud: SocketAddr) -> Config {
        let upstream = settings::Peer { address: cloud.to_string(), name: name("cloud") };
        Config { upstream: Some(upstream), ..self.config(Role::Gateway) }
    }

    pub(super) async fn cloud(&mut self) -> Server {
        Server::start(self.config(Role::Cloud)).await.unwrap()
    }

    /// A gateway whose upstream is up.
    pub(super) async fn gateway(&mut self, cloud: SocketAddr) -> Server {
        let server = Server::start(self.gateway_config(cloud)).await.unwrap();
        eventually(|| server.upstream_is_up()).await;
        server
    }
}

pub(super) fn cloud_peer() -> Peer {
    Peer::new(Role::Cloud, name("cloud"))
}

pub(super) fn gateway_peer() -> Peer {
    Peer::new(Role::Gateway, name("gateway"))
}

/// Waits for what other tasks bring about; fails after ten seconds.
pub(super) async fn eventually(holds: impl Fn() -> bool) {
    for _ in 0..1_000 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("waited ten seconds");
}

/// A stage of a plan, with exact hops.
pub(super) fn stage(node: &str, range: LayerRange) -> PlannedStage {
    PlannedStage {
        node: name(node),
        layers: range,
        embedding: false,
        head: range.end() == MODEL.config().layers && node == "cloud",
        codec: WireCodec::F32,
        scales: Vec::new(),
    }
}

/// The same stage, reading tokens.
pub(super) fn first(stage: PlannedStage) -> PlannedStage {
    PlannedStage { embedding: true, ..stage }
}

/// All layers in the cloud.
pub(super) fn whole() -> Vec<PlannedStage> {
    vec![first(stage("cloud", LayerRange::all(MODEL.config().layers)))]
}

pub(super) fn prompt() -> Vec<TokenId> {
    (0..37).map(|i| TokenId(300 + i * 7 % 900)).collect()
}

/// What the target says after [`prompt`], token by token, without a network.
pub(super) fn reference(sampling: &Sampling, count: usize) -> Vec<TokenId> {
    reference_with(&KvOptions::default(), sampling, count)
}

/// The same with KV as `options` say.
pub(super) fn reference_with(
    options: &KvOptions,
    sampling: &Sampling,
    count: usize,
) -> Vec<TokenId> {
    continued(&prompt(), options, sampling, count)
}

/// What the target says after `text`, with KV and sampling as they are by default.
pub(super) fn reference_after(text: &[TokenId], count: usize) -> Vec<TokenId> {
    continued(text, &KvOptions::default(), &Sampling::GREEDY, count)
}

fn continued(
    start: &[TokenId],
    options: &KvOptions,
    sampling: &Sampling,
    count: usize,
) -> Vec<TokenId> {
    let spec = StageSpec::whole(MODEL.config().layers);
    let stage = MODEL.load_stage(spec, &alone()).unwrap();
    let (mut text, mut base) = (start.to_vec(), 0);
    let length = text.len() + count;
    let mut pool = stage.new_pool_of(stage.kv_bytes(options, length, length)).unwrap();
    let sequence = pool.open(options);
    while text.len() < length {
        let input = &text[base..];
        let (base_now, rows) = (Position::after(base), input.len());
        let span =
            Span { sequence, base: base_now, input: Input::Tokens(input), logits: rows - 1..rows };
        let output = stage.forward(spec, &[span], &mut pool).unwrap().remove(0);
        let SpanOutput::Logits(logits) = output else { panic!("no logits") };
        base = text.len();
        text.push(
            sampler::choose(&logits, &Allowed::Any, sampling, Position::after(base)).unwrap(),
        );
    }
    text.split_off(start.len())
}
