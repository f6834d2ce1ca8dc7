//! Decisions on one stream: answers in the order of the requests, each made in the poll that finds its request.
//!
//! There is no task, no channel and no allocation per message: everything that has arrived is answered into one
//! buffer, and the buffer is sent when nothing is left to answer. How a stream ends when the server stops is the
//! business of `reply`.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use quorate_node::Sitting;
use quorate_node::quotas::{Parked, Patience};

use super::convert::{Lists, read_streamed};
use super::decisions::{Decisions, Way};
use super::frames::Frames;
use super::status::{CallError, Unread};
use super::wire::{frame, nested, put_message};
use crate::callers::Identity;
use crate::telemetry::Door;
use crate::telemetry::traces::CallSpan;

/// How many bytes of answers are sent at once: two full frames of HTTP/2, so that a caller who asks without end gets
/// answers meanwhile.
const FLUSH_BYTES: usize = 32 * 1024;

/// The field of `ShouldAllowStreamResponse` that holds an answer.
const RESPONSE: u32 = 1;
/// The field that holds an error.
const ERROR: u32 = 2;

/// The answers to one stream of requests.
#[derive(Debug)]
pub(super) struct Answers {
    inbound: Frames,
    decisions: Arc<Decisions>,
    identity: Identity,
    out: Vec<u8>,
    /// A request that waits for units of a quota, and where: those after it wait too.
    waiting: Option<Box<(Bytes, Parked)>>,
    /// How the caller's side ended, once it has.
    end: Option<Result<(), Unread>>,
    span: Option<Box<CallSpan>>,
    answered: usize,
}

impl Answers {
    pub(super) const fn new(
        inbound: Frames,
        decisions: Arc<Decisions>,
        identity: Identity,
        span: Option<Box<CallSpan>>,
    ) -> Self {
        Self {
            inbound,
            decisions,
            identity,
            out: Vec::new(),
            waiting: None,
            end: None,
            span,
            answered: 0,
        }
    }

    /// The next answers, as they are sent; at the end how the caller's side ended.
    pub(super) fn poll_answers(&mut self, cx: &mut Context<'_>) -> Poll<Result<Bytes, Result<(), Unread>>> {
        // What is in force is looked up once for all that has come.
        let decisions = Arc::clone(&self.decisions);
        let mut sitting = decisions.edge().node.sit();
        while self.end.is_none() && self.out.len() < FLUSH_BYTES {
            if let Some(waiting) = &mut self.waiting {
                let (message, parked) = &mut **waiting;
                match Pin::new(parked).poll(cx) {
                    Poll::Ready(patience) => {
                        let message = message.clone();
                        self.waiting = None;
                        self.answer(&mut sitting, message, patience);
                        continue;
                    }
                    Poll::Pending if self.out.is_empty() => return Poll::Pending,
                    Poll::Pending => break,
                }
            }
            match self.inbound.poll_message(cx) {
                Poll::Ready(Some(Ok(message))) => {
                    self.answered += 1;
                    self.answer(&mut sitting, message, Patience::Whole);
                }
                Poll::Ready(Some(Err(unread))) => {
                    self.decisions.count_unread(Door::GrpcStream, &unread);
                    self.end = Some(Err(unread));
                }
                Poll::Ready(None) => self.end = Some(Ok(())),
                Poll::Pending if self.out.is_empty() => return Poll::Pending,
                Poll::Pending => break,
            }
        }
        match (&self.end, self.out.is_empty()) {
            (Some(end), true) => Poll::Ready(Err(end.clone())),
            _ => Poll::Ready(Ok(self.flush())),
        }
    }

    fn flush(&mut self) -> Bytes {
        // As much again will probably be needed for the next ones.
        let next = Vec::with_capacity(self.out.len());
        Bytes::from(std::mem::replace(&mut self.out, next))
    }

    fn answer(&mut self, sitting: &mut Sitting<'_>, message: Bytes, patience: Patience) {
        let Self {
            decisions,
            identity,
            out,
            ..
        } = self;
        let way = Way {
            door: Door::GrpcStream,
            patience,
        };
        let before = out.len();
        let mut parked = None;
        let answered = frame(out, |out| {
            let mut lists = Lists::default();
            let asked = read_streamed(&message, &mut lists).map_err(CallError::from)?;
            nested(out, RESPONSE, |out| {
                parked = decisions.decide(sitting, way, identity, (&asked, &lists), out, |_| {})?;
                Ok::<_, CallError>(())
            })
        });
        if let Some(parked) = parked {
            out.truncate(before);
            self.waiting = Some(Box::new((message, parked)));
            return;
        }
        if let Err(error) = answered {
            decisions.count_error(Door::GrpcStream, &error);
            let Ok(()) = frame(out, |out| {
                put_message(out, ERROR, &error.on_stream());
                Ok::<_, std::convert::Infallible>(())
            });
        }
    }
}

impl Drop for Answers {
    fn drop(&mut self) {
        if let Some(span) = &mut self.span {
            span.carried(self.answered);
        }
    }
}
