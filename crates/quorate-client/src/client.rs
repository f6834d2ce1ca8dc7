//! The client: one call, one deadline, one answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use prost::Message as _;
use quorate_api::v1::decision_service_client::DecisionServiceClient;
use quorate_api::v1::{ExtendSlotRequest, ReleaseSlotRequest, ShouldAllowBatchRequest};
use tokio::runtime::Handle;
use tokio::time::Instant;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Channel;
use tonic::{Request, Response, Status};

use crate::answer::Answer;
use crate::ask::Ask;
use crate::config::{ANSWER_BYTES_MAX, BATCH_BYTES_MAX, Config, ConfigError, DEADLINE_MAX};
use crate::failure::{Cause, FailPolicy, Outcome, Refused};
use crate::gate::{Gate, Pass};
use crate::multiplexed::Multiplexed;

/// Asks a server. Cheap to clone; clones share their connections.
#[derive(Clone, Debug)]
pub struct Client {
    connections: Arc<Connections>,
    deadline: Duration,
    fail: FailPolicy,
    in_flight_max: usize,
    /// Where it was made, and where what it does in the background is done.
    runtime: Handle,
}

/// The answers to a batch, in the order of its questions.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct BatchAnswer {
    /// One answer per question.
    pub answers: Vec<Answer>,
    /// All or none: whether everything was charged. Otherwise: whether every answer is allowed.
    pub all_allowed: bool,
}

/// The generated client over an authenticated channel.
pub(crate) type Raw = DecisionServiceClient<InterceptedService<Channel, Authorize>>;

#[derive(Debug)]
struct Connections {
    all: Vec<Connection>,
    next: AtomicUsize,
}

/// One connection and what is known of it.
#[derive(Clone, Debug)]
pub(crate) struct Connection {
    pub(crate) raw: Raw,
    pub(crate) gate: Arc<Gate>,
}

/// Adds the bearer token to every call.
#[derive(Clone, Debug)]
pub(crate) struct Authorize(Option<MetadataValue<Ascii>>);

impl Interceptor for Authorize {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Some(value) = &self.0 {
            request.metadata_mut().insert("authorization", value.clone());
        }
        Ok(request)
    }
}

impl Client {
    /// A client that connects when it is first asked. Must be called within a tokio runtime, and serves as long as that
    /// runtime lives; afterwards every question is answered by the fail policy.
    ///
    /// # Errors
    /// What is wrong with the configuration, or that there is no runtime; that the server is away is no error.
    pub fn new(config: Config) -> Result<Self, ConfigError> {
        let runtime = Handle::try_current().map_err(|_| ConfigError::Runtime)?;
        let authorize = Authorize(config.authorization()?);
        let connections = config.channels()?.into_iter().map(|(channel, gate)| Connection {
            raw: DecisionServiceClient::with_interceptor(channel, authorize.clone())
                .max_decoding_message_size(ANSWER_BYTES_MAX),
            gate,
        });
        Ok(Self {
            connections: Arc::new(Connections {
                all: connections.collect(),
                next: AtomicUsize::new(0),
            }),
            deadline: config.deadline.min(DEADLINE_MAX),
            fail: config.fail,
            in_flight_max: config.in_flight_max,
            runtime,
        })
    }

    /// The same client with another deadline.
    #[must_use]
    pub fn with_deadline(&self, deadline: Duration) -> Self {
        Self {
            deadline: deadline.min(DEADLINE_MAX),
            ..self.clone()
        }
    }

    /// The same client with another policy for when no decision comes.
    #[must_use]
    pub fn with_fail_policy(&self, fail: FailPolicy) -> Self {
        Self { fail, ..self.clone() }
    }

    /// One stream that many callers share, with this client's deadline and policy; each call of this makes another
    /// stream.
    #[must_use]
    pub fn multiplexed(&self) -> Multiplexed {
        let connection = self.connections.next().clone();
        Multiplexed::start(&self.runtime, connection, self.deadline, self.fail, self.in_flight_max)
    }

    /// Asks one question.
    ///
    /// # Errors
    /// The server refused to judge it: a mistake in the question or the set-up. Nothing was charged.
    pub async fn should_allow(&self, ask: Ask) -> Result<Answer, Refused> {
        let message = ask.into_message()?;
        let called = self
            .call(
                message,
                |mut raw, request| async move { raw.should_allow(request).await },
            )
            .await;
        match called {
            Ok(response) => Ok(Answer::from(response).under(self.fail)),
            Err(Outcome::Failed(cause)) => Ok(Answer::failed(self.fail, cause)),
            Err(Outcome::Refused(refused)) => Err(refused),
        }
    }

    /// Asks up to 1,000 questions, decided in order, each one seeing the charges of those before it.
    ///
    /// # Errors
    /// The server refused to judge one of them, and so all: the message names it. Nothing was charged.
    pub async fn should_allow_batch(&self, asks: impl IntoIterator<Item = Ask>) -> Result<BatchAnswer, Refused> {
        self.batch(asks, false).await
    }

    /// Asks up to 1,000 questions of one org and charges all of them or none.
    ///
    /// # Errors
    /// As for [`Client::should_allow_batch`]; also that the questions are not all of one org.
    pub async fn should_allow_all(&self, asks: impl IntoIterator<Item = Ask>) -> Result<BatchAnswer, Refused> {
        self.batch(asks, true).await
    }

    async fn batch(&self, asks: impl IntoIterator<Item = Ask>, all_or_nothing: bool) -> Result<BatchAnswer, Refused> {
        let requests: Vec<_> = asks.into_iter().map(Ask::into_message).collect::<Result<_, _>>()?;
        let count = requests.len();
        let message = ShouldAllowBatchRequest {
            requests,
            all_or_nothing,
        };
        let bytes = message.encoded_len();
        if bytes > BATCH_BYTES_MAX {
            let message = format!("a batch of {bytes} bytes: at most {BATCH_BYTES_MAX} are sent");
            return Err(Refused::Invalid(message));
        }
        let called = self
            .call(message, |mut raw, request| async move {
                raw.should_allow_batch(request).await
            })
            .await;
        let cause = match called {
            Ok(response) if response.responses.len() == count => {
                let answers = response.responses.into_iter();
                let answers: Vec<_> = answers.map(|answer| Answer::from(answer).under(self.fail)).collect();
                let decided = answers.iter().all(Answer::decided);
                return Ok(BatchAnswer {
                    all_allowed: response.all_allowed || (!decided && answers.iter().all(|answer| answer.allowed)),
                    answers,
                });
            }
            Ok(response) => Cause::Server {
                code: "INTERNAL",
                message: format!("{} answers to {count} questions", response.responses.len()),
            },
            Err(Outcome::Failed(cause)) => cause,
            Err(Outcome::Refused(refused)) => return Err(refused),
        };
        Ok(BatchAnswer {
            answers: vec![Answer::failed(self.fail, cause); count],
            all_allowed: self.fail == FailPolicy::Open,
        })
    }

    /// Gives back the concurrency slot that a decision took; whether it was still held. Safe to repeat.
    ///
    /// `org` is that of [`crate::PolicyInfo::org`].
    ///
    /// # Errors
    /// The server could not be asked, or refused.
    pub async fn release_slot(&self, org: &str, decision_id: &str) -> Result<bool, SlotError> {
        let message = ReleaseSlotRequest {
            org: org.to_owned(),
            decision_id: decision_id.to_owned(),
        };
        let called = self
            .call(
                message,
                |mut raw, request| async move { raw.release_slot(request).await },
            )
            .await;
        Ok(called?.released)
    }

    /// Starts the time to live of a held slot anew: how long it is held from now on, or `None` if it is not held.
    ///
    /// # Errors
    /// The server could not be asked, or refused.
    pub async fn extend_slot(&self, org: &str, decision_id: &str) -> Result<Option<Duration>, SlotError> {
        let message = ExtendSlotRequest {
            org: org.to_owned(),
            decision_id: decision_id.to_owned(),
        };
        let called = self
            .call(
                message,
                |mut raw, request| async move { raw.extend_slot(request).await },
            )
            .await?;
        Ok(called.extended.then(|| Duration::from_nanos(called.expires_after_ns)))
    }

    /// One call on the next connection: through its gate, within the deadline, which the server is told too.
    async fn call<M, R, F>(&self, message: M, send: impl FnOnce(Raw, Request<M>) -> F) -> Result<R, Outcome>
    where
        F: Future<Output = Result<Response<R>, Status>>,
    {
        let Some((connection, pass)) = self.connections.enter(Instant::now()) else {
            return Err(Outcome::Failed(Cause::BackingOff));
        };
        let mut request = Request::new(message);
        request.set_timeout(self.deadline);
        let Ok(called) = tokio::time::timeout(self.deadline, send(connection.raw.clone(), request)).await else {
            return Err(Outcome::Failed(Cause::Deadline));
        };
        let called = called.map(Response::into_inner).map_err(|status| Outcome::of(&status));
        match &called {
            Err(Outcome::Failed(Cause::Unreachable(_))) => pass.failed(Instant::now()),
            _ => pass.reached(),
        }
        called
    }
}

impl Connections {
    /// The one whose turn it is.
    fn next(&self) -> &Connection {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        &self.all[turn % self.all.len()]
    }

    /// The next whose gate is open: one that waits for its next attempt is no reason not to ask on another.
    fn enter(&self, now: Instant) -> Option<(&Connection, Pass<'_>)> {
        (0..self.all.len()).find_map(|_| {
            let connection = self.next();
            Some((connection, connection.gate.enter(now)?))
        })
    }
}

/// Why a slot could not be released or extended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SlotError {
    /// The server refused: a mistake in the call or the set-up.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The server could not be asked. The slot is freed by its time to live; repeating is safe.
    #[error(transparent)]
    Failed(#[from] Cause),
}

impl From<Outcome> for SlotError {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Refused(refused) => Self::Refused(refused),
            Outcome::Failed(cause) => Self::Failed(cause),
        }
    }
}

#[cfg(test)]
mod tests;
