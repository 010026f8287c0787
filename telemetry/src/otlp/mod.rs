//! Spans to a collector of OpenTelemetry, over HTTP without TLS. Without the feature `otlp` none are, and a
//! configuration that wants them is refused.

#[cfg(not(feature = "otlp"))]
mod disabled;
#[cfg(feature = "otlp")]
mod enabled;

#[cfg(not(feature = "otlp"))]
use disabled as built;
#[cfg(feature = "otlp")]
use enabled as built;

use crate::logging::TelemetryError;
pub(crate) use built::{Exporter, join};

/// Whether this program can export spans.
pub const IS_BUILT: bool = cfg!(feature = "otlp");

/// Where spans go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Otlp {
    /// The collector, as `http://host:port`.
    pub endpoint: String,
    /// Whose they are: the node's role and name.
    pub service: String,
}

impl Otlp {
    /// Whether spans can go to `endpoint`, from this program.
    ///
    /// # Errors
    ///
    /// [`TelemetryError::Built`] where it cannot export any, [`TelemetryError::Endpoint`] where it is no address of
    /// a collector.
    pub fn check(endpoint: &str) -> Result<(), TelemetryError> {
        if !IS_BUILT {
            return Err(TelemetryError::Built);
        }
        let host = endpoint.strip_prefix("http://").filter(|host| !host.is_empty());
        host.map(drop).ok_or_else(|| TelemetryError::Endpoint(endpoint.to_owned()))
    }

    /// Where a collector takes spans: the standard's path, unless the endpoint has one.
    #[cfg(feature = "otlp")]
    fn url(&self) -> String {
        let host = self.endpoint.trim_start_matches("http://");
        match host.trim_end_matches('/').contains('/') {
            true => self.endpoint.clone(),
            false => format!("http://{}/v1/traces", host.trim_end_matches('/')),
        }
    }
}
