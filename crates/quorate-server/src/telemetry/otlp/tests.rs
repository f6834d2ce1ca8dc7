//! What a collector receives, over a real socket.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Uri};
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_server::{
    MetricsService, MetricsServiceServer,
};
use opentelemetry_proto::tonic::collector::metrics::v1::{ExportMetricsServiceRequest, ExportMetricsServiceResponse};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{TraceService, TraceServiceServer};
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use opentelemetry_proto::tonic::metrics::v1::{Metric, metric, number_data_point};
use quorate_core::answer::Reason;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::mpsc;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::{Identity, Server, ServerTlsConfig};
use tonic::{Request, Response, Status};

use super::{OtlpConfig, OtlpError, start};
use crate::http::test_edge;
use crate::telemetry::Door;
use crate::telemetry::test_answer as answer;

/// Far longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(300);

#[derive(Debug)]
enum Received {
    Metrics(ExportMetricsServiceRequest),
    Spans(ExportTraceServiceRequest),
}

#[derive(Clone)]
struct Collector(mpsc::UnboundedSender<Received>);

#[tonic::async_trait]
impl MetricsService for Collector {
    async fn export(
        &self,
        request: Request<ExportMetricsServiceRequest>,
    ) -> Result<Response<ExportMetricsServiceResponse>, Status> {
        let _ = self.0.send(Received::Metrics(request.into_inner()));
        Ok(Response::new(ExportMetricsServiceResponse::default()))
    }
}

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let _ = self.0.send(Received::Spans(request.into_inner()));
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

async fn collector() -> (Uri, mpsc::UnboundedReceiver<Received>) {
    collecting("http", Server::builder()).await
}

/// A collector behind TLS, and the authority that it is to be trusted by.
async fn secure_collector() -> (Uri, mpsc::UnboundedReceiver<Received>, Vec<u8>) {
    let _chosen_before = rustls::crypto::ring::default_provider().install_default();
    let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).expect("a certificate");
    let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let tls = ServerTlsConfig::new().identity(Identity::from_pem(&certificate, key));
    let server = Server::builder().tls_config(tls).expect("a certificate and its key");
    let (endpoint, received) = collecting("https", server).await;
    (endpoint, received, certificate.into_bytes())
}

async fn collecting(scheme: &str, mut server: Server) -> (Uri, mpsc::UnboundedReceiver<Received>) {
    let (sender, received) = mpsc::unbounded_channel();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let collector = Collector(sender);
    let server = server
        .add_service(MetricsServiceServer::new(collector.clone()))
        .add_service(TraceServiceServer::new(collector));
    tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
    (format!("{scheme}://{address}").parse().expect("a URI"), received)
}

/// What gives every message all the time that it may need on a busy machine, and sends nothing on its own.
fn patient(endpoint: Uri) -> OtlpConfig {
    OtlpConfig {
        metrics_every: PATIENCE * 100,
        export_timeout: PATIENCE,
        shutdown_timeout: PATIENCE,
        ..OtlpConfig::new(endpoint)
    }
}

fn metric<'a>(message: &'a ExportMetricsServiceRequest, name: &str) -> &'a Metric {
    let metrics = message
        .resource_metrics
        .iter()
        .flat_map(|resource| &resource.scope_metrics);
    let mut metrics = metrics.flat_map(|scope| &scope.metrics);
    metrics.find(|metric| metric.name == name).expect("it is sent")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_receives_metrics_and_spans() {
    let (endpoint, mut received) = collector().await;
    let edge = test_edge();
    let config = patient(endpoint);
    let otlp = start(&config, Arc::clone(&edge)).expect("an endpoint");
    edge.telemetry
        .recorder()
        .record(Door::Http, &answer(Reason::RateLimited), "ak_1", 700);
    let parent = HeaderValue::from_static("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    let headers = HeaderMap::from_iter([(HeaderName::from_static("traceparent"), parent)]);
    drop(otlp.traces().begin(&headers, Door::Http));
    otlp.shut_down().await;

    let (mut metrics, mut spans) = (None, None);
    while metrics.is_none() || spans.is_none() {
        match tokio::time::timeout(PATIENCE, received.recv()).await.expect("in time") {
            Some(Received::Metrics(message)) => metrics = Some(message),
            Some(Received::Spans(message)) => spans = Some(message),
            None => panic!("the collector is gone"),
        }
    }
    let metrics = metrics.expect("received");
    let Some(metric::Data::Sum(decisions)) = &metric(&metrics, "quorate_decisions").data else {
        panic!("a sum is wanted")
    };
    assert!(decisions.is_monotonic);
    let denied = decisions
        .data_points
        .iter()
        .filter(|point| point.value == Some(number_data_point::Value::AsInt(1)));
    assert_eq!(denied.count(), 1);
    let Some(metric::Data::Histogram(duration)) = &metric(&metrics, "quorate_decision_duration_seconds").data else {
        panic!("a histogram is wanted")
    };
    for point in &duration.data_points {
        assert_eq!(point.bucket_counts.len(), point.explicit_bounds.len() + 1);
        assert_eq!(point.bucket_counts.iter().sum::<u64>(), point.count);
    }
    let spans = spans.expect("received");
    let span = &spans.resource_spans[0].scope_spans[0].spans[0];
    assert_eq!(span.name, "POST /v1/should-allow");
    assert_eq!(span.parent_span_id, [0x00, 0xf0, 0x67, 0xaa, 0x0b, 0xa9, 0x02, 0xb7]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_behind_tls_is_sent_to_if_its_authority_is_trusted() {
    let (endpoint, mut received, authority) = secure_collector().await;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("authority.pem");
    std::fs::write(&path, authority).expect("a file");
    let stranger = OtlpConfig {
        authority: None,
        ..patient(endpoint.clone())
    };
    let edge = test_edge();
    start(&stranger, Arc::clone(&edge))
        .expect("an endpoint")
        .shut_down()
        .await;
    assert_eq!(edge.telemetry.exports.counts(), (0, 1), "nobody vouches for it");

    let friend = OtlpConfig {
        authority: Some(path),
        ..patient(endpoint)
    };
    let edge = test_edge();
    start(&friend, Arc::clone(&edge))
        .expect("an endpoint")
        .shut_down()
        .await;
    assert_eq!(edge.telemetry.exports.counts(), (1, 0));
    let message = tokio::time::timeout(PATIENCE, received.recv()).await.expect("in time");
    assert!(matches!(message, Some(Received::Metrics(_))));
}

#[tokio::test]
async fn an_authority_that_cannot_be_read_is_named() {
    let config = OtlpConfig {
        authority: Some("/nowhere/authority.pem".into()),
        ..OtlpConfig::new("https://collector:4317".parse().expect("a URI"))
    };
    let error = start(&config, test_edge()).expect_err("no authority");
    assert!(error.to_string().contains("/nowhere/authority.pem"), "{error}");
}

#[tokio::test]
async fn an_absent_collector_is_counted_and_does_not_hold_up_the_end() {
    // Bound, so that nobody else gets the port, and nobody listens.
    let socket = TcpSocket::new_v4().expect("a socket");
    socket
        .bind("127.0.0.1:0".parse().expect("an address"))
        .expect("a free port");
    let address = socket.local_addr().expect("it is bound");
    let edge = test_edge();
    let config = patient(format!("http://{address}").parse().expect("a URI"));
    let otlp = start(&config, Arc::clone(&edge)).expect("an endpoint");
    tokio::time::timeout(PATIENCE, otlp.shut_down()).await.expect("in time");
    assert_eq!(edge.telemetry.exports.counts(), (0, 1));
}

#[tokio::test]
async fn what_is_no_endpoint_is_refused() {
    for endpoint in ["ftp://collector:4317", "collector:4317", "/path"] {
        let config = OtlpConfig::new(endpoint.parse().expect("a URI"));
        let error = start(&config, test_edge()).expect_err("no endpoint");
        assert!(matches!(error, OtlpError::Endpoint { .. }), "{error}");
    }
}
