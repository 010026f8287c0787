//! A device's configuration, and one run of `edge-node run`.

use super::process::{Piece, Process};
use super::{World, binary, demo_draft, demo_target, identity};
use base::{KvFormat, StreamWindow};
use serde_json::Value;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

/// Far above what any run of these tests takes.
const RUN_TIME_MAX: Duration = Duration::from_secs(90);

/// `--mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Local,
    Remote,
    Speculative,
    Split,
}

impl Mode {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Remote => "remote",
            Self::Speculative => "speculative",
            Self::Split => "split",
        }
    }
}

/// How tokens are chosen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Sampling {
    pub(crate) temperature: f32,
    pub(crate) seed: u64,
}

impl Sampling {
    pub(crate) const GREEDY: Self = Self { temperature: 0.0, seed: 0 };
}

/// `[kv]`: how the target's KV is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Kv {
    pub(crate) format: KvFormat,
    /// Sinks and length, of a stream.
    pub(crate) window: Option<(u32, u32)>,
}

impl Kv {
    pub(crate) const DEFAULT: Self = Self { format: KvFormat::F16, window: None };

    pub(crate) fn stream(&self) -> Option<StreamWindow> {
        self.window.map(|(sinks, length)| StreamWindow::new(sinks, length).unwrap())
    }

    fn toml(&self) -> String {
        let format = format!("{:?}", self.format).to_lowercase();
        let stream = self
            .window
            .map(|(sinks, length)| format!("stream = {{ sinks = {sinks}, length = {length} }}\n"));
        format!("[kv]\ntarget = '{format}'\n{}", stream.unwrap_or_default())
    }
}

/// A stage of a split: a node and its half-open range of layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stage {
    pub(crate) node: &'static str,
    pub(crate) layers: [u32; 2],
}

impl Stage {
    /// A chain that is cut at `cuts`: the device first, the cloud last, a gateway where it fits.
    pub(crate) fn chain(nodes: &[&'static str], cuts: &[u32], layers: u32) -> Vec<Self> {
        assert_eq!(nodes.len(), cuts.len() + 1);
        let starts = std::iter::once(0).chain(cuts.iter().copied());
        let ends = cuts.iter().copied().chain(std::iter::once(layers));
        let ranges = starts.zip(ends).map(|(start, end)| [start, end]);
        nodes.iter().zip(ranges).map(|(node, layers)| Self { node, layers }).collect()
    }

    /// The head alone, where a chain of `layers` comes back for it.
    pub(crate) const fn head(node: &'static str, layers: u32) -> Self {
        Self { node, layers: [layers, layers] }
    }
}

/// What a test varies about a device.
#[derive(Debug, Clone)]
pub(crate) struct Device {
    pub(crate) name: &'static str,
    /// Folder of its certificates in the world.
    pub(crate) pki: &'static str,
    pub(crate) target: Option<PathBuf>,
    pub(crate) draft: Option<PathBuf>,
    pub(crate) cloud: Option<SocketAddr>,
    pub(crate) gateway: Option<SocketAddr>,
    pub(crate) mode: Mode,
    /// Other modes, each after so many tokens, and with other stages where there are some.
    pub(crate) switches: Vec<(usize, Mode, Vec<Stage>)>,
    /// `"draft"` or `"target"`: who speaks in mode local.
    pub(crate) local: &'static str,
    pub(crate) draft_length: u32,
    /// `"rounds"`, `"streaming"` or `"work-conserving"`.
    pub(crate) speculation: &'static str,
    pub(crate) stages: Vec<Stage>,
    pub(crate) tokens_max: usize,
    pub(crate) sampling: Sampling,
    pub(crate) kv: Kv,
    /// The least time of a local forward pass.
    pub(crate) pace_ms: f64,
    /// `silence_ms_min` and `silence_ms_max`.
    pub(crate) silence_ms: [u64; 2],
    /// `"keep"` or `"revise"`: what was said without the target.
    pub(crate) after_outage: &'static str,
    /// The link that it emulates.
    pub(crate) emulate: Option<&'static str>,
    /// Lines of `[segments]`.
    pub(crate) segments: String,
}

impl Device {
    /// The demo pair, greedy, alone.
    pub(crate) fn demo() -> Self {
        Self {
            name: "device",
            pki: "pki",
            target: Some(demo_target()),
            draft: Some(demo_draft()),
            cloud: None,
            gateway: None,
            mode: Mode::Local,
            switches: Vec::new(),
            local: "draft",
            draft_length: 4,
            speculation: "work-conserving",
            stages: Vec::new(),
            tokens_max: 24,
            sampling: Sampling::GREEDY,
            kv: Kv::DEFAULT,
            pace_ms: 0.0,
            silence_ms: super::SILENCE_MS,
            after_outage: "keep",
            emulate: None,
            segments: String::new(),
        }
    }

    /// Its configuration file's text.
    pub(crate) fn toml(&self, world: &World) -> String {
        let mut text = format!(
            "[node]\nname = '{}'\n{}[models]\n",
            self.name,
            identity(&world.path(self.pki), self.name)
        );
        for (key, path) in [("target", &self.target), ("draft", &self.draft)] {
            if let Some(path) = path {
                writeln!(text, "{key} = '{}'", path.display()).unwrap();
            }
        }
        for (role, address) in [("cloud", self.cloud), ("gateway", self.gateway)] {
            if let Some(at) = address {
                let peer = format!("name = '{role}'\nrole = '{role}'\naddress = '{at}'\n");
                text += &format!("[[peers]]\n{peer}");
            }
        }
        text + &self.rest()
    }

    fn rest(&self) -> String {
        let stage = |Stage { node, layers: [start, end] }: &Stage| {
            format!("{{ node = '{node}', layers = [{start}, {end}], codec = 'f32' }}")
        };
        let list = |stages: &[Stage]| stages.iter().map(stage).collect::<Vec<_>>().join(", ");
        let switches = self.switches.iter().map(|(after, mode, stages)| {
            let mode = mode.as_str();
            match stages.is_empty() {
                true => format!("{{ after = {after}, mode = '{mode}' }}"),
                false => {
                    format!("{{ after = {after}, mode = '{mode}', stages = [{}] }}", list(stages))
                }
            }
        });
        let switches: Vec<String> = switches.collect();
        format!(
            "[segments]\n{segments}[plan]\nmode = '{mode}'\nlocal = '{local}'\ntarget = 'cloud'\n\
             draft_length = {draft_length}\nspeculation = '{speculation}'\n\
             after_outage = '{after_outage}'\nstages = [{stages}]\nswitches = [{switches}]\n\
             [generation]\ntokens_max = {tokens_max}\ntemperature = {temperature:?}\n{kv}\
             [engine]\nthreads = 1\npace = {{ decode_ms = {pace:?}, per_row_ms = 0.0 }}\n\
             [link]\nsilence_ms_min = {min}\nsilence_ms_max = {max}\nreconnect_ms = 100\n{emulate}",
            segments = self.segments,
            mode = self.mode.as_str(),
            local = self.local,
            draft_length = self.draft_length,
            speculation = self.speculation,
            after_outage = self.after_outage,
            stages = list(&self.stages),
            switches = switches.join(", "),
            tokens_max = self.tokens_max,
            temperature = self.sampling.temperature,
            kv = self.kv.toml(),
            pace = self.pace_ms,
            min = self.silence_ms[0],
            max = self.silence_ms[1],
            emulate = self.emulate.map(|link| format!("emulate = '{link}'\n")).unwrap_or_default(),
        )
    }

    /// Starts `edge-node run`, with the prompt as it is. `label` names its files.
    pub(crate) fn start(&self, world: &World, label: &str, prompt: &str, json: bool) -> Run {
        let config = world.write(&format!("{label}.toml"), &self.toml(world));
        let mut command = Command::new(binary("edge-node"));
        command.arg("run").arg("--config").arg(config);
        command.args(["--raw", "--prompt", prompt]);
        command.args(["--seed", &self.sampling.seed.to_string()]);
        if json {
            command.arg("--json");
        }
        let process = Process::start(command, &world.path(&format!("{label}.log")));
        Run { process, started: Instant::now() }
    }

    /// Runs to the end and gives what `--json` says.
    pub(crate) fn answer(&self, world: &World, label: &str, prompt: &str) -> Answer {
        self.start(world, label, prompt, true).answer()
    }

    /// Runs where it has to fail, and gives what it says about it.
    pub(crate) fn complaint(&self, world: &World, label: &str) -> String {
        let mut run = self.start(world, label, "Hello", true);
        assert!(!run.process.end(RUN_TIME_MAX).success(), "it ran: {}", run.process.text());
        run.process.log()
    }
}

/// A running `edge-node run`.
#[derive(Debug)]
pub(crate) struct Run {
    process: Process,
    started: Instant,
}

impl Run {
    /// Waits until this much of the answer has been written.
    pub(crate) fn wait_for_pieces(&mut self, count: usize) {
        self.process.wait_until(RUN_TIME_MAX, |said| said.len() >= count);
    }

    /// Waits until something has been written at or after `from`.
    pub(crate) fn wait_for_word_since(&mut self, from: Instant) {
        let later = move |said: &[Piece]| said.last().is_some_and(|piece| piece.at >= from);
        self.process.wait_until(RUN_TIME_MAX, later);
    }

    /// Waits for the end; the written text.
    pub(crate) fn text(mut self) -> (String, Vec<Instant>) {
        let status = self.process.end(RUN_TIME_MAX);
        assert!(status.success(), "{status}: {}", self.process.log());
        (self.process.text(), self.process.pieces().into_iter().map(|piece| piece.at).collect())
    }

    /// Waits for the end; the written text, and the log.
    pub(crate) fn text_and_log(mut self) -> (String, String) {
        let status = self.process.end(RUN_TIME_MAX);
        assert!(status.success(), "{status}: {}", self.process.log());
        (self.process.text(), self.process.log())
    }

    /// Waits for the end; what `--json` says.
    pub(crate) fn answer(self) -> Answer {
        self.answer_and_log().0
    }

    /// Waits for the end; what `--json` says, and the log.
    pub(crate) fn answer_and_log(mut self) -> (Answer, String) {
        let status = self.process.end(RUN_TIME_MAX);
        let took = self.started.elapsed();
        assert!(status.success(), "{status}: {}", self.process.log());
        (Answer::parse(&self.process.text(), took), self.process.log())
    }
}

/// What `edge-node run --json` prints.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) text: String,
    pub(crate) tokens: Vec<u32>,
    pub(crate) verified: Vec<bool>,
    pub(crate) finish_reason: String,
    pub(crate) emulated_link: Option<String>,
    /// Other plans, and after how many tokens.
    pub(crate) switches: Vec<(u32, String)>,
    /// The pause at each of them, in milliseconds.
    pub(crate) pauses_ms: Vec<f64>,
    usage: Value,
    pub(crate) took: Duration,
}

impl Answer {
    fn parse(json: &str, took: Duration) -> Self {
        let value: Value = serde_json::from_str(json).unwrap_or_else(|e| panic!("{e}: {json}"));
        let list = |key: &str| value[key].as_array().unwrap_or_else(|| panic!("{key}: {json}"));
        let number = |value: &Value| u32::try_from(value.as_u64().unwrap()).unwrap();
        let switched = |switched: &Value| {
            (number(&switched["after"]), switched["plan"].as_str().unwrap().to_owned())
        };
        let paused = |switched: &Value| switched["pause_ms"].as_f64().unwrap_or(f64::NAN);
        let answer = Self {
            text: value["text"].as_str().unwrap().to_owned(),
            tokens: list("tokens").iter().map(number).collect(),
            verified: list("verified").iter().map(|mark| mark.as_bool().unwrap()).collect(),
            finish_reason: value["finish_reason"].as_str().unwrap().to_owned(),
            emulated_link: value["emulated_link"].as_str().map(str::to_owned),
            switches: value["switches"].as_array().into_iter().flatten().map(switched).collect(),
            pauses_ms: value["switches"].as_array().into_iter().flatten().map(paused).collect(),
            usage: value["usage"].clone(),
            took,
        };
        assert!(value["plan"].is_string(), "{json}");
        assert_eq!(answer.tokens.len(), answer.verified.len(), "{json}");
        assert_eq!(answer.count("completion_tokens"), answer.tokens.len() as u64, "{json}");
        answer
    }

    /// A count of `usage`.
    pub(crate) fn count(&self, key: &str) -> u64 {
        self.usage[key].as_u64().unwrap_or_else(|| panic!("no count {key} in {}", self.usage))
    }
}
