//! The device's links: one to each node that it may send passes to, whatever mode it runs in.

use crate::config::Config;
use crate::models::Models;
use crate::start_error::StartError;
use base::NodeName;
use partitioner::Mode;
use protocol::{Hello, LinkHealthConfig};
use runtime::ModelFile;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio_util::task::AbortOnDropHandle;
use transport::{Traffic, Uplink, UplinkConfig};

/// Links that are kept up for as long as this lives.
#[derive(Debug, Default)]
pub(crate) struct Uplinks {
    kept: BTreeMap<NodeName, Kept>,
}

#[derive(Debug)]
struct Kept {
    uplink: Arc<Uplink>,
    task: AbortOnDropHandle<()>,
}

impl Uplinks {
    /// Opens the sockets for all plans that a request may be run by, and dials.
    ///
    /// # Errors
    ///
    /// [`StartError`] where a plan names nobody, or nobody that is known, or there is no socket.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub(crate) fn bind(config: &Config, models: &Models) -> Result<Self, StartError> {
        if config.plan.auto {
            return Self::to_all(config, models);
        }
        let mut kept = BTreeMap::new();
        if let Some(name) = &config.segments.from {
            kept.insert(name.clone(), Kept::new(bind(config, models, Mode::Remote, name)?));
        }
        for request in config.requests().filter(|request| request.mode != Mode::Local) {
            // A plan that names nobody is refused with the reason when it is checked.
            let Some(name) = request.first_peer() else {
                request.check(u32::MAX)?;
                continue;
            };
            if !kept.contains_key(name) {
                kept.insert(name.clone(), Kept::new(bind(config, models, request.mode, name)?));
            }
        }
        Ok(Self { kept })
    }

    /// Opens the sockets for all peers of the configuration, and dials.
    ///
    /// # Errors
    ///
    /// [`StartError`] where the device has no identity, or there is no socket.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub(crate) fn to_all(config: &Config, models: &Models) -> Result<Self, StartError> {
        let names = config.peers.iter().map(|address| &address.peer.name);
        let each = names
            .map(|name| Ok((name.clone(), Kept::new(bind(config, models, Mode::Split, name)?))));
        Ok(Self { kept: each.collect::<Result<_, StartError>>()? })
    }

    /// The link to `name`.
    pub(crate) fn to(&self, name: &NodeName) -> Option<Arc<Uplink>> {
        self.kept.get(name).map(|kept| Arc::clone(&kept.uplink))
    }

    /// All of them, by whom they lead to.
    pub(crate) fn each(&self) -> impl Iterator<Item = (&NodeName, &Arc<Uplink>)> {
        self.kept.iter().map(|(name, kept)| (name, &kept.uplink))
    }

    /// What crossed all of them so far.
    pub(crate) fn traffic(&self) -> Traffic {
        let each = self.kept.values().map(|kept| kept.uplink.traffic());
        each.fold(Traffic::default(), |all, one| all + one)
    }

    /// Ends them with a goodbye, for peers that would else learn of it from silence.
    pub(crate) async fn close(&self, reason: &str) {
        for Kept { uplink, task } in self.kept.values() {
            // Or it would be dialled again.
            task.abort();
            uplink.close(reason).await;
        }
    }
}

impl Kept {
    fn new(uplink: Arc<Uplink>) -> Self {
        let kept = Arc::clone(&uplink);
        let task = AbortOnDropHandle::new(tokio::spawn(async move { kept.run().await }));
        Self { uplink, task }
    }
}

fn bind(
    config: &Config,
    models: &Models,
    mode: Mode,
    name: &NodeName,
) -> Result<Arc<Uplink>, StartError> {
    let known = || {
        let names: Vec<_> = config.peers.iter().map(|known| known.peer.name.as_str()).collect();
        names.join(", ")
    };
    let unknown = || StartError::UnknownPeer { name: name.clone(), known: known() };
    let to = config.peer(name).ok_or_else(unknown)?;
    let no_identity = StartError::NoIdentity(mode.as_str());
    let credentials = config.credentials.as_ref().ok_or(no_identity)?;
    let uplink = UplinkConfig {
        peer: to.peer.clone(),
        address: to.address.clone(),
        hello: hello(config, models),
        split: sends_hidden_states(config, name),
        health: LinkHealthConfig {
            deadline_floor: config.link.silence_min(),
            deadline_ceiling: config.link.silence_max(),
            redial: config.link.reconnect(),
        },
        keep_alive: config.link.keep_alive(),
        terms: config.link.terms(),
        network: config.network.clone(),
    };
    Ok(Uplink::bind(uplink, &credentials.identity, &credentials.trust)?)
}

/// Whether a request may send rows of the device's own stage to `name`.
fn sends_hidden_states(config: &Config, name: &NodeName) -> bool {
    config.plan.auto
        || config.requests().any(|request| {
            request.first_peer() == Some(name)
                && request.stages.iter().any(|stage| stage.node == config.name)
        })
}

fn hello(config: &Config, models: &Models) -> Hello {
    Hello {
        versions: protocol::VERSIONS,
        node: config.name.clone(),
        role: base::Role::Device,
        numerics: kernels::NUMERICS_CLASS.to_owned(),
        tokenizer: Some(models.tokenizer.fingerprint()),
        model: models.target.as_ref().map(ModelFile::fingerprint),
        tenant: config.tenant(),
    }
}
