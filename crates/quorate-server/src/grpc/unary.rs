//! One message in: reads the single message of a unary call, within its time.
//!
//! With `frames`, `wire` and `reply` this takes the place of tonic's generated server for decisions: it keeps no 8 KiB
//! buffers, boxes nothing, and calls bytes that are no message the caller's mistake, where tonic says INTERNAL.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Sleep;

use super::decisions::Decisions;
use super::frames::Frames;
use super::status::{CallError, Unread};
use crate::edge::Waiting;

/// How long the message may take once its call has begun. Clients send both at once; the bound is for those that do
/// not, whose open calls would count as work in flight for ever.
const MESSAGE_WAIT_MAX: Duration = Duration::from_secs(10);

/// Reads the single message of a call.
#[derive(Debug)]
pub(super) struct OneMessage {
    frames: Frames,
    message: Option<Bytes>,
    /// Whose work in flight the call has a place among; `None` if it has none.
    admitted: Option<Arc<Decisions>>,
    // Only when the message is not there at the first look, so that a call normally costs no timer.
    slow: Option<Slow>,
}

/// A message that is on its way.
#[derive(Debug)]
struct Slow {
    patience: Pin<Box<Sleep>>,
    _waiting: Option<Waiting>,
}

impl OneMessage {
    /// The message in `frames`, of a call that has a place among the work in flight of `admitted`.
    pub(super) const fn new(frames: Frames, admitted: Option<Arc<Decisions>>) -> Self {
        Self {
            frames,
            message: None,
            admitted,
            slow: None,
        }
    }

    /// The message, once the caller has finished sending.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Bytes, Unread>> {
        let message = match self.poll_message(cx) {
            Poll::Ready(message) => message,
            Poll::Pending => {
                ready!(self.patience(cx));
                Err(Unread::Late)
            }
        };
        self.slow = None;
        Poll::Ready(message)
    }

    fn poll_message(&mut self, cx: &mut Context<'_>) -> Poll<Result<Bytes, Unread>> {
        let malformed = |text: &str| Unread::Call(CallError::Undecodable(text.to_owned()));
        loop {
            match ready!(self.frames.poll_message(cx)) {
                Some(Ok(message)) => {
                    if self.message.replace(message).is_some() {
                        return Poll::Ready(Err(malformed("more than one was sent")));
                    }
                }
                Some(Err(unread)) => return Poll::Ready(Err(unread)),
                // Before anything is decided: the answer would be kept too.
                None if self.frames.keeps_too_much() => return Poll::Ready(Err(Unread::TooMuchKept)),
                None => return Poll::Ready(self.message.take().ok_or_else(|| malformed("none was sent"))),
            }
        }
    }

    fn patience(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let admitted = &self.admitted;
        let slow = self.slow.get_or_insert_with(|| Slow {
            patience: Box::pin(tokio::time::sleep(MESSAGE_WAIT_MAX)),
            _waiting: admitted.as_ref().map(|decisions| decisions.edge().in_flight.wait()),
        });
        slow.patience.as_mut().poll(cx)
    }
}
