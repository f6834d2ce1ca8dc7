//! The page that Prometheus scrapes: the gathered metrics in the OpenMetrics text format, written by
//! `prometheus-client`.

use std::fmt;
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

use super::family::{Distribution, Family, Kind, Sample, Value};
use super::latency::BOUNDS_NS;

/// The page's content type.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Writes the page.
#[must_use]
pub fn exposition(families: Vec<Family>) -> String {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Gathered(families)));
    let mut page = String::new();
    // Writing to a string cannot fail, and a family that could not be written is not made here.
    let _ = prometheus_client::encoding::text::encode(&mut page, &registry);
    page
}

#[derive(Debug)]
struct Gathered(Vec<Family>);

impl Collector for Gathered {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for family in &self.0 {
            let kind = match family.kind {
                Kind::Counter => MetricType::Counter,
                Kind::Gauge => MetricType::Gauge,
                Kind::Histogram => MetricType::Histogram,
            };
            let mut metric = encoder.encode_descriptor(family.name, family.help, None, kind)?;
            for sample in &family.samples {
                encode_sample(&mut metric, family.kind, sample)?;
            }
        }
        Ok(())
    }
}

fn encode_sample(metric: &mut MetricEncoder<'_>, kind: Kind, sample: &Sample) -> fmt::Result {
    if sample.labels.is_empty() {
        return encode_value(metric, kind, &sample.value);
    }
    let labels: Vec<_> = sample.labels.iter().map(|(name, is)| (*name, is.as_ref())).collect();
    encode_value(&mut metric.encode_family(&labels)?, kind, &sample.value)
}

fn encode_value(metric: &mut MetricEncoder<'_>, kind: Kind, value: &Value) -> fmt::Result {
    match (kind, value) {
        (Kind::Counter, Value::Number(number)) => metric.encode_counter::<NoLabelSet, _, u64>(number, None),
        (_, Value::Number(number)) => metric.encode_gauge(number),
        (_, Value::Distribution(distribution)) => encode_distribution(metric, distribution),
    }
}

fn encode_distribution(metric: &mut MetricEncoder<'_>, distribution: &Distribution) -> fmt::Result {
    let bounds = BOUNDS_NS
        .iter()
        .map(|bound| Duration::from_nanos(*bound).as_secs_f64())
        .chain([f64::INFINITY]);
    let buckets: Vec<_> = bounds.zip(distribution.counts.iter().copied()).collect();
    let sum = Duration::from_nanos(distribution.sum_ns).as_secs_f64();
    let count = distribution.counts.iter().sum();
    metric.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)
}
