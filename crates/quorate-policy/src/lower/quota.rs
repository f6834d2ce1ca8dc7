//! One quota. It parses and is checked; binding it wants durable state, which is not here yet.

use std::collections::BTreeMap;

use super::limit::{not_reserved, per};
use super::settings::on_unavailable;
use super::{Lowering, is_shadow};
use crate::model::Quota;
use crate::names::declare;
use crate::problems::Spot;
use crate::scalar;
use crate::yaml::Node;

impl Lowering<'_> {
    /// Lowers the quotas of a plan or org, whose names join those in `declared`.
    pub(super) fn quotas<'n>(&mut self, nodes: &'n [Node], declared: &mut BTreeMap<&'n str, Spot>) -> Vec<Quota> {
        nodes.iter().filter_map(|node| self.quota(node, declared)).collect()
    }

    fn quota<'n>(&mut self, node: &'n Node, declared: &mut BTreeMap<&'n str, Spot>) -> Option<Quota> {
        let fields = node.fields();
        let name = fields.read("name", scalar::name);
        if let Some(name) = name {
            not_reserved(name, &mut self.problems);
            declare(declared, name.value, name.spot, "limit or quota", &mut self.problems);
        }
        let meter = fields.text("meter");
        if let Some(meter) = meter {
            self.names.meter(meter.value, meter.spot, &mut self.problems);
        }
        let hard = fields.text("kind").is_none_or(|kind| kind.value == "hard");
        if hard && let Some(spot) = fields.name_spot("on_unavailable") {
            self.problems
                .add(spot, "a hard quota is never overspent, whatever is away")
                .help("leave out `on_unavailable`, or make it `kind: soft`");
        }
        let period = fields.text("period").map_or("", |period| period.value);
        if period != "month"
            && let Some(spot) = fields.name_spot("anchor_day")
        {
            self.problems.add(spot, "`anchor_day` means something to months only");
        }
        let mut warn_at: Vec<u8> = match fields.node("warn_at") {
            Some(node) => node
                .one_or_many()
                .iter()
                .filter_map(|item| Some(item.read(scalar::percent)?.value))
                .collect(),
            None => self.settings.warn_at.into_iter().collect(),
        };
        warn_at.sort_unstable();
        warn_at.dedup();
        let per = per(fields, &mut self.problems);
        Some(Quota {
            name: name?.value.to_owned(),
            per: per?,
            meter: meter.map_or("requests", |meter| meter.value).to_owned(),
            limit: fields.read("limit", scalar::integer)?.value,
            period: period.to_owned(),
            anchor_day: fields
                .read("anchor_day", scalar::integer)
                .and_then(|day| u8::try_from(day.value).ok())
                .unwrap_or(1),
            hard,
            warn_at,
            status: if fields.text("status").is_some_and(|status| status.value == "402") {
                402
            } else {
                429
            },
            shadow: is_shadow(fields.text("mode")),
            on_unavailable: (!hard).then(|| on_unavailable(fields).unwrap_or(self.settings.on_unavailable)),
        })
    }
}
