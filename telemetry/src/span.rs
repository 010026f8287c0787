//! A request's span on one node: whose child it is, and what the next node is told.
//!
//! Its ids are fields of it, so that every log line within it has them, whether or not spans are exported.
//! Where they are, the ids are those of the exported span.

use crate::otlp;
use crate::trace_parent::{Hexadecimal, TraceParent};
use tracing::Span;
use tracing::field::display;
use tracing::subscriber::NoSubscriber;

/// The target of spans that are exported: ours, and nobody else's.
pub const SPANS: &str = "causeway";

/// Bytes of a trace's id and a span's.
pub const IDS_LEN: usize = 24;

/// Makes `span`, which nobody has entered yet, the child of `parent`, by ids of `random`; gives what its own
/// children are told. It is of target [`SPANS`] and has the empty fields `trace_id`, `span_id` and `parent_id`.
///
/// Whoever records nothing passes on what he was told: the child of a span that nobody knows would be nobody's.
pub fn join(
    span: &Span,
    parent: Option<TraceParent>,
    random: impl FnOnce() -> [u8; IDS_LEN],
) -> Option<TraceParent> {
    if !is_recorded(span) {
        return parent;
    }
    let own = otlp::join(span, parent).unwrap_or_else(|| TraceParent::begin(parent, random()));
    span.record("trace_id", display(Hexadecimal(&own.trace())));
    span.record("span_id", display(Hexadecimal(&own.span())));
    if let Some(parent) = parent {
        span.record("parent_id", display(Hexadecimal(&parent.span())));
    }
    Some(own)
}

/// Whether anybody takes the span down. One may be enabled because somebody listens on another thread, and still go
/// nowhere.
fn is_recorded(span: &Span) -> bool {
    span.with_subscriber(|(_, to)| !to.is::<NoSubscriber>()).unwrap_or(false)
}

#[cfg(test)]
mod tests;
