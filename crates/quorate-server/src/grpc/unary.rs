//! One message in: reads the single message of a unary call, within its time.
//!
//! With `frames`, `wire` and `reply` this takes the place of tonic's generated server for decisions: it keeps no 8 KiB
//! buffers, boxes nothing, and calls bytes that are no message the caller's mistake, where tonic says INTERNAL.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::Incoming;
use tokio::time::Sleep;

use super::frames::Frames;
use super::status::{CallError, Unread};

/// How long the message may take once its call has begun. Clients send both at once; the bound is for those that do
/// not, whose open calls would count as work in flight for ever.
const MESSAGE_WAIT_MAX: Duration = Duration::from_secs(10);

/// Reads the single message of a call.
#[derive(Debug)]
pub(super) struct OneMessage {
    frames: Frames,
    message: Option<Bytes>,
    // Armed only when the message is not there at the first look, so that a call normally costs no timer.
    patience: Option<Pin<Box<Sleep>>>,
}

impl OneMessage {
    pub(super) fn new(body: Incoming, bytes_max: usize) -> Self {
        Self {
            frames: Frames::new(body, bytes_max),
            message: None,
            patience: None,
        }
    }

    /// The message, once the caller has finished sending.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Bytes, Unread>> {
        let malformed = |text: &str| Unread::Call(CallError::Undecodable(text.to_owned()));
        loop {
            match self.frames.poll_message(cx) {
                Poll::Ready(Some(Ok(message))) => {
                    if self.message.replace(message).is_some() {
                        return Poll::Ready(Err(malformed("more than one was sent")));
                    }
                }
                Poll::Ready(Some(Err(unread))) => return Poll::Ready(Err(unread)),
                Poll::Ready(None) => {
                    return Poll::Ready(self.message.take().ok_or_else(|| malformed("none was sent")));
                }
                Poll::Pending => {
                    ready!(self.patience(cx));
                    return Poll::Ready(Err(Unread::Late));
                }
            }
        }
    }

    fn patience(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.patience
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(MESSAGE_WAIT_MAX)))
            .as_mut()
            .poll(cx)
    }
}
