//! `[telemetry]`: what a node tells of itself, and where.

use crate::{ConfigError, ConfigFile, chain, load};
use serde::Deserialize;
use std::net::SocketAddr;
use std::path::Path;
use telemetry::{LogFormat, Logging, Otlp};

/// `[telemetry]` of every node.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Telemetry {
    /// The TCP address where a gateway or a cloud answers `/metrics`, `/status`, `/healthz` and `/readyz`; nowhere
    /// where nothing is said. A device answers them at `[serve] listen`.
    pub listen: Option<SocketAddr>,
    /// How log lines look.
    pub log: LogFormat,
    /// The collector that spans go to, as `http://host:port`.
    pub otlp: Option<String>,
}

/// A configuration of which nothing else is looked at.
#[derive(Debug, Deserialize)]
struct Alone {
    #[serde(default)]
    telemetry: Telemetry,
}

impl Telemetry {
    /// The section of a file of which nothing else is looked at: for who only wants to know where a node tells of
    /// itself.
    ///
    /// # Errors
    ///
    /// [`ConfigError`]: unreadable, too large, not TOML, an unknown key of this section, or a value that cannot be.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let (Alone { telemetry }, file) = load(path)?;
        telemetry.checked(&file)
    }

    /// Checks that spans can go where they are to.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] where this program cannot export any, or the address is none.
    pub fn checked(self, file: &ConfigFile) -> Result<Self, ConfigError> {
        let possible = self.otlp.as_deref().map_or(Ok(()), Otlp::check);
        possible.map_err(|error| file.invalid("telemetry.otlp", chain(&error)))?;
        Ok(self)
    }

    /// How the node called `service` logs, where `RUST_LOG` says nothing by `default_filter`.
    pub fn logging(&self, default_filter: &'static str, service: &str) -> Logging {
        let otlp = self.otlp.clone().map(|endpoint| Otlp { endpoint, service: service.to_owned() });
        Logging { format: self.log, default_filter, otlp }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Telemetry, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("node.toml");
        std::fs::write(&path, text).unwrap();
        Telemetry::read(&path).map_err(|error| error.to_string())
    }

    #[test]
    fn the_section_is_read_without_the_rest_of_its_file() {
        let text = "[node]\nname = 1\n[telemetry]\nlisten = '127.0.0.1:9464'\nlog = 'json'\n";
        let telemetry = read(text).unwrap();
        assert_eq!(telemetry.listen.unwrap().port(), 9464);
        assert_eq!(telemetry.log, LogFormat::Json);
        assert_eq!(read("[node]\nname = 1\n"), Ok(Telemetry::default()));
    }

    #[test]
    fn what_cannot_be_is_refused_with_the_key() {
        let refused = |text: &str, expected: &str| {
            let error = read(text).unwrap_err();
            assert!(error.contains(expected), "{error:?} does not say {expected:?}");
        };
        refused("[telemetry]\nlog = 'xml'\n", "telemetry.log");
        refused("[telemetry]\nlisten = 'here'\n", "telemetry.listen");
        refused("[telemetry]\nformat = 'json'\n", "unknown key `telemetry.format`");
        refused("[telemetry]\notlp = 'collector:4318'\n", "`telemetry.otlp`: ");
    }
}
