//! What goes back on a call: one message and its trailers, or a stream that ends well when the server stops.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, header};
use http_body::{Body, Frame};
use tokio::time::{Instant, Sleep};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::Status;

use super::status::draining;
use super::stream::Answers;
use crate::listen::OpenCall;

/// The content type of every answer.
const GRPC: HeaderValue = HeaderValue::from_static("application/grpc");
/// The name of the trailer that says how a call ended.
const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
/// A call that ended well.
const OK: HeaderValue = HeaderValue::from_static("0");

/// How long nothing must arrive on a stream, once the server is stopping, before the server ends it: longer than a
/// round trip in a region, so that a request on its way is still answered.
const QUIET_BEFORE_END: Duration = Duration::from_millis(200);

/// The body of an answer.
pub struct Reply {
    kind: Kind,
    // Held until the last byte is on its way: a connection with open calls does not idle, and what the caller has not
    // taken counts as kept.
    _open: OpenCall,
}

enum Kind {
    Message(Bytes),
    /// All was sent but how the call ended.
    Ended,
    Nothing,
    Stream(Box<(Answers, Ending)>),
    Companion(Box<(tonic::body::Body, Ending)>),
}

impl Reply {
    /// One message as it is sent, or a status in its place.
    pub(super) fn unary(answered: Result<Bytes, Status>, mut open: OpenCall) -> Response<Self> {
        match answered {
            Ok(bytes) => {
                open.answered(bytes.len());
                Self::grpc(Kind::Message(bytes), open)
            }
            Err(status) => Self::status(status, open),
        }
    }

    /// A status and nothing else.
    pub(super) fn status(status: Status, open: OpenCall) -> Response<Self> {
        Self::nothing(status.into_http(), open)
    }

    /// The head of an answer that has no body.
    pub(super) fn nothing(head: Response<()>, mut open: OpenCall) -> Response<Self> {
        open.answered(0);
        let kind = Kind::Nothing;
        head.map(|()| Self { kind, _open: open })
    }

    /// The answers of a stream.
    pub(super) fn stream(answers: Answers, ending: Ending, open: OpenCall) -> Response<Self> {
        Self::grpc(Kind::Stream(Box::new((answers, ending))), open)
    }

    /// What another service answers.
    pub(super) fn companion(response: Response<tonic::body::Body>, ending: Ending, open: OpenCall) -> Response<Self> {
        response.map(|body| Self {
            kind: Kind::Companion(Box::new((body, ending))),
            _open: open,
        })
    }

    fn grpc(kind: Kind, open: OpenCall) -> Response<Self> {
        let mut response = Response::new(Self { kind, _open: open });
        response.headers_mut().insert(header::CONTENT_TYPE, GRPC);
        response
    }
}

impl Body for Reply {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = self.get_mut();
        let frame = match &mut this.kind {
            Kind::Message(bytes) => {
                let bytes = std::mem::take(bytes);
                this.kind = Kind::Ended;
                Some(Frame::data(bytes))
            }
            Kind::Ended => Some(Frame::trailers(ended_well())),
            Kind::Nothing => None,
            Kind::Stream(stream) => Some(ready!(poll_stream(stream, cx))),
            Kind::Companion(companion) => ready!(poll_companion(companion, cx)),
        };
        if frame.as_ref().is_none_or(Frame::is_trailers) {
            this.kind = Kind::Nothing;
        }
        Poll::Ready(frame.map(Ok))
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.kind, Kind::Nothing)
    }
}

fn poll_stream((answers, ending): &mut (Answers, Ending), cx: &mut Context<'_>) -> Poll<Frame<Bytes>> {
    // Everything that was read is answered and sent by now; what was not read was not decided.
    if ending.is_overdue() {
        return Poll::Ready(last_words());
    }
    match answers.poll_answers(cx) {
        Poll::Ready(Ok(bytes)) => {
            ending.something_came();
            Poll::Ready(Frame::data(bytes))
        }
        Poll::Ready(Err(Ok(()))) => Poll::Ready(Frame::trailers(ended_well())),
        Poll::Ready(Err(Err(unread))) => Poll::Ready(Frame::trailers(trailers(&unread.into()))),
        Poll::Pending => ending.poll_over(cx).map(|()| last_words()),
    }
}

fn poll_companion(
    (body, ending): &mut (tonic::body::Body, Ending),
    cx: &mut Context<'_>,
) -> Poll<Option<Frame<Bytes>>> {
    if ending.is_overdue() {
        return Poll::Ready(Some(last_words()));
    }
    match Pin::new(body).poll_frame(cx) {
        Poll::Ready(None) => Poll::Ready(None),
        Poll::Ready(Some(Ok(frame))) => {
            ending.something_came();
            Poll::Ready(Some(frame))
        }
        Poll::Ready(Some(Err(status))) => Poll::Ready(Some(Frame::trailers(trailers(&status)))),
        Poll::Pending => ending.poll_over(cx).map(|()| Some(last_words())),
    }
}

/// The end of a stream of a server that stops.
fn last_words() -> Frame<Bytes> {
    Frame::trailers(trailers(&draining()))
}

/// How a stream ends when the server stops: once nothing has come for a moment, and at the latest when the server has
/// no more patience.
pub(super) struct Ending {
    stop: CancellationToken,
    stopped: Pin<Box<WaitForCancellationFutureOwned>>,
    patience: Duration,
    /// Since the server is stopping: the end of the quiet moment, and of all patience.
    stopping: Option<(Pin<Box<Sleep>>, Instant)>,
}

impl Ending {
    /// Ends a stream after `stop` has said so: after `patience` also one that is never quiet.
    pub(super) fn when(stop: CancellationToken, patience: Duration) -> Self {
        Self {
            stopped: Box::pin(stop.clone().cancelled_owned()),
            stop,
            patience,
            stopping: None,
        }
    }

    /// Waits until it is time to end what says nothing.
    pub(super) async fn over(&mut self) {
        std::future::poll_fn(|cx| self.poll_over(cx)).await;
    }

    fn something_came(&mut self) {
        if let Some((quiet, latest)) = &mut self.stopping {
            let end = Instant::now() + QUIET_BEFORE_END;
            quiet.as_mut().reset(end.min(*latest));
        }
    }

    /// Whether there is no more patience. Asked before everything that is sent, so that also a stream that always has
    /// something to send learns that the server stops.
    fn is_overdue(&mut self) -> bool {
        if self.stopping.is_none() && self.stop.is_cancelled() {
            self.begin();
        }
        self.stopping
            .as_ref()
            .is_some_and(|(_, latest)| Instant::now() >= *latest)
    }

    /// Whether it is time for the last words; to be asked when there is nothing else to send.
    fn poll_over(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.stopping.is_none() && self.stopped.as_mut().poll(cx).is_ready() {
            self.begin();
        }
        match &mut self.stopping {
            Some((quiet, _)) => quiet.as_mut().poll(cx),
            None => Poll::Pending,
        }
    }

    fn begin(&mut self) {
        let now = Instant::now();
        let latest = now + self.patience;
        let end = latest.min(now + QUIET_BEFORE_END);
        self.stopping = Some((Box::pin(tokio::time::sleep_until(end)), latest));
    }
}

fn ended_well() -> HeaderMap {
    let mut trailers = HeaderMap::with_capacity(1);
    trailers.insert(GRPC_STATUS, OK);
    trailers
}

/// The trailers that end a call with a status.
fn trailers(status: &Status) -> HeaderMap {
    let mut trailers = HeaderMap::new();
    // A status whose text cannot be a header still ends the call, by its code.
    if status.add_header(&mut trailers).is_err() {
        trailers.insert(GRPC_STATUS, HeaderValue::from(i32::from(status.code())));
    }
    trailers
}

#[cfg(test)]
mod tests;
