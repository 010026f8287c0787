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
    let told = own.map(|own| TraceContext {
        trace: own.trace(),
        span: own.span(),
        sampled: own.is_sampled(),
    });
    (span, told)
}
