//! `[serve]`: the HTTP API of the device.

use crate::serve::Keys;
use serde::Deserialize;
use settings::{ConfigError, ConfigFile, Link};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

/// More replies at a time than any device that this runs on can speak.
const STREAMS_MAX: u32 = 4_096;

/// And more that wait for their turn.
const QUEUE_MAX: u32 = 65_536;

/// Whoever stops a device does not mean to wait longer.
const DRAIN_S_MAX: u64 = 600;

/// How the API is served.
#[derive(Debug, Clone)]
pub struct ServeSettings {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Replies at a time.
    pub streams_max: usize,
    /// Requests that wait for their turn; what is beyond is refused.
    pub queue_max: usize,
    /// Who may ask; `None`: whoever reaches it.
    pub keys: Option<Keys>,
    /// The model that makes embeddings.
    pub embeddings: Option<PathBuf>,
    /// Whether whoever may ask may cut the emulated link.
    pub link_switch: bool,
    /// How long replies may go on once the device is to stop.
    pub drain: Duration,
}

impl Default for ServeSettings {
    fn default() -> Self {
        FileServe::default().into_settings(None, None)
    }
}

/// `[serve]` as it is typed.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct FileServe {
    listen: SocketAddr,
    streams_max: u32,
    queue_max: u32,
    keys: Option<PathBuf>,
    embeddings: Option<PathBuf>,
    link_switch: bool,
    drain_s: u64,
}

impl Default for FileServe {
    fn default() -> Self {
        Self {
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8_080),
            streams_max: 4,
            queue_max: 32,
            keys: None,
            embeddings: None,
            link_switch: false,
            drain_s: 10,
        }
    }
}

impl FileServe {
    /// Resolves and checks.
    pub(super) fn checked(
        self,
        link: &Link,
        file: &ConfigFile,
    ) -> Result<ServeSettings, ConfigError> {
        if !(1..=STREAMS_MAX).contains(&self.streams_max) {
            return Err(file.invalid("serve.streams_max", format!("must be 1 to {STREAMS_MAX}")));
        }
        if self.queue_max > QUEUE_MAX {
            return Err(file.invalid("serve.queue_max", format!("is at most {QUEUE_MAX}")));
        }
        if self.drain_s > DRAIN_S_MAX {
            return Err(file.invalid("serve.drain_s", format!("is at most {DRAIN_S_MAX}")));
        }
        let keys = match &self.keys {
            Some(path) => Some(
                Keys::read(&file.resolve(path))
                    .map_err(|error| file.invalid("serve.keys", error))?,
            ),
            None if self.listen.ip().is_loopback() => None,
            None => {
                let detail = "is no address of loopback: whoever reaches it could ask; name a file of keys in serve.keys";
                return Err(file.invalid("serve.listen", detail));
            }
        };
        if self.link_switch && link.emulate.is_none() {
            let detail = "cuts an emulated link; name one in link.emulate";
            return Err(file.invalid("serve.link_switch", detail));
        }
        let embeddings = self.embeddings.as_ref().map(|path| file.resolve(path));
        Ok(self.into_settings(keys, embeddings))
    }

    fn into_settings(self, keys: Option<Keys>, embeddings: Option<PathBuf>) -> ServeSettings {
        ServeSettings {
            listen: self.listen,
            streams_max: self.streams_max as usize,
            queue_max: self.queue_max as usize,
            keys,
            embeddings,
            link_switch: self.link_switch,
            drain: Duration::from_secs(self.drain_s),
        }
    }
}
