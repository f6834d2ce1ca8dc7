//! Messages are cut where gRPC cuts them, wherever HTTP/2 does.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::Waker;

use futures_util::stream;
use http_body::Frame;
use http_body_util::StreamBody;
use proptest::prelude::*;

use super::*;
use crate::listen::Activity;

fn framed(message: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let Ok(()) = crate::grpc::wire::frame(&mut out, |out| {
        out.extend_from_slice(message);
        Ok::<_, Infallible>(())
    });
    out
}

fn kept() -> Kept {
    Kept::nothing(&Arc::new(Activity::default()))
}

/// Everything that comes of a body of these DATA frames.
fn messages(chunks: &[Vec<u8>], bytes_max: usize) -> Vec<Result<Vec<u8>, Unread>> {
    let frames = chunks
        .iter()
        .map(|chunk| Ok::<_, Infallible>(Frame::data(Bytes::copy_from_slice(chunk))));
    let body = StreamBody::new(stream::iter(frames.collect::<Vec<_>>()));
    let mut frames = Frames::new(body, bytes_max, kept());
    let mut context = Context::from_waker(Waker::noop());
    let mut seen = Vec::new();
    while let Poll::Ready(Some(message)) = frames.poll_message(&mut context) {
        let failed = message.is_err();
        seen.push(message.map(|bytes| bytes.to_vec()));
        if failed {
            break;
        }
    }
    seen
}

proptest! {
    /// However the bytes are cut on their way, the same messages come out.
    #[test]
    fn cutting_changes_nothing(
        sent in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 0..12),
        cuts in proptest::collection::vec(1_usize..30, 0..60),
    ) {
        let mut rest: Vec<u8> = sent.iter().flat_map(|message| framed(message)).collect();
        let mut chunks = Vec::new();
        for cut in cuts {
            if cut >= rest.len() {
                break;
            }
            let tail = rest.split_off(cut);
            chunks.push(std::mem::replace(&mut rest, tail));
        }
        chunks.push(rest);
        let expected: Vec<Result<Vec<u8>, Unread>> = sent.into_iter().map(Ok).collect();
        prop_assert_eq!(messages(&chunks, 40), expected);
    }
}

#[test]
fn a_message_that_lies_whole_is_not_copied() {
    let chunk = Bytes::from(framed(b"whole"));
    let whole = chunk.as_ptr();
    let body = StreamBody::new(stream::iter([Ok::<_, Infallible>(Frame::data(chunk))]));
    let mut frames = Frames::new(body, 40, kept());
    let Poll::Ready(Some(Ok(message))) = frames.poll_message(&mut Context::from_waker(Waker::noop())) else {
        panic!("it is there");
    };
    assert_eq!(&message[..], b"whole");
    assert_eq!(message.as_ptr(), whole.wrapping_add(FRAME_HEAD_BYTES));
}

#[test]
fn what_is_too_large_is_refused_by_its_head_alone() {
    let head = framed(&[0; 41])[..FRAME_HEAD_BYTES].to_vec();
    assert_eq!(messages(&[head], 40), [Err(Unread::TooLarge(40))]);
    assert_eq!(messages(&[framed(&[0; 40])], 40), [Ok(vec![0; 40])]);
}

#[test]
fn what_is_compressed_is_refused() {
    let mut compressed = framed(b"message");
    compressed[0] = 1;
    assert_eq!(
        messages(&[framed(b"first"), compressed], 40),
        [Ok(b"first".to_vec()), Err(Unread::Compressed)]
    );
}

#[test]
fn a_call_that_ends_within_a_message_is_malformed() {
    for cut in 1..framed(b"message").len() {
        let mut broken = framed(b"message");
        broken.truncate(cut);
        let seen = messages(&[framed(b"first"), broken], 40);
        assert_eq!(seen.len(), 2);
        assert!(
            matches!(&seen[1], Err(Unread::Call(CallError::Undecodable(_)))),
            "{seen:?}"
        );
    }
}

#[test]
fn the_beginnings_of_messages_count_as_kept_until_they_are_whole() {
    let activity = Arc::new(Activity::new(30));
    let mut context = Context::from_waker(Waker::noop());
    let whole = framed(&[0; 20]);
    let chunks =
        [&whole[..10], &whole[10..]].map(|chunk| Ok::<_, Infallible>(Frame::data(Bytes::copy_from_slice(chunk))));
    let mut good = Frames::new(StreamBody::new(stream::iter(chunks)), 40, Kept::nothing(&activity));
    assert!(matches!(good.poll_message(&mut context), Poll::Ready(Some(Ok(_)))));
    assert!(!activity.keeps(), "it is whole");

    let large = framed(&[0; 40]);
    let chunks = large[..36]
        .chunks(9)
        .map(|chunk| Ok::<_, Infallible>(Frame::data(Bytes::copy_from_slice(chunk))));
    let body = StreamBody::new(stream::iter(chunks.collect::<Vec<_>>()));
    let mut slow = Frames::new(body, 40, Kept::nothing(&activity));
    let refused = slow.poll_message(&mut context);
    assert!(
        matches!(refused, Poll::Ready(Some(Err(Unread::TooMuchKept)))),
        "{refused:?}"
    );
    assert!(good.keeps_too_much(), "it is the connection that does");
    drop(slow);
    assert!(!activity.keeps());
}
