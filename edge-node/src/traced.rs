//! The span of a request on its device: of whoever asked over HTTP a child, and of what other nodes do the parent.

use crate::config::Config;
use protocol::TraceContext;
use telemetry::{SPANS, TraceParent, join};
use tracing::Span;
use tracing::field::Empty;

/// Begins the span of a request of `tokens`, below `parent` where there is one; gives it and what the other nodes are
/// told.
pub(crate) fn begin(
    config: &Config,
    tokens: usize,
    parent: Option<TraceContext>,
) -> (Span, Option<TraceContext>) {
    let span = tracing::info_span!(
        target: SPANS,
        "request",
        node = %config.name,
        prompt_tokens = tokens,
        trace_id = Empty,
        span_id = Empty,
        parent_id = Empty
    );
    // Ids of zeros stand for none.
    let parent = parent.and_then(|TraceContext { trace, span, sampled }| {
        TraceParent::new(trace, span, sampled).ok()
    });
    let own = join(&span, parent, || config.network.random());
    (span, own.map(context))
}

/// As nodes tell each other what HTTP calls a `traceparent`.
pub(crate) const fn context(of: TraceParent) -> TraceContext {
    TraceContext { trace: of.trace(), span: of.span(), sampled: of.is_sampled() }
}
