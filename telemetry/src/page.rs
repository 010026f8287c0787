//! Metrics as Prometheus reads them.
//!
//! A [`Page`] is made for each reading, out of what a node knows of itself by then: nothing is counted a second
//! time for it. Only distributions are kept between readings, each in a [`Histogram`].

use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{EncodeMetric, MetricEncoder};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::exemplar::Exemplar;
pub use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use std::fmt;

/// What a page is, as HTTP says it.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What tells values of one name apart.
pub type Labels = Vec<(&'static str, String)>;

/// One reading of one node.
#[derive(Debug, Default)]
pub struct Page(Registry);

/// What was read under one name, in the order in which it is said.
#[derive(Debug)]
struct Values {
    kind: Kind,
    values: Vec<(Labels, f64)>,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Counter,
    Gauge,
}

/// An empty distribution over these upper bounds, ascending, and what is above.
pub fn histogram_of(bounds: &[f64]) -> Histogram {
    Histogram::new(bounds.iter().copied())
}

impl Page {
    /// What only grows. `name` is without `_total`, which is added; `help` without a full stop.
    pub fn counter(&mut self, name: &str, help: &str, value: f64) {
        self.counters(name, help, [(Labels::new(), value)]);
    }

    /// The same, of several.
    pub fn counters(
        &mut self,
        name: &str,
        help: &str,
        values: impl IntoIterator<Item = (Labels, f64)>,
    ) {
        let values = values.into_iter().collect();
        self.0.register(name, help, Values { kind: Kind::Counter, values });
    }

    /// What goes up and down.
    pub fn gauge(&mut self, name: &str, help: &str, value: f64) {
        self.gauges(name, help, [(Labels::new(), value)]);
    }

    /// The same, of several.
    pub fn gauges(
        &mut self,
        name: &str,
        help: &str,
        values: impl IntoIterator<Item = (Labels, f64)>,
    ) {
        let values = values.into_iter().collect();
        self.0.register(name, help, Values { kind: Kind::Gauge, values });
    }

    /// How something is distributed.
    pub fn histogram(&mut self, name: &str, help: &str, values: &Histogram) {
        self.0.register(name, help, values.clone());
    }

    /// As it is sent.
    pub fn text(&self) -> String {
        let mut text = String::new();
        // A string takes all that is written to it.
        let _ = encode(&mut text, &self.0);
        text
    }
}

impl EncodeMetric for Values {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        for (labels, value) in &self.values {
            match labels.is_empty() {
                true => self.encode_one(&mut encoder, *value)?,
                false => self.encode_one(&mut encoder.encode_family(labels)?, *value)?,
            }
        }
        Ok(())
    }

    fn metric_type(&self) -> MetricType {
        match self.kind {
            Kind::Counter => MetricType::Counter,
            Kind::Gauge => MetricType::Gauge,
        }
    }

    fn is_empty(&self) -> bool {
        self.values.is_empty()
    }
}

impl Values {
    fn encode_one(&self, encoder: &mut MetricEncoder<'_>, value: f64) -> fmt::Result {
        const NO_EXEMPLAR: Option<&Exemplar<Labels, f64>> = None;
        match self.kind {
            Kind::Counter => encoder.encode_counter(&value, NO_EXEMPLAR),
            Kind::Gauge => encoder.encode_gauge(&value),
        }
    }
}
