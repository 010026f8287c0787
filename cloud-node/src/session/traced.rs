//! The span of a turn of a session: a child of whoever opened it, and the parent of what is opened above.

use super::Guest;
use crate::node::Node;
use protocol::{Open, TraceContext};
use telemetry::{SPANS, TraceParent, join};
use tracing::Span;
use tracing::field::Empty;

/// Begins the span of the turn that `open` opens, and puts it in the place of its parent's there: what this node says
/// above is its own child.
pub(super) fn begin(node: &Node, guest: &Guest, open: &mut Open) -> Span {
    let span = tracing::info_span!(
        target: SPANS,
        "session",
        node = %node.host.node,
        peer = %guest.link.peer(),
        session = %open.session,
        trace_id = Empty,
        span_id = Empty,
        parent_id = Empty
    );
    // Ids of zeros stand for none.
    let parent = open.trace.and_then(|TraceContext { trace, span, sampled }| {
        TraceParent::new(trace, span, sampled).ok()
    });
    let own = join(&span, parent, || node.network.random());
    open.trace = own.map(|own| TraceContext {
        trace: own.trace(),
        span: own.span(),
        sampled: own.is_sampled(),
    });
    span
}
