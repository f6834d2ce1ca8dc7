//! The body of a protected service's response: the service's own, or a denial's.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use super::slot::Held;

pin_project! {
    /// The body of a protected service's response.
    #[derive(Debug)]
    pub struct ProtectBody<B> {
        #[pin]
        kind: Kind<B>,
        // Given back when the body ends or is dropped.
        held: Option<Held>,
    }
}

pin_project! {
    #[project = Projected]
    #[derive(Debug)]
    enum Kind<B> {
        Service { #[pin] body: B },
        Denial { bytes: Option<Bytes> },
    }
}

impl<B> ProtectBody<B> {
    pub(super) fn of_service(body: B) -> Self {
        Self {
            kind: Kind::Service { body },
            held: None,
        }
    }

    pub(super) fn denial(bytes: Bytes) -> Self {
        Self {
            kind: Kind::Denial {
                bytes: (!bytes.is_empty()).then_some(bytes),
            },
            held: None,
        }
    }

    pub(super) fn holding(self, held: Option<Held>) -> Self {
        Self { held, ..self }
    }
}

/// An empty denial.
impl<B> Default for ProtectBody<B> {
    fn default() -> Self {
        Self::denial(Bytes::new())
    }
}

impl<B: Body<Data = Bytes>> Body for ProtectBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let this = self.project();
        let polled = match this.kind.project() {
            Projected::Service { body } => body.poll_frame(cx),
            Projected::Denial { bytes } => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
        };
        if matches!(polled, Poll::Ready(None | Some(Err(_)))) {
            this.held.take();
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Service { body } => body.is_end_stream(),
            Kind::Denial { bytes } => bytes.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Service { body } => body.size_hint(),
            Kind::Denial { bytes } => {
                let length = bytes.as_ref().map_or(0, Bytes::len);
                SizeHint::with_exact(u64::try_from(length).unwrap_or(u64::MAX))
            }
        }
    }
}
