//! The other two tiers, each on a tokio runtime of its own so that one can lose its power.

use crate::config::{Credentials, PeerAddress};
use crate::demo::nodes::{self, Identities};
use anyhow::Context as _;
use base::Role;
use cloud_node::{Config, Server};
use settings::{Link, Pace};
use std::path::Path;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;
use transport::Identity;

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
    running: Option<(Runtime, Server)>,
}

impl Tiers {
    /// Starts both with a CA of their own. `pace` slows down every pass of theirs.
    ///
    /// # Errors
    ///
    /// Where certificates, model or sockets fail.
    pub(super) fn start(target: &Path, link: Link, pace: Pace) -> anyhow::Result<Self> {
        let identities = Identities::issue()?;
        let server = |identity: &Identity| {
            nodes::server(identity.clone(), identities.trust.clone(), target, link.clone(), pace)
        };
        let cloud = Node::start(server(&identities.cloud))?;
        let upstream = Some(nodes::upstream(cloud.config.listen));
        let gateway = Node::start(Config { upstream, ..server(&identities.gateway) })?;
        Ok(Self { gateway, cloud, device: identities.of_device() })
    }

    /// Who the device is.
    pub(super) fn device(&self) -> Credentials {
        self.device.clone()
    }

    /// Whom the device may dial.
    pub(super) fn peers(&self) -> Vec<PeerAddress> {
        let gateway = nodes::peer(Role::Gateway, self.gateway.config.listen);
        vec![gateway, nodes::peer(Role::Cloud, self.cloud.config.listen)]
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
        Ok(Self { config, running: Some((runtime, server)) })
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
