//! Places in flight, with the test in place of the task that owns the stream.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc};

use super::Multiplexed;
use crate::ask::Ask;
use crate::failure::{Cause, FailPolicy};
use crate::multiplexed::waiting::Waiting;

fn two_places(deadline: Duration) -> (Multiplexed, mpsc::UnboundedReceiver<Waiting>) {
    let (queue, questions) = mpsc::unbounded_channel();
    let multiplexed = Multiplexed {
        queue,
        permits: Arc::new(Semaphore::new(2)),
        deadline,
        fail: FailPolicy::Closed,
    };
    (multiplexed, questions)
}

/// Looks once at a future.
fn poll<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

#[tokio::test]
async fn a_place_is_kept_until_the_stream_is_done_with_it_even_when_its_caller_has_left() {
    let (stream, mut questions) = two_places(Duration::from_secs(3_600));
    for _ in 0..2 {
        let mut asking = Box::pin(stream.should_allow(Ask::key("k")));
        assert!(poll(asking.as_mut()).is_pending());
        // The caller leaves: whoever carries the stream still owes an answer, or to drop the question.
        drop(asking);
    }
    let mut third = pin!(stream.should_allow(Ask::key("third")));
    assert!(poll(third.as_mut()).is_pending());
    let first = questions.try_recv().expect("the first was asked");
    let _second = questions.try_recv().expect("the second was asked");
    assert!(questions.try_recv().is_err(), "the third waits for a place");

    drop(first);
    assert!(poll(third.as_mut()).is_pending());
    assert!(questions.try_recv().is_ok(), "and has one now");
}

#[tokio::test]
async fn no_place_within_the_deadline_is_congestion() {
    let (stream, _questions) = two_places(Duration::from_millis(20));
    let cause = async |key: &str| {
        let answer = stream.should_allow(Ask::key(key)).await.expect("answered");
        answer.source.cause().cloned()
    };
    for key in ["first", "second"] {
        assert_eq!(cause(key).await, Some(Cause::Deadline));
    }
    assert_eq!(cause("third").await, Some(Cause::Congested));
}
