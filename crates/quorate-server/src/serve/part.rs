//! A part of the server that works behind the decisions until it is told to stop. One that fails takes the server out of
//! service at once: nothing behind it is written any more, and only a restart changes that.

use std::sync::Arc;

use tokio::task::{AbortHandle, JoinHandle};

use crate::edge::Edge;
use crate::grpc::Health;

/// A part at work.
#[derive(Debug)]
pub(super) struct Part<T> {
    watching: JoinHandle<Option<T>>,
    abort: AbortHandle,
}

impl<T: Send + 'static> Part<T> {
    /// Has a part work, and watches over it. `what` it is, for a person.
    pub(super) fn start(
        what: &'static str,
        edge: &Arc<Edge>,
        health: &Health,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Self {
        let work = tokio::spawn(work);
        let abort = work.abort_handle();
        let (edge, health) = (Arc::clone(edge), health.clone());
        let watching = tokio::spawn(async move {
            match work.await {
                Ok(done) => Some(done),
                Err(error) if error.is_cancelled() => None,
                Err(error) => {
                    tracing::error!(%error, part = what, "a part of the server failed: it is not ready until a restart");
                    edge.readiness.fail(what);
                    health.set_serving(false).await;
                    None
                }
            }
        });
        Self { watching, abort }
    }

    /// Waits for its end; what it says then. `None` when it failed, which was told, or was aborted.
    pub(super) async fn end(&mut self) -> Option<T> {
        (&mut self.watching).await.unwrap_or(None)
    }

    /// Ends it where it is.
    pub(super) fn abort(&self) {
        self.abort.abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grpc::Companions;

    #[tokio::test]
    async fn a_part_that_fails_takes_the_server_out_of_service() {
        let (edge, (health, _companions)) = (crate::http::test_edge(), Companions::new());
        let mut well = Part::start("one", &edge, &health, async { 7 });
        assert_eq!(well.end().await, Some(7));
        let mut aborted = Part::start("another", &edge, &health, std::future::pending::<()>());
        aborted.abort();
        assert_eq!(aborted.end().await, None);
        assert!(edge.readiness.is_serving());
        let mut failing = Part::start("the third", &edge, &health, async { panic!("as it was told") });
        assert_eq!(failing.end().await, None::<()>);
        assert_eq!(edge.readiness.failure(), Some("the third"));
        assert!(!edge.readiness.is_serving());
    }
}
