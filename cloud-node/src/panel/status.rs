//! `cloud-node status`: asks the running node what is going on.

use super::reading::Reading;
use super::words::words;
use settings::{ConfigError, Telemetry, near};
use std::path::Path;
use std::time::Duration;

/// It is on this machine or near.
const PATIENCE: Duration = Duration::from_secs(5);
/// A node of thousands of links says less.
const ANSWER_BYTES_MAX: u64 = 4 << 20;

/// A node that does not say what is going on.
#[derive(Debug, thiserror::Error)]
pub enum StatusError {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// It has no address for that.
    #[error(
        "the node tells nothing of itself: give `[telemetry] listen` an address with a port, like \
         \"127.0.0.1:9464\", and start it again"
    )]
    Silent,
    /// Nobody answers there, or not this.
    #[error("no node answers at {url}; is it running, with this configuration?")]
    Unreachable {
        /// What was asked.
        url: String,
        /// What happened.
        source: Box<ureq::Error>,
    },
    /// Somebody else's answer.
    #[error("what answers at {url} is no node of ours")]
    Answer {
        /// What was asked.
        url: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

/// What the node with the configuration file `path` says is going on, for a person. Blocks.
///
/// # Errors
///
/// [`StatusError`] says what is in the way.
pub fn status(path: &Path) -> Result<String, StatusError> {
    let listen = Telemetry::read(path)?.listen.filter(|listen| listen.port() != 0);
    let url = format!("http://{}/status", near(listen.ok_or(StatusError::Silent)?));
    let config = ureq::Agent::config_builder().timeout_global(Some(PATIENCE)).max_redirects(0);
    // A proxy of the environment is for the world; this machine is not to be asked through it.
    let agent = ureq::Agent::new_with_config(config.proxy(None).build());
    let answer = agent.get(&url).call().and_then(|mut answer| {
        answer.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_string()
    });
    let answer = answer.map_err(|source| StatusError::Unreachable {
        url: url.clone(),
        source: Box::new(source),
    })?;
    let reading = serde_json::from_str::<Reading>(&answer);
    Ok(words(&reading.map_err(|source| StatusError::Answer { url, source })?))
}
