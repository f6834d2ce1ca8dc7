//! Many callers over one stream: the questions of all go out together, which costs both sides far less per question
//! than calls of their own, and the answers come back in order.
//!
//! One task owns the stream; see [`driver`]. Callers and task share a queue whose length the permits bound.

mod driver;
mod waiting;

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::Instant;

use crate::answer::Answer;
use crate::ask::Ask;
use crate::client::Connection;
use crate::failure::{Cause, FailPolicy, Outcome, Refused};

use waiting::Waiting;

/// Asks over one stream that it shares with its clones. Made by [`crate::Client::multiplexed`].
///
/// The stream is opened by the first question and again after it was lost. The questions that were in flight then are
/// answered by the fail policy: they may or may not have been charged, so they are not asked again. While the server is
/// known to be away, questions are answered by the policy at once.
#[derive(Clone, Debug)]
pub struct Multiplexed {
    queue: mpsc::UnboundedSender<Waiting>,
    /// One permit per question in flight, held until the stream has answered it or is lost, even if its caller has
    /// long gone: this is what bounds the queue.
    permits: Arc<Semaphore>,
    deadline: Duration,
    fail: FailPolicy,
}

impl Multiplexed {
    /// Starts the task, which ends when the last clone is gone.
    pub(crate) fn start(
        runtime: &Handle,
        connection: Connection,
        deadline: Duration,
        fail: FailPolicy,
        in_flight_max: usize,
    ) -> Self {
        let (queue, questions) = mpsc::unbounded_channel();
        runtime.spawn(driver::run(connection, questions, deadline));
        Self {
            queue,
            permits: Arc::new(Semaphore::new(in_flight_max)),
            deadline,
            fail,
        }
    }

    /// Asks one question.
    ///
    /// # Errors
    /// The server refused to judge it: a mistake in the question or the set-up. Nothing was charged.
    pub async fn should_allow(&self, ask: Ask) -> Result<Answer, Refused> {
        match self.ask(ask).await {
            Ok(answer) => Ok(answer.under(self.fail)),
            Err(Outcome::Failed(cause)) => Ok(Answer::failed(self.fail, cause)),
            Err(Outcome::Refused(refused)) => Err(refused),
        }
    }

    async fn ask(&self, ask: Ask) -> Result<Answer, Outcome> {
        let message = ask.into_message().map_err(Outcome::Refused)?;
        let deadline = Instant::now() + self.deadline;
        let permit = tokio::time::timeout_at(deadline, Arc::clone(&self.permits).acquire_owned()).await;
        let Ok(Ok(permit)) = permit else {
            return Err(Outcome::Failed(Cause::Congested));
        };
        let (reply, answer) = oneshot::channel();
        let waiting = Waiting { message, reply, permit };
        let gone = || Outcome::Failed(Cause::Disconnected("the stream's task has ended".to_owned()));
        self.queue.send(waiting).map_err(|_| gone())?;
        match tokio::time::timeout_at(deadline, answer).await {
            Ok(Ok(answered)) => answered,
            Ok(Err(_)) => Err(gone()),
            Err(_) => Err(Outcome::Failed(Cause::Deadline)),
        }
    }
}

#[cfg(test)]
mod tests;
