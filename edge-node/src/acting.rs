//! Carries out what an intent wants done: an HTTP request, an MQTT message, a line for a socket.
//!
//! Where an action goes its file says, never a phrase; see [`intents::Action`]. Each is carried out once, within a
//! time, and what came of it is said. One that failed may have been done all the same: who has to know sends its id
//! along.

mod http;
mod mqtt;
mod socket;

#[cfg(test)]
mod tests;

use crate::assistant::Acts;
use intents::Action;
use serde::Deserialize;
use std::path::PathBuf;
use std::time::Duration;

/// `[actions]`: how actions are carried out.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ActionSettings {
    /// An action that takes longer has failed.
    pub timeout_ms: u64,
    /// The broker of all MQTT messages.
    pub mqtt: Option<Broker>,
}

/// An MQTT broker.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Broker {
    /// Its name or address.
    pub host: String,
    /// Its port.
    #[serde(default = "usual_port")]
    pub port: u16,
    /// What the device is called there.
    pub user: Option<String>,
    /// A file with the password, and nothing else.
    pub password: Option<PathBuf>,
}

const fn usual_port() -> u16 {
    1883
}

impl Default for ActionSettings {
    fn default() -> Self {
        Self { timeout_ms: 2_000, mqtt: None }
    }
}

/// Why an action was not carried out, as far as is known. Names where it was to go, and nothing that was said.
#[derive(Debug, thiserror::Error)]
pub enum ActionError {
    /// Nobody answered in time.
    #[error("{to} did not answer within {ms} ms")]
    Late {
        /// Who.
        to: String,
        /// How long it had.
        ms: u64,
    },
    /// Who was called does not want it.
    #[error("{to} answers {status}")]
    Status {
        /// Who.
        to: String,
        /// The HTTP status.
        status: u16,
    },
    /// Who was called could not be reached, or broke off.
    #[error("{to} cannot be reached: {why}")]
    Unreachable {
        /// Who.
        to: String,
        /// As the system says.
        why: String,
    },
    /// A message without a broker.
    #[error("an intent publishes over MQTT, and [actions] names no mqtt broker")]
    NoBroker,
    /// A password that is not there.
    #[error("cannot read the broker's password from {}: {why}", path.display())]
    Password {
        /// The file.
        path: PathBuf,
        /// As the system says.
        why: String,
    },
}

/// What carries actions out.
#[derive(Debug)]
pub struct Hands {
    settings: ActionSettings,
    http: ureq::Agent,
}

impl Hands {
    /// Those of `settings`.
    pub fn new(settings: ActionSettings) -> Self {
        let http = http::agent(Duration::from_millis(settings.timeout_ms));
        Self { settings, http }
    }

    /// Carries `action` out, which `id` stands for wherever somebody has to tell it from another one.
    ///
    /// # Errors
    ///
    /// [`ActionError`].
    pub(crate) async fn carry_out(&self, action: &Action, id: u128) -> Result<(), ActionError> {
        let (to, ms) = (receiver(action, self.settings.mqtt.as_ref()), self.settings.timeout_ms);
        let acting = async {
            match action {
                Action::Reply => Ok(()),
                Action::Http { method, url, body } => {
                    http::send(&self.http, (*method, url, body.as_deref()), id).await
                }
                Action::Mqtt { topic, payload, qos, retain } => {
                    let broker = self.settings.mqtt.as_ref().ok_or(ActionError::NoBroker)?;
                    mqtt::publish(broker, (topic, payload, *qos, *retain), id).await
                }
                Action::Socket { address, line } => socket::write_line(address, line).await,
            }
        };
        let done = tokio::time::timeout(Duration::from_millis(ms), acting).await;
        done.unwrap_or(Err(ActionError::Late { to, ms }))
    }
}

impl Acts for Hands {
    async fn act(&self, action: &Action, id: u128) -> Result<(), String> {
        self.carry_out(action, id).await.map_err(|error| error.to_string())
    }
}

/// Who an action is for, in words.
fn receiver(action: &Action, broker: Option<&Broker>) -> String {
    match action {
        Action::Reply => "nobody".to_owned(),
        Action::Http { url, .. } => http::host(url),
        Action::Mqtt { .. } => {
            broker.map_or_else(String::new, |broker| format!("the broker {}", broker.host))
        }
        Action::Socket { address, .. } => address.clone(),
    }
}
