//! What all tasks of one server share.

use crate::config::Limits;
use crate::engine::{Engine, Sequence};
use crate::load_meter::LoadMeter;
use crate::registry::Registry;
use crate::segments::Channels;
use crate::stages::{Own, Sharing};
use crate::store::{Asked, Store};
use base::{LayerRange, Privacy};
use grammar::Grammars;
use profile::{NodeProfile, Reach, Upstream};
use protocol::{Homecoming, Hops, Host, Open, PlannedStage, SessionId, Veil, Verifier};
use runtime::{KvOptions, StageSpec, TextKey};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use transport::{Network, Uplink, clock};

/// One running gateway or cloud, as its tasks see it.
#[derive(Debug)]
pub(crate) struct Node {
    /// What peers are told.
    pub(crate) host: Host,
    /// What was measured of it.
    measured: Option<NodeProfile>,
    load: LoadMeter,
    /// What part of the model is loaded.
    pub(crate) holds: StageSpec,
    /// Where it is run.
    pub(crate) engine: Arc<Engine>,
    /// What is refused. `positions_per_session_max` is at most the model's context.
    pub(crate) limits: Limits,
    /// Which sessions share KV.
    pub(crate) sharing: Sharing,
    /// KV on disk.
    pub(crate) store: Option<Arc<Store>>,
    /// What replies are held to, where the head is here.
    pub(crate) grammars: Arc<Grammars>,
    /// The link to the next stage, of a gateway.
    pub(crate) upstream: Option<Arc<Uplink>>,
    /// Where ids of ours are drawn.
    pub(crate) network: Network,
    registry: Mutex<Registry<Arc<Seat>>>,
    /// Channels on which segments are given out.
    pub(crate) segment_channels: Channels,
    /// Told when a session ends or is left.
    pub(crate) left: Notify,
}

/// A session's place on this node. Outlives its channels.
#[derive(Debug)]
pub(crate) struct Seat {
    /// Locked by whoever drives the session; a successor waits for it.
    pub(crate) kept: Arc<tokio::sync::Mutex<Option<Kept>>>,
    /// Cancelled when a later turn begins.
    turn: Mutex<CancellationToken>,
}

/// What is kept of a session between its turns.
#[derive(Debug)]
pub(crate) struct Kept {
    /// As it was opened: with another plan, the KV is of no use.
    pub(crate) stages: Vec<PlannedStage>,
    /// As it was opened: above knows another text.
    pub(crate) class: Privacy,
    /// As it was opened: so it is with another format or window.
    pub(crate) kv: KvOptions,
    /// Its KV.
    pub(crate) sequence: Arc<Sequence>,
    /// What the protocol knows of it.
    pub(crate) machine: Machine,
}

impl Kept {
    /// Whether it is of use to the session that `open` goes on with, whose KV is kept as `kv` says.
    pub(crate) fn is_of(&self, open: &Open, kv: &KvOptions) -> bool {
        (&self.stages, self.class, &self.kv) == (&open.stages, open.class, kv)
    }
}

/// A session's state machine, by where its stage stands in the chain.
#[derive(Debug)]
pub(crate) enum Machine {
    /// The last stage: it decides.
    Verifier(Box<Verifier>),
    /// A stage in between.
    Hops {
        hops: Box<Hops>,
        /// The head, where the chain comes back to it.
        home: Option<Home>,
        /// Before the upstream, where that may not have the text.
        veil: Option<Box<Veil>>,
        /// What the upstream knows the session as: an id of ours, so that two devices which chose
        /// the same one do not meet there.
        upstream_id: SessionId,
    },
}

/// The head of a chain that comes back to this node.
#[derive(Debug)]
pub(crate) struct Home {
    pub(crate) homecoming: Box<Homecoming>,
    /// Whose rows it runs. Without layers they leave no KV.
    pub(crate) sequence: Arc<Sequence>,
}

impl Node {
    #[expect(clippy::too_many_arguments, reason = "each is another thing that all tasks share")]
    pub(crate) fn new(
        host: Host,
        measured: Option<NodeProfile>,
        holds: StageSpec,
        engine: Arc<Engine>,
        limits: Limits,
        sharing: Sharing,
        store: Option<Arc<Store>>,
        grammars: Arc<Grammars>,
        upstream: Option<Arc<Uplink>>,
        network: Network,
    ) -> Self {
        let registry = Mutex::new(Registry::new(limits, engine.bound()));
        let left = Notify::new();
        let load = LoadMeter::new(clock::now());
        Self {
            host,
            measured,
            load,
            holds,
            engine,
            limits,
            sharing,
            store,
            grammars,
            upstream,
            network,
            registry,
            segment_channels: Channels::default(),
            left,
        }
    }

    /// Looks at how much was computed lately. To be called now and then.
    pub(crate) fn observe_load(&self) {
        self.load.observe(clock::now(), self.engine.busy());
    }

    /// The share of the last seconds in which it computed, in 255ths.
    pub(crate) fn load_byte(&self) -> u8 {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 255")]
        let load = (self.load.load() * 255.0).round() as u8;
        load
    }

    /// What a planner is told of this node, and of the one above it.
    pub(crate) fn reach(&self) -> Option<Box<Reach>> {
        #[expect(clippy::cast_possible_truncation, reason = "a share needs few digits")]
        let load = self.load.load() as f32;
        let node = NodeProfile { load, ..self.measured.clone()? };
        Some(Box::new(Reach { node, upstream: self.upstream.as_deref().and_then(above) }))
    }

    /// What planned stages are compared with.
    pub(crate) fn own(&self) -> Own<'_> {
        Own {
            host: &self.host,
            holds: self.holds,
            upstream: self.upstream.as_ref().map(|upstream| &upstream.peer().name),
            positions_max: self.limits.positions_per_session_max,
        }
    }

    /// Brings what is on disk of the blocks that `asked` is about into the pool.
    pub(crate) async fn bring(&self, asked: Option<Asked>) {
        if let (Some(store), Some(asked)) = (&self.store, asked) {
            store.bring(&self.engine, asked).await;
        }
    }

    /// The exact bytes of the block that ends `text`, of what is on disk, and their layers: `layers` at
    /// least.
    pub(crate) async fn stored(
        &self,
        text: TextKey,
        layers: LayerRange,
    ) -> Option<(Vec<u8>, LayerRange)> {
        self.store.as_ref()?.named(text, layers).await
    }

    /// When a peer that was refused may try again.
    pub(crate) fn retry_after_ms(&self) -> u32 {
        u32::try_from(self.limits.retry_after.as_millis()).unwrap_or(u32::MAX)
    }

    /// The sessions. Never held across an await.
    pub(crate) fn registry(&self) -> MutexGuard<'_, Registry<Arc<Seat>>> {
        // Its methods leave it whole, whatever panics around them.
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the node above said of itself, while it can be reached.
fn above(upstream: &Uplink) -> Option<Upstream> {
    let node = upstream.welcome()?.reach.as_ref()?.node.clone();
    Some(Upstream { link: upstream.estimate(), node })
}

impl Seat {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { kept: Arc::default(), turn: Mutex::default() })
    }

    /// Begins a turn and ends the one before. Called with the registry locked, so that turns begin
    /// in the order in which they were admitted.
    pub(crate) fn next_turn(&self) -> CancellationToken {
        let next = CancellationToken::new();
        let mut turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *turn, next.clone()).cancel();
        next
    }
}
