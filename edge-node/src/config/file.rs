//! A configuration file as it is typed, and its way into a [`Config`].

use super::assistant::{self, FileBudgets, FileIntents, FileJournal, FileRouting};
use super::models::FileModels;
use super::serve::FileServe;
use crate::acting::ActionSettings;
use crate::config::{
    Config, Credentials, EngineOptions, Generation, KvSettings, PeerAddress, PlanSettings,
    PlannerSettings, Prefill, SegmentSettings, Switch,
};
use crate::drafting::SourceChoice;
use base::{
    ByteCount, DraftLength, KvFormat, LayerRange, NodeName, Privacy, Role, Sampling, StreamWindow,
    WireCodec,
};
use partitioner::{
    Criteria, LocalChoice, Mode, Objective, QualityBudget, RequestedStage, Speculation,
};
use protocol::{AfterOutage, Source};
use runtime::SegmentFormat;
use serde::Deserialize;
use settings::{ConfigError, ConfigFile, Identity, Link, Pace, Profile};
use std::path::{Path, PathBuf};
use transport::{Network, Peer};

/// The most that a device keeps on disk, where its file does not say.
const STORE_MIB: u32 = 256;

/// Bytes of a secret that nobody guesses.
const TENANT_LEN_MIN: usize = 16;

/// More threads than any machine that this runs on has cores.
const THREADS_MAX: usize = 1_024;

/// What the file may hold, and nothing else.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileConfig {
    node: FileNode,
    identity: Option<Identity>,
    models: FileModels,
    #[serde(default)]
    peers: Vec<FilePeer>,
    plan: FilePlan,
    #[serde(default)]
    generation: FileGeneration,
    #[serde(default)]
    kv: FileKv,
    #[serde(default)]
    segments: FileSegments,
    #[serde(default)]
    engine: FileEngine,
    #[serde(default)]
    planner: FilePlanner,
    #[serde(default)]
    profile: Profile,
    #[serde(default)]
    link: Link,
    intents: Option<FileIntents>,
    #[serde(default)]
    actions: ActionSettings,
    routing: Option<FileRouting>,
    journal: Option<FileJournal>,
    budgets: Option<FileBudgets>,
    #[serde(default)]
    serve: FileServe,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileNode {
    name: NodeName,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FilePeer {
    name: NodeName,
    role: Role,
    address: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FilePlan {
    mode: FileMode,
    #[serde(default)]
    local: LocalChoice,
    target: Option<NodeName>,
    #[serde(default = "as_it_pays")]
    draft_length: DraftLength,
    #[serde(default)]
    speculation: Speculation,
    #[serde(default)]
    source: FileSource,
    #[serde(default)]
    stages: Vec<FileStage>,
    #[serde(default)]
    after_outage: FileAfterOutage,
    #[serde(default)]
    switches: Vec<FileSwitch>,
}

/// A mode, or whatever is best.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum FileMode {
    Auto,
    Local,
    Remote,
    Speculative,
    Split,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct FilePlanner {
    weights: Option<Criteria<f64>>,
    limits: Criteria<Option<f64>>,
    privacy: Privacy,
    unvouched: bool,
    acceptance: f64,
    reply_tokens: u32,
    certificate: Option<PathBuf>,
    quality: QualityBudget,
}

impl Default for FilePlanner {
    fn default() -> Self {
        let PlannerSettings {
            objective,
            privacy,
            unvouched,
            acceptance,
            reply_tokens,
            certificate,
            quality,
        } = PlannerSettings::default();
        let (weights, limits) = (None, objective.limits);
        Self { weights, limits, privacy, unvouched, acceptance, reply_tokens, certificate, quality }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileSwitch {
    after: u32,
    mode: Mode,
    stages: Option<Vec<FileStage>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum FileSource {
    #[default]
    Auto,
    Model,
    Lookup,
    Both,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum FileAfterOutage {
    #[default]
    Keep,
    Revise,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileStage {
    node: NodeName,
    layers: LayerRange,
    #[serde(default)]
    codec: WireCodec,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct FileGeneration {
    tokens_max: u32,
    temperature: f32,
    top_k: u32,
    top_p: f32,
    stop: Vec<String>,
}

impl Default for FileGeneration {
    fn default() -> Self {
        let Generation { tokens_max, temperature, top_k, top_p, stop } = Generation::default();
        Self { tokens_max, temperature, top_k, top_p, stop }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct FileKv {
    target: KvFormat,
    draft: KvFormat,
    stream: Option<StreamWindow>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct FileSegments {
    prefill: Prefill,
    from: Option<NodeName>,
    format: Option<String>,
    tenant: Option<PathBuf>,
    store: Option<PathBuf>,
    store_mib: Option<u32>,
    standby: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct FileEngine {
    threads: Option<usize>,
    positions_max: Option<u32>,
    pace: Pace,
}

/// The default draft length.
const fn as_it_pays() -> DraftLength {
    DraftLength::Auto
}

/// Reads, resolves and checks.
pub(super) fn load(path: &Path) -> Result<Config, ConfigError> {
    let (typed, file) = settings::load::<FileConfig>(path)?;
    let models = typed.models.resolved(&file)?;
    if models.target.is_none() && models.draft.is_none() {
        return Err(file.invalid("models", "needs `draft`, `target` or both"));
    }
    let profile = typed.profile.checked(&file)?;
    let link = typed.link.checked(&file)?;
    let emulation = link.emulation(&file)?;
    let kept = (typed.journal, typed.budgets);
    Ok(Config {
        network: Network::system().emulating(emulation, link.emulate_seed),
        credentials: typed.identity.map(|own| credentials(own, &typed.node, &file)).transpose()?,
        name: typed.node.name,
        models,
        peers: typed.peers.into_iter().map(PeerAddress::from).collect(),
        plan: plan(typed.plan, &file)?,
        serve: typed.serve.checked(&link, &file)?,
        generation: generation(typed.generation, &file)?,
        kv: typed.kv.into(),
        segments: segments(typed.segments, &file)?,
        engine: engine(&typed.engine, &file)?,
        measured: measure::configured(&profile, &file)?,
        planner: planner(typed.planner, &file)?,
        assistant: assistant::assistant(typed.intents, typed.routing, typed.actions, kept, &file)?,
        profile,
        link,
    })
}

fn credentials(
    own: Identity,
    node: &FileNode,
    file: &ConfigFile,
) -> Result<Credentials, ConfigError> {
    let own = own.resolved(file);
    let identity = transport::Identity::read(&own.certificate, &own.key)
        .map_err(|error| file.invalid("identity.certificate", settings::chain(&error)))?;
    let trust = transport::Trust::read(&own.authority, own.revoked.as_deref())
        .map_err(|error| file.invalid("identity.authority", settings::chain(&error)))?;
    let certified = identity.peer();
    if certified.role != Role::Device || certified.name != node.name {
        let detail = format!(
            "is that of {certified}; this file needs one issued with --role device --name {}",
            node.name
        );
        return Err(file.invalid("identity.certificate", detail));
    }
    Ok(Credentials { identity, trust })
}

fn plan(typed: FilePlan, file: &ConfigFile) -> Result<PlanSettings, ConfigError> {
    if let DraftLength::Fixed(length) = typed.draft_length
        && length as usize > protocol::limits::DRAFTS_MAX
    {
        let detail = format!("is at most {}", protocol::limits::DRAFTS_MAX);
        return Err(file.invalid("plan.draft_length", detail));
    }
    let stage = |FileStage { node, layers, codec }| RequestedStage { node, layers, codec };
    let switch = |FileSwitch { after, mode, stages }| Switch {
        after,
        mode,
        stages: stages.map(|stages| stages.into_iter().map(stage).collect()),
    };
    let switches: Vec<_> = typed.switches.into_iter().map(switch).collect();
    if !Switch::are_in_order(&switches) {
        return Err(file.invalid("plan.switches", "come in the order of their `after`"));
    }
    Ok(PlanSettings {
        mode: match typed.mode {
            // Of the target that is named, until somebody was reached.
            FileMode::Auto if typed.target.is_some() => Mode::Remote,
            FileMode::Auto | FileMode::Local => Mode::Local,
            FileMode::Remote => Mode::Remote,
            FileMode::Speculative => Mode::Speculative,
            FileMode::Split => Mode::Split,
        },
        auto: typed.mode == FileMode::Auto,
        local: typed.local,
        target: typed.target,
        draft_length: typed.draft_length,
        speculation: typed.speculation,
        source: match typed.source {
            FileSource::Auto => SourceChoice::Auto,
            FileSource::Model => SourceChoice::Only(Source::Model),
            FileSource::Lookup => SourceChoice::Only(Source::Lookup),
            FileSource::Both => SourceChoice::Only(Source::Both),
        },
        stages: typed.stages.into_iter().map(stage).collect(),
        after_outage: match typed.after_outage {
            FileAfterOutage::Keep => AfterOutage::Keep,
            FileAfterOutage::Revise => AfterOutage::Revise,
        },
        switches,
    })
}

fn planner(typed: FilePlanner, file: &ConfigFile) -> Result<PlannerSettings, ConfigError> {
    let FilePlanner { limits, privacy, unvouched, acceptance, reply_tokens, quality, .. } = typed;
    let certificate = typed.certificate.map(|path| file.resolve(&path));
    let weights = typed.weights.unwrap_or(Objective::FASTEST.weights);
    let possible = |figure: &f64| figure.is_finite() && *figure >= 0.0;
    if !weights.values().iter().all(possible) || weights.values().iter().all(|w| *w == 0.0) {
        let detail = "are 0 or more each, and one of them is above 0";
        return Err(file.invalid("planner.weights", detail));
    }
    if !limits.values().iter().flatten().all(possible) {
        return Err(file.invalid("planner.limits", "are 0 or more"));
    }
    if !(0.0..=1.0).contains(&acceptance) {
        return Err(file.invalid("planner.acceptance", "is from 0 to 1"));
    }
    if reply_tokens == 0 {
        return Err(file.invalid("planner.reply_tokens", "must be above 0"));
    }
    let objective = Objective { weights, limits };
    Ok(PlannerSettings {
        objective,
        privacy,
        unvouched,
        acceptance,
        reply_tokens,
        certificate,
        quality,
    })
}

fn segments(typed: FileSegments, file: &ConfigFile) -> Result<SegmentSettings, ConfigError> {
    let FileSegments { prefill, from, format, tenant, store, store_mib, standby } = typed;
    let store_mib = store_mib.unwrap_or(STORE_MIB);
    if store_mib == 0 {
        return Err(file.invalid("segments.store_mib", "must be above 0"));
    }
    let bound = ByteCount(u64::from(store_mib) << 20);
    Ok(SegmentSettings {
        prefill,
        from,
        format: segment_format("segments.format", format.as_deref(), file)?,
        tenant: tenant.map(|path| tenant_secret(&path, file)).transpose()?,
        store: store.map(|path| (file.resolve(&path), bound)),
        standby,
    })
}

/// What the word of `key` says; exact, where there is none.
pub(crate) fn segment_format(
    key: &'static str,
    word: Option<&str>,
    file: &ConfigFile,
) -> Result<SegmentFormat, ConfigError> {
    let Some(word) = word else { return Ok(SegmentFormat::Exact) };
    let known = SegmentFormat::ALL.into_iter().find(|format| format.name() == word);
    let names = || SegmentFormat::ALL.map(SegmentFormat::name).join(", ");
    known.ok_or_else(|| file.invalid(key, format!("is one of {}", names())))
}

/// The secret that the file at `path` stands for, whatever its length.
fn tenant_secret(path: &Path, file: &ConfigFile) -> Result<[u8; 32], ConfigError> {
    let path = file.resolve(path);
    let read = std::fs::read(&path).map_err(|error| {
        file.invalid("segments.tenant", format!("cannot read {}: {error}", path.display()))
    })?;
    if read.len() < TENANT_LEN_MIN {
        let detail = format!("holds {} bytes, and should at least {TENANT_LEN_MIN}", read.len());
        return Err(file.invalid("segments.tenant", detail));
    }
    Ok(*blake3::hash(&read).as_bytes())
}

fn generation(typed: FileGeneration, file: &ConfigFile) -> Result<Generation, ConfigError> {
    let FileGeneration { tokens_max, temperature, top_k, top_p, stop } = typed;
    if tokens_max == 0 {
        return Err(file.invalid("generation.tokens_max", "must be above 0"));
    }
    if stop.iter().any(String::is_empty) {
        return Err(file.invalid("generation.stop", "an empty string would stop every reply"));
    }
    Sampling::new(temperature, top_k, top_p, 0)
        .map_err(|error| file.invalid("generation", error))?;
    Ok(Generation { tokens_max, temperature, top_k, top_p, stop })
}

fn engine(typed: &FileEngine, file: &ConfigFile) -> Result<EngineOptions, ConfigError> {
    let default = EngineOptions::default();
    let threads = typed.threads.unwrap_or(default.threads);
    let positions_max = typed.positions_max.unwrap_or(default.positions_max);
    if !(1..=THREADS_MAX).contains(&threads) {
        return Err(file.invalid("engine.threads", "must be 1 to 1024"));
    }
    if !(2..=protocol::limits::POSITIONS_MAX).contains(&positions_max) {
        let detail = format!("must be 2 to {}", protocol::limits::POSITIONS_MAX);
        return Err(file.invalid("engine.positions_max", detail));
    }
    let pace = typed.pace.checked(file)?;
    // A pace stands for another machine, and this one's load is nothing to it.
    Ok(EngineOptions { threads, positions_max, pace, watch_load: pace.is_none() })
}

impl From<FileKv> for KvSettings {
    fn from(FileKv { target, draft, stream }: FileKv) -> Self {
        Self { target, draft, stream }
    }
}

impl From<FilePeer> for PeerAddress {
    fn from(typed: FilePeer) -> Self {
        Self { peer: Peer::new(typed.role, typed.name), address: typed.address }
    }
}
