//! A cloud, perhaps a gateway, and one device, in this process, on a network in memory or on loopback.
//!
//! ```text
//!   device ══ emulated link ══ cloud            split: device ══ emulated link ══ gateway ── cloud
//! ```
//!
//! # Invariants
//!
//! - **The link is emulated once**, at the device's socket. What is between gateway and cloud arrives
//!   at once.
//! - **In [`in_virtual_time`] and memory, everything is a function of the [`WorldConfig`] and of what is asked**:
//!   the nodes' tasks, their engines and their random numbers. Only keys and dates of certificates
//!   differ, which are of one length and change nothing.
//!
//! [`in_virtual_time`]: crate::experiment::in_virtual_time

use super::paced_node::paced_node;
use super::share::Share;
use crate::config::{self, ModelPaths, PlanSettings, SegmentSettings, Switch};
use crate::demo::nodes::{self, Identities};
use crate::device::Device;
use crate::drafting::SourceChoice;
use crate::erring::Erring;
use crate::start_error::StartError;
use base::{DraftLength, LayerRangeError, Role};
use cloud_node::{RunsOn, ServeError, Server};
use link_emulator::Emulation;
use partitioner::{LocalChoice, Mode, Speculation};
use protocol::{AfterOutage, Source};
use runtime::{LoadError, ModelFile};
use settings::{Link, Pace};
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};
use tokio::runtime::{Handle, RuntimeFlavor};
use transport::ca::CaError;
use transport::{Identity, Network, Trust, clock};

/// How long a gateway may take to find its cloud: nothing is between them.
const JOINED_PATIENCE: Duration = Duration::from_secs(10);

/// How often it is looked whether it has.
const JOINED_PERIOD: Duration = Duration::from_millis(20);

/// What a world is made of.
#[derive(Debug, Clone)]
pub struct WorldConfig {
    /// The device's draft model, and the target of all nodes, which has to be there.
    pub models: ModelPaths,
    /// How requests are run, at first.
    pub mode: Mode,
    /// Whether the device plans itself, by the nodes' paces.
    pub auto: bool,
    /// Which model runs in mode local.
    pub local: LocalChoice,
    /// What the device has others compute.
    pub segments: SegmentSettings,
    /// Other modes in mid-reply.
    pub switches: Vec<Switch>,
    /// Draft length; not looked at in mode remote.
    pub draft_length: DraftLength,
    /// How drafts and verdicts follow each other.
    pub speculation: Speculation,
    /// Where drafts come from.
    pub drafts: Drafts,
    /// Who runs how many layers in mode split.
    pub share: Share,
    /// Whether there is a gateway, which runs the middle of the layers in mode split. In the other
    /// modes nothing goes through it.
    pub gateway: bool,
    /// The link between the device and the others; `None` is one on which all arrives at once. Begins
    /// when the device is started.
    pub link: Option<Emulation>,
    /// How long silence on it is borne, and when it is dialled again. What it says of an emulated link
    /// is not looked at.
    pub patience: Link,
    /// How slow the nodes are.
    pub paces: Paces,
    /// Whether the nodes have the system's sockets, on loopback, and not a network in memory.
    pub real_sockets: bool,
    /// Compute threads of each node. They change no bit.
    pub threads: usize,
    /// Of the link's weather and of all random numbers but those of the text.
    pub seed: u64,
}

/// Where a world's drafts come from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Drafts {
    /// The draft model and look-ups.
    From(SourceChoice),
    /// A test drafter that is right at a set rate: it has the target's weights.
    RightAt {
        /// The share of right drafts, 0 to 1.
        accept: f64,
        /// When it errs.
        seed: u64,
    },
}

/// How slow each node is.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Paces {
    /// Of the device's own passes.
    pub device: Pace,
    /// Of the gateway's.
    pub gateway: Pace,
    /// Of the cloud's.
    pub cloud: Pace,
}

/// A device and those whom it may ask.
#[derive(Debug)]
pub struct World {
    began: Instant,
    device: Device,
    gateway: Option<Server>,
    cloud: Server,
}

/// Those whom a device may ask.
#[derive(Debug)]
pub(crate) struct Others {
    gateway: Option<Server>,
    cloud: Server,
}

/// A world that does not come about.
#[derive(Debug, thiserror::Error)]
pub enum WorldError {
    /// A world without a target.
    #[error("a world needs models.target, which its cloud runs")]
    NoTarget,
    /// The target's file.
    #[error("cannot open the target")]
    Target(#[from] LoadError),
    /// Who the nodes are.
    #[error("cannot make the nodes' certificates")]
    Certificates(#[from] CaError),
    /// The cloud or the gateway.
    #[error("cannot start the {}", role.as_str())]
    Server {
        /// Which.
        role: Role,
        /// Why.
        source: ServeError,
    },
    /// The gateway.
    #[error("the gateway does not find the cloud within {} s", JOINED_PATIENCE.as_secs())]
    Unjoined,
    /// The stages of a split.
    #[error("the target is not that long")]
    Share(#[from] LayerRangeError),
    /// The device.
    #[error("cannot start the device")]
    Device(#[from] StartError),
}

impl WorldConfig {
    /// A cloud and a device that asks it in `mode`, with drafts as by default, no gateway, one thread a
    /// node, no pace and the usual patience.
    pub fn new(models: ModelPaths, mode: Mode, link: Option<Emulation>, seed: u64) -> Self {
        Self {
            models,
            mode,
            local: LocalChoice::Draft,
            auto: false,
            segments: SegmentSettings::default(),
            switches: Vec::new(),
            draft_length: DraftLength::Auto,
            speculation: Speculation::default(),
            drafts: Drafts::From(SourceChoice::Auto),
            share: Share::Even,
            gateway: false,
            link,
            patience: Link::default(),
            paces: Paces::default(),
            real_sockets: false,
            threads: 1,
            seed,
        }
    }

    /// The nodes of a split, in order.
    pub(super) const fn chain(&self) -> &'static [Role] {
        match self.gateway {
            true => &[Role::Device, Role::Gateway, Role::Cloud],
            false => &[Role::Device, Role::Cloud],
        }
    }

    /// Gateway or cloud on `network`.
    fn server(
        &self,
        (identity, pace): (&Identity, Pace),
        trust: &Trust,
        (target, model): (&Path, &ModelFile),
        network: &Network,
    ) -> cloud_node::Config {
        let (identity, trust, patience) = (identity.clone(), trust.clone(), self.patience.clone());
        let role = identity.peer().role;
        let config = nodes::server(identity, trust, target, patience, pace);
        let measured = Some(paced_node(role, model, pace));
        let (threads, runs_on) = (self.threads, runs_on());
        let engine = cloud_node::EngineOptions { threads, runs_on, ..config.engine };
        cloud_node::Config { engine, measured, network: network.clone(), ..config }
    }

    fn device(
        &self,
        identities: &Identities,
        (target, model): (&Path, &ModelFile),
        addresses: &[(Role, SocketAddr)],
        network: &Network,
    ) -> Result<config::Config, WorldError> {
        let peers = addresses.iter().map(|(role, address)| nodes::peer(*role, *address)).collect();
        let measured = Some(paced_node(Role::Device, model, self.paces.device));
        let plan = PlanSettings {
            mode: self.mode,
            auto: self.auto,
            local: self.local,
            target: Some(nodes::name(Role::Cloud)),
            draft_length: self.draft_length,
            speculation: self.speculation,
            source: match self.drafts {
                Drafts::From(source) => source,
                Drafts::RightAt { .. } => SourceChoice::Only(Source::Model),
            },
            stages: self.share.stages(self.chain(), model.config().layers)?,
            after_outage: AfterOutage::Keep,
            switches: self.switches.clone(),
        };
        let (patience, pace) = (self.patience.clone(), self.paces.device);
        let credentials = identities.of_device();
        let draft = match self.drafts {
            Drafts::From(_) => self.models.draft.clone(),
            Drafts::RightAt { .. } => Some(target.to_owned()),
        };
        let models = ModelPaths { draft, ..self.models.clone() };
        let config = nodes::device(credentials, &models, peers, plan, patience, pace);
        let engine = config::EngineOptions { threads: self.threads, ..config.engine };
        let network = network.clone().emulating(self.link.clone(), self.seed);
        let segments = self.segments.clone();
        Ok(config::Config { engine, measured, network, segments, ..config })
    }
}

impl World {
    /// Starts the nodes on this runtime, the device last, and waits for its first contact.
    ///
    /// # Errors
    ///
    /// [`WorldError`] where models, certificates or plan do not fit.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime with time.
    pub async fn start(config: &WorldConfig) -> Result<Self, WorldError> {
        let target = config.models.target.as_deref().ok_or(WorldError::NoTarget)?;
        let target = (target, &ModelFile::open(target)?);
        let identities = Identities::issue()?;
        let network = match config.real_sockets {
            true => Network::system(),
            false => Network::memory_from(config.seed),
        };
        let server = |node| config.server(node, &identities.trust, target, &network);
        let cloud = serve(server((&identities.cloud, config.paces.cloud))).await?;
        let mut addresses = vec![(Role::Cloud, cloud.local_addr())];
        let mut gateway = None;
        if config.gateway {
            let upstream = Some(nodes::upstream(cloud.local_addr()));
            let node = server((&identities.gateway, config.paces.gateway));
            let node = serve(cloud_node::Config { upstream, ..node }).await?;
            joined(&node).await?;
            addresses.insert(0, (Role::Gateway, node.local_addr()));
            gateway = Some(node);
        }
        let device = config.device(&identities, target, &addresses, &network)?;
        let began = clock::now();
        let mut device = Device::start(device).await?;
        if let (Drafts::RightAt { accept, seed }, Some(draft)) = (config.drafts, &mut device.draft)
        {
            draft.err(Erring::new(accept, seed));
        }
        Ok(Self { began, device, gateway, cloud })
    }

    /// When the device was started, and with it its link.
    pub const fn began(&self) -> Instant {
        self.began
    }

    /// For how long the cloud has computed.
    pub fn cloud_busy(&self) -> Duration {
        self.cloud.busy()
    }

    /// Whom to ask.
    pub const fn device(&mut self) -> &mut Device {
        &mut self.device
    }

    /// The device, for who is to own it, and the others.
    #[cfg(test)]
    pub(crate) fn part(self) -> (Device, Others) {
        (self.device, Others { gateway: self.gateway, cloud: self.cloud })
    }

    /// Ends the nodes one after the other, the device first, so that none is missed by another.
    pub async fn end(self) {
        self.device.close().await;
        Others { gateway: self.gateway, cloud: self.cloud }.end().await;
    }
}

impl Others {
    /// Ends them one after the other.
    pub(crate) async fn end(self) {
        if let Some(gateway) = self.gateway {
            gateway.drain().await;
        }
        self.cloud.drain().await;
    }
}

async fn serve(config: cloud_node::Config) -> Result<Server, WorldError> {
    let role = config.identity.peer().role;
    Server::start(config).await.map_err(|source| WorldError::Server { role, source })
}

/// Waits until a gateway has found its cloud.
async fn joined(gateway: &Server) -> Result<(), WorldError> {
    let up = async {
        while !gateway.upstream_is_up() {
            tokio::time::sleep(JOINED_PERIOD).await;
        }
    };
    tokio::time::timeout(JOINED_PATIENCE, up).await.map_err(|_| WorldError::Unjoined)
}

/// On the one thread that there is, or, where there are several, on one of its own.
fn runs_on() -> RunsOn {
    match Handle::current().runtime_flavor() == RuntimeFlavor::CurrentThread {
        true => RunsOn::Runtime,
        false => RunsOn::OwnThread,
    }
}

#[cfg(test)]
pub(crate) mod emulated;
#[cfg(test)]
mod tests;
