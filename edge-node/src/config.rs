//! What a device is told once, before it starts.
//!
//! A [`Config`] comes from a file ([`Config::load`]) or is built in code, with identities that
//! never touched a disk. It is never read again after the start.

mod assistant;
mod file;
mod models;
mod serve;

pub use assistant::{AssistantSettings, IntentSettings, JournalSettings, RoutingSettings};
pub(crate) use file::segment_format;
pub(crate) use models::missing as missing_models;
pub use serve::ServeSettings;

use crate::drafting::SourceChoice;
use base::{ByteCount, DraftLength, KvFormat, NodeName, Privacy, StreamWindow};
use partitioner::{
    LocalChoice, Mode, Objective, PlanRequest, QualityBudget, RequestedStage, Speculation,
};
use profile::NodeProfile;
use protocol::{AfterOutage, TenantSecret};
use runtime::SegmentFormat;
use serde::Deserialize;
use settings::{ConfigError, Link, Pace, Profile};
use std::path::{Path, PathBuf};
use transport::{Identity, Network, Peer, Trust};

/// Everything that one device needs to start.
#[derive(Debug, Clone)]
pub struct Config {
    /// The device's name in plans and certificates.
    pub name: NodeName,
    /// Who it is to its peers; `None` where it has none.
    pub credentials: Option<Credentials>,
    /// Its models.
    pub models: ModelPaths,
    /// The nodes that it may dial.
    pub peers: Vec<PeerAddress>,
    /// Who runs what.
    pub plan: PlanSettings,
    /// How replies are generated, unless a request says otherwise.
    pub generation: Generation,
    /// How keys and values are kept.
    pub kv: KvSettings,
    /// What it has other nodes compute of that, and keeps.
    pub segments: SegmentSettings,
    /// How its own layers are run.
    pub engine: EngineOptions,
    /// What the planner aims at.
    pub planner: PlannerSettings,
    /// What it can do and what it costs, for the planner.
    pub profile: Profile,
    /// What was measured of it; without it no plan gives it any layers.
    pub measured: Option<NodeProfile>,
    /// What it does with what it is told, beside asking a model.
    pub assistant: AssistantSettings,
    /// How others may ask it over HTTP.
    pub serve: ServeSettings,
    /// How long silence on a link is borne.
    pub link: Link,
    /// Where its socket comes from, and what link is emulated over it.
    pub network: Network,
}

/// Who a device is, and whom it believes.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// Its certificate and key.
    pub identity: Identity,
    /// Whose certificates it believes.
    pub trust: Trust,
}

/// `[models]`: `.gguf` files or Hugging Face folders. At least one is there.
#[derive(Debug, Clone)]
pub struct ModelPaths {
    /// The target: for a stage of its layers here, or to run alone with it.
    pub target: Option<PathBuf>,
    /// The draft model: proposes, and speaks while the target is out of reach.
    pub draft: Option<PathBuf>,
    /// The folder in which packed weights are kept, for other processes and the next start.
    pub packed: Option<PathBuf>,
    /// What `edge-node likeness` wrote of the pair; without it what comes with the program.
    pub likeness: Option<PathBuf>,
}

/// One of `[[peers]]`.
#[derive(Debug, Clone)]
pub struct PeerAddress {
    /// The role and name that its certificate must carry.
    pub peer: Peer,
    /// `host:port`, UDP.
    pub address: String,
}

/// `[plan]`: mode and stages by hand.
#[derive(Debug, Clone)]
pub struct PlanSettings {
    /// Who leads; where plans are found, until somebody was reached.
    pub mode: Mode,
    /// Whether plans are found, and found again while a request runs.
    pub auto: bool,
    /// Which model runs in mode local.
    pub local: LocalChoice,
    /// The peer that holds the whole target, for modes remote and speculative.
    pub target: Option<NodeName>,
    /// Tokens of a chunk of drafts.
    pub draft_length: DraftLength,
    /// How drafts and verdicts follow each other.
    pub speculation: Speculation,
    /// Where drafts come from.
    pub source: SourceChoice,
    /// The stages of mode split.
    pub stages: Vec<RequestedStage>,
    /// What becomes of words that were said while the target was out of reach.
    pub after_outage: AfterOutage,
    /// Other modes in mid-reply, in the order of their turn.
    pub switches: Vec<Switch>,
}

/// `[planner]`: what the planner aims at, and what it may use.
#[derive(Debug, Clone, PartialEq)]
pub struct PlannerSettings {
    /// What the best plan is.
    pub objective: Objective,
    /// How far the text may travel.
    pub privacy: Privacy,
    /// Whether the draft model may answer alone.
    pub unvouched: bool,
    /// The chance that a draft is right, until it was measured.
    pub acceptance: f64,
    /// Tokens that a reply is expected to have.
    pub reply_tokens: u32,
    /// What `edge-node certify` wrote of the target; without it hops are exact.
    pub certificate: Option<PathBuf>,
    /// What a hop may cost.
    pub quality: QualityBudget,
}

/// What a reader does not notice.
const QUALITY: QualityBudget =
    QualityBudget { kl_max: 0.02, top1_min: 0.9, perplexity_change_max: 0.01 };

impl Default for PlannerSettings {
    fn default() -> Self {
        Self {
            objective: Objective::FASTEST,
            privacy: Privacy::Anywhere,
            unvouched: false,
            acceptance: 0.7,
            reply_tokens: 128,
            certificate: None,
            quality: QUALITY,
        }
    }
}

/// From a token of the reply on it is run by another plan. Its text is the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Switch {
    /// After so many tokens of the reply.
    pub after: u32,
    /// Who leads then.
    pub mode: Mode,
    /// The stages of mode split, where they are others than the plan's.
    pub stages: Option<Vec<RequestedStage>>,
}

impl Switch {
    /// Whether each comes after the one before.
    pub(crate) fn are_in_order(switches: &[Self]) -> bool {
        switches.is_sorted_by(|a, b| a.after < b.after)
    }
}

/// `[generation]`: defaults of a request.
#[derive(Debug, Clone, PartialEq)]
pub struct Generation {
    /// The most tokens of a reply.
    pub tokens_max: u32,
    /// Zero is greedy.
    pub temperature: f32,
    /// How many of the likeliest tokens stay; 0 is all.
    pub top_k: u32,
    /// The probability mass of the likeliest tokens that stay.
    pub top_p: f32,
    /// A reply ends before the first of these.
    pub stop: Vec<String>,
}

impl Default for Generation {
    fn default() -> Self {
        Self { tokens_max: 256, temperature: 0.0, top_k: 0, top_p: 1.0, stop: Vec::new() }
    }
}

/// `[kv]`: how keys and values are kept, here and at the nodes that run the target.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct KvSettings {
    /// The target's, at every stage: it decides the text, a little.
    pub target: KvFormat,
    /// The draft model's.
    pub draft: KvFormat,
    /// What both see of an endless text; `None` sees all of it, and ends with the models' context.
    pub stream: Option<StreamWindow>,
}

/// `[segments]`: keys and values that other nodes have computed.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SegmentSettings {
    /// Who computes those of a prompt in the device's own layers.
    pub prefill: Prefill,
    /// The peer that reads prompts for the device, where the plan does not name one: it has the whole
    /// target.
    pub from: Option<NodeName>,
    /// As what they travel: what is not exact changes the text a little.
    pub format: SegmentFormat,
    /// What only those know who share KV with this device; `None`: what its private key says.
    pub tenant: Option<[u8; 32]>,
    /// The folder in which the device keeps its own, and how many bytes at most.
    pub store: Option<(PathBuf, ByteCount)>,
    /// Whether the device keeps up with a text that the target leads, so that it is the target itself as
    /// soon as that is out of reach.
    pub standby: bool,
}

/// Who computes the KV of a prompt in the device's own layers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Prefill {
    /// Whatever is expected to be faster: the device alone, or both.
    #[default]
    Auto,
    /// The device.
    Device,
    /// A peer, and the device where that fails.
    Peer,
    /// The device from the front and a peer from the back, until they meet.
    Both,
}

impl Prefill {
    /// As a configuration writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Device => "device",
            Self::Peer => "peer",
            Self::Both => "both",
        }
    }
}

/// `[engine]`: how the device's own layers are run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EngineOptions {
    /// Compute threads.
    pub threads: usize,
    /// The longest conversation, prompt and reply: what the device's own KV has room for. The models'
    /// context may be shorter. Not looked at where `kv.stream` lets a text go on for ever.
    pub positions_max: u32,
    /// Emulated slowness.
    pub pace: Pace,
    /// Whether plans are for the machine as busy as it is with other things; else as if it were idle.
    pub watch_load: bool,
}

impl Default for EngineOptions {
    fn default() -> Self {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        Self { threads, positions_max: 4_096, pace: Pace::default(), watch_load: false }
    }
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

    /// Whose KV this device may use, and who may use its own: what only they know. `None` where it has
    /// neither a secret nor an identity.
    pub(crate) fn tenant(&self) -> Option<TenantSecret> {
        let own = || self.credentials.as_ref().map(|own| own.identity.tenant_secret());
        self.segments.tenant.or_else(own).map(TenantSecret)
    }

    /// Whether peers may read prompts for the device's own layers.
    pub(crate) fn brings_prompts(&self) -> bool {
        self.segments.prefill != Prefill::Device && self.kv.stream.is_none()
    }

    /// The peer called `name`.
    pub(crate) fn peer(&self, name: &NodeName) -> Option<&PeerAddress> {
        self.peers.iter().find(|address| address.peer.name == *name)
    }

    /// The plans that a request is run by, as asked for: first the one that it begins with.
    pub(crate) fn requests(&self) -> impl Iterator<Item = PlanRequest> {
        let later = self.later_requests().map(|(_, request)| request);
        std::iter::once(self.first_request()).chain(later)
    }

    /// The plan that a request begins with, as asked for.
    pub(crate) fn first_request(&self) -> PlanRequest {
        self.plan_request(self.plan.mode, &self.plan.stages)
    }

    /// The plan in which no other node has a part.
    pub(crate) fn target_alone(&self) -> PlanRequest {
        PlanRequest { local: LocalChoice::Target, ..self.plan_request(Mode::Local, &[]) }
    }

    /// The plans after that, and after how many tokens of the reply.
    pub(crate) fn later_requests(&self) -> impl Iterator<Item = (u32, PlanRequest)> {
        self.plan.switches.iter().map(|Switch { after, mode, stages }| {
            (*after, self.plan_request(*mode, stages.as_ref().unwrap_or(&self.plan.stages)))
        })
    }

    /// A plan of `mode`; `stages` are those of a split.
    fn plan_request(&self, mode: Mode, stages: &[RequestedStage]) -> PlanRequest {
        let (target, stages) = match mode {
            Mode::Local => (None, Vec::new()),
            Mode::Remote | Mode::Speculative => (self.plan.target.clone(), Vec::new()),
            Mode::Split => (None, stages.to_vec()),
        };
        PlanRequest {
            mode,
            device: self.name.clone(),
            local: self.plan.local,
            target,
            stages,
            draft_length: match self.models.draft {
                Some(_) => self.plan.draft_length,
                None => DraftLength::NONE,
            },
            speculation: self.plan.speculation,
        }
    }
}

#[cfg(test)]
mod tests;
