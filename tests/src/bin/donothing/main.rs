//! The service that benchmarks and tests compare with: the same messages, the same library, the same kind of runtime and
//! the same allocator as `quorate serve`, and an answer that was decided beforehand, to our own callers and to Envoy.
//!
//! It decides nothing, counts nothing and checks nothing: what it costs is what tonic costs.

mod envoy;

use std::net::SocketAddr;

use quorate_api::v1::decision_service_server::{DecisionService, DecisionServiceServer};
use quorate_api::v1::should_allow_stream_response::Result as StreamResult;
use quorate_api::v1::{
    ExtendSlotRequest, ExtendSlotResponse, Reason, ReleaseSlotRequest, ReleaseSlotResponse, ShouldAllowBatchRequest,
    ShouldAllowBatchResponse, ShouldAllowRequest, ShouldAllowResponse, ShouldAllowStreamRequest,
    ShouldAllowStreamResponse,
};
use tokio_stream::StreamExt;
use tokio_stream::adapters::Map;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status, Streaming};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// As many as the server decides about, so that both encode the same bytes.
const LIMIT: u64 = 1_000_000_000;
/// A minute.
const WINDOW_NS: u64 = 60_000_000_000;

/// Answers without deciding.
struct DoNothing;

type Answer<T> = Result<Response<T>, Status>;
type Item = Result<ShouldAllowStreamRequest, Status>;
type Answered = Result<ShouldAllowStreamResponse, Status>;

#[tonic::async_trait]
impl DecisionService for DoNothing {
    type ShouldAllowStreamStream = Map<Streaming<ShouldAllowStreamRequest>, fn(Item) -> Answered>;

    async fn should_allow(&self, _: Request<ShouldAllowRequest>) -> Answer<ShouldAllowResponse> {
        Ok(Response::new(allowed()))
    }

    async fn should_allow_batch(&self, batch: Request<ShouldAllowBatchRequest>) -> Answer<ShouldAllowBatchResponse> {
        Ok(Response::new(ShouldAllowBatchResponse {
            responses: batch.get_ref().requests.iter().map(|_| allowed()).collect(),
            all_allowed: true,
        }))
    }

    async fn should_allow_stream(
        &self,
        requests: Request<Streaming<ShouldAllowStreamRequest>>,
    ) -> Answer<Self::ShouldAllowStreamStream> {
        Ok(Response::new(requests.into_inner().map(answered)))
    }

    async fn release_slot(&self, _: Request<ReleaseSlotRequest>) -> Answer<ReleaseSlotResponse> {
        Ok(Response::new(ReleaseSlotResponse::default()))
    }

    async fn extend_slot(&self, _: Request<ExtendSlotRequest>) -> Answer<ExtendSlotResponse> {
        Ok(Response::new(ExtendSlotResponse::default()))
    }
}

fn answered(item: Item) -> Answered {
    item.map(|_| ShouldAllowStreamResponse {
        result: Some(StreamResult::Response(allowed())),
    })
}

/// The plain answer of an allowed request, every field that the server fills filled.
fn allowed() -> ShouldAllowResponse {
    ShouldAllowResponse {
        allowed: true,
        reason: Reason::Ok.into(),
        limit_name: "per-minute".to_owned(),
        limit: LIMIT,
        remaining: LIMIT - 1,
        window_ns: WINDOW_NS,
        reset_after_ns: WINDOW_NS,
        decision_id: "01J00000000000000000000000".to_owned(),
        ..ShouldAllowResponse::default()
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let listener = tokio::net::TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
    println!("{}", listener.local_addr()?);
    let connections = TcpListenerStream::new(listener).map(|accepted: std::io::Result<tokio::net::TcpStream>| {
        accepted.and_then(|connection| connection.set_nodelay(true).map(|()| connection))
    });
    tonic::transport::Server::builder()
        .add_service(DecisionServiceServer::new(DoNothing))
        .add_service(envoy::LimitNothing)
        .serve_with_incoming(connections)
        .await?;
    Ok(())
}
