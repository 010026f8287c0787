//! Metrics as Prometheus reads them.
//!
//! A [`Page`] is made for each reading, out of what a node knows of itself by then: nothing is counted a second
//! time for it. Only distributions are kept between readings, each in a [`Histogram`].

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
pub use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use std::sync::atomic::AtomicU64;

/// What a page is, as HTTP says it.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What tells values of one name apart.
pub type Labels = Vec<(&'static str, String)>;

/// One reading of one node.
#[derive(Debug, Default)]
pub struct Page(Registry);

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
        let family = Family::<Labels, Counter<f64, AtomicU64>>::default();
        for (labels, value) in values {
            family.get_or_create(&labels).inc_by(value);
        }
        self.0.register(name, help, family);
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
        let family = Family::<Labels, Gauge<f64, AtomicU64>>::default();
        for (labels, value) in values {
            family.get_or_create(&labels).set(value);
        }
        self.0.register(name, help, family);
    }

    /// How something is distributed.
    pub fn histogram(&mut self, name: &str, help: &str, values: &Histogram) {
        self.0.register(name, help, values.clone());
    }

    /// As it is sent.
    pub fn text(&self) -> String {
        let mut text = String::new();
        encode(&mut text, &self.0).expect("a string takes all that is written to it");
        text
    }
}
