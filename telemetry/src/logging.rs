//! Where log lines go and how they look: for a person or, line by line, as JSON.

use crate::otlp::{Exporter, Otlp};
use serde::Deserialize;
use std::error::Error;
use std::io::IsTerminal as _;
use tracing::Subscriber;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt};

/// One of the ways out of a log line or a span.
pub(crate) type AnyLayer = Box<dyn Layer<Registry> + Send + Sync>;

/// How a log line looks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people; in colours where standard error is a terminal.
    #[default]
    Text,
    /// One JSON object a line, with the fields of all spans that it is in.
    Json,
}

/// What a program logs, and where its spans go.
#[derive(Debug, Clone)]
pub struct Logging {
    /// How lines look.
    pub format: LogFormat,
    /// What is logged where `RUST_LOG` says nothing, in its language.
    pub default_filter: &'static str,
    /// Where spans go, beside the log.
    pub otlp: Option<Otlp>,
}

/// A program that cannot tell of itself.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// Spans are wanted of a program that cannot send any.
    #[error("this program was built without the feature `otlp`: build it with it, or leave it out")]
    Built,
    /// An address that is none of a collector that can be reached.
    #[error("a collector is like \"http://127.0.0.1:4318\", without TLS; {0:?} is not")]
    Endpoint(String),
    /// The exporter's library.
    #[error("spans cannot be exported")]
    Exporter(#[source] Box<dyn Error + Send + Sync>),
    /// It was said already.
    #[error("this process already has somewhere to log to")]
    Twice,
}

/// Keeps telling. When it is dropped, the last spans go out.
#[derive(Debug)]
pub struct Telling(Option<Exporter>);

impl Logging {
    /// Logs to standard error from now on, filtered by `RUST_LOG`, for the whole process.
    ///
    /// # Errors
    ///
    /// [`TelemetryError`] where spans cannot be exported as wanted, or this was called before.
    pub fn start(&self) -> Result<Telling, TelemetryError> {
        let filter = EnvFilter::try_from_default_env();
        let filter = filter.unwrap_or_else(|_| EnvFilter::new(self.default_filter));
        let colours = std::io::stderr().is_terminal();
        let (subscriber, telling) = self.subscriber(filter, colours, std::io::stderr)?;
        subscriber.try_init().map_err(|_| TelemetryError::Twice)?;
        Ok(telling)
    }

    /// The same for whoever says himself where lines go, and who is told of what.
    ///
    /// # Errors
    ///
    /// [`TelemetryError`] where spans cannot be exported as wanted.
    pub fn subscriber<W>(
        &self,
        filter: EnvFilter,
        colours: bool,
        to: W,
    ) -> Result<(impl Subscriber + Send + Sync + use<W>, Telling), TelemetryError>
    where
        W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
    {
        let lines: AnyLayer = match self.format {
            LogFormat::Text => {
                fmt::layer().with_ansi(colours).with_writer(to).with_filter(filter).boxed()
            }
            LogFormat::Json => fmt::layer().json().with_writer(to).with_filter(filter).boxed(),
        };
        let (exporter, mut layers) = (self.otlp.as_ref().map(Exporter::start), vec![lines]);
        let exporter = exporter.transpose()?.map(|(exporter, layer)| {
            layers.push(layer);
            exporter
        });
        Ok((tracing_subscriber::registry().with(layers), Telling(exporter)))
    }
}

impl Drop for Telling {
    fn drop(&mut self) {
        if let Some(exporter) = &self.0 {
            exporter.end();
        }
    }
}
