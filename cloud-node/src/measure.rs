//! `cloud-node measure`: what this node can do, for the planners of its devices.

use crate::config::Config;
use crate::engine;
use crate::server;
use anyhow::Context as _;
use measure::{Sizes, Summary};
use runtime::{KvOptions, ModelFile};
use std::io::Write as _;
use std::path::Path;

/// Times the layers that `config` says, each part of a pass `rounds` times, and writes the node's profile to
/// `out`, or else to the configuration's `profile.path`.
///
/// # Errors
///
/// Where the model cannot be loaded or the profile cannot be written.
pub fn measure(config: &Config, out: Option<&Path>, rounds: u16) -> anyhow::Result<()> {
    let out = out.or(config.profile.path.as_deref());
    let out =
        out.context("say where the profile goes: --out, or profile.path in the configuration")?;
    let threads = engine::threads(&config.engine)?;
    let model = ModelFile::open(&config.model)?;
    let spec = server::loaded(config, &model);
    let longest = config.limits.positions_per_session_max.min(model.config().context_length);
    let (kv, pace) = (KvOptions::default(), config.engine.pace);
    let sizes = Sizes::up_to(longest, rounds.into());
    let target = measure::model_profile(&model, spec, &threads, &kv, pace, &sizes)?;
    let peer = config.identity.peer().clone();
    let settings = &config.profile;
    let profile = measure::node_profile(peer.name, peer.role, settings, Some(target), None);
    measure::write(out, &profile)?;
    write!(std::io::stdout(), "{}", Summary(&profile))?;
    Ok(())
}
