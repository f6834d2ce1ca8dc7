//! The task that owns the stream: opens it when there is something to ask, feeds it, hands out the answers, and answers
//! what it carried by the fail policy when it is lost.

use std::time::Duration;

use quorate_api::v1::{ShouldAllowStreamRequest, ShouldAllowStreamResponse};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::time::Instant;
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::{Response, Status, Streaming};

use super::waiting::{InFlight, Waiting};
use crate::client::Connection;
use crate::failure::{Cause, Outcome};

/// A stream whose oldest question has waited for so many deadlines is stuck, and everything behind that question with
/// it: it is given up. Fewer would give up a stream for one slow moment of the server.
const DEADLINES_UNTIL_STUCK: u32 = 4;
/// The shortest time between two looks at the oldest question; a timer of no time at all is none.
const LOOK_EVERY_MIN: Duration = Duration::from_millis(1);
/// Questions taken from the queue at once: they leave in one write.
const BURST: usize = 256;

/// Runs until the last caller's handle is gone.
pub(super) async fn run(connection: Connection, mut questions: UnboundedReceiver<Waiting>, deadline: Duration) {
    while let Some(first) = questions.recv().await {
        // Nobody waits for it any more: it is not charged.
        if first.reply.is_closed() {
            continue;
        }
        let Some(pass) = connection.gate.enter(Instant::now()) else {
            first.fail(Cause::BackingOff);
            continue;
        };
        let (out, outgoing) = mpsc::unbounded_channel();
        let mut stream = Stream {
            questions: &mut questions,
            in_flight: InFlight::default(),
            out,
            stuck_after: deadline.saturating_mul(DEADLINES_UNTIL_STUCK),
        };
        stream.send(first);
        let mut raw = connection.raw.clone();
        let opening = raw.should_allow_stream(UnboundedReceiverStream::new(outgoing));
        let lost = match stream.open(opening).await {
            Ok(mut answers) => {
                pass.reached();
                stream.carry(&mut answers).await
            }
            Err(lost) => {
                match lost {
                    Outcome::Failed(Cause::Unreachable(_)) => pass.failed(Instant::now()),
                    // A server that is slow, or this stream's deadline too short for it: whether it is away the gate
                    // learns from who dials it.
                    Outcome::Failed(Cause::Deadline) => drop(pass),
                    _ => pass.reached(),
                }
                lost
            }
        };
        stream.in_flight.fail(&lost);
    }
}

/// One life of the stream.
struct Stream<'a> {
    questions: &'a mut UnboundedReceiver<Waiting>,
    in_flight: InFlight,
    out: UnboundedSender<ShouldAllowStreamRequest>,
    stuck_after: Duration,
}

impl Stream<'_> {
    /// Waits for the server to take the stream, sending questions meanwhile: some servers take it only with the first.
    async fn open(
        &mut self,
        opening: impl Future<Output = Result<Response<Streaming<ShouldAllowStreamResponse>>, Status>>,
    ) -> Result<Streaming<ShouldAllowStreamResponse>, Outcome> {
        tokio::pin!(opening);
        let until = Instant::now() + self.stuck_after;
        let mut closed = false;
        loop {
            tokio::select! {
                biased;
                opened = &mut opening => return opened.map(Response::into_inner).map_err(|status| Outcome::of(&status)),
                () = tokio::time::sleep_until(until) => return Err(Outcome::Failed(Cause::Deadline)),
                next = self.questions.recv(), if !closed => match next {
                    Some(waiting) => self.send(waiting),
                    // All handles are gone, and with them everybody who waits.
                    None => closed = true,
                },
            }
        }
    }

    /// Carries questions and answers until the stream is lost or nobody asks any more.
    async fn carry(&mut self, answers: &mut Streaming<ShouldAllowStreamResponse>) -> Outcome {
        let mut burst = Vec::with_capacity(BURST);
        // One timer for the stream's life instead of one per question: it is noticed within twice the time.
        let mut look = tokio::time::interval(self.stuck_after.max(LOOK_EVERY_MIN));
        loop {
            tokio::select! {
                // Answers first: they free permits, and so nothing piles up here.
                biased;
                answer = answers.message() => match answer {
                    Ok(Some(answer)) => {
                        if !self.in_flight.answer(answer) {
                            return lost("an answer to no question");
                        }
                    }
                    Ok(None) => return lost("the server ended the stream"),
                    Err(status) => return Outcome::of(&status),
                },
                taken = self.questions.recv_many(&mut burst, BURST) => {
                    if taken == 0 {
                        return lost("nobody asks any more");
                    }
                    burst.drain(..).for_each(|waiting| self.send(waiting));
                }
                now = look.tick() => {
                    if self.in_flight.oldest().is_some_and(|at| at + self.stuck_after <= now) {
                        return lost("the stream was stuck");
                    }
                }
            }
        }
    }

    /// Gives a question its place in the order and sends it, unless its caller has left already.
    fn send(&mut self, waiting: Waiting) {
        if waiting.reply.is_closed() {
            return;
        }
        let message = self.in_flight.push(waiting, Instant::now());
        // A stream that is lost says so on its other half; the question is answered there.
        let _ = self.out.send(ShouldAllowStreamRequest { request: Some(message) });
    }
}

fn lost(why: &str) -> Outcome {
    Outcome::Failed(Cause::Disconnected(why.to_owned()))
}
