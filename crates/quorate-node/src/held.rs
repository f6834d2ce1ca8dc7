//! The right to write what one server at a time keeps. It ends at an instant unless it is renewed before: from then on
//! another server may have it, and what it has written is not to be overwritten.

use std::time::Duration;

use quorate_store::StoreError;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

/// Who may write, until when. The default is for ever: nobody else can.
#[derive(Clone, Debug, Default)]
pub(crate) struct Held {
    until: Option<watch::Receiver<Instant>>,
}

impl Held {
    pub(crate) const fn until(until: watch::Receiver<Instant>) -> Self {
        Self { until: Some(until) }
    }

    /// Does something with the store, in the time that is left and at most `max`. What is not known to be done by then
    /// counts as failed: another server may have read before it was.
    ///
    /// # Errors
    /// The store's, and [`StoreError::Unavailable`] when there is no time left.
    pub(crate) async fn during<T>(
        &self,
        max: Option<Duration>,
        operation: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let begins = Instant::now();
        let held_until = self.until.as_ref().map(|until| *until.borrow());
        if held_until.is_some_and(|until| begins >= until) {
            return Err(doubt());
        }
        let latest = max.map(|max| begins + max);
        let Some(deadline) = latest.into_iter().chain(held_until).min() else {
            return operation.await;
        };
        let done = timeout_at(deadline, operation).await;
        // A task that was held up may find the answer and the end at once.
        if self.is_over() {
            return Err(doubt());
        }
        done.unwrap_or_else(|_| Err(StoreError::Unavailable("no answer in time".to_owned())))
    }

    fn is_over(&self) -> bool {
        self.until
            .as_ref()
            .is_some_and(|until| Instant::now() >= *until.borrow())
    }
}

fn doubt() -> StoreError {
    let doubt = "the lock of windows and pools was not renewed in time, so another server may have it";
    StoreError::Unavailable(doubt.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn held_for(time: Duration) -> (watch::Sender<Instant>, Held) {
        let (renew, until) = watch::channel(Instant::now() + time);
        (renew, Held::until(until))
    }

    #[tokio::test(start_paused = true)]
    async fn what_has_no_answer_ends_with_the_right_to_it() {
        let (_renew, held) = held_for(SECOND);
        let began = Instant::now();
        let never = std::future::pending::<Result<(), StoreError>>();
        held.during(Some(3 * SECOND), never)
            .await
            .expect_err("it has no answer");
        assert!(began.elapsed() < 2 * SECOND, "{:?}", began.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_done_after_the_right_to_it_ended_is_in_doubt() {
        let (renew, held) = held_for(SECOND);
        let slow = async {
            tokio::time::advance(2 * SECOND).await;
            Ok(())
        };
        held.during(Some(3 * SECOND), slow).await.expect_err("it was late");
        let mut begun = false;
        let next = async {
            begun = true;
            Ok(())
        };
        held.during(None, next).await.expect_err("it may not begin");
        assert!(!begun);
        renew.send_replace(Instant::now() + SECOND);
        held.during(None, async { Ok(()) }).await.expect("it is held again");
    }

    #[tokio::test(start_paused = true)]
    async fn without_an_end_only_patience_ends() {
        let held = Held::default();
        let never = std::future::pending::<Result<(), StoreError>>();
        held.during(Some(SECOND), never).await.expect_err("it has no answer");
        held.during(None, async { Ok(()) }).await.expect("nothing ends");
    }
}
