//! Questions on their way: what the task keeps of each until its answer comes.

use std::collections::VecDeque;

use quorate_api::v1::should_allow_stream_response::Result as Item;
use quorate_api::v1::{ShouldAllowRequest, ShouldAllowStreamResponse};
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio::time::Instant;
use tonic::Code;

use crate::answer::Answer;
use crate::failure::{Cause, Outcome, Refused, code_name};

/// A question that no stream carries yet.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) message: ShouldAllowRequest,
    pub(super) reply: oneshot::Sender<Result<Answer, Outcome>>,
    pub(super) permit: OwnedSemaphorePermit,
}

impl Waiting {
    /// Answers it by the fail policy. Its caller may have left, which is no matter.
    pub(super) fn fail(self, cause: Cause) {
        let _ = self.reply.send(Err(Outcome::Failed(cause)));
    }
}

/// The questions that a stream carries, oldest first: the order in which the answers come.
#[derive(Debug, Default)]
pub(super) struct InFlight {
    questions: VecDeque<Sent>,
}

#[derive(Debug)]
struct Sent {
    reply: oneshot::Sender<Result<Answer, Outcome>>,
    at: Instant,
    /// Given back when the question leaves the stream, answered or lost.
    _permit: OwnedSemaphorePermit,
}

impl InFlight {
    /// Takes a question's place in the order; what is left of it is to be sent.
    pub(super) fn push(&mut self, waiting: Waiting, now: Instant) -> ShouldAllowRequest {
        self.questions.push_back(Sent {
            reply: waiting.reply,
            at: now,
            _permit: waiting.permit,
        });
        waiting.message
    }

    /// When the oldest question was sent.
    pub(super) fn oldest(&self) -> Option<Instant> {
        self.questions.front().map(|sent| sent.at)
    }

    /// Hands an answer to the oldest question; `false` if there is none, and the stream cannot be trusted any more.
    pub(super) fn answer(&mut self, response: ShouldAllowStreamResponse) -> bool {
        let Some(sent) = self.questions.pop_front() else {
            return false;
        };
        let _ = sent.reply.send(outcome(response));
        true
    }

    /// Tells all that are left what became of the stream.
    pub(super) fn fail(&mut self, outcome: &Outcome) {
        for sent in self.questions.drain(..) {
            let _ = sent.reply.send(Err(outcome.clone()));
        }
    }
}

fn outcome(response: ShouldAllowStreamResponse) -> Result<Answer, Outcome> {
    match response.result {
        Some(Item::Response(answer)) => Ok(answer.into()),
        Some(Item::Error(error)) => {
            let code = Code::from_i32(i32::try_from(error.code).unwrap_or_default());
            Err(match Refused::of(code, &error.message) {
                Some(refused) => Outcome::Refused(refused),
                None => Outcome::Failed(Cause::Server {
                    code: code_name(code),
                    message: error.message,
                }),
            })
        }
        None => Err(Outcome::Failed(Cause::Server {
            code: "INTERNAL",
            message: "an answer without a result".to_owned(),
        })),
    }
}
