//! One call of the decision service that takes one message, from its first header until its answer begins.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::Response;
use prost::Message;
use quorate_api::v1;
use quorate_node::Decided;
use quorate_node::quotas::{Parked, Patience};
use tonic::Status;

use super::batch::Begun;
use super::convert::{Asked, AskedBatch, Lists, write_overloaded};
use super::decisions::{Decisions, Way};
use super::reply::Reply;
use super::status::{CallError, Unread};
use super::unary::OneMessage;
use super::wire::frame;
use crate::callers::Identity;
use crate::edge::Permit;
use crate::listen::OpenCall;
use crate::telemetry::Door;
use crate::telemetry::traces::CallSpan;

/// The least capacity that the buffer of an answer starts with: a plain answer fits. A batch is answered by about as many
/// bytes as it was asked in, or a few times as many.
const ANSWER_BYTES: usize = 256;

/// A method that takes one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    ShouldAllow,
    ShouldAllowBatch,
    ReleaseSlot,
    ExtendSlot,
    /// Envoy's rate limit service.
    ShouldRateLimit,
    /// Envoy's external authorization.
    Check,
}

impl Method {
    /// The door under which calls are counted; slots that are given back or kept are no decisions.
    pub(super) const fn door(self) -> Option<Door> {
        match self {
            Self::ShouldAllow => Some(Door::GrpcUnary),
            Self::ShouldAllowBatch => Some(Door::GrpcBatch),
            Self::ShouldRateLimit => Some(Door::EnvoyRateLimit),
            Self::Check => Some(Door::EnvoyAuthorization),
            Self::ReleaseSlot | Self::ExtendSlot => None,
        }
    }
}

/// Whether a call has a place among the work in flight.
pub(super) enum Admission {
    /// It needs none: slots that are given back make room.
    Exempt,
    /// Held until the answer is made.
    Admitted(#[expect(dead_code, reason = "only its drop matters")] Permit),
    /// There was none left.
    Overloaded,
}

/// A call until its answer begins.
pub struct Answering(State);

enum State {
    Refused(Option<Response<Reply>>),
    Unary(Unary),
    Other(Pin<Box<dyn Future<Output = Response<Reply>> + Send>>),
}

/// A message that waits for units of a quota.
pub(super) struct Waiting {
    message: Bytes,
    parked: Parked,
}

/// A call that takes one message.
pub(super) struct Unary {
    pub(super) method: Method,
    pub(super) message: OneMessage,
    /// The message and where it waits for units of a quota.
    pub(super) waiting: Option<Box<Waiting>>,
    /// What of a batch that waits is answered already.
    pub(super) begun: Option<Box<Begun>>,
    /// What of a request to Envoy's rate limit service that waits is charged already.
    pub(super) rate_limit_begun: Option<Box<crate::envoy::Begun>>,
    pub(super) decisions: Arc<Decisions>,
    pub(super) identity: Identity,
    pub(super) admission: Admission,
    // Behind a pointer: hardly any call is traced, and every call's state is moved.
    pub(super) span: Option<Box<CallSpan>>,
    pub(super) open: Option<OpenCall>,
}

impl Answering {
    /// A call that is answered by a status at once.
    pub(super) fn refused(status: Status, open: OpenCall) -> Self {
        Self::at_once(Reply::status(status, open))
    }

    /// A call whose answer begins at once.
    pub(super) const fn at_once(response: Response<Reply>) -> Self {
        Self(State::Refused(Some(response)))
    }

    pub(super) const fn unary(unary: Unary) -> Self {
        Self(State::Unary(unary))
    }

    pub(super) fn other(answer: impl Future<Output = Response<Reply>> + Send + 'static) -> Self {
        Self(State::Other(Box::pin(answer)))
    }
}

impl Future for Answering {
    type Output = Result<Response<Reply>, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.get_mut().0 {
            // A future is not polled again after it was ready.
            State::Refused(response) => response
                .take()
                .map_or(Poll::Pending, |response| Poll::Ready(Ok(response))),
            State::Unary(unary) => unary.poll(cx).map(Ok),
            State::Other(other) => other.as_mut().poll(cx).map(Ok),
        }
    }
}

impl Unary {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Response<Reply>> {
        let answered = ready!(self.poll_answer(cx));
        let answered = answered.map_err(|unread| self.failed(unread));
        match self.open.take() {
            Some(open) => Poll::Ready(Reply::unary(answered, open)),
            None => Poll::Pending,
        }
    }

    fn poll_answer(&mut self, cx: &mut Context<'_>) -> Poll<Result<Bytes, Unread>> {
        let (mut message, mut patience) = match &mut self.waiting {
            None => match ready!(self.message.poll(cx)) {
                Ok(message) => (message, Patience::Whole),
                Err(unread) => return Poll::Ready(Err(unread)),
            },
            Some(waiting) => {
                let patience = ready!(Pin::new(&mut waiting.parked).poll(cx));
                (waiting.message.clone(), patience)
            }
        };
        loop {
            let parked = match self.answer(&message, patience) {
                Ok(Decided::Answered(answer)) => return Poll::Ready(Ok(answer)),
                Err(error) => return Poll::Ready(Err(Unread::Call(error))),
                Ok(Decided::Parked(parked)) => parked,
            };
            let waiting = self.waiting.insert(Box::new(Waiting { message, parked }));
            patience = ready!(Pin::new(&mut waiting.parked).poll(cx));
            message = waiting.message.clone();
        }
    }

    fn answer(&mut self, message: &[u8], patience: Patience) -> Result<Decided<Bytes>, CallError> {
        let mut out = Vec::with_capacity(ANSWER_BYTES.max(message.len()));
        let mut parked = None;
        frame(&mut out, |out| match self.method {
            Method::ShouldAllow => {
                parked = self.should_allow(message, patience, out)?;
                Ok(())
            }
            Method::ShouldAllowBatch => {
                parked = self.should_allow_batch(message, patience, out)?;
                Ok(())
            }
            Method::ShouldRateLimit => {
                parked = self.should_rate_limit(message, patience, out)?;
                Ok(())
            }
            Method::Check => {
                parked = self.check(message, patience, out)?;
                Ok(())
            }
            Method::ReleaseSlot => {
                let message = v1::ReleaseSlotRequest::decode(message)?;
                write_whole(out, &self.decisions.release(&self.identity, &message)?)
            }
            Method::ExtendSlot => {
                let message = v1::ExtendSlotRequest::decode(message)?;
                write_whole(out, &self.decisions.extend(&self.identity, &message)?)
            }
        })?;
        Ok(match parked {
            Some(parked) => Decided::Parked(parked),
            None => Decided::Answered(Bytes::from(out)),
        })
    }

    fn should_allow(
        &mut self,
        message: &[u8],
        patience: Patience,
        out: &mut Vec<u8>,
    ) -> Result<Option<Parked>, CallError> {
        let mut lists = Lists::default();
        let asked = Asked::read(message, &mut lists)?;
        if matches!(self.admission, Admission::Overloaded) {
            self.decisions.count_overloaded(Door::GrpcUnary);
            write_overloaded(out);
            return Ok(None);
        }
        let span = &mut self.span;
        let look = |answer: &quorate_core::answer::Answer<'_>| {
            if let Some(span) = span {
                span.answered(answer);
            }
        };
        let way = Way {
            door: Door::GrpcUnary,
            patience,
        };
        let decisions = &self.decisions;
        let mut sitting = decisions.edge().node.sit();
        decisions.decide(&mut sitting, way, &self.identity, (&asked, &lists), out, look)
    }

    fn should_rate_limit(
        &mut self,
        message: &[u8],
        patience: Patience,
        out: &mut Vec<u8>,
    ) -> Result<Option<Parked>, CallError> {
        if matches!(self.admission, Admission::Overloaded) {
            return Err(self.decisions.overloaded_rate_limit());
        }
        let begun = &mut self.rate_limit_begun;
        self.decisions.rate_limit(patience, &self.identity, message, begun, out)
    }

    fn check(&mut self, message: &[u8], patience: Patience, out: &mut Vec<u8>) -> Result<Option<Parked>, CallError> {
        if matches!(self.admission, Admission::Overloaded) {
            self.decisions.overloaded_check(out);
            return Ok(None);
        }
        let span = &mut self.span;
        self.decisions.check(patience, &self.identity, message, out, |answer| {
            if let Some(span) = span {
                span.answered(answer);
            }
        })
    }

    fn should_allow_batch(
        &mut self,
        message: &[u8],
        patience: Patience,
        out: &mut Vec<u8>,
    ) -> Result<Option<Parked>, CallError> {
        let batch = AskedBatch::read(message)?;
        if let Some(span) = &mut self.span {
            span.carried(batch.items.len());
        }
        if matches!(self.admission, Admission::Overloaded) {
            self.decisions.overloaded_batch(&batch, out)?;
            return Ok(None);
        }
        let begun = &mut self.begun;
        self.decisions
            .decide_batch(&self.identity, &batch, patience, begun, out)
    }

    /// Counts what went wrong, and maps it.
    fn failed(&mut self, unread: Unread) -> Status {
        if let Some(door) = self.method.door() {
            self.decisions.count_unread(door, &unread);
        }
        let status = Status::from(unread);
        if let Some(span) = &mut self.span {
            span.failed(status.message().to_owned());
        }
        status
    }
}

fn write_whole(out: &mut Vec<u8>, message: &impl Message) -> Result<(), CallError> {
    message.encode(out).expect("a vector grows");
    Ok(())
}
