//! The load over a stream: one task keeps as many requests in flight as it may, and matches the answers in order.

use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Instant;

use http::uri::PathAndQuery;
use quorate_api::v1::ShouldAllowStreamRequest;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::time::Instant as Deadline;
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::client::Grpc;
use tonic::{Code, Status, Streaming};
use tonic_prost::ProstCodec;

use super::line::{Line, kind, kind_of};
use super::wire::{SlimError, SlimItem};

impl Line {
    /// Streams until the time is over, on a new stream after each that is lost.
    pub async fn stream(self: Rc<Self>, in_flight_max: usize) {
        while let Some(first) = self.thread.pace.next().await {
            let mut lane = Lane {
                line: &self,
                due: VecDeque::with_capacity(in_flight_max),
                in_flight_max,
            };
            let lost = match self.transport().await {
                Some(transport) => {
                    let client = Grpc::with_origin(transport, self.thread.target.origin());
                    lane.run(client, first).await
                }
                None => {
                    lane.due.push_back(first);
                    Err("UNREACHABLE")
                }
            };
            if let Err(kind) = lost {
                for intended in lane.due {
                    self.thread.failed(kind, intended);
                }
            }
        }
    }
}

/// One life of a stream.
struct Lane<'a> {
    line: &'a Line,
    /// When each request in flight was due, oldest first.
    due: VecDeque<Instant>,
    in_flight_max: usize,
}

type Ended = Result<(), &'static str>;

impl Lane<'_> {
    async fn run(&mut self, mut client: Grpc<super::transport::Transport>, first: Instant) -> Ended {
        let (out, outgoing) = unbounded_channel();
        self.send(&out, first);
        let path = PathAndQuery::from_static("/quorate.v1.DecisionService/ShouldAllowStream");
        let codec = ProstCodec::<ShouldAllowStreamRequest, SlimItem>::default();
        let deadline = self.line.thread.target.deadline;
        let opening = async {
            client
                .ready()
                .await
                .map_err(|error| Status::from_error(Box::new(error)))?;
            let request = self.line.request(UnboundedReceiverStream::new(outgoing));
            client.streaming(request, path, codec).await
        };
        let opened = tokio::time::timeout(deadline, opening).await.map_err(|_| "DEADLINE")?;
        let mut answers = opened.map_err(|status| kind(&status))?.into_inner();
        self.carry(out, &mut answers).await
    }

    /// Sends while there is room and something is due; ends when the time is over and everything is answered.
    async fn carry(
        &mut self,
        out: UnboundedSender<ShouldAllowStreamRequest>,
        answers: &mut Streaming<SlimItem>,
    ) -> Ended {
        let pace = &self.line.thread.pace;
        let deadline = self.line.thread.target.deadline;
        let mut last_answer = Instant::now();
        let mut watch = tokio::time::interval_at(Deadline::now() + deadline, deadline);
        let mut more = true;
        while more || !self.due.is_empty() {
            tokio::select! {
                biased;
                answer = answers.message(), if !self.due.is_empty() => {
                    let item = answer.map_err(|status| kind(&status))?.ok_or("DISCONNECTED")?;
                    last_answer = Instant::now();
                    self.answered(item)?;
                }
                next = pace.next(), if more && self.due.len() < self.in_flight_max => match next {
                    Some(intended) => {
                        if self.due.is_empty() {
                            last_answer = Instant::now();
                        }
                        self.send(&out, intended);
                    }
                    None => more = false,
                },
                _ = watch.tick() => {
                    if !self.due.is_empty() && last_answer.elapsed() >= deadline {
                        return Err("DEADLINE");
                    }
                }
            }
        }
        Ok(())
    }

    fn send(&mut self, out: &UnboundedSender<ShouldAllowStreamRequest>, intended: Instant) {
        self.due.push_back(intended);
        // A lost stream says so where answers are read.
        let _ = out.send(ShouldAllowStreamRequest {
            request: Some(self.line.requests.next()),
        });
    }

    fn answered(&mut self, item: SlimItem) -> Ended {
        let intended = self.due.pop_front().ok_or("INTERNAL")?;
        match item.response {
            Some(answer) => {
                let allowed = u64::from(answer.allowed);
                self.line.thread.answered(allowed, 1 - allowed, intended);
            }
            None => self.line.thread.failed(refusal(item.error), intended),
        }
        Ok(())
    }
}

/// What the answer to one request says went wrong with it; one that says nothing at all is a server's mistake.
fn refusal(error: Option<SlimError>) -> &'static str {
    let code = error.map_or(Code::Internal, |error| {
        i32::try_from(error.code).map_or(Code::Unknown, Code::from_i32)
    });
    kind_of(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_counted_by_its_own_code() {
        let of = |code| refusal(Some(SlimError { code }));
        assert_eq!(
            [of(3), of(7), of(16)],
            ["INVALID_ARGUMENT", "PERMISSION_DENIED", "UNAUTHENTICATED"]
        );
        assert_eq!([of(99), refusal(None)], ["OTHER", "INTERNAL"]);
    }
}
