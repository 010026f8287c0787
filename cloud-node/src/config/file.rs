//! A configuration file as it is typed, and its way into a [`Config`].

use crate::config::{Config, EngineOptions, Limits, SegmentOptions, SharePrefixes};
use base::LayerRange;
use model_store::Environment;
use serde::Deserialize;
use settings::chain;
use settings::{ConfigError, ConfigFile, Identity, Link, Pace, Peer, Profile};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;
use transport::Network;

/// What the file may hold, and nothing else.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileConfig {
    #[serde(default)]
    node: Node,
    identity: Identity,
    model: Model,
    upstream: Option<Peer>,
    #[serde(default)]
    limits: FileLimits,
    #[serde(default)]
    engine: Engine,
    #[serde(default)]
    segments: Segments,
    #[serde(default)]
    profile: Profile,
    #[serde(default)]
    link: Link,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Node {
    listen: SocketAddr,
}

impl Default for Node {
    fn default() -> Self {
        Self { listen: SocketAddr::from(([127, 0, 0, 1], 7433)) }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Model {
    path: PathBuf,
    layers: Option<LayerRange>,
    packed: Option<PathBuf>,
    store: Option<PathBuf>,
}

impl Model {
    /// What to open: what is at the path, or what the store has by that name.
    fn resolved(&self, file: &ConfigFile) -> Result<PathBuf, ConfigError> {
        let store = self.store.as_deref().map(|store| file.resolve(store));
        let environment = Environment::of(|name| std::env::var_os(name));
        match environment.model(&self.path, store.as_deref(), "cloud-node") {
            None => Ok(file.resolve(&self.path)),
            Some(found) => found.map_err(|error| invalid(file, "model.path", &error)),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct FileLimits {
    sessions_max: usize,
    sessions_per_peer_max: usize,
    kv_tokens_max: usize,
    positions_per_session_max: u32,
    retry_after_ms: u32,
    drain_s: u32,
    orphan_s: u32,
}

impl Default for FileLimits {
    fn default() -> Self {
        let limits = Limits::default();
        let seconds = |time: Duration| u32::try_from(time.as_secs()).unwrap_or(u32::MAX);
        Self {
            sessions_max: limits.sessions_max,
            sessions_per_peer_max: limits.sessions_per_peer_max,
            kv_tokens_max: limits.kv_tokens_max,
            positions_per_session_max: limits.positions_per_session_max,
            retry_after_ms: u32::try_from(limits.retry_after.as_millis()).unwrap_or(u32::MAX),
            drain_s: seconds(limits.drain),
            orphan_s: seconds(limits.orphan),
        }
    }
}

impl From<FileLimits> for Limits {
    fn from(file: FileLimits) -> Self {
        Self {
            sessions_max: file.sessions_max,
            sessions_per_peer_max: file.sessions_per_peer_max,
            kv_tokens_max: file.kv_tokens_max,
            positions_per_session_max: file.positions_per_session_max,
            retry_after: Duration::from_millis(file.retry_after_ms.into()),
            drain: Duration::from_secs(file.drain_s.into()),
            orphan: Duration::from_secs(file.orphan_s.into()),
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Engine {
    threads: Option<usize>,
    batch_rows_max: Option<usize>,
    share_prefixes: SharePrefixes,
    pace: Pace,
}

impl From<Engine> for EngineOptions {
    fn from(file: Engine) -> Self {
        let default = Self::default();
        Self {
            threads: file.threads.unwrap_or(default.threads),
            batch_rows_max: file.batch_rows_max.unwrap_or(default.batch_rows_max),
            share_prefixes: file.share_prefixes,
            pace: file.pace,
            runs_on: default.runs_on,
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Segments {
    store: Option<PathBuf>,
    store_mib: Option<u32>,
}

impl Segments {
    fn resolved(self, file: &ConfigFile) -> SegmentOptions {
        let default = SegmentOptions::default();
        SegmentOptions {
            store: self.store.map(|path| file.resolve(&path)),
            store_mib: self.store_mib.unwrap_or(default.store_mib),
        }
    }
}

/// Reads, resolves and checks.
pub(super) fn load(path: &Path) -> Result<Config, ConfigError> {
    let (typed, file) = settings::load::<FileConfig>(path)?;
    let identity = typed.identity.resolved(&file);
    let own = transport::Identity::read(&identity.certificate, &identity.key)
        .map_err(|error| invalid(&file, "identity.certificate", &error))?;
    let trust = transport::Trust::read(&identity.authority, identity.revoked.as_deref())
        .map_err(|error| invalid(&file, "identity.authority", &error))?;
    typed.engine.pace.checked(&file)?;
    let profile = typed.profile.checked(&file)?;
    let link = typed.link.checked(&file)?;
    let emulation = link.emulation(&file)?;
    let config = Config {
        network: Network::system().emulating(emulation, link.emulate_seed),
        listen: typed.node.listen,
        identity: own,
        trust,
        model: typed.model.resolved(&file)?,
        layers: typed.model.layers,
        packed: typed.model.packed.map(|path| file.resolve(&path)),
        upstream: typed.upstream,
        limits: typed.limits.into(),
        engine: typed.engine.into(),
        segments: typed.segments.resolved(&file),
        measured: measure::configured(&profile, &file)?,
        profile,
        link,
    };
    config.check().map_err(|problem| file.invalid(problem.key, problem.detail))?;
    Ok(config)
}

/// An error of another crate: the configuration's error keeps text only.
fn invalid(file: &ConfigFile, key: &'static str, error: &dyn std::error::Error) -> ConfigError {
    file.invalid(key, chain(error))
}
