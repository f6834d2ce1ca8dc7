//! The gathered metrics as one message of OTLP.

use std::time::Duration;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value};
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint, ResourceMetrics,
    ScopeMetrics, Sum, metric, number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource;

use crate::telemetry::family::{Family, Kind, Sample, Value};
use crate::telemetry::latency::BOUNDS_NS;

/// When the values of a message hold.
#[derive(Clone, Copy)]
struct Span {
    start_unix_ns: u64,
    now_unix_ns: u64,
}

/// Makes a message of metrics that were counted from `start_unix_ns` to `now_unix_ns`.
pub(super) fn message(
    families: Vec<Family>,
    resource: &[opentelemetry::KeyValue],
    start_unix_ns: u64,
    now_unix_ns: u64,
) -> ExportMetricsServiceRequest {
    let span = Span {
        start_unix_ns,
        now_unix_ns,
    };
    let attributes = resource
        .iter()
        .map(|attribute| attribute_of(attribute.key.as_str(), attribute.value.as_str().into_owned()))
        .collect();
    let scope = InstrumentationScope {
        name: "quorate".to_owned(),
        ..InstrumentationScope::default()
    };
    ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics {
            resource: Some(Resource {
                attributes,
                ..Resource::default()
            }),
            scope_metrics: vec![ScopeMetrics {
                scope: Some(scope),
                metrics: families.into_iter().map(|family| metric_of(family, span)).collect(),
                schema_url: String::new(),
            }],
            schema_url: String::new(),
        }],
    }
}

fn metric_of(family: Family, span: Span) -> Metric {
    let cumulative = i32::from(AggregationTemporality::Cumulative);
    let samples = family.samples.into_iter();
    let data = match family.kind {
        Kind::Counter => metric::Data::Sum(Sum {
            data_points: samples.filter_map(|sample| number(sample, span)).collect(),
            aggregation_temporality: cumulative,
            is_monotonic: true,
        }),
        Kind::Gauge => metric::Data::Gauge(Gauge {
            data_points: samples.filter_map(|sample| number(sample, span)).collect(),
        }),
        Kind::Histogram => metric::Data::Histogram(Histogram {
            data_points: samples.filter_map(|sample| distribution(sample, span)).collect(),
            aggregation_temporality: cumulative,
        }),
    };
    Metric {
        name: family.name.to_owned(),
        description: family.help.to_owned(),
        unit: if family.kind == Kind::Histogram { "s" } else { "" }.to_owned(),
        data: Some(data),
        ..Metric::default()
    }
}

fn number(sample: Sample, span: Span) -> Option<NumberDataPoint> {
    let Value::Number(number) = sample.value else {
        return None;
    };
    let number = i64::try_from(number).unwrap_or(i64::MAX);
    Some(NumberDataPoint {
        attributes: attributes(sample.labels),
        start_time_unix_nano: span.start_unix_ns,
        time_unix_nano: span.now_unix_ns,
        value: Some(number_data_point::Value::AsInt(number)),
        ..NumberDataPoint::default()
    })
}

fn distribution(sample: Sample, span: Span) -> Option<HistogramDataPoint> {
    let Value::Distribution(distribution) = sample.value else {
        return None;
    };
    let seconds = |nanos: u64| Duration::from_nanos(nanos).as_secs_f64();
    Some(HistogramDataPoint {
        attributes: attributes(sample.labels),
        start_time_unix_nano: span.start_unix_ns,
        time_unix_nano: span.now_unix_ns,
        count: distribution.counts.iter().sum(),
        sum: Some(seconds(distribution.sum_ns)),
        bucket_counts: distribution.counts,
        explicit_bounds: BOUNDS_NS.into_iter().map(seconds).collect(),
        ..HistogramDataPoint::default()
    })
}

fn attributes(labels: Vec<(&'static str, std::borrow::Cow<'static, str>)>) -> Vec<KeyValue> {
    labels
        .into_iter()
        .map(|(name, is)| attribute_of(name, is.into_owned()))
        .collect()
}

fn attribute_of(name: &str, is: String) -> KeyValue {
    KeyValue {
        key: name.to_owned(),
        value: Some(AnyValue {
            value: Some(any_value::Value::StringValue(is)),
        }),
        ..KeyValue::default()
    }
}
