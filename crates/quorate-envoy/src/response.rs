//! The answer to a request, as the wire has it, but for the encoding.

use crate::charge::{self, Charge, Counters, Outcome};
use crate::metadata::{self, Datum, Map};
use crate::plan::{Item, Plan};
use crate::request::{Descriptor, Request};
use crate::unit::Unit;
use crate::verdict::{self, Bears};

/// What holds for all requests, whatever their domain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// How requests are charged whose domain does not say.
    pub charge: Charge,
    /// A request is never denied as a whole. What its descriptors are told does not change.
    pub shadow_mode: bool,
    /// Every limit is a quota.
    pub quota_mode: bool,
}

/// Whether it passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// It does.
    Ok,
    /// It does not.
    OverLimit,
}

/// The limit that a status tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CurrentLimit<'r> {
    /// The limit.
    pub requests_per_unit: u32,
    /// Its unit.
    pub unit: Unit,
    /// Its name; empty for none.
    pub name: &'r str,
}

/// What became of one descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status<'r> {
    /// Whether it passes.
    pub code: Code,
    /// The limit; `None` where there is none.
    pub limit: Option<CurrentLimit<'r>>,
    /// Hits that would still pass.
    pub limit_remaining: u32,
    /// Seconds until the window ends; of a sliding one, until it is empty again. `None` without a limit.
    pub reset_after_secs: Option<u64>,
    /// What was counted; `None` where nothing was. For metrics.
    pub outcome: Option<Outcome>,
}

/// The answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Response<'r> {
    /// Whether the request passes.
    pub overall: Code,
    /// What became of each descriptor, in their order. Of one for the native pipeline nothing is said: it is OK here.
    pub statuses: Vec<Status<'r>>,
    /// The status that headers tell: of the last limit that denies, else of the one with the least remaining.
    pub shown: Option<usize>,
    /// It would have been denied, but for shadow mode for all.
    pub shadowed: bool,
}

/// Names of the headers that tell a status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderNames {
    /// Of the one with the limit.
    pub limit: String,
    /// Of the one with what remains.
    pub remaining: String,
    /// Of the one with the seconds until the window ends.
    pub reset: String,
}

impl Default for HeaderNames {
    fn default() -> Self {
        Self {
            limit: "RateLimit-Limit".to_owned(),
            remaining: "RateLimit-Remaining".to_owned(),
            reset: "RateLimit-Reset".to_owned(),
        }
    }
}

impl Response<'_> {
    /// The headers of this answer, name and value, in order; `None` when no status has a limit.
    #[must_use]
    pub fn headers<'n>(&self, names: &'n HeaderNames) -> Option<[(&'n str, String); 3]> {
        let status = self.statuses.get(self.shown?)?;
        let limit = status.limit?;
        Some([
            (&names.limit, limit.requests_per_unit.to_string()),
            (&names.remaining, status.limit_remaining.to_string()),
            (&names.reset, status.reset_after_secs.unwrap_or_default().to_string()),
        ])
    }
}

impl<'r> Plan<'r, '_> {
    /// Charges the counters of the request and answers it. Where a descriptor is charged depends on what all of them find,
    /// so that `counters` must not be changed by anybody else meanwhile.
    pub fn decide(&self, settings: &Settings, counters: &mut impl Counters) -> Response<'r> {
        let mode = self.domain.and_then(|domain| domain.charge).unwrap_or(settings.charge);
        let outcomes = charge::charge(self, mode, settings.quota_mode, counters);
        self.respond(settings, &outcomes)
    }

    fn respond(&self, settings: &Settings, outcomes: &[Option<Outcome>]) -> Response<'r> {
        let mut shown = None;
        let mut least = u32::MAX;
        let mut statuses = Vec::with_capacity(self.items.len());
        for (place, (item, outcome)) in self.items.iter().zip(outcomes).enumerate() {
            let status = status(item, *outcome);
            if status.limit.is_some() && status.limit_remaining < least {
                (shown, least) = (Some(place), status.limit_remaining);
            }
            if status.code == Code::OverLimit && !verdict::is_quota(item, settings.quota_mode) {
                (shown, least) = (Some(place), 0);
            }
            statuses.push(status);
        }
        let denied = verdict::denies(self, outcomes, settings.quota_mode);
        Response {
            overall: if denied && !settings.shadow_mode {
                Code::OverLimit
            } else {
                Code::Ok
            },
            statuses,
            shown,
            shadowed: denied && settings.shadow_mode,
        }
    }

    /// What the answer carries as dynamic metadata: the request, and the metadata of the rules that it passed.
    #[must_use]
    pub fn dynamic_metadata(&self, response: &Response<'_>) -> Map {
        let mut all = self.request.dynamic_metadata();
        let mut passed = Map::new();
        for (item, status) in self.items.iter().zip(&response.statuses) {
            if let Item::Counted(counted) = item
                && status.code == Code::Ok
                && let Some(metadata) = counted.matched.metadata()
            {
                metadata::merge(&mut passed, metadata);
            }
        }
        if !passed.is_empty() {
            all.insert("metadata".to_owned(), Datum::Map(passed));
        }
        all
    }
}

impl Request<'_> {
    /// What every answer to this request carries as dynamic metadata: the request.
    #[must_use]
    pub fn dynamic_metadata(&self) -> Map {
        let mut all = Map::new();
        all.insert("domain".to_owned(), Datum::Text(self.domain.to_owned()));
        let descriptors = self.descriptors.iter().map(|each| Datum::Map(told(each)));
        all.insert("descriptors".to_owned(), Datum::List(descriptors.collect()));
        if self.hits_addend != 0 {
            all.insert("hitsAddend".to_owned(), Datum::Number(f64::from(self.hits_addend)));
        }
        all
    }
}

fn status<'r>(item: &Item<'r>, outcome: Option<Outcome>) -> Status<'r> {
    let plain = Status {
        code: Code::Ok,
        limit: None,
        limit_remaining: 0,
        reset_after_secs: None,
        outcome,
    };
    match (item, outcome) {
        (Item::Unlimited(_), _) => Status {
            limit_remaining: u32::MAX,
            ..plain
        },
        (Item::Counted(counted), Some(outcome)) => Status {
            code: if verdict::bears(item, Some(&outcome)) == Bears::Denies {
                Code::OverLimit
            } else {
                Code::Ok
            },
            limit: Some(CurrentLimit {
                requests_per_unit: counted.limit,
                unit: counted.window.unit,
                name: counted.matched.name(),
            }),
            limit_remaining: remaining(counted.limit, outcome.after),
            reset_after_secs: Some(outcome.reset_after_ns.div_ceil(quorate_core::time::SECOND)),
            outcome: Some(outcome),
        },
        (Item::Free | Item::Native | Item::Counted(_), _) => plain,
    }
}

fn remaining(limit: u32, used: u64) -> u32 {
    u32::try_from(used).map_or(0, |used| limit.saturating_sub(used))
}

/// A descriptor as dynamic metadata tells it.
fn told(descriptor: &Descriptor<'_>) -> Map {
    let mut told = Map::new();
    let entries = descriptor.entries.iter();
    let entries = entries.map(|(key, value)| Datum::Text(format!("{key}={value}")));
    told.insert("entries".to_owned(), Datum::List(entries.collect()));
    if let Some(limit) = descriptor.limit {
        // As protobuf's text format has it: what is 0 is left out, and a number without a name is a number.
        let mut parts = Vec::new();
        if limit.requests_per_unit != 0 {
            parts.push(format!("requests_per_unit:{}", limit.requests_per_unit));
        }
        match Unit::of_number(limit.unit).filter(|unit| *unit != Unit::Week) {
            Some(unit) => parts.push(format!("unit:{}", unit.name())),
            None if limit.unit != 0 => parts.push(format!("unit:{}", limit.unit)),
            None => {}
        }
        told.insert("limit".to_owned(), Datum::Text(parts.join(" ")));
    }
    if let Some(hits) = descriptor.hits_addend {
        told.insert("hitsAddend".to_owned(), metadata::number(hits));
    }
    told
}
