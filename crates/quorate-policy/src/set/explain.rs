//! What applies to a request and why, in plain words, without charging: for `quorate explain` and people who ask what
//! a policy means. It repeats no rule: it tells what [`PolicySet::resolve`] found.

use std::fmt;

use quorate_core::answer::Reason;
use quorate_core::request::{InvalidRequest, Request, Subject};
use quorate_core::terms::Terms;
use quorate_core::time::Instant;
use serde::Serialize;

use super::identify::Identified;
use super::price::Price;
use super::{Bounds, Endpoint, PolicySet, Verdict};
use crate::problems::shown;
use crate::scalar::{written_duration, written_factor};

mod limits;
mod quotas;

pub use limits::ExplainedLimit;
pub use quotas::ExplainedQuota;

/// What applies to a request, step by step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// The org that would be charged.
    pub org: String,
    /// The key that would be charged.
    pub key: String,
    /// The plan; empty when none was reached.
    pub plan: String,
    /// The catalogue entry; `other` when none matches.
    pub endpoint: String,
    /// What was found, in the order of a decision.
    pub steps: Vec<Step>,
    /// Every limit that would be looked at, in the order in which ties are decided.
    pub limits: Vec<ExplainedLimit>,
    /// Every quota that would be looked at with them, in the same order.
    pub quotas: Vec<ExplainedQuota>,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// `identity`, `authorization`, `endpoint`, `price`, `limits`, `quotas`, `slot` or `factors`.
    pub stage: &'static str,
    /// What was found.
    pub text: String,
}

impl PolicySet {
    /// Explains a request.
    ///
    /// # Errors
    /// What is structurally wrong with the request, as [`PolicySet::resolve`] says it.
    pub fn explain(
        &self,
        request: &Request<'_>,
        bounds: Bounds,
        credential_hash: Option<[u8; 32]>,
        now: Instant,
    ) -> Result<Explanation, InvalidRequest> {
        let resolved = self.resolve(request, bounds, credential_hash, now)?;
        let who = self.identify(request, credential_hash);
        let endpoint = self.endpoint(request.endpoint);
        let price = self.price(request, endpoint, bounds)?;
        let mut steps = vec![
            step("identity", identity(&who, request, resolved.plan)),
            step("endpoint", matched(endpoint, request.endpoint)),
        ];
        let mut limits = Vec::new();
        let mut quotas = Vec::new();
        match resolved.verdict {
            Verdict::Denied(reason) => {
                let text = format!("denied, and nothing charged: {}", in_words(reason));
                steps.push(step("authorization", text));
            }
            Verdict::Exempt => steps.push(step("authorization", "exempt: metered, never denied".to_owned())),
            Verdict::Charge(terms) => {
                steps.push(step("authorization", "it may ask".to_owned()));
                steps.push(step("price", self.prices(request, endpoint, &price)));
                steps.extend(factors(&terms, now));
                limits = limits::explain(request, &terms, now);
                steps.push(step("limits", summary(limits.len(), request)));
                quotas = self.explain_quotas(request, &who, &terms);
                steps.extend((!quotas.is_empty()).then(|| step("quotas", summary(quotas.len(), request))));
                steps.extend(slot(endpoint, &terms));
            }
        }
        Ok(Explanation {
            org: resolved.org.to_owned(),
            key: resolved.key.to_owned(),
            plan: resolved.plan.to_owned(),
            endpoint: resolved.endpoint.to_owned(),
            steps,
            limits,
            quotas,
        })
    }

    fn prices(&self, request: &Request<'_>, endpoint: &Endpoint, price: &Price) -> String {
        let mut text = format!(
            "{} × factor {} = {} requests",
            price.cost, endpoint.cost_factor, price.amounts.0[0]
        );
        for (meter, amount) in self
            .meters
            .iter()
            .zip(price.amounts.0)
            .skip(1)
            .filter(|(_, amount)| *amount > 0)
        {
            let by_caller = request.amounts.iter().any(|(name, _)| **name == **meter);
            let whose = if by_caller {
                "the caller's amount"
            } else {
                "the endpoint's price"
            };
            text.push_str(&format!(", {amount} {meter} ({whose})"));
        }
        if price.look {
            text.push_str("; only a look: nothing would be charged");
        }
        text
    }
}

fn step(stage: &'static str, text: String) -> Step {
    Step { stage, text }
}

fn identity(who: &Identified<'_>, request: &Request<'_>, plan: &str) -> String {
    let key = match (who.key, request.subject) {
        (Some(key), Subject::Credential(_)) => format!("the credential is that of key `{}`", key.name),
        (Some(key), Subject::Key(_)) => format!("key `{}` is declared", key.name),
        (None, Subject::Credential(_)) => "the credential is of no declared key".to_owned(),
        (None, Subject::Key(_)) if who.key_name.is_empty() => "the key is malformed".to_owned(),
        (None, Subject::Key(_)) => format!("key `{}` is not declared", shown(who.key_name)),
    };
    let org = match (who.org, who.org_name) {
        (_, "") => "of no org".to_owned(),
        (Some(org), _) => format!("of org `{}`", org.name),
        (None, name) if request.org.is_empty() => format!("so it is its own org `{}`", shown(name)),
        (None, name) => format!("of org `{}`, which is not declared", shown(name)),
    };
    let plan = match (plan, who.org) {
        ("", _) => String::new(),
        (plan, Some(_)) => format!(", on plan `{plan}`"),
        (plan, None) => format!(", on the default plan `{plan}`"),
    };
    format!("{key}, {org}{plan}")
}

fn matched(endpoint: &Endpoint, asked: &str) -> String {
    let pattern = &*endpoint.pattern;
    match (endpoint.number, shown(asked)) {
        (Some(_), asked) if asked == pattern => format!("`{asked}` is in the catalogue"),
        (Some(_), asked) => format!("`{asked}` matches `{pattern}`, the most specific entry that does"),
        (None, asked) if asked.is_empty() => {
            "none is named, so it is `other`: factor 1, the plan's limits only".to_owned()
        }
        (None, asked) => format!("nothing matches `{asked}`, so it is `other`: factor 1, the plan's limits only"),
    }
}

fn in_words(reason: Reason) -> &'static str {
    match reason {
        Reason::KeyUnknown => "KEY_UNKNOWN, the key is not known, and the policy denies such keys here",
        Reason::KeyInvalid => "KEY_INVALID, the key is empty, too long, or has control characters",
        Reason::KeyRevoked => "KEY_REVOKED, the key was revoked",
        Reason::KeySuspended => "KEY_SUSPENDED, the key is suspended",
        Reason::KeyExpired => "KEY_EXPIRED, the key has expired",
        Reason::OrgMismatch => "ORG_MISMATCH, the key is not of the org that the request names",
        Reason::Banned => "BANNED, the key or org is banned",
        Reason::Paused => "PAUSED, the key or org is paused",
        Reason::ScopeMissing => "SCOPE_MISSING, the endpoint requires a scope that neither key nor caller has",
        Reason::EnvironmentMismatch => "ENVIRONMENT_MISMATCH, the key or endpoint is bound to another environment",
        Reason::PolicyForbids => {
            "POLICY_FORBIDS, the endpoint is forbidden, the org is not declared, or an attribute's value is too long"
        }
        _ => "it is not known why",
    }
}

fn factors(terms: &Terms<'_>, now: Instant) -> Option<Step> {
    let all = [terms.factors.org, terms.factors.key, terms.factors.endpoint];
    let largest = all
        .into_iter()
        .flatten()
        .filter(|factor| factor.covers(now))
        .map(|factor| factor.hundredths)
        .max()?;
    let text = format!(
        "boosts or incidents are in force, the largest of factor {}",
        written_factor(largest)
    );
    Some(step("factors", text))
}

fn summary(count: usize, request: &Request<'_>) -> String {
    match (count, request.refund) {
        (0, _) => "none applies".to_owned(),
        (count, true) => format!("{count} would be given back to"),
        (1, false) => "one must have room".to_owned(),
        (count, false) => format!("{count} are looked at; all are charged or none is"),
    }
}

fn slot(endpoint: &Endpoint, terms: &Terms<'_>) -> Option<Step> {
    endpoint.slot?;
    let text = match terms.slot {
        Some(slot) => format!(
            "an allowed call holds one of {} slots `{}` of the key, for at most {}",
            slot.depth,
            slot.name,
            written_duration(slot.ttl_ns)
        ),
        None => "slots are unlimited on this plan".to_owned(),
    };
    Some(step("slot", text))
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for step in &self.steps {
            writeln!(f, "{:<14} {}", step.stage, step.text)?;
            if step.stage == "limits" {
                for limit in &self.limits {
                    let most = if limit.at_most { "at most " } else { "" };
                    let (name, text, cost) = (&limit.name, &limit.text, limit.cost);
                    writeln!(f, "{:<14} - {name}: {text}; this request: {most}{cost}", "")?;
                }
            }
            if step.stage == "quotas" {
                for quota in &self.quotas {
                    let (name, text, cost) = (&quota.name, &quota.text, quota.cost);
                    writeln!(f, "{:<14} - {name}: {text}; this request: {cost}", "")?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
