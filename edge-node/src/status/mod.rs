//! `edge-node status`: asks the running device what is going on.

mod reading;
mod words;

use anyhow::{Context as _, bail};
use reading::Reading;
use serde::Deserialize;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// It is on this machine or near.
const PATIENCE: Duration = Duration::from_secs(5);
/// A device says much less.
const ANSWER_BYTES_MAX: u64 = 4 << 20;
/// No key is longer.
const KEY_BYTES_MAX: u64 = 4_096;

/// The command line of `edge-node status`.
#[derive(Debug, clap::Args)]
pub struct StatusArguments {
    /// Configuration file that the device was started with; its `[serve]` section says where to ask.
    #[arg(long)]
    config: PathBuf,
    /// Where to ask instead, as http://host:port.
    #[arg(long)]
    url: Option<String>,
    /// A file whose first line is the key to ask with, where `[serve]` wants one.
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
}

/// A configuration of which nothing else is looked at.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Alone {
    serve: Serve,
}

#[derive(Debug, Deserialize)]
#[serde(default)]
struct Serve {
    listen: SocketAddr,
}

impl Default for Serve {
    fn default() -> Self {
        Self { listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8_080)) }
    }
}

/// Runs the command.
///
/// # Errors
///
/// Where nobody answers, or not as a device does.
pub fn status(arguments: &StatusArguments) -> anyhow::Result<()> {
    let base = match &arguments.url {
        Some(url) => url.trim_end_matches('/').to_owned(),
        None => format!("http://{}", address(&arguments.config)?),
    };
    let key = arguments.key.as_deref().map(first_line).transpose()?;
    let reading = ask(&format!("{base}/causeway/v1/status"), key.as_deref())?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now_ms = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
    write!(std::io::stdout(), "{}", words::words(&reading, now_ms))
        .context("cannot write to standard output")
}

/// Where a device with this configuration answers.
fn address(config: &Path) -> anyhow::Result<SocketAddr> {
    let (Alone { serve }, _) = settings::load(config)?;
    match serve.listen.port() {
        0 => bail!("`serve.listen` takes any free port: say with --url which it got"),
        _ => Ok(settings::near(serve.listen)),
    }
}

fn first_line(path: &Path) -> anyhow::Result<String> {
    let mut text = String::new();
    let file = std::fs::File::open(path).map(|file| file.take(KEY_BYTES_MAX));
    let read = file.and_then(|mut file| file.read_to_string(&mut text));
    read.with_context(|| format!("cannot read the key in {}", path.display()))?;
    Ok(text.lines().next().unwrap_or_default().trim().to_owned())
}

fn ask(url: &str, key: Option<&str>) -> anyhow::Result<Reading> {
    let config = ureq::Agent::config_builder().timeout_global(Some(PATIENCE)).max_redirects(0);
    // A proxy of the environment is for the world, and would be shown the key.
    let config = config.proxy(None).http_status_as_error(false);
    let agent = ureq::Agent::new_with_config(config.build());
    let mut request = agent.get(url);
    if let Some(key) = key {
        request = request.header("Authorization", format!("Bearer {key}"));
    }
    let answer = request.call();
    let mut answer = answer
        .with_context(|| format!("no device answers at {url}; is `edge-node serve` running?"))?;
    match answer.status().as_u16() {
        200 => {}
        401 => bail!("the device at {url} wants a key: name a file of it with --key"),
        status => bail!("what answers at {url} is no device of ours: it says {status}"),
    }
    let text = answer.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_string();
    let text = text.with_context(|| format!("the answer of {url} does not end"))?;
    serde_json::from_str(&text)
        .with_context(|| format!("what answers at {url} is no device of ours"))
}

#[cfg(test)]
mod tests;
