//! What a node is told once, before it starts, and checked before it listens.
//!
//! A [`Config`] comes from a file ([`Config::load`]) or is built in code, with identities that
//! never touched a disk. Both ways lead through [`Config::check`]: no other place decides whether
//! values agree. It is never read again after the start.

mod file;

use base::{LayerRange, Role};
use profile::NodeProfile;
use serde::Deserialize;
use settings::{ConfigError, Link, Pace, Peer, Profile, Telemetry};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;
use transport::{Identity, Network, Trust};

/// More engine threads than any machine that this runs on has cores.
const THREADS_MAX: usize = 1_024;

/// Everything that one gateway or cloud needs to start.
#[derive(Debug, Clone)]
pub struct Config {
    /// The UDP address to listen on; port 0 takes a free one.
    pub listen: SocketAddr,
    /// This node's certificate and key. Its role decides: gateway or cloud.
    pub identity: Identity,
    /// Whose certificates are believed.
    pub trust: Trust,
    /// A `.gguf` file or a Hugging Face folder: the target.
    pub model: PathBuf,
    /// The layers that this node may run; `None` is all of them.
    pub layers: Option<LayerRange>,
    /// The folder in which packed weights are kept, for other processes and the next start.
    pub packed: Option<PathBuf>,
    /// The cloud that a gateway passes hidden states on to; `None` for a cloud.
    pub upstream: Option<Peer>,
    /// What is refused.
    pub limits: Limits,
    /// How the layers are run.
    pub engine: EngineOptions,
    /// Where KV is kept beyond the pool.
    pub segments: SegmentOptions,
    /// What it can do and what it costs, for planners.
    pub profile: Profile,
    /// What was measured of it; without it no plan gives it any layers.
    pub measured: Option<NodeProfile>,
    /// What it tells of itself, and where.
    pub telemetry: Telemetry,
    /// How long silence on a link is borne.
    pub link: Link,
    /// Where sockets come from, and what link is emulated over them: of a gateway the one to its
    /// upstream, of a cloud all of its peers' together.
    pub network: Network,
}

/// `[limits]`: how much is served at once. Beyond it, peers are told to come back later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Sessions of all peers together.
    pub sessions_max: usize,
    /// Sessions of one peer. A gateway is one peer for all of its devices.
    pub sessions_per_peer_max: usize,
    /// Positions that the KV pool has room for, in half precision. A session reserves the memory of
    /// as many as it may grow to in its own format, or of its window.
    pub kv_tokens_max: usize,
    /// The longest conversation, in positions; of a stream, the most positions that one sees.
    pub positions_per_session_max: u32,
    /// When a refused peer may try again.
    pub retry_after: Duration,
    /// How long running sessions may go on after SIGTERM.
    pub drain: Duration,
    /// How long a session's KV waits for its device after the link was lost.
    pub orphan: Duration,
}

/// `[engine]`: how forward passes are run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EngineOptions {
    /// Compute threads.
    pub threads: usize,
    /// The most rows of one ragged batch.
    pub batch_rows_max: usize,
    /// Which sessions share the KV of equal beginnings.
    pub share_prefixes: SharePrefixes,
    /// Emulated slowness.
    pub pace: Pace,
    /// Who computes. No key of a file: a node that serves others has one right answer.
    pub runs_on: RunsOn,
}

/// `[segments]`: KV of whole blocks, for when their text comes again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentOptions {
    /// A folder that survives a restart; `None` keeps nothing beyond the pool.
    pub store: Option<PathBuf>,
    /// The most MiB of files in it.
    pub store_mib: u32,
}

/// Who runs forward passes.
///
/// Said and not told from the runtime's flavour: in real time a pass must hold up no task on a runtime
/// of one thread either, and whether the clock is paused, tokio tells nobody.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RunsOn {
    /// A thread of its own: however busy it is, pings are answered.
    #[default]
    OwnThread,
    /// A task of the runtime that the server is started on, which loads the model as well. For a
    /// runtime of one thread whose clock is paused: computing then takes no time there, a pace does,
    /// and everything happens in the same order every time.
    Runtime,
}

impl RunsOn {
    /// Does what takes a while beside all tasks, unless computing is done among them as well; `None` where
    /// it panicked, or the runtime ended first.
    pub(crate) async fn aside<T: Send + 'static>(
        self,
        act: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        match self {
            Self::OwnThread => tokio::task::spawn_blocking(act).await.ok(),
            Self::Runtime => Some(act()),
        }
    }
}

/// `share_prefixes`. A beginning whose KV is there already costs no time, and whoever sees how long
/// an answer takes can tell: between strangers that gives away what others have asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SharePrefixes {
    /// Sessions of one peer.
    #[default]
    Peer,
    /// All sessions: for a node whose peers trust each other.
    All,
    /// None.
    Off,
}

/// A value that disagrees with another, or is out of its range.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{key}`: {detail}")]
pub struct ConfigProblem {
    /// The key, as a configuration file spells it.
    pub key: &'static str,
    /// What is wrong and what would be right.
    pub detail: String,
}

impl Config {
    /// Reads and checks a configuration file and the certificates that it names.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] names the file, the key and what would be right.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        file::load(path)
    }

    /// Whether the values agree with each other.
    ///
    /// # Errors
    ///
    /// [`ConfigProblem`] names the first key that does not.
    pub fn check(&self) -> Result<(), ConfigProblem> {
        check_role(self.identity.peer().role, self.upstream.is_some())?;
        self.limits.check()?;
        self.engine.check()?;
        require(self.segments.store_mib > 0, "segments.store_mib", "must be above 0")
    }
}

impl Limits {
    fn check(&self) -> Result<(), ConfigProblem> {
        let counts = [
            ("limits.sessions_max", self.sessions_max),
            ("limits.sessions_per_peer_max", self.sessions_per_peer_max),
            ("limits.positions_per_session_max", self.positions_per_session_max as usize),
        ];
        for (key, count) in counts {
            require(count > 0, key, "must be above 0")?;
        }
        require(!self.retry_after.is_zero(), "limits.retry_after_ms", "must be above 0")?;
        require(
            self.kv_tokens_max >= self.positions_per_session_max as usize,
            "limits.kv_tokens_max",
            "must be at least positions_per_session_max, or no session of that length fits",
        )
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            sessions_max: 64,
            sessions_per_peer_max: 16,
            kv_tokens_max: 16_384,
            positions_per_session_max: 4_096,
            retry_after: Duration::from_secs(1),
            drain: Duration::from_secs(10),
            orphan: Duration::from_mins(1),
        }
    }
}

impl EngineOptions {
    fn check(self) -> Result<(), ConfigProblem> {
        let threads = 1..=THREADS_MAX;
        require(threads.contains(&self.threads), "engine.threads", "must be 1 to 1024")?;
        require(self.batch_rows_max > 0, "engine.batch_rows_max", "must be above 0")
    }
}

/// All cores, and batches that a small model runs in tens of milliseconds.
impl Default for EngineOptions {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            threads: cores.min(THREADS_MAX),
            batch_rows_max: 256,
            share_prefixes: SharePrefixes::default(),
            pace: Pace::default(),
            runs_on: RunsOn::default(),
        }
    }
}

/// No store.
impl Default for SegmentOptions {
    fn default() -> Self {
        Self { store: None, store_mib: 1_024 }
    }
}

/// A gateway passes on, a cloud does not, a device does not serve.
fn check_role(role: Role, upstream: bool) -> Result<(), ConfigProblem> {
    match (role, upstream) {
        (Role::Cloud, false) | (Role::Gateway, true) => Ok(()),
        (Role::Cloud, true) => {
            require(false, "upstream", "a node with a cloud certificate must have none")
        }
        (Role::Gateway, false) => require(
            false,
            "upstream",
            "is missing; a node with a gateway certificate needs `address` and `name` of its cloud",
        ),
        (Role::Device, _) => require(
            false,
            "identity.certificate",
            "is a device's; this program needs one issued with --role gateway or --role cloud",
        ),
    }
}

fn require(holds: bool, key: &'static str, detail: &str) -> Result<(), ConfigProblem> {
    if holds { Ok(()) } else { Err(ConfigProblem { key, detail: detail.to_owned() }) }
}

#[cfg(test)]
mod tests;
