//! `edge-node plan`: the plan, what it will take, and why not another.

use super::situation::{Known, link_of};
use super::{certificates, front, words};
use crate::config::Config;
use crate::models::Models;
use crate::uplinks::Uplinks;
use anyhow::Context as _;
use base::{NodeName, Role};
use link_emulator::LinkProfile;
use partitioner::{Choice, Costs, Decision, Situation};
use profile::{LinkEstimate, NodeProfile};
use serde::Serialize;
use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;
use transport::UplinkState;

/// How long a peer may take to say what it can do.
const PATIENCE: Duration = Duration::from_secs(5);

/// The command line of `edge-node plan`.
#[derive(Debug, clap::Args)]
pub struct PlanArguments {
    /// Configuration file of the device, with its measured profile in `profile.path`.
    #[arg(long)]
    config: PathBuf,
    /// Plan for a link of the ladder, such as lte-driving, in place of the one that there is.
    #[arg(long)]
    link: Option<String>,
    /// Profiles of gateways and clouds, in place of asking the peers: what `cloud-node measure` wrote.
    #[arg(long, value_delimiter = ',')]
    profiles: Vec<PathBuf>,
    /// With --profiles: the link of the ladder between gateways and clouds.
    #[arg(long, default_value = "ethernet")]
    upstream_link: String,
    /// Tokens that the target has not read yet.
    #[arg(long, default_value_t = 128)]
    prompt_tokens: u32,
    /// Tokens that the reply is expected to have. Default: the configuration's.
    #[arg(long)]
    reply_tokens: Option<u32>,
    /// The chance that a draft is right if those before it are. Default: the configuration's.
    #[arg(long)]
    acceptance: Option<f64>,
    /// Print one JSON object instead of words.
    #[arg(long)]
    json: bool,
    /// Write the front of time and cost to this .svg or .csv file.
    #[arg(long)]
    pareto: Option<PathBuf>,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Report<'a> {
    situation: &'a Situation,
    unreached: &'a [String],
    decision: &'a Decision,
    front: &'a [Choice],
}

/// Runs the command.
///
/// # Errors
///
/// Where files cannot be read, nothing was measured, or what is known does not fit together.
pub async fn plan(arguments: PlanArguments) -> anyhow::Result<()> {
    let config = Config::load(&arguments.config)?;
    let own = config.measured.clone().context(
        "this device was never measured: set profile.path and run `edge-node measure` first",
    )?;
    let named = |name: &String| -> anyhow::Result<LinkEstimate> {
        Ok(link_of(&LinkProfile::named(name)?, &config.link.terms()))
    };
    let link = arguments.link.as_ref().map(named).transpose()?;
    let models = Models::open(&config.models)?;
    let mut known = Known::new(own);
    let unreached = match arguments.profiles.is_empty() {
        true => ask_peers(&config, &models, &mut known, link).await?,
        false => {
            let upstream = named(&arguments.upstream_link)?;
            read_profiles(&arguments.profiles, &config, &mut known, link, upstream)?;
            Vec::new()
        }
    };
    let nodes = known.nodes().to_vec();
    let planner = &config.planner;
    let positions_max = models.context_length(config.engine.positions_max);
    let certificate = certificates::load(&config, &models)?;
    let allowed = certificates::for_planner(certificate.as_ref(), planner.quality);
    let demand = planner.demand(
        (arguments.prompt_tokens, arguments.reply_tokens.unwrap_or(planner.reply_tokens)),
        positions_max,
        arguments.acceptance.unwrap_or(planner.acceptance),
        config.brings_prompts(),
    );
    let situation = known.situation(config.name.clone(), allowed, demand);
    let costs = Costs::new(&situation).context("what is known makes no plan")?;
    let decision = costs.decide(&planner.objective);
    let front = costs.front(&planner.objective);
    if let Some(path) = &arguments.pareto {
        front::write(path, &front)?;
    }
    let mut out = std::io::stdout();
    if arguments.json {
        let report = Report {
            situation: &situation,
            unreached: &unreached,
            decision: &decision,
            front: &front,
        };
        writeln!(out, "{}", serde_json::to_string_pretty(&report)?)?;
    } else {
        write!(out, "{}", words::decision(&decision, &costs, &nodes, &unreached)?)?;
    }
    Ok(())
}

/// Dials every peer of the configuration. Who did not answer, and why.
async fn ask_peers(
    config: &Config,
    models: &Models,
    known: &mut Known,
    link: Option<LinkEstimate>,
) -> anyhow::Result<Vec<String>> {
    let uplinks = Uplinks::to_all(config, models)?;
    let mut unreached = Vec::new();
    for address in &config.peers {
        let name = &address.peer.name;
        let uplink = uplinks.to(name).expect("one to each");
        let mut states = uplink.watch();
        let answered = states.wait_for(|state| !matches!(state, UplinkState::Dialling));
        let state = match tokio::time::timeout(PATIENCE, answered).await {
            Ok(Ok(state)) => state.clone(),
            Ok(Err(_)) | Err(_) => {
                unreached.push(format!("{name} did not answer within {} s", PATIENCE.as_secs()));
                continue;
            }
        };
        match state {
            UplinkState::Up(_, welcome) => match &welcome.reach {
                Some(reach) => {
                    let link = link.unwrap_or_else(|| uplink.estimate());
                    known.reached(&config.name, (**reach).clone(), link, (0.0, 0.0));
                }
                None => unreached.push(format!("{name} was never measured: `cloud-node measure`")),
            },
            UplinkState::Down(why) | UplinkState::Trying(why) => {
                unreached.push(format!("{name} is out of reach: {}", settings::chain(&*why)));
            }
            UplinkState::Dialling => unreachable!("waited for"),
        }
    }
    uplinks.close("the plan is made").await;
    Ok(unreached)
}

/// Profiles from files: the device reaches all of them, and gateways reach clouds.
fn read_profiles(
    paths: &[PathBuf],
    config: &Config,
    known: &mut Known,
    link: Option<LinkEstimate>,
    upstream: LinkEstimate,
) -> anyhow::Result<()> {
    let read = |path: &PathBuf| -> anyhow::Result<NodeProfile> {
        let profile = measure::read(path)?;
        profile.with_context(|| format!("there is no {}", path.display()))
    };
    let profiles = paths.iter().map(read).collect::<anyhow::Result<Vec<_>>>()?;
    let link = link.context("--profiles needs --link: nobody is asked, so no link is measured")?;
    let of = |role| {
        let some = profiles.iter().filter(move |profile| profile.role == role);
        some.map(|profile| profile.node.clone())
    };
    let links: Vec<(NodeName, NodeName)> = of(Role::Gateway)
        .flat_map(|gateway| of(Role::Cloud).map(move |cloud| (gateway.clone(), cloud)))
        .collect();
    for profile in &profiles {
        known.link(config.name.clone(), profile.node.clone(), link);
    }
    for (gateway, cloud) in links {
        known.link(gateway, cloud, upstream);
    }
    profiles.into_iter().for_each(|profile| known.add(profile, 0.0));
    Ok(())
}
