//! The other two tiers, each on a tokio runtime of its own so that one can lose its power.

use crate::config::{Credentials, PeerAddress};
use anyhow::Context as _;
use base::{NodeName, Role};
use cloud_node::{Config, EngineOptions, Limits, Server};
use settings::{Link, Pace};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;
use transport::ca::EphemeralAuthority;
use transport::{Identity, Network, Peer, Trust};

/// How long a port stays taken after its owner was killed.
const REBIND_PATIENCE: Duration = Duration::from_secs(3);

/// Gateway and cloud.
pub(super) struct Tiers {
    gateway: Node,
    cloud: Node,
    device: Credentials,
}

/// One running or killed node.
struct Node {
    config: Config,
    peer: Peer,
    running: Option<(Runtime, Server)>,
}

impl Tiers {
    /// Starts both with a CA of their own. `pace` slows down every pass of theirs.
    ///
    /// # Errors
    ///
    /// Where certificates, model or sockets fail.
    pub(super) fn start(target: &Path, link: Link, pace: Pace) -> anyhow::Result<Self> {
        let mut authority = EphemeralAuthority::new()?;
        let mut issue = |role: Role| -> anyhow::Result<Identity> {
            Ok(authority.identity(role, &NodeName::new(role.as_str())?)?)
        };
        let identities = [issue(Role::Device)?, issue(Role::Gateway)?, issue(Role::Cloud)?];
        let [device, gateway, cloud] = identities;
        let trust = authority.trust()?;
        let config = |identity: Identity, trust: Trust| Config {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            identity,
            trust,
            packed: None,
            model: target.to_owned(),
            layers: None,
            upstream: None,
            limits: Limits {
                kv_tokens_max: 4_096,
                positions_per_session_max: 1_024,
                ..Limits::default()
            },
            engine: EngineOptions { pace, ..EngineOptions::default() },
            link: link.clone(),
            network: Network::system(),
        };
        let cloud = Node::start(config(cloud, trust.clone()))?;
        let mut gateway = config(gateway, trust.clone());
        gateway.upstream = Some(settings::Peer {
            address: cloud.config.listen.to_string(),
            name: cloud.peer.name.clone(),
        });
        let device = Credentials { identity: device, trust };
        Ok(Self { gateway: Node::start(gateway)?, cloud, device })
    }

    /// Who the device is.
    pub(super) fn device(&self) -> Credentials {
        self.device.clone()
    }

    /// Whom the device may dial.
    pub(super) fn peers(&self) -> Vec<PeerAddress> {
        let address = |node: &Node| PeerAddress {
            peer: node.peer.clone(),
            address: node.config.listen.to_string(),
        };
        vec![address(&self.gateway), address(&self.cloud)]
    }

    /// Whether the gateway has found its cloud.
    pub(super) fn are_joined(&self) -> bool {
        self.gateway.running.as_ref().is_some_and(|(_, server)| server.upstream_is_up())
    }

    /// Cuts the cloud's power.
    pub(super) fn kill_cloud(&mut self) {
        self.cloud.kill();
    }

    /// Starts the cloud again, at its old address and with no memory. Not within a runtime.
    ///
    /// # Errors
    ///
    /// Where its port stays taken.
    pub(super) fn restart_cloud(&mut self) -> anyhow::Result<()> {
        let config = self.cloud.config.clone();
        let until = Instant::now() + REBIND_PATIENCE;
        loop {
            match Node::start(config.clone()) {
                Ok(node) => {
                    self.cloud = node;
                    return Ok(());
                }
                Err(error) if Instant::now() > until => return Err(error),
                Err(_) => std::thread::sleep(Duration::from_millis(20)),
            }
        }
    }
}

impl Node {
    fn start(mut config: Config) -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .context("cannot start a runtime")?;
        let peer = config.identity.peer().clone();
        let starting = config.clone();
        // On a thread of its own: the caller may be within another runtime.
        let started = std::thread::scope(|scope| {
            scope.spawn(|| runtime.block_on(Server::start(starting))).join()
        });
        let server = match started {
            Ok(server) => server.with_context(|| format!("cannot start {peer}"))?,
            Err(panic) => std::panic::resume_unwind(panic),
        };
        config.listen = server.local_addr();
        Ok(Self { config, peer, running: Some((runtime, server)) })
    }

    fn kill(&mut self) {
        if let Some((runtime, _)) = self.running.take() {
            runtime.shutdown_background();
        }
    }
}

/// A runtime must not be dropped within another one, but may be sent away.
impl Drop for Node {
    fn drop(&mut self) {
        self.kill();
    }
}
