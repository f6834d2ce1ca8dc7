//! Which calls are traced, and what their spans say.

use std::sync::Arc;

use http::{HeaderMap, HeaderValue};
use opentelemetry::trace::{SpanKind, TracerProvider as _};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData, SpanExporter};
use parking_lot::Mutex;
use quorate_core::answer::Reason;

use super::{MalformedRatio, SampleRatio, TRACEPARENT, Traces};
use crate::telemetry::Door;
use crate::telemetry::test_answer as answer;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN: &str = "00f067aa0ba902b7";

/// Keeps the spans that have ended.
#[derive(Clone, Debug, Default)]
struct Ended(Arc<Mutex<Vec<SpanData>>>);

impl SpanExporter for Ended {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.0.lock().extend(batch);
        Ok(())
    }
}

struct Kept {
    ended: Ended,
    _provider: SdkTracerProvider,
    traces: Traces,
}

fn kept(ratio: &str) -> Kept {
    let ended = Ended::default();
    let provider = SdkTracerProvider::builder().with_simple_exporter(ended.clone()).build();
    let traces = Traces::new(provider.tracer("test"), ratio.parse().expect("a ratio"));
    Kept {
        ended,
        _provider: provider,
        traces,
    }
}

impl Kept {
    fn spans(&self) -> Vec<SpanData> {
        self.ended.0.lock().clone()
    }
}

fn from_caller(flags: &str) -> HeaderMap {
    let value = format!("00-{TRACE}-{SPAN}-{flags}");
    let value = HeaderValue::try_from(value).expect("text");
    HeaderMap::from_iter([(http::HeaderName::from_static(TRACEPARENT), value)])
}

#[test]
fn a_caller_that_traces_finds_the_call_in_its_trace() {
    let kept = kept("0");
    let mut span = kept.traces.begin(&from_caller("01"), Door::GrpcUnary).expect("traced");
    span.answered(&answer(Reason::RateLimited));
    drop(span);
    let spans = kept.spans();
    let [span] = spans.as_slice() else {
        panic!("one span is wanted: {spans:?}")
    };
    assert_eq!(span.span_context.trace_id().to_string(), TRACE);
    assert_eq!(span.parent_span_id.to_string(), SPAN);
    assert_eq!(span.span_kind, SpanKind::Server);
    assert_eq!(span.name, "quorate.v1.DecisionService/ShouldAllow");
    let attributes: Vec<_> = span
        .attributes
        .iter()
        .map(|it| format!("{}={}", it.key, it.value))
        .collect();
    assert!(
        attributes.contains(&"quorate.reason=RATE_LIMITED".to_owned()),
        "{attributes:?}"
    );
    assert!(
        attributes.contains(&"quorate.limit=per-minute".to_owned()),
        "{attributes:?}"
    );
}

#[test]
fn a_caller_that_does_not_trace_is_obeyed() {
    let kept = kept("1");
    assert!(kept.traces.begin(&from_caller("00"), Door::Http).is_none());
    assert!(kept.spans().is_empty());
}

#[test]
fn without_a_word_from_the_caller_the_ratio_decides() {
    let all = kept("1");
    assert!(all.traces.begin(&HeaderMap::new(), Door::Http).is_some());
    let none = kept("0");
    assert!(none.traces.begin(&HeaderMap::new(), Door::Http).is_none());
}

#[test]
fn a_malformed_header_is_no_word() {
    let mut headers = HeaderMap::new();
    for value in ["", "00-0-0-01", "garbage", "\u{7f}"] {
        let Ok(value) = HeaderValue::try_from(value) else {
            continue;
        };
        headers.insert(TRACEPARENT, value);
        assert!(kept("0").traces.begin(&headers, Door::Http).is_none());
        assert!(kept("1").traces.begin(&headers, Door::Http).is_some());
    }
}

#[test]
fn ratios_are_read_and_written() {
    for (text, parts) in [
        ("0", 0),
        ("1", 1_000_000),
        ("0.01", 10_000),
        ("0.000001", 1),
        ("1.0", 1_000_000),
    ] {
        assert_eq!(text.parse(), Ok(SampleRatio(parts)), "{text}");
    }
    for text in [
        "",
        ".",
        "1.",
        ".5",
        "1.1",
        "1.000001",
        "-0.1",
        "+1",
        "0.0000001",
        "1e-2",
        "9999999999",
    ] {
        assert_eq!(text.parse::<SampleRatio>(), Err(MalformedRatio), "{text}");
    }
    assert_eq!(SampleRatio::default().to_string(), "0.01");
    assert_eq!(SampleRatio(1_000_000).to_string(), "1");
    assert_eq!(SampleRatio(0).to_string(), "0");
}
