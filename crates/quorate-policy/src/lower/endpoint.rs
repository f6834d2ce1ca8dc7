//! One entry of the catalogue: what it matches, costs, limits and requires.

use std::collections::BTreeMap;

use super::limit::Home;
use super::{Lowering, sorted};
use crate::fields::Fields;
use crate::model::{Count, Endpoint, Limit};
use crate::names::{declare, refer};
use crate::problems::{At, Spot, shown};
use crate::scalar;
use crate::suggest;
use crate::template::Template;
use crate::yaml::Node;

impl<'n> Lowering<'n> {
    /// Lowers an endpoint; `None` when it matches nothing.
    pub(super) fn endpoint(&mut self, node: &'n Node) -> Option<(&'n str, Endpoint)> {
        let fields = node.fields();
        let cost_factor = fields
            .read("cost_factor", scalar::integer)
            .map_or(1, |factor| factor.value);
        let limits = self.own_limits(fields, cost_factor);
        let amounts = self.prices(fields);
        for environment in fields.texts("environments") {
            let (name, spot) = (environment.value, environment.spot);
            refer(&self.names.environments, "environment", name, spot, &mut self.problems);
        }
        let slot = fields.text("slot");
        if let Some(slot) = slot.filter(|slot| !self.names.slots.contains(slot.value)) {
            let found = self
                .problems
                .add(slot.spot, format!("unknown slot `{}`", shown(slot.value)));
            found.help = suggest::help(slot.value, self.names.slots.iter().copied())
                .or_else(|| Some("no plan has `slots`".to_owned()));
        }
        let endpoint = Endpoint {
            cost_factor,
            amounts,
            limits,
            slot: slot.map(|slot| slot.value.to_owned()),
            scopes_any: sorted(fields.texts("scopes_any")),
            scopes_all: sorted(fields.texts("scopes_all")),
            environments: sorted(fields.texts("environments")),
            forbid: fields
                .read("forbid", scalar::boolean)
                .is_some_and(|forbid| forbid.value),
            exempt: fields
                .read("exempt", scalar::boolean)
                .is_some_and(|exempt| exempt.value),
        };
        let pattern = fields.text("match")?;
        Template::parse(pattern.value).ok()?;
        self.contradictions(fields, &endpoint);
        Some((pattern.value, endpoint))
    }

    fn own_limits(&mut self, fields: Fields<'n>, cost_factor: u64) -> Vec<Limit> {
        let mut limits = Vec::new();
        for node in fields.items("limits") {
            let Some((name, limit)) = self.limit(node, Home::Endpoint) else {
                continue;
            };
            if let Some(plan) = self.names.plan_limits.get(name.value) {
                self.problems
                    .add(name.spot, format!("limit `{}` has the name of a plan's", name.value))
                    .help("one answer names both: choose another name")
                    .also(*plan, "declared here");
            } else if let Some(quota) = self.names.org_quotas.get(name.value) {
                self.problems
                    .add(
                        name.spot,
                        format!("limit `{}` has the name of an org's quota", name.value),
                    )
                    .help("one answer names both: choose another name")
                    .also(*quota, "declared here");
            }
            declare(
                &mut self.endpoint_limits,
                name.value,
                name.spot,
                "limit",
                &mut self.problems,
            );
            let spot = node.fields().node("limit").map_or(node.spot, |node| node.spot);
            self.can_pass(At::new(&limit, spot), cost_factor);
            limits.push(limit);
        }
        limits
    }

    /// Reports a limit that the cheapest request is too dear for.
    fn can_pass(&mut self, limit: At<&Limit>, cost_factor: u64) {
        let priced = matches!(&limit.value.count, Count::Units(meter) if meter == "requests");
        let capacity = limit.value.capacity;
        if priced && capacity > 0 && cost_factor > capacity {
            self.problems
                .add(
                    limit.spot,
                    format!("no request can ever pass: the cheapest costs {cost_factor}, and the limit is {capacity}"),
                )
                .help("raise the limit, or count calls with `count: calls`");
        }
    }

    fn prices(&mut self, fields: Fields<'_>) -> BTreeMap<String, u64> {
        let mut prices = BTreeMap::new();
        for entry in fields.entries("amounts") {
            if entry.name == "requests" {
                self.problems
                    .add(entry.spot, "the price in `requests` is the cost factor")
                    .help("say `cost_factor: …`");
            } else if self.names.meter(&entry.name, entry.spot, &mut self.problems)
                && let Some(amount) = entry.value.read(scalar::integer)
            {
                prices.insert(entry.name.clone(), amount.value);
            }
        }
        prices
    }

    /// Reports what an endpoint says and cannot mean.
    fn contradictions(&mut self, fields: Fields<'_>, endpoint: &Endpoint) {
        if endpoint.exempt {
            for name in ["forbid", "limits", "slot", "scopes_any", "scopes_all", "environments"] {
                if let Some(spot) = fields.name_spot(name) {
                    self.problems
                        .add(
                            spot,
                            format!("an exempt endpoint is never denied, so `{name}` has no meaning"),
                        )
                        .help(format!("leave out `exempt` or `{name}`"));
                }
            }
        }
        let costs = endpoint.cost_factor > 0 || endpoint.amounts.values().any(|amount| *amount > 0);
        let counted = !endpoint.limits.is_empty() || endpoint.slot.is_some();
        if let Some(spot) = fields.name_spot("cost_factor").filter(|_| !costs && counted) {
            self.warnings
                .add(
                    spot,
                    "requests that cost nothing are looks: they take no slot, and no limit counts them",
                )
                .help("say `exempt: true` for what is never denied");
        }
        let empty: Vec<(&str, Option<Spot>)> = ["scopes_any", "scopes_all", "environments"]
            .map(|name| {
                (
                    name,
                    fields
                        .node(name)
                        .filter(|node| is_empty_list(node))
                        .map(|node| node.spot),
                )
            })
            .into();
        for (name, spot) in empty {
            if let Some(spot) = spot {
                self.problems
                    .add(spot, format!("`{name}`: an empty list"))
                    .help("leave it out");
            }
        }
    }
}

fn is_empty_list(node: &Node) -> bool {
    matches!(&node.value, crate::yaml::Value::List(items) if items.is_empty())
}
