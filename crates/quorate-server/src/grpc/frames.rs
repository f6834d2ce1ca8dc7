//! The messages of a call as they arrive: HTTP/2 data cut where gRPC cuts it. A message that lies whole in one DATA
//! frame is handed on where it lies; only what straddles two is copied.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use http_body::Body;
use hyper::body::Incoming;

use super::status::{CallError, Unread};
use super::wire::FRAME_HEAD_BYTES;
use crate::listen::Kept;

/// The messages of a call.
#[derive(Debug)]
pub(super) struct Frames<B = Incoming> {
    body: B,
    /// What arrived last, less what was taken.
    chunk: Bytes,
    /// What was left of earlier chunks, and everything since; empty while messages end where chunks do.
    joined: BytesMut,
    bytes_max: usize,
    /// The length of `joined`. A chunk is never longer than a frame of HTTP/2 and does not count.
    kept: Kept,
}

impl<B> Frames<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: std::fmt::Display,
{
    /// The messages of a call, each of at most `bytes_max` bytes. What came of one that is not whole counts as `kept`.
    pub(super) fn new(body: B, bytes_max: usize, kept: Kept) -> Self {
        Self {
            body,
            chunk: Bytes::new(),
            joined: BytesMut::new(),
            bytes_max,
            kept,
        }
    }

    /// Whether the connection already makes the server keep more than it may.
    pub(super) fn keeps_too_much(&self) -> bool {
        self.kept.is_too_much()
    }

    /// The next message; `None` at the end of what the caller sends.
    pub(super) fn poll_message(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Unread>>> {
        loop {
            match self.take() {
                Ok(Some(message)) => return Poll::Ready(Some(Ok(message))),
                Ok(None) => {}
                Err(unread) => return Poll::Ready(Some(Err(unread))),
            }
            match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
                Some(Ok(frame)) => {
                    // Trailers of a caller say nothing that anybody asks about.
                    if let Ok(data) = frame.into_data() {
                        self.arrived(data);
                        if !self.joined.is_empty() && !self.kept.set(self.joined.len()) {
                            return Poll::Ready(Some(Err(Unread::TooMuchKept)));
                        }
                    }
                }
                Some(Err(error)) => return Poll::Ready(Some(Err(Unread::Cancelled(error.to_string())))),
                None => return Poll::Ready(self.left_over().map(Err)),
            }
        }
    }

    fn arrived(&mut self, data: Bytes) {
        if self.joined.is_empty() {
            if self.chunk.is_empty() {
                self.chunk = data;
                return;
            }
            // Grows as data comes, never by what a head announces: announcing is free.
            self.joined.extend_from_slice(&self.chunk);
            self.chunk = Bytes::new();
        }
        self.joined.extend_from_slice(&data);
    }

    /// The next message, if all of it is there.
    fn take(&mut self) -> Result<Option<Bytes>, Unread> {
        let there = if self.joined.is_empty() {
            &self.chunk[..]
        } else {
            &self.joined[..]
        };
        let Some((compressed, length)) = head(there) else {
            return Ok(None);
        };
        if compressed {
            return Err(Unread::Compressed);
        }
        if length > self.bytes_max {
            return Err(Unread::TooLarge(self.bytes_max));
        }
        let framed = FRAME_HEAD_BYTES + length;
        if there.len() < framed {
            return Ok(None);
        }
        let mut message = if self.joined.is_empty() {
            self.chunk.split_to(framed)
        } else {
            let message = self.joined.split_to(framed).freeze();
            // Less than before, so never too much.
            let _ = self.kept.set(self.joined.len());
            message
        };
        message.advance(FRAME_HEAD_BYTES);
        Ok(Some(message))
    }

    /// The error of a call that ends within a message.
    fn left_over(&mut self) -> Option<Unread> {
        let bytes = self.chunk.len().max(self.joined.len());
        self.chunk.clear();
        self.joined.clear();
        let cut = || CallError::Undecodable(format!("{bytes} bytes came of one that did not end"));
        (bytes > 0).then(cut).map(Unread::Call)
    }
}

/// Whether the message is compressed, and its length; `None` while the head is not complete.
fn head(bytes: &[u8]) -> Option<(bool, usize)> {
    let (compressed, rest) = bytes.split_first()?;
    let length = u32::from_be_bytes(*rest.first_chunk()?);
    // A length that does not fit is larger than any bound.
    Some((*compressed != 0, usize::try_from(length).unwrap_or(usize::MAX)))
}

#[cfg(test)]
mod tests;
