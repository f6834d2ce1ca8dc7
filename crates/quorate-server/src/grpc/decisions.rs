//! Decides what a message asks for: who may ask, the node asked, the answer counted and written.

use std::sync::Arc;

use quanta::Instant;
use quorate_core::answer::Answer;
use quorate_core::request::{Request, Subject};
use quorate_node::quotas::{Parked, Patience};
use quorate_node::{Decided, Sitting};

use super::convert::{Asked, Lists, Rendering, write_answer};
use super::status::{CallError, Unread};
use crate::callers::Identity;
use crate::edge::{Edge, discreet};
use crate::envoy::EnvoyError;
use crate::telemetry::traces::Traces;
use crate::telemetry::{Door, Recorder};

/// How a request came in, and how long it may wait for units of a quota.
#[derive(Clone, Copy, Debug)]
pub(super) struct Way {
    pub(super) door: Door,
    pub(super) patience: Patience,
}

/// One decision of several: how it came in, and when it was begun.
pub(super) struct Turn<'t> {
    pub(super) way: Way,
    pub(super) started: &'t mut Instant,
}

/// The decision service of one data-plane thread. Threads have one each, so that counting its holders costs no core
/// anything that another core must see.
#[derive(Debug)]
pub struct Decisions {
    edge: Arc<Edge>,
    recorder: Recorder,
    traces: Option<Traces>,
}

impl Decisions {
    /// The service in front of a node, counting on a place of its own.
    #[must_use]
    pub fn new(edge: Arc<Edge>, traces: Option<Traces>) -> Self {
        let recorder = edge.telemetry.recorder();
        Self { edge, recorder, traces }
    }

    /// What every door shares.
    pub(super) fn edge(&self) -> &Edge {
        &self.edge
    }

    /// Where answers are counted.
    pub(super) const fn recorder(&self) -> &Recorder {
        &self.recorder
    }

    /// What begins traces; `None` when nobody collects them.
    pub(super) const fn traces(&self) -> Option<&Traces> {
        self.traces.as_ref()
    }

    /// Decides one request that came in by `door` and writes the answer; `look` sees it first. After an error nothing
    /// is written, nor when the request is given a place to wait: then it is to be asked again.
    pub(super) fn decide(
        &self,
        sitting: &mut Sitting<'_>,
        way: Way,
        identity: &Identity,
        (asked, lists): (&Asked<'_>, &Lists<'_>),
        out: &mut Vec<u8>,
        look: impl FnOnce(&Answer<'_>),
    ) -> Result<Option<Parked>, CallError> {
        let turn = Turn {
            way,
            started: &mut Instant::now(),
        };
        let request = asked.request(identity.org(asked.org())?, lists)?;
        self.decide_request(sitting, turn, &request, asked.rendering(), out, look)
    }

    /// As [`Self::decide`], for a request that was read already.
    pub(super) fn decide_request(
        &self,
        sitting: &mut Sitting<'_>,
        turn: Turn<'_>,
        request: &Request<'_>,
        rendering: Rendering,
        out: &mut Vec<u8>,
        look: impl FnOnce(&Answer<'_>),
    ) -> Result<Option<Parked>, CallError> {
        let node = &self.edge.node;
        let Way { door, patience } = turn.way;
        let decided = sitting.should_allow_or_park(request, rendering.wanted(), patience, |answer| {
            let hidden = discreet(answer, request.org);
            let answer = hidden.as_ref().unwrap_or(answer);
            self.count(door, answer, request, turn.started);
            look(answer);
            let profiles = self.edge.header_profiles(rendering.headers());
            write_answer(out, answer, rendering, &profiles, || node.unix_ns());
        })?;
        Ok(match decided {
            Decided::Answered(()) => None,
            Decided::Parked(parked) => Some(parked),
        })
    }

    /// Counts an answer, which was begun at `started`; what follows it begins now.
    pub(super) fn count(&self, door: Door, answer: &Answer<'_>, request: &Request<'_>, started: &mut Instant) {
        let key = match request.subject {
            Subject::Key(key) => key,
            // A secret never goes into a report.
            Subject::Credential(_) => "",
        };
        let now = Instant::now();
        let elapsed = now.saturating_duration_since(std::mem::replace(started, now));
        let elapsed_ns = u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX);
        self.recorder.record(door, answer, key, elapsed_ns);
    }

    /// Counts an answer that was given because too much work is in flight.
    pub(super) fn count_overloaded(&self, door: Door) {
        self.recorder.overloaded(door);
    }

    /// Counts a call whose message was not judged, or was an error.
    pub(super) fn count_unread(&self, door: Door, unread: &Unread) {
        match unread {
            Unread::Call(error) => self.count_error(door, error),
            Unread::TooLarge(_) | Unread::Compressed | Unread::TooMuchKept | Unread::Late => {
                self.recorder.invalid(door);
            }
            // Callers may give up; that is no mistake of theirs.
            Unread::Cancelled(_) => {}
        }
    }

    /// Counts a call that was an error.
    pub(super) fn count_error(&self, door: Door, error: &CallError) {
        match error {
            CallError::Refused(_) | CallError::ItemRefused { .. } => self.recorder.refused(door),
            CallError::Envoy(EnvoyError::Caller(_)) => self.recorder.refused(door),
            // Counted as such, or no fault of a request.
            CallError::Envoy(EnvoyError::Overloaded | EnvoyError::NotServed) => {}
            CallError::Invalid(_) | CallError::Field { .. } | CallError::Undecodable(_) | CallError::Envoy(_) => {
                self.recorder.invalid(door);
            }
        }
    }
}
