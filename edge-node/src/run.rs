//! `edge-node run`: one prompt, one reply.

use crate::assistant::{Ask, terminal};
use crate::config::{Config, Switch};
use crate::device::Device;
use crate::request::Request;
use crate::show::{Notice, Show};
use anyhow::Context as _;
use base::{Grammar, Sampling};
use journal::ConversationId;
use partitioner::Mode;
use protocol::limits::GRAMMAR_LEN_MAX;
use runtime::Turn;
use std::fs::File;
use std::io::{IsTerminal as _, Read as _, Write as _};
use std::path::{Path, PathBuf};
use tokio_util::sync::CancellationToken;

/// A prompt from standard input is read up to here.
const PROMPT_BYTES_MAX: u64 = 1 << 20;

/// The command line of `edge-node run`.
#[derive(Debug, clap::Args)]
pub struct RunArguments {
    /// Configuration file of the device.
    #[arg(long)]
    config: PathBuf,
    /// What to say; `-` reads it from standard input.
    #[arg(long)]
    prompt: String,
    /// local, remote, speculative or split, instead of the configured mode.
    #[arg(long, value_parser = parse_mode)]
    mode: Option<Mode>,
    /// Another mode in mid-reply, as TOKENS:MODE: after so many tokens of the reply. Several in order.
    #[arg(long = "switch", value_parser = parse_switch)]
    switches: Vec<Switch>,
    /// The most tokens of the reply.
    #[arg(long)]
    max_tokens: Option<u32>,
    /// Zero is greedy.
    #[arg(long)]
    temperature: Option<f32>,
    /// The same seed gives the same text. Default: a random one.
    #[arg(long)]
    seed: Option<u64>,
    /// The conversation that it is said in, of those that [journal] keeps. Default: a new one.
    #[arg(long, value_name = "ID")]
    conversation: Option<ConversationId>,
    /// The reply is JSON that the schema in this file accepts; `-` reads it from standard input.
    #[arg(long, value_name = "FILE", conflicts_with = "regex")]
    json_schema: Option<PathBuf>,
    /// The reply is a text that this regular expression accepts as a whole.
    #[arg(long, value_name = "TEXT")]
    regex: Option<String>,
    /// Continue the prompt as it stands, not as a turn of a conversation.
    #[arg(long)]
    raw: bool,
    /// Print one JSON object instead of the text.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
///
/// # Errors
///
/// Whatever keeps the device from replying.
pub async fn run(arguments: RunArguments, cancel: CancellationToken) -> anyhow::Result<()> {
    let mut config = Config::load(&arguments.config)?;
    config.plan.mode = arguments.mode.unwrap_or(config.plan.mode);
    let in_order = Switch::are_in_order(&arguments.switches);
    anyhow::ensure!(in_order, "--switch: several come in the order of their tokens");
    if !arguments.switches.is_empty() {
        config.plan.switches = arguments.switches;
    }
    let generation = config.generation.clone();
    let grammar = read_grammar(arguments.json_schema.as_deref(), arguments.regex)?;
    let prompt = read_prompt(arguments.prompt)?;
    let temperature = arguments.temperature.unwrap_or(generation.temperature);
    let seed = arguments.seed.unwrap_or_else(rand::random);
    let sampling = Sampling::new(temperature, generation.top_k, generation.top_p, seed)?;
    if config.assistant.is_configured() {
        let routed = "--raw: only turns of a conversation are routed; leave out --raw, or [intents], [routing], \
                      [journal] and [budgets]";
        anyhow::ensure!(!arguments.raw, routed);
        let held = "--json-schema, --regex: what is routed may be answered without a model; leave out [intents], \
                    [routing], [journal] and [budgets]";
        anyhow::ensure!(grammar.is_none(), held);
        let (sampling, tokens_max) = (Some(sampling), arguments.max_tokens);
        let ask =
            Ask { conversation: arguments.conversation, sampling, tokens_max, ..Ask::new(prompt) };
        return terminal::say(config, ask, arguments.json, &cancel).await;
    }
    let alone = "--conversation: without [journal] no conversation outlives its process";
    anyhow::ensure!(arguments.conversation.is_none(), alone);
    let mut device = Device::start(config).await?;
    let request = Request {
        stop: generation.stop,
        grammar,
        ..Request::new(
            match arguments.raw {
                true => device.raw_prompt(&prompt),
                false => device.chat_prompt(&[Turn::said("user", prompt)])?,
            },
            sampling,
            arguments.max_tokens.unwrap_or(generation.tokens_max),
        )
    };
    let mut show = Terminal::new(arguments.json);
    let reply = device.generate(&request, &mut show, &cancel).await?;
    let mut out = std::io::stdout();
    match arguments.json {
        true => writeln!(out, "{}", serde_json::to_string_pretty(&reply)?)?,
        false => writeln!(out)?,
    }
    Ok(())
}

fn read_prompt(argument: String) -> anyhow::Result<String> {
    if argument != "-" {
        return Ok(argument);
    }
    let mut prompt = String::new();
    let mut input = std::io::stdin().take(PROMPT_BYTES_MAX);
    input.read_to_string(&mut prompt).context("cannot read the prompt from standard input")?;
    anyhow::ensure!(input.limit() > 0, "the prompt is over {PROMPT_BYTES_MAX} bytes");
    Ok(prompt)
}

/// What the reply must be.
fn read_grammar(schema: Option<&Path>, regex: Option<String>) -> anyhow::Result<Option<Grammar>> {
    let Some(path) = schema else { return Ok(regex.map(Grammar::Regex)) };
    // One byte more tells that there is more.
    let most = GRAMMAR_LEN_MAX as u64 + 1;
    let mut text = String::new();
    let read = match path.as_os_str() == "-" {
        true => std::io::stdin().take(most).read_to_string(&mut text),
        false => File::open(path).and_then(|file| file.take(most).read_to_string(&mut text)),
    };
    read.with_context(|| format!("cannot read the schema in {}", path.display()))?;
    let fits = text.len() <= GRAMMAR_LEN_MAX;
    anyhow::ensure!(fits, "the schema in {} is over {GRAMMAR_LEN_MAX} bytes", path.display());
    Ok(Some(Grammar::JsonSchema(text)))
}

fn parse_mode(text: &str) -> Result<Mode, String> {
    let known = Mode::ALL.map(Mode::as_str);
    Mode::ALL
        .into_iter()
        .find(|mode| mode.as_str() == text)
        .ok_or_else(|| format!("modes are {}", known.join(", ")))
}

fn parse_switch(text: &str) -> Result<Switch, String> {
    let (after, mode) = text.split_once(':').ok_or("a switch is like 20:remote")?;
    let after = after.parse().map_err(|_| format!("{after:?} is no number of tokens"))?;
    Ok(Switch { after, mode: parse_mode(mode)?, stages: None })
}

/// Shows a reply on the terminal: text to standard output, what happens to standard error.
#[derive(Debug)]
pub(crate) struct Terminal {
    quiet: bool,
    colours: bool,
}

impl Terminal {
    /// `quiet` shows nothing of the text.
    pub(crate) fn new(quiet: bool) -> Self {
        Self { quiet, colours: std::io::stdout().is_terminal() }
    }
}

impl Show for Terminal {
    fn piece(&mut self, text: &str, verified: bool) {
        if self.quiet || text.is_empty() {
            return;
        }
        let mut out = std::io::stdout().lock();
        // A reader that went away ends the program by its own signal or at the next write.
        let _ = match (self.colours, verified) {
            (true, false) => write!(out, "\x1b[33m{text}\x1b[0m"),
            (true, true) | (false, _) => write!(out, "{text}"),
        };
        let _ = out.flush();
    }

    fn notice(&mut self, notice: &Notice) {
        let line = match notice {
            Notice::Alone { peer, why } => format!("[alone: {peer} is out of reach: {why}]"),
            Notice::Switched { plan } => format!("[from here on {plan}]"),
            Notice::Stayed { why } => format!("[goes on as before: {why}]"),
            Notice::Rejoined { peer } => format!("[{peer} is back]"),
            Notice::Judged { said, agreed } => {
                format!("[the target agrees with {agreed} of {said} tokens said alone]")
            }
            // What is printed stays printed.
            Notice::Revised { removed, .. } => {
                format!("[the target takes the last {removed} tokens back and goes on before them]")
            }
        };
        let _ = writeln!(std::io::stderr(), "{line}");
    }
}
