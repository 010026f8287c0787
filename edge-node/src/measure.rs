//! `edge-node measure`: what this device can do, for the planner.

use crate::config::Config;
use crate::models::Models;
use anyhow::Context as _;
use base::{KvFormat, Role};
use measure::{Sizes, Summary};
use profile::ModelProfile;
use runtime::{KvOptions, ModelFile, Pool, StageSpec};
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

/// The command line of `edge-node measure`.
#[derive(Debug, clap::Args)]
pub struct MeasureArguments {
    /// Configuration file of the device.
    #[arg(long)]
    config: PathBuf,
    /// Where the profile goes, in place of the configuration's `profile.path`.
    #[arg(long)]
    out: Option<PathBuf>,
    /// How often each part is timed; its median counts.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=1000))]
    rounds: u16,
}

/// Runs the command.
///
/// # Errors
///
/// Where models cannot be loaded or the profile cannot be written.
pub fn measure(arguments: &MeasureArguments) -> anyhow::Result<()> {
    let config = Config::load(&arguments.config)?;
    let out = arguments.out.as_ref().or(config.profile.path.as_ref());
    let out =
        out.context("say where the profile goes: --out, or profile.path in the configuration")?;
    let models = Models::open(&config.models)?;
    let threads = Arc::new(Pool::new(config.engine.threads).context("cannot start the threads")?);
    let positions_max = models.context_length(config.engine.positions_max);
    let of = |model: &Option<ModelFile>, format| -> anyhow::Result<Option<ModelProfile>> {
        let Some(model) = model else { return Ok(None) };
        let sizes = Sizes::up_to(positions_max, arguments.rounds.into());
        Ok(Some(model_profile(model, format, &sizes, &threads, &config)?))
    };
    let target = of(&models.target, config.kv.target)?;
    let draft = of(&models.draft, config.kv.draft)?;
    let name = config.name.clone();
    let profile = measure::node_profile(name, Role::Device, &config.profile, target, draft);
    measure::write(out, &profile)?;
    write!(std::io::stdout(), "{}", Summary(&profile))?;
    Ok(())
}

fn model_profile(
    model: &ModelFile,
    format: KvFormat,
    sizes: &Sizes,
    threads: &Arc<Pool>,
    config: &Config,
) -> Result<ModelProfile, measure::MeasureError> {
    let spec = StageSpec::whole(model.config().layers);
    let kv = KvOptions { format, ..KvOptions::default() };
    measure::model_profile(model, spec, threads, &kv, config.engine.pace, sizes)
}
