//! Where a command's log and spans go: as the configuration says that it is given, if any.

use serde::Deserialize;
use settings::{ConfigFile, Telemetry};
use std::path::Path;
use telemetry::{TelemetryError, Telling};

/// What is logged where `RUST_LOG` says nothing: a reply shares the terminal.
const FILTER: &str = "error";

/// A configuration of which nothing else is looked at.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Alone {
    node: Node,
    telemetry: Telemetry,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Node {
    name: String,
}

/// Begins to log, before anything else is done with the configuration file. One that cannot be used is the command's to
/// refuse: until then it logs as by default.
///
/// # Errors
///
/// [`TelemetryError`] where spans cannot be exported as wanted.
pub fn start_logging(config: Option<&Path>) -> Result<Telling, TelemetryError> {
    let read = |path: &Path| {
        let (Alone { node, telemetry }, file): (Alone, ConfigFile) = settings::load(path).ok()?;
        Some((node.name, telemetry.checked(&file).ok()?))
    };
    let (name, telemetry) = config.and_then(read).unwrap_or_default();
    telemetry.logging(FILTER, &format!("device {name}")).start()
}
