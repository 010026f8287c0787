//! Spans as OpenTelemetry's, gathered on a thread of their own and sent in batches.

use super::Otlp;
use crate::SPANS;
use crate::logging::{AnyLayer, TelemetryError};
use crate::trace_parent::TraceParent;
use opentelemetry::Context;
use opentelemetry::trace::{
    SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState, TracerProvider as _,
};
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use std::time::Duration;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::filter_fn;

/// A collector that takes longer does not get that batch.
const SENDING_MAX: Duration = Duration::from_secs(5);

/// What sends spans.
#[derive(Debug)]
pub(crate) struct Exporter(SdkTracerProvider);

impl Exporter {
    /// Begins to send, and gives the layer that gathers: spans of target [`SPANS`] and no others, without events.
    pub(crate) fn start(to: &Otlp) -> Result<(Self, AnyLayer), TelemetryError> {
        let exporter = SpanExporter::builder()
            .with_http()
            .with_endpoint(to.url())
            .with_timeout(SENDING_MAX)
            .build()
            .map_err(|error| TelemetryError::Exporter(Box::new(error)))?;
        let resource = Resource::builder().with_service_name(to.service.clone()).build();
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_resource(resource)
            .build();
        let layer = tracing_opentelemetry::layer()
            .with_tracer(provider.tracer(SPANS))
            .with_location(false)
            .with_threads(false)
            .with_tracked_inactivity(false)
            .with_filter(filter_fn(|of| of.is_span() && of.target() == SPANS));
        Ok((Self(provider), layer.boxed()))
    }

    /// Sends what is left.
    pub(crate) fn end(&self) {
        if let Err(error) = self.0.shutdown() {
            tracing::debug!(%error, "the last spans were not sent");
        }
    }
}

/// Makes the exported `span` a child of `parent`; what it is exported as, if it is.
pub(crate) fn join(span: &Span, parent: Option<TraceParent>) -> Option<TraceParent> {
    if let Some(parent) = parent {
        let (trace, of) = (TraceId::from_bytes(parent.trace()), SpanId::from_bytes(parent.span()));
        let flags = TraceFlags::default().with_sampled(parent.is_sampled());
        let remote = SpanContext::new(trace, of, flags, true, TraceState::default());
        span.set_parent(Context::new().with_remote_span_context(remote)).ok()?;
    }
    let context = span.context();
    let own = context.span().span_context().clone();
    TraceParent::new(own.trace_id().to_bytes(), own.span_id().to_bytes(), own.is_sampled()).ok()
}
