//! Orgs and keys, and the boosts and incidents of orgs.

use std::collections::BTreeMap;

use super::quota::agreement;
use super::{Lowering, is_shadow, sorted, state};
use crate::fields::Fields;
use crate::model::{Boost, Incident, Key, Org};
use crate::names::refer;
use crate::problems::{At, Spot, shown};
use crate::scalar;
use crate::set::UTC;
use crate::yaml::{Entry, Node};

impl Lowering<'_> {
    /// Lowers an org.
    pub(super) fn org(&mut self, entry: &Entry) -> Org {
        let fields = entry.value.fields();
        let plan = fields.text("plan");
        if let Some(plan) = plan {
            refer(&self.names.plans, "plan", plan.value, plan.spot, &mut self.problems);
        } else if self.settings.plan.is_none() {
            let message = format!("org `{}` has no plan, and there is no default", shown(&entry.name));
            self.problems.add(entry.spot, message).help("name its `plan`");
        }
        let boosts = fields
            .items("boosts")
            .iter()
            .filter_map(|node| self.boost(&entry.name, node.fields()));
        let boosts = boosts.collect();
        let incidents = fields
            .items("incidents")
            .iter()
            .filter_map(|node| self.incident(node.fields()));
        let incidents = incidents.collect();
        let plan = plan.map_or_else(
            || self.settings.plan.clone().unwrap_or_default(),
            |plan| plan.value.to_owned(),
        );
        let quotas = self.own_quotas(fields, &plan);
        Org {
            plan,
            time_zone: fields.text("time_zone").map_or(UTC, |zone| zone.value).to_owned(),
            shadow: is_shadow(fields.text("mode")),
            state: state(fields.text("state").map_or("", |word| word.value)),
            boosts,
            incidents,
            quotas,
            overage: agreement(fields),
        }
    }

    fn boost(&mut self, org: &str, fields: Fields<'_>) -> Option<Boost> {
        let factor = fields.read("factor", scalar::factor);
        let duration = fields.read("for", scalar::duration);
        if let Some(factor) = factor {
            self.within(factor, self.settings.boost_factor, "factor", scalar::written_factor);
        }
        if let Some(duration) = duration {
            self.within(duration, self.settings.boost_duration, "for", scalar::written_duration);
        }
        self.approvals(fields);
        if let (Some(keys), Some(endpoints)) = (fields.name_spot("keys"), fields.name_spot("endpoints")) {
            self.problems
                .add(endpoints, "a boost names keys or endpoints, not both")
                .help("write two boosts")
                .also(keys, "`keys` are named here");
        }
        for key in fields.texts("keys") {
            let known = refer(&self.names.keys, "key", key.value, key.spot, &mut self.problems);
            if known && self.names.key_orgs.get(key.value) != Some(&org) {
                let message = format!("key `{}` is not of org `{}`", shown(key.value), shown(org));
                self.problems.add(key.spot, message);
            }
        }
        for endpoint in fields.texts("endpoints") {
            refer(
                &self.names.endpoints,
                "endpoint",
                endpoint.value,
                endpoint.spot,
                &mut self.problems,
            );
        }
        let from = fields.read("from", scalar::timestamp)?.value;
        Some(Boost {
            factor_hundredths: factor?.value,
            from,
            until: from.saturating_add(duration?.value),
            keys: sorted(fields.texts("keys")),
            endpoints: sorted(fields.texts("endpoints")),
            requested_by: fields.text("requested_by")?.value.to_owned(),
            approved_by: fields.text("approved_by").map(|name| name.value.to_owned()),
            reason: fields.text("reason")?.value.to_owned(),
        })
    }

    /// Reports a value outside the bounds that the settings state.
    fn within<T: Ord + Copy>(&mut self, value: At<T>, bounds: (T, T), name: &str, written: impl Fn(T) -> String) {
        if value.value < bounds.0 || value.value > bounds.1 {
            let message = format!("`{name}`: {} is outside the allowed range", written(value.value));
            let help = format!("`boosts` allows {} to {}", written(bounds.0), written(bounds.1));
            self.problems.add(value.spot, message).help(help);
        }
    }

    /// Reports a boost that too few people stand behind.
    fn approvals(&mut self, fields: Fields<'_>) {
        let requested = fields.text("requested_by");
        let approved = fields.text("approved_by");
        if self.settings.approvals < 2 {
            return;
        }
        match (requested, approved) {
            (_, None) if fields.node("approved_by").is_none() => {
                self.problems
                    .add(fields.spot, "a boost lacks the field `approved_by`")
                    .help("`boosts` asks for two approvals: the requester and another person");
            }
            (Some(requested), Some(approved)) if is_same_person(requested.value, approved.value) => {
                self.problems
                    .add(approved.spot, "who asks for a boost does not approve it")
                    .help("`boosts` asks for two approvals: the requester and another person")
                    .also(requested.spot, "requested by the same person");
            }
            _ => {}
        }
    }

    fn incident(&mut self, fields: Fields<'_>) -> Option<Incident> {
        let from = fields.read("from", scalar::timestamp);
        let length = fields.read("for", scalar::duration);
        let until = fields.read("until", scalar::timestamp);
        if let (Some(first), Some(second)) = (fields.name_spot("for"), fields.name_spot("until")) {
            self.problems
                .add(second, "an incident states `for` or `until`, not both")
                .also(first, "`for` is stated here");
            return None;
        }
        let from = from?;
        let max = self.settings.incident_max;
        let end = match (length, until) {
            (Some(length), _) => At::new(from.value.saturating_add(length.value), length.spot),
            (None, Some(until)) => until,
            (None, None) => At::new(from.value.saturating_add(max), from.spot),
        };
        if end.value <= from.value {
            self.problems.add(end.spot, "an incident ends before it begins");
        } else if end.value - from.value > max {
            let message = format!("an incident is open for more than {}", scalar::written_duration(max));
            self.problems
                .add(end.spot, message)
                .help("`incidents` sets this maximum");
        }
        Some(Incident {
            from: from.value,
            until: end.value,
            opened_by: fields.text("opened_by")?.value.to_owned(),
            reason: fields.text("reason")?.value.to_owned(),
        })
    }

    /// Lowers a key; `None` when nobody knows whose it is.
    pub(super) fn key(&mut self, node: &Node) -> Option<Key> {
        let fields = node.fields();
        if let Some(environment) = fields.text("environment") {
            let (name, spot) = (environment.value, environment.spot);
            refer(&self.names.environments, "environment", name, spot, &mut self.problems);
        }
        let org = fields.text("org")?;
        refer(&self.names.orgs, "org", org.value, org.spot, &mut self.problems);
        Some(Key {
            org: org.value.to_owned(),
            environment: fields.text("environment").map(|name| name.value.to_owned()),
            scopes: sorted(fields.texts("scopes")),
            state: state(fields.text("state").map_or("", |word| word.value)),
            expires: fields.read("expires", scalar::timestamp).map(|instant| instant.value),
            credential_hash: fields
                .read("credential_hash", scalar::credential_hash)
                .map(|hash| hash.value),
        })
    }

    /// Reports two keys with one secret: nobody could say which of them asks.
    pub(super) fn distinct_credentials(&mut self, documents: &[Node]) {
        let mut seen: BTreeMap<&str, Spot> = BTreeMap::new();
        for key in documents
            .iter()
            .map(Node::fields)
            .flat_map(|document| document.entries("keys"))
        {
            let Some(hash) = key.value.fields().text("credential_hash") else {
                continue;
            };
            if let Some(first) = seen.insert(hash.value, hash.spot) {
                self.problems
                    .add(hash.spot, "two keys have the same credential")
                    .also(first, "first given here");
            }
        }
    }
}

fn is_same_person(a: &str, b: &str) -> bool {
    a.trim().to_lowercase() == b.trim().to_lowercase()
}
