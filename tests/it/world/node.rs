//! A gateway or a cloud as a process.

use super::process::Process;
use super::{World, binary, demo_target, identity};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, ExitStatus};
use std::time::Duration;

/// In a debug build on busy cores, starting takes a second or two.
const START_TIME_MAX: Duration = Duration::from_secs(30);

/// What a test varies about a node.
#[derive(Debug, Clone)]
pub(crate) struct NodeConfig {
    pub(crate) name: &'static str,
    /// Folder of its certificates in the world.
    pub(crate) pki: &'static str,
    pub(crate) listen: SocketAddr,
    pub(crate) model: PathBuf,
    /// Whether it reads the CA's revocation list.
    pub(crate) revoked: bool,
    /// Makes it a gateway.
    pub(crate) upstream: Option<SocketAddr>,
    /// `silence_ms_min` and `silence_ms_max`.
    pub(crate) silence_ms: [u64; 2],
    pub(crate) drain_s: u32,
    /// The least time of a forward pass.
    pub(crate) pace_ms: f64,
    /// Where it keeps segments, if it does.
    pub(crate) store: Option<PathBuf>,
}

impl NodeConfig {
    /// A cloud on a free port, with the demo's target.
    pub(crate) fn cloud() -> Self {
        Self {
            name: "cloud",
            pki: "pki",
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            model: demo_target(),
            revoked: false,
            upstream: None,
            silence_ms: super::SILENCE_MS,
            drain_s: 10,
            pace_ms: 0.0,
            store: None,
        }
    }

    /// A gateway to the cloud at `upstream`.
    pub(crate) fn gateway(upstream: SocketAddr) -> Self {
        Self { name: "gateway", upstream: Some(upstream), ..Self::cloud() }
    }

    /// Its configuration file's text.
    pub(crate) fn toml(&self, world: &World) -> String {
        let upstream =
            self.upstream.map(|at| format!("[upstream]\naddress = '{at}'\nname = 'cloud'\n"));
        let revoked = self.revoked.then(|| format!("revoked = '{}'\n", world.text("pki/crl.pem")));
        let store =
            self.store.as_ref().map(|at| format!("[segments]\nstore = '{}'\n", at.display()));
        format!(
            "[node]\nlisten = '{listen}'\n{identity}{revoked}[model]\npath = '{model}'\n{upstream}{store}\
             [limits]\nkv_tokens_max = 8192\npositions_per_session_max = 512\nsessions_per_peer_max = 64\n\
             drain_s = {drain}\n\
             [engine]\nthreads = 1\npace = {{ decode_ms = {pace:?}, per_row_ms = 0.0 }}\n\
             [link]\nsilence_ms_min = {silence_min}\nsilence_ms_max = {silence_max}\nreconnect_ms = 100\n",
            listen = self.listen,
            identity = identity(&world.path(self.pki), self.name),
            revoked = revoked.unwrap_or_default(),
            model = self.model.display(),
            upstream = upstream.unwrap_or_default(),
            store = store.unwrap_or_default(),
            drain = self.drain_s,
            pace = self.pace_ms,
            silence_min = self.silence_ms[0],
            silence_max = self.silence_ms[1],
        )
    }
}

/// A running `cloud-node serve`.
#[derive(Debug)]
pub(crate) struct Node {
    process: Process,
    address: SocketAddr,
}

impl Node {
    /// Starts it and waits until it listens.
    pub(crate) fn start(world: &World, config: &NodeConfig) -> Self {
        let path = world.write(&format!("{}.toml", config.name), &config.toml(world));
        Self::serve(world, config.name, &path.display().to_string())
    }

    /// Starts it with a configuration file; `label` names its log.
    pub(crate) fn serve(world: &World, label: &str, config: &str) -> Self {
        let mut command = Command::new(binary("cloud-node"));
        command.args(["serve", "--config", config]);
        let log = world.path(&format!("{label}.log"));
        let mut process = Process::start(command, &log);
        process.wait_until(START_TIME_MAX, |said| {
            said.last().is_some_and(|piece| piece.bytes.ends_with(b"\n"))
        });
        let said = process.text();
        let address = said.trim().strip_prefix("listening on ").unwrap().parse().unwrap();
        Self { process, address }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) {
        self.process.kill();
    }

    /// Sends a signal by its name without `SIG`.
    pub(crate) fn signal(&self, name: &str) {
        self.process.signal(name);
    }

    /// Waits for its own end.
    pub(crate) fn end(&mut self, within: Duration) -> ExitStatus {
        self.process.end(within)
    }

    /// Its log so far.
    pub(crate) fn log(&self) -> String {
        self.process.log()
    }
}
