//! One limit: what it counts, how, and for whom.

use quorate_core::limit::WINDOW_MAX_NS;

use super::settings::{on_unavailable, warn_at};
use super::{Lowering, is_shadow};
use crate::fields::Fields;
use crate::model::{Algorithm, Count, Limit, Per};
use crate::names::RESERVED_LIMITS;
use crate::per::{self, Part};
use crate::problems::{At, Problems, Spot};
use crate::scalar;
use crate::yaml::Node;

/// The window of a limit that denies everything and states none: it never counts.
const DENYING_WINDOW_NS: u64 = 60 * 1_000_000_000;

/// Where a limit is declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Home {
    Plan,
    Endpoint,
}

impl Lowering<'_> {
    /// Lowers a limit; `None` when what it lacks has been reported.
    pub(super) fn limit<'n>(&mut self, node: &'n Node, home: Home) -> Option<(At<&'n str>, Limit)> {
        let fields = node.fields();
        let name = fields.read("name", scalar::name);
        let capacity = self.capacity(fields);
        let algorithm = capacity.and_then(|capacity| self.algorithm(fields, capacity));
        let count = self.count(fields, home);
        let mut per = per(fields, &mut self.problems);
        if let (Some(per), Home::Endpoint) = (&mut per, home) {
            per.endpoint = true;
        }
        let name = name?;
        not_reserved(name, &mut self.problems);
        let limit = Limit {
            name: name.value.to_owned(),
            per: per?,
            algorithm: algorithm?,
            capacity: capacity?,
            count: count?,
            shadow: is_shadow(fields.text("mode")),
            warn_at: warn_at(fields, self.settings.warn_at),
            on_unavailable: on_unavailable(fields).unwrap_or(self.settings.on_unavailable),
            lifted: false,
        };
        Some((name, limit))
    }

    fn capacity(&mut self, fields: Fields<'_>) -> Option<u64> {
        let deny = fields.read("deny", scalar::boolean).is_some_and(|deny| deny.value);
        let limit = fields.read("limit", scalar::integer);
        match limit {
            Some(limit) if deny && limit.value > 0 => {
                let message = format!("a limit of {} that denies everything", limit.value);
                self.problems
                    .add(limit.spot, message)
                    .help("leave out `deny`, or the limit");
                None
            }
            Some(limit) if !deny && limit.value == 0 => {
                let found = self.problems.add(limit.spot, "a limit of 0 denies everything");
                found.help("say so with `deny: true`, or leave the limit out for no limit");
                None
            }
            Some(limit) => Some(limit.value),
            None if deny => Some(0),
            None => {
                if fields.node("limit").is_none() {
                    lacks(fields.spot, "limit", &mut self.problems);
                }
                None
            }
        }
    }

    fn algorithm(&mut self, fields: Fields<'_>, capacity: u64) -> Option<Algorithm> {
        let word = fields.text("algorithm").map_or("sliding_window", |word| word.value);
        if word != "sliding_window"
            && let Some(spot) = fields.name_spot("precision")
        {
            self.problems
                .add(spot, format!("`precision` means nothing to `{word}`"));
        }
        if word == "token_bucket" {
            return self.token_bucket(fields, capacity);
        }
        for name in ["refill", "every"] {
            if let Some(spot) = fields.name_spot(name) {
                let message = format!("`{name}` means nothing to `{word}`");
                self.problems
                    .add(spot, message)
                    .help("say `algorithm: token_bucket`, or leave it out");
            }
        }
        let window = match fields.read("window", scalar::duration) {
            Some(window) => window.value,
            None if capacity == 0 => DENYING_WINDOW_NS,
            None => {
                if fields.node("window").is_none() {
                    lacks(fields.spot, "window", &mut self.problems);
                }
                return None;
            }
        };
        match word {
            "fixed_window" => Some(Algorithm::FixedWindow { window }),
            "sliding_window" => Some(Algorithm::SlidingWindow {
                window,
                high: fields.text("precision").is_some_and(|word| word.value == "high"),
            }),
            _ => None,
        }
    }

    fn token_bucket(&mut self, fields: Fields<'_>, capacity: u64) -> Option<Algorithm> {
        if let (Some(every), Some(window)) = (fields.name_spot("every"), fields.name_spot("window")) {
            let found = self
                .problems
                .add(every, "a token bucket states `every` or `window`, not both");
            found.also(window, "`window` is stated here");
            return None;
        }
        let every = fields.read("every", scalar::duration);
        let Some(every) = every.or_else(|| fields.read("window", scalar::duration)) else {
            if fields.node("every").or_else(|| fields.node("window")).is_some() {
                return None;
            }
            if capacity == 0 {
                return Some(Algorithm::TokenBucket {
                    refill: 1,
                    every: DENYING_WINDOW_NS,
                });
            }
            lacks(fields.spot, "window", &mut self.problems);
            return None;
        };
        let refill = match fields.read("refill", scalar::integer) {
            Some(refill) => refill.value,
            None => capacity.max(1),
        };
        let fills = u128::from(capacity) * u128::from(every.value) / u128::from(refill.max(1));
        if fills > u128::from(WINDOW_MAX_NS) {
            let message = "the bucket would take longer to fill than 400 days, the longest window";
            self.problems.add(every.spot, message);
            return None;
        }
        Some(Algorithm::TokenBucket {
            refill,
            every: every.value,
        })
    }

    fn count(&mut self, fields: Fields<'_>, home: Home) -> Option<Count> {
        let meter = fields.text("meter");
        let calls = match fields.text("count") {
            Some(count) => count.value == "calls",
            None => home == Home::Endpoint && meter.is_none(),
        };
        match meter {
            Some(meter) if calls => {
                let message = "a limit that counts calls has no meter";
                self.problems
                    .add(meter.spot, message)
                    .help("say `count: units`, or leave out `meter`");
                None
            }
            Some(meter) => self
                .names
                .meter(meter.value, meter.spot, &mut self.problems)
                .then(|| Count::Units(meter.value.to_owned())),
            None if calls => Some(Count::Calls),
            None => Some(Count::Units("requests".to_owned())),
        }
    }
}

/// What one counter belongs to.
pub(super) fn per(fields: Fields<'_>, problems: &mut Problems) -> Option<Per> {
    let node = fields.node("per")?;
    let mut per = Per::default();
    let mut org = None;
    let words = node.one_or_many();
    if words.is_empty() {
        problems
            .add(node.spot, "`per`: an empty list")
            .help("say `per: org` for one counter of the whole org");
        return None;
    }
    for word in words {
        let part = word.read(per::word)?;
        let twice = match part.value {
            Part::Org => org.replace(part.spot).is_some(),
            Part::Key => std::mem::replace(&mut per.key, true),
            Part::Endpoint => std::mem::replace(&mut per.endpoint, true),
            Part::Attribute(name) => {
                let known = per.attributes.iter().any(|known| known == name);
                per.attributes.push(name.to_owned());
                known
            }
        };
        if twice {
            problems.add(part.spot, "`per` says this twice");
        }
    }
    if let Some(spot) = org.filter(|_| words.len() > 1) {
        problems
            .add(spot, "every counter is within its org")
            .help("leave `org` out of the list");
    }
    per.attributes.sort_unstable();
    per.attributes.dedup();
    Some(per)
}

/// Reports a field that is missing here though it may be left out elsewhere.
fn lacks(spot: Spot, field: &str, problems: &mut Problems) {
    let found = problems.add(spot, format!("a limit lacks the field `{field}`"));
    match field {
        "window" => found.help("`window`: a duration like `1m`"),
        _ => found.help(format!("`{field}`: a whole number like `5_000`")),
    };
}

/// Reports a name that answers use for something else.
pub(super) fn not_reserved(name: At<&str>, problems: &mut Problems) {
    if RESERVED_LIMITS.contains(&name.value) {
        problems
            .add(
                name.spot,
                format!("`{}` is what answers call the plan's own", name.value),
            )
            .help("choose another name");
    }
}
