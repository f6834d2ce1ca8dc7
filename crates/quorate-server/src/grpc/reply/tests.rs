//! How streams end when the server stops, on a clock that stands still until everything waits.

use std::task::Waker;

use http_body_util::{BodyExt as _, StreamBody};
use tokio::sync::mpsc;
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::UnboundedReceiverStream;

use super::*;
use crate::listen::Activity;

const PATIENCE: Duration = Duration::from_secs(10);

/// A stream that sends what the sender is given, and what stops its server.
fn stream() -> (mpsc::UnboundedSender<Bytes>, CancellationToken, Reply) {
    let (sender, sent) = mpsc::unbounded_channel::<Bytes>();
    let frames = UnboundedReceiverStream::new(sent).map(|bytes| Ok::<_, Status>(Frame::data(bytes)));
    let stop = CancellationToken::new();
    let ending = Ending::when(stop.clone(), PATIENCE);
    let open = OpenCall::new(&std::sync::Arc::new(Activity::default()));
    let body = tonic::body::Body::new(StreamBody::new(frames));
    (
        sender,
        stop,
        Reply::companion(Response::new(body), ending, open).into_body(),
    )
}

/// The next frame: its bytes, or the code in the trailers; `None` at the end.
async fn next(reply: &mut Reply) -> Option<Result<Bytes, String>> {
    let frame = reply.frame().await?;
    let Ok(frame) = frame;
    Some(frame.into_data().map_err(|frame| {
        let trailers = frame.into_trailers().expect("data or trailers");
        trailers[GRPC_STATUS].to_str().expect("a number").to_owned()
    }))
}

fn word() -> Bytes {
    Bytes::from_static(b"word")
}

fn unavailable() -> String {
    i32::from(tonic::Code::Unavailable).to_string()
}

#[tokio::test(start_paused = true)]
async fn what_comes_while_a_server_stops_is_sent_and_then_the_end() {
    let (sender, stop, mut reply) = stream();
    let mut context = Context::from_waker(Waker::noop());
    assert!(Pin::new(&mut reply).poll_frame(&mut context).is_pending());
    stop.cancel();
    let stopped = Instant::now();
    for _ in 0..5 {
        // tidy: allow sleep because the clock is paused: it moves the time, and waits for nobody.
        tokio::time::sleep(QUIET_BEFORE_END - Duration::from_millis(1)).await;
        sender.send(word()).expect("the stream is open");
        assert_eq!(next(&mut reply).await, Some(Ok(word())));
    }
    let last = Instant::now();
    assert_eq!(next(&mut reply).await, Some(Err(unavailable())));
    assert!(Instant::now() >= last + QUIET_BEFORE_END, "it was quiet for a moment");
    assert!(Instant::now() < stopped + PATIENCE, "and not only out of patience");
    assert_eq!(next(&mut reply).await, None);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_always_has_something_to_send_is_ended_when_patience_is() {
    let (sender, stop, mut reply) = stream();
    stop.cancel();
    let stopped = Instant::now();
    let end = loop {
        // There is never nothing to send, so the stream never waits for anything.
        sender.send(word()).expect("the stream is open");
        match next(&mut reply).await.expect("the end is told") {
            Ok(_) => tokio::time::advance(Duration::from_secs(1)).await,
            Err(end) => break end,
        }
        assert!(Instant::now() <= stopped + PATIENCE, "it goes on and on");
    };
    assert_eq!(end, unavailable());
    assert!(Instant::now() >= stopped + PATIENCE, "it was answered until then");
}

#[tokio::test(start_paused = true)]
async fn a_stream_of_a_server_that_goes_on_is_left_alone() {
    let (sender, _stop, mut reply) = stream();
    let waited = tokio::time::timeout(PATIENCE * 100, next(&mut reply)).await;
    assert!(waited.is_err(), "{waited:?}");
    drop(sender);
    assert_eq!(next(&mut reply).await, None);
}
