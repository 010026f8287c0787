//! `edge-node explain`: which way something said would go, and why no other. Nothing is asked, done or remembered.

use super::weigh::Weighed;
use super::{Acts, Ask, Assistant, NoHands};
use crate::config::Config;
use base::Privacy;
use journal::ConversationId;
use partitioner::Prediction;
use routing::{Route, Standing};
use serde::Serialize;
use std::fmt::{self, Write as _};
use std::io::Write as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use transport::UplinkState;

/// How long a peer may take to answer the first dial.
const PATIENCE: Duration = Duration::from_secs(5);

/// The command line of `edge-node explain`.
#[derive(Debug, clap::Args)]
pub struct ExplainArguments {
    /// Configuration file of the device.
    #[arg(long)]
    config: PathBuf,
    /// What would be said.
    #[arg(long)]
    prompt: String,
    /// In which conversation. Default: a new one.
    #[arg(long, value_name = "ID")]
    conversation: Option<ConversationId>,
    /// How far it may travel at most: device, site or anywhere.
    #[arg(long, value_name = "CLASS", value_parser = parse_class)]
    privacy: Option<Privacy>,
    /// The way that it is to go, and no other: action, local, hybrid or deferred.
    #[arg(long, value_parser = parse_route)]
    route: Option<Route>,
    /// Seconds within which the answer has to be whole.
    #[arg(long, value_name = "S", value_parser = parse_seconds)]
    deadline: Option<Duration>,
    /// Print one JSON object instead of words.
    #[arg(long)]
    json: bool,
}

/// What would become of something said.
#[derive(Debug, Serialize)]
pub(super) struct Explanation {
    /// Which way it would go; `None` where it would be refused.
    route: Option<Route>,
    /// How far it may travel.
    class: Privacy,
    /// The rules of the policy that apply.
    rules: Vec<String>,
    /// What it was taken for.
    intent: Option<ExplainedIntent>,
    /// Every route.
    candidates: Vec<Candidate>,
    /// The plan by which the target would answer.
    plan: Option<String>,
    /// What the planner expects of it.
    prediction: Option<Prediction>,
    /// Milliseconds that finding this out took.
    decided_ms: f64,
}

#[derive(Debug, Serialize)]
struct ExplainedIntent {
    name: String,
    /// The chance that it is right.
    confidence: f64,
}

/// One route, and how it stands.
#[derive(Debug, Serialize)]
struct Candidate {
    route: Route,
    /// `chosen`, `possible` or `impossible`.
    standing: &'static str,
    why: String,
}

/// Runs the command.
///
/// # Errors
///
/// Whatever keeps the device from starting, or the text from being looked at.
pub async fn explain(arguments: ExplainArguments) -> anyhow::Result<()> {
    let config = Config::load(&arguments.config)?;
    let mut assistant = Assistant::start(config, NoHands).await?;
    assistant.first_contacts().await;
    let ask = Ask {
        conversation: arguments.conversation,
        class: arguments.privacy,
        demanded: arguments.route,
        deadline: arguments.deadline,
        ..Ask::new(arguments.prompt)
    };
    let explanation = assistant.explain(&ask).await?;
    let mut out = std::io::stdout();
    match arguments.json {
        true => writeln!(out, "{}", serde_json::to_string_pretty(&explanation)?)?,
        false => write!(out, "{explanation}")?,
    }
    assistant.close().await;
    Ok(())
}

impl<H: Acts> Assistant<H> {
    /// What would become of `ask`.
    pub(super) async fn explain(&mut self, ask: &Ask) -> Result<Explanation, super::AskError> {
        let began = Instant::now();
        let weighed = self.weigh(ask, self.now()).await?;
        Ok(Explanation::of(weighed, began.elapsed()))
    }

    /// Waits until each peer has answered its first dial or not, but not for ever.
    async fn first_contacts(&self) {
        let all = async {
            for (_, uplink) in self.device.uplinks.each() {
                let mut states = uplink.watch();
                // The link lives as long as the device.
                let _ = states.wait_for(|state| !matches!(state, UplinkState::Dialling)).await;
            }
        };
        // Who has not answered by then is out of reach.
        let _ = tokio::time::timeout(PATIENCE, all).await;
    }
}

impl Explanation {
    fn of(weighed: Weighed, took: Duration) -> Self {
        let Weighed { intent, foreseen, decision, .. } = weighed;
        let candidates = decision.considered.into_iter().map(|considered| {
            let (standing, why) = match considered.standing {
                Standing::Chosen(why) => ("chosen", why),
                Standing::Possible(why) => ("possible", why),
                Standing::Impossible(hindrance) => ("impossible", hindrance.to_string()),
            };
            Candidate { route: considered.route, standing, why }
        });
        Self {
            route: decision.route,
            class: decision.class,
            rules: decision.rules,
            intent: intent
                .map(|intent| ExplainedIntent { name: intent.name, confidence: intent.confidence }),
            candidates: candidates.collect(),
            plan: foreseen.plan,
            prediction: foreseen.prediction,
            decided_ms: took.as_secs_f64() * 1e3,
        }
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.route {
            Some(route) => writeln!(f, "route: {route}")?,
            None => writeln!(f, "route: none, it is refused")?,
        }
        let rules = match self.rules.is_empty() {
            true => String::new(),
            false => format!(" (rules: {})", self.rules.join(", ")),
        };
        writeln!(f, "class: {}{rules}", self.class.as_str())?;
        match &self.intent {
            Some(ExplainedIntent { name, confidence }) => {
                writeln!(f, "intent: {name}, {:.0} % sure", confidence * 100.0)?;
            }
            None => writeln!(f, "intent: none")?,
        }
        for Candidate { route, standing, why } in &self.candidates {
            writeln!(f, "  {:8} {standing}: {why}", route.as_str())?;
        }
        if let Some(plan) = &self.plan {
            write!(f, "the target's plan: {plan}")?;
            if let Some(Prediction { ttft_ms, itl_ms, reply_ms, .. }) = &self.prediction {
                let reply_s = reply_ms / 1e3;
                write!(f, "; first token after {ttft_ms:.0} ms, then one every {itl_ms:.1} ms, ")?;
                write!(f, "{reply_s:.2} s in all")?;
            }
            f.write_char('\n')?;
        }
        writeln!(f, "decided in {:.2} ms", self.decided_ms)
    }
}

fn parse_class(text: &str) -> Result<Privacy, String> {
    let all = [Privacy::Device, Privacy::Site, Privacy::Anywhere];
    let known = all.into_iter().find(|class| class.as_str() == text);
    known.ok_or_else(|| format!("classes are {}", all.map(Privacy::as_str).join(", ")))
}

fn parse_route(text: &str) -> Result<Route, String> {
    let known = Route::ALL.into_iter().find(|route| route.as_str() == text);
    known.ok_or_else(|| format!("routes are {}", Route::ALL.map(Route::as_str).join(", ")))
}

fn parse_seconds(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is no number of seconds");
    let seconds = text.parse().map_err(|_| wrong())?;
    Duration::try_from_secs_f64(seconds).map_err(|_| wrong())
}
