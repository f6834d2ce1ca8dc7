//! What applies to a request, told in a small language: `key@org METHOD /path cost=5 tokens=7 env=prod scopes=a,b`.

use std::fmt::Write as _;

use expect_test::Expect;
use quorate_core::limit::{Counts, Mode, Role};
use quorate_core::quota::Quota;
use quorate_core::request::{Request, Subject};
use quorate_core::state::layout::Layouts;
use quorate_core::terms::Terms;
use quorate_core::time::Instant;

use super::{Bounds, PolicySet, Verdict};
use crate::{Source, check};

mod authorization;
mod bounds;
mod charges;
mod explanations;
mod factors;
mod identity;
mod quotas;
mod reloads;

pub(super) const BOUNDS: Bounds = Bounds { cost_max: 1_000 };

pub(super) fn set(policy: &str) -> PolicySet {
    let source = Source {
        name: "p.yaml".to_owned(),
        text: policy.to_owned(),
    };
    let checked = check(&[source]).unwrap_or_else(|report| panic!("{report}"));
    PolicySet::compile(&checked, 1, &mut Layouts::default()).expect("few layouts")
}

/// A request as it is told.
#[derive(Default)]
pub(super) struct Told<'a> {
    who: &'a str,
    endpoint: String,
    cost: Option<u64>,
    amounts: Vec<(&'a str, u64)>,
    environment: &'a str,
    scopes: Vec<&'a str>,
    attributes: Vec<(&'a str, &'a str)>,
    /// Every byte of the credential's hash.
    credential: Option<u8>,
    now: u64,
}

impl<'a> Told<'a> {
    pub(super) fn parse(line: &'a str) -> Self {
        let mut words = line.split(' ');
        let mut told = Self {
            who: words.next().unwrap_or_default(),
            ..Self::default()
        };
        let mut endpoint: Vec<&str> = Vec::new();
        for word in words {
            let number = |text: &str| text.parse().expect("a number");
            match word.split_once('=') {
                Some(("cost", cost)) => told.cost = Some(number(cost)),
                Some(("env", environment)) => told.environment = environment,
                Some(("scopes", scopes)) => told.scopes = scopes.split(',').collect(),
                Some(("credential", byte)) => told.credential = u8::try_from(number(byte)).ok(),
                Some(("now", now)) => told.now = number(now),
                Some((name, value)) if name.starts_with('@') => told.attributes.push((&name[1..], value)),
                Some((meter, amount)) => told.amounts.push((meter, number(amount))),
                None => endpoint.push(word),
            }
        }
        told.endpoint = endpoint.join(" ");
        told
    }

    pub(super) fn request(&self) -> Request<'_> {
        let (key, org) = self.who.split_once('@').unwrap_or((self.who, ""));
        let mut request = Request::of(key, &self.endpoint);
        if self.credential.is_some() {
            request.subject = Subject::Credential("a secret");
        }
        request.org = org;
        request.cost = self.cost;
        request.amounts = &self.amounts;
        request.environment = self.environment;
        request.scopes = &self.scopes;
        request.attributes = &self.attributes;
        request
    }
}

/// Tells what applies to each request.
pub(super) fn applies(set: &PolicySet, requests: &[&str], expected: &Expect) {
    let mut text = String::new();
    for line in requests {
        let told = Told::parse(line);
        let hash = told.credential.map(|byte| [byte; 32]);
        let _ = match set.resolve(&told.request(), BOUNDS, hash, Instant(told.now)) {
            Err(error) => writeln!(text, "{line}\n  error: {error}"),
            Ok(resolved) => {
                let plan = if resolved.plan.is_empty() {
                    "no plan"
                } else {
                    resolved.plan
                };
                let who = format!("{}@{} on {plan} at {}", resolved.key, resolved.org, resolved.endpoint);
                match resolved.verdict {
                    Verdict::Denied(reason) => writeln!(text, "{line}\n  {who}: {reason:?}"),
                    Verdict::Exempt => writeln!(text, "{line}\n  {who}: exempt"),
                    Verdict::Charge(terms) => {
                        let look = if resolved.look { " a look at" } else { "" };
                        writeln!(text, "{line}\n  {who}:{look}{}", show(set, &terms, told.now))
                    }
                }
            }
        };
    }
    expected.assert_eq(&text);
}

fn show(set: &PolicySet, terms: &Terms<'_>, now: u64) -> String {
    let mut text = String::new();
    for (number, amount) in (0_u8..).zip(terms.amounts.0).filter(|(_, amount)| *amount > 0) {
        let _ = write!(
            text,
            " {amount} {}",
            set.meter_name(quorate_core::limit::MeterId(number))
        );
    }
    if terms.declared {
        text.push_str(" declared");
    }
    for group in terms.groups() {
        let factor = terms.factors.at(group.bearing(), Instant(now));
        let per = &group.per;
        let _ = write!(text, "\n    {:?}", group.scope);
        if per.key {
            text.push_str(" key");
        }
        if per.endpoint {
            text.push_str(" endpoint");
        }
        for name in &per.attributes {
            let _ = write!(text, " @{name}");
        }
        if factor != 100 {
            let _ = write!(text, " × {factor} %");
        }
        for limit in &group.limits {
            let counts = match limit.counts {
                Counts::Calls => "calls",
                Counts::Units(meter) => set.meter_name(meter),
            };
            assert_eq!(counts, &*limit.meter);
            let role = match limit.role {
                Role::Plain => String::new(),
                role => format!(" {role:?}").to_lowercase(),
            };
            let shadow = if limit.mode == Mode::Shadow { " shadow" } else { "" };
            let _ = write!(
                text,
                "\n      {} {} {counts}{role}{shadow} #{}",
                limit.name, limit.capacity, limit.order
            );
        }
    }
    for quota in terms.quotas() {
        show_quota(set, quota, &mut text);
    }
    if let Some(slot) = terms.slot {
        let shadow = if slot.shadow { " shadow" } else { "" };
        let _ = write!(
            text,
            "\n    slot {} {} for {} s{shadow}",
            slot.name,
            slot.depth,
            slot.ttl_ns / 1_000_000_000
        );
    }
    text
}

fn show_quota(set: &PolicySet, quota: &Quota, text: &mut String) {
    assert_eq!(set.meter_name(quota.meter), &*quota.meter_name);
    let _ = write!(
        text,
        "\n    {} quota {} {} {}",
        if quota.hard { "hard" } else { "soft" },
        quota.name,
        quota.limit,
        quota.meter_name
    );
    if quota.per.key {
        text.push_str(" key");
    }
    if quota.per.endpoint {
        text.push_str(" endpoint");
    }
    for name in &quota.per.attributes {
        let _ = write!(text, " @{name}");
    }
    if quota.mode == Mode::Shadow {
        text.push_str(" shadow");
    }
    if quota.payment_required {
        text.push_str(" 402");
    }
    let _ = write!(text, " warns at {:?} #{}", quota.warn_at, quota.order);
}
