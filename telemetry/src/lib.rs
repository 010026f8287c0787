//! What a node tells of itself: logs, spans and metrics.
//!
//! ```text
//!   logging   text or JSON on standard error, filtered by RUST_LOG
//!   span      a request's span on each node: its ids in every log line, and what the next node is told
//!   otlp      the same spans to a collector, with the feature of that name
//!   page      metrics as Prometheus reads them, made anew for each reading
//! ```
//!
//! # Invariants
//!
//! - **No global metrics.** Several nodes live in one process, and each has its own numbers. Where logs go is
//!   said once for a process, by [`Logging::start`].
//! - **No text of a conversation** is in a span or a metric: labels are names of nodes, routes and reasons.

#![forbid(unsafe_code)]

mod logging;
mod otlp;
mod page;
mod span;
mod table;
mod trace_parent;

pub use logging::{LogFormat, Logging, TelemetryError, Telling};
pub use otlp::{IS_BUILT as OTLP_IS_BUILT, Otlp};
pub use page::{CONTENT_TYPE, Histogram, Labels, Page, histogram_of};
pub use span::{IDS_LEN, SPANS, join};
pub use table::{Row, rows, table};
pub use trace_parent::{TraceParent, TraceParentError};
