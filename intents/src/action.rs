//! What an intent does: a local reply, or something for others to carry out.
//!
//! ```text
//!   ActionFile (as written) ─▶ Plan (checked, with gaps) ─ slots ─▶ Action (filled)
//! ```
//!
//! # Invariants
//!
//! - **A phrase never chooses where an action goes**: a host or address has no slots, and a slot's value
//!   is escaped for where it stands (percent in a URL, a string of JSON in a body). Free text is in no
//!   MQTT topic.

use crate::error::Fault;
use crate::pattern::{Pattern, Slots};
use crate::slot::{Slot, SlotKind, SlotValue};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// An action as its file says it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum ActionFile {
    #[default]
    Reply,
    Http {
        #[serde(default)]
        method: HttpMethod,
        url: String,
        body: Option<Value>,
    },
    Mqtt {
        topic: String,
        payload: Value,
        #[serde(default)]
        qos: u8,
        #[serde(default)]
        retain: bool,
    },
    Socket {
        address: String,
        line: Value,
    },
}

/// How an HTTP callback is made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum HttpMethod {
    /// `GET`
    Get,
    /// `POST`
    #[default]
    Post,
    /// `PUT`
    Put,
}

/// What is to be done for one phrase.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Action {
    /// Nothing but the response.
    Reply,
    /// An HTTP request.
    Http {
        /// How.
        method: HttpMethod,
        /// Where.
        url: String,
        /// JSON.
        body: Option<String>,
    },
    /// A message to an MQTT broker.
    Mqtt {
        /// Where.
        topic: String,
        /// Text, or JSON.
        payload: String,
        /// 0, 1 or 2.
        qos: u8,
        /// Whether the broker keeps it for later subscribers.
        retain: bool,
    },
    /// A line for a socket.
    Socket {
        /// As the file says it: `host:port`, or a path.
        address: String,
        /// JSON, without the end of the line.
        line: String,
    },
}

/// A checked action with gaps.
#[derive(Debug, Clone)]
pub(crate) enum Plan {
    Reply,
    Http { method: HttpMethod, url: Pattern, body: Option<Json> },
    Mqtt { topic: Pattern, payload: Json, qos: u8, retain: bool },
    Socket { address: String, line: Json },
}

/// JSON whose strings have gaps.
#[derive(Debug, Clone)]
pub(crate) enum Json {
    Fixed(Value),
    Text(Pattern),
    List(Vec<Self>),
    Table(Vec<(String, Self)>),
}

const TOPIC_BYTES_MAX: usize = 1024;

impl Plan {
    /// Checks an action; `slots` are those of its file.
    pub(crate) fn check(file: ActionFile, slots: &[Slot]) -> Result<Self, Fault> {
        let plan = match file {
            ActionFile::Reply => Self::Reply,
            ActionFile::Http { method, url, body } => {
                let url = Pattern::parse(&url)?;
                if !names_a_host(url.beginning()) {
                    return Err(Fault::Url);
                }
                Self::Http { method, url, body: body.map(Json::check).transpose()? }
            }
            ActionFile::Mqtt { topic, payload, qos, retain } => {
                if qos > 2 {
                    return Err(Fault::Qos(qos));
                }
                let fits = !topic.is_empty() && topic.len() <= TOPIC_BYTES_MAX && is_topic(&topic);
                let topic = Pattern::parse(&topic)?;
                let named = |name: &str| slots.iter().find(|slot| slot.name == name);
                if !fits || topic.slots().filter_map(named).any(|slot| !fits_in_topic(slot)) {
                    return Err(Fault::Topic);
                }
                Self::Mqtt { topic, payload: Json::check(payload)?, qos, retain }
            }
            ActionFile::Socket { address, line } => {
                Self::Socket { address, line: Json::check(line)? }
            }
        };
        let known = |name: &str| slots.iter().any(|slot| slot.name == name);
        let unknown = plan.slots().into_iter().find(|name| !known(name));
        let refused = unknown.map(|name| Fault::unknown_slot(name, slots));
        refused.map_or(Ok(plan), Err)
    }

    /// The slots that it needs.
    pub(crate) fn slots(&self) -> BTreeSet<&str> {
        match self {
            Self::Reply => BTreeSet::new(),
            Self::Http { url, body, .. } => {
                url.slots().chain(body.iter().flat_map(Json::slots)).collect()
            }
            Self::Mqtt { topic, payload, .. } => topic.slots().chain(payload.slots()).collect(),
            Self::Socket { line, .. } => line.slots().into_iter().collect(),
        }
    }

    /// The action for `slots`, which hold what [`Self::slots`] names.
    pub(crate) fn fill(&self, slots: &Slots) -> Action {
        match self {
            Self::Reply => Action::Reply,
            Self::Http { method, url, body } => Action::Http {
                method: *method,
                url: url.fill(slots, |value| percent_encoded(&value.plain())),
                body: body.as_ref().map(|body| body.fill(slots).to_string()),
            },
            Self::Mqtt { topic, payload, qos, retain } => Action::Mqtt {
                topic: topic.fill(slots, SlotValue::plain),
                payload: match payload {
                    // Text goes as it is, not as a string of JSON.
                    Json::Text(pattern) => pattern.fill(slots, SlotValue::plain),
                    Json::Fixed(_) | Json::List(_) | Json::Table(_) => {
                        payload.fill(slots).to_string()
                    }
                },
                qos: *qos,
                retain: *retain,
            },
            Self::Socket { address, line } => {
                Action::Socket { address: address.clone(), line: line.fill(slots).to_string() }
            }
        }
    }
}

impl Json {
    fn check(value: Value) -> Result<Self, Fault> {
        Ok(match value {
            Value::String(text) => Self::Text(Pattern::parse(&text)?),
            Value::Array(items) => {
                Self::List(items.into_iter().map(Self::check).collect::<Result<_, _>>()?)
            }
            Value::Object(entries) => {
                let check = |(key, value)| Ok((key, Self::check(value)?));
                Self::Table(entries.into_iter().map(check).collect::<Result<_, _>>()?)
            }
            fixed @ (Value::Null | Value::Bool(_) | Value::Number(_)) => Self::Fixed(fixed),
        })
    }

    fn slots(&self) -> Vec<&str> {
        match self {
            Self::Fixed(_) => Vec::new(),
            Self::Text(pattern) => pattern.slots().collect(),
            Self::List(items) => items.iter().flat_map(Self::slots).collect(),
            Self::Table(entries) => entries.iter().flat_map(|(_, value)| value.slots()).collect(),
        }
    }

    /// A string that is one slot becomes that slot's own kind: a number a number.
    fn fill(&self, slots: &Slots) -> Value {
        match self {
            Self::Fixed(value) => value.clone(),
            Self::Text(pattern) => match pattern.only_slot().and_then(|name| slots.get(name)) {
                Some(SlotValue::Number { value, .. }) => number(*value),
                Some(SlotValue::Choice(_) | SlotValue::Time(_) | SlotValue::Text(_)) | None => {
                    Value::String(pattern.fill(slots, SlotValue::plain))
                }
            },
            Self::List(items) => items.iter().map(|item| item.fill(slots)).collect(),
            Self::Table(entries) => {
                entries.iter().map(|(key, value)| (key.clone(), value.fill(slots))).collect()
            }
        }
    }
}

/// Whole numbers are written as such.
#[expect(
    clippy::cast_possible_truncation,
    reason = "whole, and a slot's number is below a billion"
)]
fn number(value: f64) -> Value {
    if value.fract() == 0.0 { Value::from(value as i64) } else { Value::from(value) }
}

fn is_topic(text: &str) -> bool {
    !text.contains(['+', '#', '\0'])
}

fn fits_in_topic(slot: &Slot) -> bool {
    match &slot.kind {
        SlotKind::Choice(choices) => {
            choices.values().iter().all(|value| is_topic(value) && !value.contains('/'))
        }
        SlotKind::Number(_) => true,
        SlotKind::Time | SlotKind::Text => false,
    }
}

/// Whether a URL's host ends before its first slot.
fn names_a_host(beginning: &str) -> bool {
    let rest = beginning.strip_prefix("http://").or_else(|| beginning.strip_prefix("https://"));
    let host = rest.and_then(|rest| rest.split_once('/')).map(|(host, _)| host);
    host.is_some_and(|host| !host.is_empty() && !host.contains(['?', '#', '@', ' ']))
}

/// All but unreserved characters as `%XX` (RFC 3986, 2.3).
fn percent_encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}
