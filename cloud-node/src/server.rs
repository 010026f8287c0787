//! One node in this process: from a checked configuration to a drained end.
//!
//! A server holds no global state. It ends in one of two ways:
//!
//! - [`Server::drain`]: no new sessions, running ones may end, peers are told.
//! - Abruptly, as a node that lost its power: start it on a tokio runtime of its own and end that by
//!   `Runtime::shutdown_background`. Its tasks vanish with their sockets and send no goodbye; the
//!   engine's thread ends once the last of them is gone. Dropping a [`Server`] alone ends nothing.

use crate::config::{Config, ConfigProblem, RunsOn};
use crate::engine::{self, Engine, EngineStartError};
use crate::node::Node;
use crate::panel::{self, Panel};
use crate::stages::Sharing;
use crate::store::{Completed, Opened, Store};
use crate::visit;
use base::{LayerRange, ModelFingerprint, NodeName, Role};
use grammar::{Grammars, Piece};
use profile::NodeProfile;
use protocol::{Hello, Host, LinkHealthConfig};
use runtime::free_memory::{self, Crowd};
use runtime::{LoadError, ModelFile, Pool, Stage, StageSpec, StoreError};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use transport::{BindError, CloseCode, LinkOptions, Listener, Peer, Uplink, UplinkConfig, clock};

/// How often orphans are looked through. Their grace is in seconds.
const EXPIRY_PERIOD: Duration = Duration::from_millis(500);

/// Channels that a peer may have open beyond its sessions: those that are refused still need one to
/// be told so on.
const CHANNELS_SPARE: usize = 32;

/// A running gateway or cloud.
#[derive(Debug)]
pub struct Server {
    local_addr: SocketAddr,
    telemetry_addr: Option<SocketAddr>,
    node: Arc<Node>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

/// A server that cannot start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Values of the configuration disagree.
    #[error("the configuration cannot be served")]
    Config(#[from] ConfigProblem),
    /// The model cannot be loaded.
    #[error("cannot load the model")]
    Load(#[from] LoadError),
    /// A profile of another node, another model or other layers.
    #[error(
        "profile.path: the profile is not of {node} with model {model} and the layers that it loads: \
         run `cloud-node measure` again"
    )]
    Profile {
        /// This node.
        node: NodeName,
        /// Its model.
        model: ModelFingerprint,
    },
    /// A size of the model that the wire cannot name.
    #[error("the model's {what} of {actual} is more than the wire can name")]
    TooLarge {
        /// Which size.
        what: &'static str,
        /// What it is.
        actual: usize,
    },
    /// The engine cannot start.
    #[error("cannot start the engine")]
    Engine(#[from] EngineStartError),
    /// There can be no store.
    #[error("segments.store: cannot be used")]
    Store(#[from] StoreError),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// As configured.
        address: SocketAddr,
        /// What is in the way.
        #[source]
        source: BindError,
    },
    /// The address for metrics and status cannot be listened on.
    #[error("telemetry.listen: cannot listen on {address}")]
    Telemetry {
        /// As configured.
        address: SocketAddr,
        /// What is in the way.
        source: io::Error,
    },
    /// No socket for dialling the upstream.
    #[error("cannot open a socket for the upstream")]
    Dial(#[source] BindError),
}

impl Server {
    /// Loads the model, starts the engine and listens. Must be called within a tokio runtime with
    /// time and I/O; every task of the server runs on that one.
    ///
    /// # Errors
    ///
    /// [`ServeError`] says what is in the way.
    ///
    /// # Panics
    ///
    /// Where reading the model does.
    pub async fn start(config: Config) -> Result<Self, ServeError> {
        config.check()?;
        let threads = engine::threads(&config.engine)?;
        let Loaded { stage, host, grammars } = load(&config, threads).await?;
        let mut limits = config.limits;
        let context = stage.config().context_length;
        limits.positions_per_session_max = limits.positions_per_session_max.min(context);
        let holds = stage.spec();
        let opened = Store::open(&config.segments, config.engine.runs_on, holds.layers)?;
        let (store, outlet, queue) = match opened {
            Some(Opened { store, outlet, queue }) => (Some(store), Some(outlet), Some(queue)),
            None => (None, None, None),
        };
        let engine = Engine::start(stage, limits.kv_tokens_max, config.engine, outlet)?;
        let network = config.network.clone();
        let secret = match &store {
            Some(store) => store.secret(|| network.random())?,
            None => network.random(),
        };
        let sharing = Sharing { rule: config.engine.share_prefixes, secret };
        let measured = fitting(&config, &host)?;
        let listener = bind(&config)?;
        let upstream = upstream_of(&config, &host)?;
        let shown = show(config.telemetry.listen).await?;
        let server = Self {
            local_addr: listener.local_addr(),
            telemetry_addr: shown.as_ref().map(|(_, address)| *address),
            node: Arc::new(Node::new(
                host, measured, holds, engine, limits, sharing, store, grammars, upstream, network,
            )),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
        };
        if let Some((questions, _)) = shown {
            let panel = server.panel(&config, &listener);
            server.tasks.spawn(panel::serve(panel, questions, server.stop.clone()));
        }
        server.spawn_tasks(listener, queue, config.engine.runs_on);
        let (node, address) = (config.identity.peer(), server.local_addr);
        tracing::info!(%node, %address, %holds, "serving");
        Ok(server)
    }

    /// The address that it listens on.
    pub const fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// The TCP address where it answers `/metrics`, `/status`, `/healthz` and `/readyz`, if it does.
    pub const fn telemetry_addr(&self) -> Option<SocketAddr> {
        self.telemetry_addr
    }

    /// Admits no more sessions, waits until the running ones have ended or the configured time is
    /// over, then tells all peers and ends.
    pub async fn drain(&self) {
        self.node.registry().drain();
        let drained = tokio::time::timeout(self.node.limits.drain, async {
            loop {
                let left = self.node.left.notified();
                if self.node.registry().served() == 0 {
                    return;
                }
                left.await;
            }
        });
        if drained.await.is_err() {
            let sessions = self.node.registry().served();
            tracing::warn!(sessions, "sessions are cut short");
        }
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// How many sessions are being served. Those that wait for their device do not count.
    pub fn sessions(&self) -> usize {
        self.node.registry().served()
    }

    /// For how long its engine has computed since it started: the time of its forward passes, by
    /// tokio's clock, with what a configured pace adds to them.
    pub fn busy(&self) -> Duration {
        self.node.engine.busy()
    }

    /// Whether [`Self::drain`] has begun.
    pub fn is_draining(&self) -> bool {
        self.node.registry().is_draining()
    }

    /// Whether the link to the upstream is up; `false` where there is none to have.
    pub fn upstream_is_up(&self) -> bool {
        self.node.upstream.as_ref().is_some_and(|upstream| upstream.is_up())
    }

    fn panel(&self, config: &Config, listener: &Listener) -> Arc<Panel> {
        let model = config.model.file_name().unwrap_or(config.model.as_os_str());
        Arc::new(Panel {
            node: Arc::clone(&self.node),
            model: model.to_string_lossy().into_owned(),
            tally: listener.tally_reader(),
            began: clock::now(),
        })
    }

    fn spawn_tasks(
        &self,
        listener: Listener,
        completed: Option<mpsc::Receiver<Completed>>,
        runs_on: RunsOn,
    ) {
        let (node, tasks, stop) = (&self.node, &self.tasks, &self.stop);
        tasks.spawn(accept(Arc::clone(node), listener, tasks.clone(), stop.clone()));
        tasks.spawn(tend(Arc::clone(node), runs_on, stop.clone()));
        if let (Some(store), Some(completed)) = (&node.store, completed) {
            tasks.spawn(Arc::clone(store).write_behind(completed, stop.clone()));
        }
        if let Some(upstream) = &node.upstream {
            tasks.spawn(keep_up(Arc::clone(upstream), stop.clone()));
        }
    }
}

/// A stage, and what peers are told of the node that holds it.
struct Loaded {
    stage: Stage,
    host: Host,
    grammars: Arc<Grammars>,
}

/// Reads the model, which takes long enough to hold up others on this runtime where it does so in real
/// time.
async fn load(config: &Config, threads: Arc<Pool>) -> Result<Loaded, ServeError> {
    match config.engine.runs_on {
        RunsOn::OwnThread => {
            let from = config.clone();
            let loaded = tokio::task::spawn_blocking(move || read(&from, &threads));
            loaded.await.expect("nobody cancels it, and it does not panic")
        }
        RunsOn::Runtime => read(config, &threads),
    }
}

/// Opens the model and maps the layers: all where `layers` says nothing.
fn read(from: &Config, threads: &Arc<Pool>) -> Result<Loaded, ServeError> {
    let mut model = ModelFile::open(&from.model)?;
    if let Some(folder) = &from.packed {
        model = model.keep_packed(folder)?;
    }
    let (config, peer) = (model.config(), from.identity.peer().clone());
    let tokenizer = model.tokenizer()?;
    let spec = loaded(from, &model);
    let host = Host {
        versions: protocol::VERSIONS,
        node: peer.name,
        role: peer.role,
        numerics: kernels::NUMERICS_CLASS.to_owned(),
        model: model.fingerprint(),
        tokenizer: tokenizer.fingerprint(),
        layers: config.layers,
        width: nameable("width", config.width)?,
        vocab: nameable("vocabulary", config.vocab)?,
        holds: spec.layers,
    };
    let grammars = Grammars::new(move || tokenizer.pieces().map(Piece::from).collect());
    Ok(Loaded { stage: model.load_stage(spec, threads)?, host, grammars: Arc::new(grammars) })
}

/// The part of `model` that a node loads: all layers where the configuration says nothing, and with the
/// first and the last one the embedding and the head.
pub(crate) fn loaded(config: &Config, model: &ModelFile) -> StageSpec {
    let all = model.config().layers;
    let layers = config.layers.unwrap_or_else(|| LayerRange::all(all));
    StageSpec {
        layers,
        embedding: layers.start() == 0 && !layers.is_empty(),
        head: layers.end() == all && !layers.is_empty(),
    }
}

/// What was measured, if it is of this node and what it has loaded now.
fn fitting(config: &Config, host: &Host) -> Result<Option<NodeProfile>, ServeError> {
    let Some(measured) = &config.measured else {
        tracing::info!("no profile: planners leave this node out until `measure` has written one");
        return Ok(None);
    };
    let target = measured.target.as_ref();
    let same =
        target.is_some_and(|target| (target.model, target.holds) == (host.model, host.holds));
    match same && measured.node == host.node {
        true => Ok(Some(measured.clone())),
        false => Err(ServeError::Profile { node: host.node.clone(), model: host.model }),
    }
}

fn nameable(what: &'static str, actual: usize) -> Result<u32, ServeError> {
    u32::try_from(actual).map_err(|_| ServeError::TooLarge { what, actual })
}

fn bind(config: &Config) -> Result<Listener, ServeError> {
    let allow: &[Role] = match config.upstream {
        None => &[Role::Device, Role::Gateway],
        Some(_) => &[Role::Device],
    };
    let (address, channels) = (config.listen, config.limits.sessions_per_peer_max + CHANNELS_SPARE);
    let network = match config.upstream {
        None => config.network.clone(),
        Some(_) => config.network.clone().emulating(None, 0),
    };
    let options = LinkOptions {
        network,
        sessions_max: u16::try_from(channels).unwrap_or(u16::MAX),
        ..LinkOptions::default()
    };
    Listener::bind(address, &config.identity, &config.trust, allow, &options)
        .map_err(|source| ServeError::Listen { address, source })
}

/// Where questions about the node come in, and the address of that.
async fn show(listen: Option<SocketAddr>) -> Result<Option<(TcpListener, SocketAddr)>, ServeError> {
    let Some(address) = listen else { return Ok(None) };
    let failed = |source| ServeError::Telemetry { address, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok(Some((listener, address)))
}

/// What a gateway needs to reach its cloud; the link itself comes up later.
fn upstream_of(config: &Config, host: &Host) -> Result<Option<Arc<Uplink>>, ServeError> {
    let Some(to) = &config.upstream else { return Ok(None) };
    let hello = Hello {
        versions: host.versions,
        node: host.node.clone(),
        role: host.role,
        numerics: host.numerics.clone(),
        tokenizer: Some(host.tokenizer),
        model: Some(host.model),
        tenant: None,
    };
    let health = LinkHealthConfig {
        deadline_floor: config.link.silence_min(),
        deadline_ceiling: config.link.silence_max(),
        redial: config.link.reconnect(),
    };
    let peer = Peer::new(Role::Cloud, to.name.clone());
    let (address, network) = (to.address.clone(), config.network.clone());
    let keep_alive = config.link.keep_alive();
    let terms = config.link.terms();
    let to = UplinkConfig { peer, address, hello, split: true, health, keep_alive, terms, network };
    Uplink::bind(to, &config.identity, &config.trust).map(Some).map_err(ServeError::Dial)
}

/// Keeps the link to the upstream until `stop`.
async fn keep_up(upstream: Arc<Uplink>, stop: CancellationToken) {
    tokio::select! {
        biased;
        () = stop.cancelled() => {}
        () = upstream.run() => {}
    }
    upstream.close("the gateway stops").await;
}

/// Takes links until `stop`, then tells all peers.
async fn accept(node: Arc<Node>, listener: Listener, tasks: TaskTracker, stop: CancellationToken) {
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            link = listener.accept() => match link {
                Some(link) => {
                    let visit = visit::serve(node.clone(), link, tasks.clone(), stop.clone());
                    tasks.spawn(visit);
                }
                None => break,
            },
        }
    }
    listener.close(CloseCode::Draining, "this node stops").await;
}

/// Ends orphans whose time is over, looks at the load, and lets go of memory that a crowd has left.
async fn tend(node: Arc<Node>, runs_on: RunsOn, stop: CancellationToken) {
    let mut ticks = tokio::time::interval(EXPIRY_PERIOD);
    let mut crowd = Crowd::default();
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            now = ticks.tick() => {
                let now = now.into_std();
                node.observe_load();
                let sessions = {
                    let mut registry = node.registry();
                    registry.expire(now);
                    registry.served() + registry.orphans()
                };
                if crowd.has_gone(now, sessions) {
                    runs_on.aside(free_memory::give_back).await;
                }
            }
        }
    }
}
