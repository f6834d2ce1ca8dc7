//! Decisions of a batch. All items are checked before any is decided, so that a malformed batch charges nothing.

use std::convert::Infallible;

use quanta::Instant;
use quorate_core::request::{BATCH_MAX, InvalidRequest, Request};
use quorate_node::quotas::{Parked, Patience};
use quorate_node::{Decided, Sitting, Wanted};

use super::convert::{Asked, AskedBatch, write_answer, write_overloaded, write_unavailable};
use super::decisions::{Decisions, Turn, Way};
use super::status::CallError;
use super::wire::{nested, put_bool};
use crate::callers::{Identity, Refusal};
use crate::edge::discreet;
use crate::telemetry::Door;

/// How far a batch has come that waits for units of a quota: what is answered is charged, and stays as it is.
#[derive(Debug, Default)]
pub(super) struct Begun {
    answered: usize,
    one_denied: bool,
    answers: Vec<u8>,
}

/// The field of `ShouldAllowBatchResponse` that holds the answers.
const RESPONSES: u32 = 1;
/// The field that says whether all were allowed.
const ALL_ALLOWED: u32 = 2;

impl Decisions {
    /// Decides a batch and writes the answers. After an error nothing is written and nothing was charged. Nor is anything
    /// written when it is given a place to wait: then it is to be decided again, with what has `begun`.
    pub(super) fn decide_batch(
        &self,
        identity: &Identity,
        batch: &AskedBatch<'_>,
        patience: Patience,
        begun: &mut Option<Box<Begun>>,
        out: &mut Vec<u8>,
    ) -> Result<Option<Parked>, CallError> {
        check_size(batch)?;
        let requests = requests(identity, batch)?;
        if batch.all_or_nothing {
            return self.decide_all_or_nothing(&requests, batch, patience, out);
        }
        let mut sitting = self.edge().node.sit();
        if begun.is_none() {
            sitting.check_all(&requests)?;
        }
        Ok(self.decide_each(&mut sitting, &requests, batch, patience, begun, out))
    }

    fn decide_each(
        &self,
        sitting: &mut Sitting<'_>,
        requests: &[Request<'_>],
        batch: &AskedBatch<'_>,
        patience: Patience,
        begun: &mut Option<Box<Begun>>,
        out: &mut Vec<u8>,
    ) -> Option<Parked> {
        let way = Way {
            door: Door::GrpcBatch,
            patience,
        };
        let mut progress = begun.take().unwrap_or_default();
        let start = out.len();
        out.append(&mut progress.answers);
        let items = requests.iter().zip(&batch.items).enumerate();
        // Each item begins where the one before it ended.
        let mut started = Instant::now();
        for (index, (request, asked)) in items.skip(progress.answered) {
            let mut parked = None;
            let before = out.len();
            let look = |answer: &quorate_core::answer::Answer<'_>| progress.one_denied |= !answer.allowed();
            let decided = nested(out, RESPONSES, |out| {
                let turn = Turn {
                    way,
                    started: &mut started,
                };
                parked = self.decide_request(sitting, turn, request, asked.rendering(), out, look)?;
                Ok::<_, CallError>(())
            });
            if parked.is_some() {
                out.truncate(before);
                if patience == Patience::Whole {
                    // So that the batch waits once for all of them.
                    self.edge().node.ask_ahead(&requests[index + 1..]);
                }
                progress.answered = index;
                progress.answers = out.split_off(start);
                *begun = Some(progress);
                return parked;
            }
            if decided.is_err() {
                // Every item was checked. What can still go wrong is a race: the policy was replaced meanwhile, or
                // another call used the operation id. The earlier items are charged, so the call cannot fail.
                progress.one_denied = true;
                put_response(out, write_unavailable);
            }
        }
        put_bool(out, ALL_ALLOWED, !progress.one_denied);
        None
    }

    fn decide_all_or_nothing(
        &self,
        requests: &[Request<'_>],
        batch: &AskedBatch<'_>,
        patience: Patience,
        out: &mut Vec<u8>,
    ) -> Result<Option<Parked>, CallError> {
        let started = Instant::now();
        let items = &batch.items;
        let wanted = Wanted {
            statuses: items.iter().any(|asked| asked.rendering().wanted().statuses),
        };
        let with_headers = items.iter().any(|asked| asked.rendering().headers());
        let profiles = self.edge().header_profiles(with_headers);
        let node = &self.edge().node;
        let decided = node.should_allow_all(requests, wanted, patience, |index, answer| {
            // One answer per item, in order.
            let (Some(request), Some(asked)) = (requests.get(index), items.get(index)) else {
                return;
            };
            let hidden = discreet(answer, request.org);
            let answer = hidden.as_ref().unwrap_or(answer);
            // Nothing was answered before all were decided: to each the whole time counts.
            self.count(Door::GrpcBatch, answer, request, &mut { started });
            put_response(out, |out| {
                write_answer(out, answer, asked.rendering(), &profiles, || node.unix_ns());
            });
        })?;
        Ok(match decided {
            Decided::Answered(all_allowed) => {
                put_bool(out, ALL_ALLOWED, all_allowed);
                None
            }
            Decided::Parked(parked) => Some(parked),
        })
    }

    /// Writes the answer to a batch when too much work is in flight.
    pub(super) fn overloaded_batch(&self, batch: &AskedBatch<'_>, out: &mut Vec<u8>) -> Result<(), CallError> {
        check_size(batch)?;
        for _ in &batch.items {
            self.count_overloaded(Door::GrpcBatch);
            put_response(out, write_overloaded);
        }
        Ok(())
    }
}

fn put_response(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    let Ok(()) = nested(out, RESPONSES, |out| {
        write(out);
        Ok::<_, Infallible>(())
    });
}

fn check_size(batch: &AskedBatch<'_>) -> Result<(), InvalidRequest> {
    if batch.excess > 0 {
        let count = batch.items.len() + batch.excess;
        return Err(InvalidRequest::TooMany {
            field: "requests",
            count,
            max: BATCH_MAX,
        });
    }
    Ok(())
}

/// The items as requests, each for the org that the caller may ask for.
fn requests<'r>(identity: &'r Identity, batch: &'r AskedBatch<'_>) -> Result<Vec<Request<'r>>, CallError> {
    let request = |(index, asked): (usize, &'r Asked<'_>)| {
        let org = identity.org(asked.org()).map_err(|refusal| match refusal {
            // Who calls is a matter of the whole call.
            Refusal::Unauthenticated => CallError::Refused(refusal),
            Refusal::OrgForbidden | Refusal::OrgUnnamed => CallError::ItemRefused { index, refusal },
        })?;
        asked.request(org, &batch.lists).map_err(|source| {
            CallError::Invalid(InvalidRequest::Item {
                index,
                source: Box::new(source),
            })
        })
    };
    // Collected by hand: a collection that may fail does not know how much room it takes.
    let mut requests = Vec::with_capacity(batch.items.len());
    for item in batch.items.iter().enumerate() {
        requests.push(request(item)?);
    }
    Ok(requests)
}

#[cfg(test)]
mod tests;
