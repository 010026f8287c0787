//! Nodes that live in one process, as configurations: those of the demo and of experiments.

use crate::config::{
    AssistantSettings, Config, Credentials, EngineOptions, Generation, KvSettings, ModelPaths,
    PeerAddress, PlanSettings, PlannerSettings, SegmentSettings, ServeSettings,
};
use base::{LayerRange, LayerRangeError, NodeName, Role, WireCodec};
use cloud_node::Limits;
use partitioner::RequestedStage;
use settings::{Link, Pace};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use transport::ca::{CaError, EphemeralAuthority};
use transport::{Identity, Network, Peer, Trust};

/// Who the nodes are. Each is called what its role is.
#[derive(Debug, Clone)]
pub(crate) struct Identities {
    pub(crate) device: Identity,
    pub(crate) gateway: Identity,
    pub(crate) cloud: Identity,
    /// In the CA that made them, which nobody has any more.
    pub(crate) trust: Trust,
}

impl Identities {
    /// New ones.
    ///
    /// # Errors
    ///
    /// [`CaError::Make`] where the library fails.
    pub(crate) fn issue() -> Result<Self, CaError> {
        let mut authority = EphemeralAuthority::new()?;
        let mut issue = |role| authority.identity(role, &name(role));
        let (device, gateway) = (issue(Role::Device)?, issue(Role::Gateway)?);
        let cloud = issue(Role::Cloud)?;
        Ok(Self { device, gateway, cloud, trust: authority.trust()? })
    }

    /// What the device shows and believes.
    pub(crate) fn of_device(&self) -> Credentials {
        Credentials { identity: self.device.clone(), trust: self.trust.clone() }
    }
}

/// The name of the node with this role.
pub(crate) fn name(role: Role) -> NodeName {
    NodeName::new(role.as_str()).expect("a role is a DNS label")
}

/// The node with this role as one that may be dialled.
pub(crate) fn peer(role: Role, address: SocketAddr) -> PeerAddress {
    PeerAddress { peer: Peer::new(role, name(role)), address: address.to_string() }
}

/// A gateway or a cloud with all layers of `target`, on any free port of loopback. A gateway still
/// needs its upstream.
pub(crate) fn server(
    identity: Identity,
    trust: Trust,
    target: &Path,
    link: Link,
    pace: Pace,
) -> cloud_node::Config {
    cloud_node::Config {
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        identity,
        trust,
        packed: None,
        segments: cloud_node::SegmentOptions::default(),
        model: target.to_owned(),
        layers: None,
        upstream: None,
        limits: Limits {
            kv_tokens_max: 4_096,
            positions_per_session_max: 1_024,
            ..Limits::default()
        },
        engine: cloud_node::EngineOptions { pace, ..cloud_node::EngineOptions::default() },
        profile: settings::Profile::default(),
        measured: None,
        link,
        network: Network::system(),
    }
}

/// The upstream of a gateway.
pub(crate) fn upstream(cloud: SocketAddr) -> settings::Peer {
    settings::Peer { address: cloud.to_string(), name: name(Role::Cloud) }
}

/// A device that may dial `peers`.
pub(crate) fn device(
    credentials: Credentials,
    models: &ModelPaths,
    peers: Vec<PeerAddress>,
    plan: PlanSettings,
    link: Link,
    pace: Pace,
) -> Config {
    Config {
        name: name(Role::Device),
        credentials: Some(credentials),
        models: models.clone(),
        peers,
        plan,
        generation: Generation::default(),
        kv: KvSettings::default(),
        segments: SegmentSettings::default(),
        engine: EngineOptions { pace, ..EngineOptions::default() },
        planner: PlannerSettings::default(),
        assistant: AssistantSettings::default(),
        serve: ServeSettings::default(),
        profile: settings::Profile::default(),
        measured: None,
        link,
        network: Network::system(),
    }
}

/// As even a share as can be of a model's `layers` for each of `nodes`, in their order.
pub(crate) fn even_stages(nodes: &[Role], layers: u32) -> Vec<RequestedStage> {
    let bound = |part: usize| {
        let part = u64::from(layers) * part as u64 / nodes.len() as u64;
        u32::try_from(part).expect("no part is more than the whole")
    };
    let ends: Vec<u32> = (1..=nodes.len()).map(bound).collect();
    stages_up_to(nodes, &ends).expect("bounds do not fall")
}

/// The layers up to each of `ends` for each of `nodes`, in their order.
///
/// # Errors
///
/// [`LayerRangeError`] where an end is before the one before it.
pub(crate) fn stages_up_to(
    nodes: &[Role],
    ends: &[u32],
) -> Result<Vec<RequestedStage>, LayerRangeError> {
    let starts = [0].into_iter().chain(ends.iter().copied());
    let stages = nodes.iter().zip(starts.zip(ends)).map(|(role, (start, end))| {
        let (node, codec) = (name(*role), WireCodec::F32);
        Ok(RequestedStage { node, layers: LayerRange::new(start, *end)?, codec })
    });
    stages.collect()
}
