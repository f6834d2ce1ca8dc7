//! A gRPC client of our own service, with every outcome either wanted or a failed test.

use std::future::Future;
use std::path::PathBuf;
use std::time::Duration;

use hyper_util::rt::TokioIo;
use quorate_api::v1::decision_service_client::DecisionServiceClient;
use quorate_api::v1::{
    ExtendSlotRequest, ExtendSlotResponse, Include, LimitStatus, Reason, ReleaseSlotRequest, ShouldAllowBatchRequest,
    ShouldAllowBatchResponse, ShouldAllowRequest, ShouldAllowResponse,
};
use tokio::net::UnixStream;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};

use super::AskExt;

/// No call of a test takes this long unless something hangs.
const DEADLINE: Duration = Duration::from_secs(120);

/// A client.
#[derive(Clone)]
pub struct Client {
    pub inner: DecisionServiceClient<Channel>,
    pub channel: Channel,
}

impl Client {
    /// Connects over TCP, in clear text.
    pub async fn connect(address: std::net::SocketAddr) -> Self {
        let endpoint = Endpoint::from_shared(format!("http://{address}")).expect("an address is a URI");
        Self::of(endpoint.connect().await.expect("the server accepts connections"))
    }

    /// Connects over a Unix socket.
    pub async fn connect_unix(path: PathBuf) -> Self {
        let dial = tower::service_fn(move |_| {
            let path = path.clone();
            async move { UnixStream::connect(path).await.map(TokioIo::new) }
        });
        // The address is not used: the socket is.
        let endpoint = Endpoint::from_static("http://localhost");
        Self::of(endpoint.connect_with_connector(dial).await.expect("the server accepts"))
    }

    /// Over a channel that is open already.
    pub fn of(channel: Channel) -> Self {
        Self {
            inner: DecisionServiceClient::new(channel.clone()),
            channel,
        }
    }

    /// Asks and has an answer.
    pub async fn ask(&self, request: ShouldAllowRequest) -> ShouldAllowResponse {
        within(self.inner.clone().should_allow(request))
            .await
            .expect("an answer, not an error")
            .into_inner()
    }

    /// Asks and is allowed.
    pub async fn allowed(&self, request: ShouldAllowRequest) -> ShouldAllowResponse {
        let answer = self.ask(request.clone()).await;
        assert!(answer.allowed, "{request:?} was denied: {answer:?}");
        assert_eq!(answer.reason(), Reason::Ok);
        assert!(!answer.retryable, "what is allowed needs no retry: {answer:?}");
        assert_eq!(answer.retry_after_ns, 0);
        answer
    }

    /// Asks and is denied for a reason.
    pub async fn denied(&self, request: ShouldAllowRequest, reason: Reason) -> ShouldAllowResponse {
        let answer = self.ask(request.clone()).await;
        assert!(!answer.allowed, "{request:?} was allowed: {answer:?}");
        assert_eq!(answer.reason(), reason, "{answer:?}");
        answer
    }

    /// Asks something malformed and is told which field.
    pub async fn invalid(&self, request: ShouldAllowRequest, field: &str) {
        let error = within(self.inner.clone().should_allow(request.clone())).await;
        names_field(error.expect_err("a malformed request is an error"), field);
    }

    /// How many times in a row a request is allowed, at most `most` times, and the first denial if there was one.
    pub async fn count(&self, request: &ShouldAllowRequest, most: usize) -> (usize, Option<ShouldAllowResponse>) {
        for allowed in 0..most {
            let answer = self.ask(request.clone()).await;
            if !answer.allowed {
                return (allowed, Some(answer));
            }
        }
        (most, None)
    }

    /// Asks a batch.
    pub async fn batch(&self, batch: ShouldAllowBatchRequest) -> Result<ShouldAllowBatchResponse, Status> {
        within(self.inner.clone().should_allow_batch(batch))
            .await
            .map(tonic::Response::into_inner)
    }

    /// Asks independent items at once.
    pub async fn each(&self, requests: Vec<ShouldAllowRequest>) -> ShouldAllowBatchResponse {
        let all_or_nothing = false;
        self.batch(ShouldAllowBatchRequest {
            requests,
            all_or_nothing,
        })
        .await
        .expect("an answer, not an error")
    }

    /// Asks for all or nothing.
    pub async fn all(&self, requests: Vec<ShouldAllowRequest>) -> ShouldAllowBatchResponse {
        let all_or_nothing = true;
        self.batch(ShouldAllowBatchRequest {
            requests,
            all_or_nothing,
        })
        .await
        .expect("an answer, not an error")
    }

    /// The state of every limit that a request would meet, by a look, which charges nothing.
    pub async fn statuses(&self, request: ShouldAllowRequest) -> Vec<LimitStatus> {
        self.ask(request.look().with(Include::Limits)).await.limits
    }

    /// Units used of one limit, by a look.
    pub async fn used(&self, request: ShouldAllowRequest, limit: &str) -> u64 {
        let statuses = self.statuses(request).await;
        let found = statuses.iter().find(|status| status.name == limit);
        found.unwrap_or_else(|| panic!("no limit {limit} in {statuses:?}")).used
    }

    /// Gives a slot back.
    pub async fn release(&self, org: &str, decision_id: &str) -> bool {
        self.try_release(org, decision_id).await.expect("a release is answered")
    }

    /// Gives a slot back, or is told what is wrong.
    pub async fn try_release(&self, org: &str, decision_id: &str) -> Result<bool, Status> {
        let slot = ReleaseSlotRequest {
            org: org.to_owned(),
            decision_id: decision_id.to_owned(),
        };
        let released = within(self.inner.clone().release_slot(slot)).await?;
        Ok(released.into_inner().released)
    }

    /// Keeps a slot for longer, or is told what is wrong.
    pub async fn extend(&self, org: &str, decision_id: &str) -> Result<ExtendSlotResponse, Status> {
        let slot = ExtendSlotRequest {
            org: org.to_owned(),
            decision_id: decision_id.to_owned(),
        };
        within(self.inner.clone().extend_slot(slot))
            .await
            .map(tonic::Response::into_inner)
    }
}

/// Asserts that an error is INVALID_ARGUMENT and names a field.
pub fn names_field(error: Status, field: &str) {
    assert_eq!(error.code(), Code::InvalidArgument, "{error:?}");
    assert!(
        error.message().contains(field),
        "the message should name `{field}`: {}",
        error.message()
    );
}

/// Bounds a wait.
pub async fn within<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(DEADLINE, future)
        .await
        .expect("an outcome within the bound of every wait")
}
