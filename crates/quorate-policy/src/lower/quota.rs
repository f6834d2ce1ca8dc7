//! One quota, and what an org's own ones rest on: its agreement to overage, and names that its plan does not have.

use std::collections::BTreeMap;

use quorate_core::quota::THRESHOLDS_MAX;

use super::limit::{not_reserved, per};
use super::settings::on_unavailable;
use super::{Lowering, is_shadow};
use crate::QuotaPeriod;
use crate::fields::Fields;
use crate::model::{Agreement, Per, Quota};
use crate::names::declare;
use crate::problems::{At, Problems, Spot, shown};
use crate::scalar;
use crate::yaml::Node;

/// At which uses of a quota alerts are raised when nothing is said.
const ALERT_AT: [u8; 4] = [50, 80, 90, 100];

/// The most attributes that a quota is kept per: what the name of an account has room for in the core.
const ATTRIBUTES_MAX: usize = 8;

impl Lowering<'_> {
    /// Lowers the quotas of a plan, whose names join those of its limits in `declared`.
    pub(super) fn quotas<'n>(&mut self, nodes: &'n [Node], declared: &mut BTreeMap<&'n str, Spot>) -> Vec<Quota> {
        nodes.iter().filter_map(|node| self.quota(node, declared)).collect()
    }

    /// Lowers the quotas of an org, which meet its requests beside those of `plan`.
    pub(super) fn own_quotas(&mut self, fields: Fields<'_>, plan: &str) -> Vec<Quota> {
        let nodes = fields.items("quotas");
        let agreed = fields.node("overage").is_some();
        for quota in nodes.iter().map(Node::fields) {
            if let Some(name) = quota.text("name")
                && let Some(of_plan) = self.names.of_plans.get(plan).and_then(|names| names.get(name.value))
            {
                let (name, spot, plan) = (shown(name.value), name.spot, shown(plan));
                self.problems
                    .add(
                        spot,
                        format!("quota `{name}` has the name of a limit or quota of plan `{plan}`"),
                    )
                    .help("one answer names both: choose another name")
                    .also(*of_plan, "declared here");
            }
            if let Some(kind) = quota.text("kind").filter(|kind| kind.value == "soft" && !agreed) {
                self.problems
                    .add(kind.spot, "a soft quota of an org that has not agreed to overage")
                    .help("record its agreement in `overage: { agreed_by: …, agreed_at: … }`, or make it `kind: hard`");
            }
        }
        self.quotas(nodes, &mut BTreeMap::new())
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
        let warn_at = thresholds(fields, "warn_at", &mut self.problems);
        let alert_at = thresholds(fields, "alert_at", &mut self.problems);
        let period = period(fields, &mut self.problems);
        let per = account(fields, &mut self.problems);
        Some(Quota {
            name: name?.value.to_owned(),
            per: per?,
            meter: meter.map_or("requests", |meter| meter.value).to_owned(),
            limit: fields.read("limit", scalar::integer)?.value,
            period: period?,
            hard,
            warn_at: warn_at.unwrap_or_else(|| self.settings.warn_at.into_iter().collect()),
            alert_at: alert_at.unwrap_or_else(|| ALERT_AT.into()),
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

/// An org's agreement to overage; `None` when there is none, or what it lacks has been reported.
pub(super) fn agreement(fields: Fields<'_>) -> Option<Agreement> {
    let fields = fields.node("overage")?.fields();
    Some(Agreement {
        agreed_by: fields.text("agreed_by")?.value.to_owned(),
        agreed_at: fields.read("agreed_at", scalar::timestamp)?.value,
        reason: fields.text("reason").map(|reason| reason.value.to_owned()),
    })
}

fn period(fields: Fields<'_>, problems: &mut Problems) -> Option<QuotaPeriod> {
    let word = fields.text("period").map_or("", |period| period.value);
    if word != "month"
        && let Some(spot) = fields.name_spot("anchor_day")
    {
        problems.add(spot, "`anchor_day` means something to months only");
    }
    match word {
        "hour" => Some(QuotaPeriod::Hour),
        "day" => Some(QuotaPeriod::Day),
        "week" => Some(QuotaPeriod::Week),
        "month" => {
            let day = fields.read("anchor_day", scalar::integer);
            let anchor_day = day.and_then(|day| u8::try_from(day.value).ok()).unwrap_or(1);
            Some(QuotaPeriod::Month { anchor_day })
        }
        "year" => Some(QuotaPeriod::Year),
        "lifetime" => Some(QuotaPeriod::Lifetime),
        _ => None,
    }
}

/// A list of uses in percent, sorted, each once; `None` when it is not given.
fn thresholds(fields: Fields<'_>, name: &str, problems: &mut Problems) -> Option<Vec<u8>> {
    let node = fields.node(name)?;
    let read: Vec<At<u8>> = node
        .one_or_many()
        .iter()
        .filter_map(|item| item.read(scalar::percent))
        .collect();
    let mut percents: Vec<u8> = read.iter().map(|percent| percent.value).collect();
    percents.sort_unstable();
    percents.dedup();
    if percents.len() > THRESHOLDS_MAX {
        let message = format!(
            "`{name}` names {} uses; at most {THRESHOLDS_MAX} are possible",
            percents.len()
        );
        problems.add(node.spot, message);
    }
    Some(percents)
}

/// What an account belongs to.
fn account(fields: Fields<'_>, problems: &mut Problems) -> Option<Per> {
    let per = per(fields, problems)?;
    let count = per.attributes.len();
    if count > ATTRIBUTES_MAX
        && let Some(node) = fields.node("per")
    {
        let message = format!("`per` names {count} attributes; an account has at most {ATTRIBUTES_MAX}");
        problems.add(node.spot, message);
    }
    Some(per)
}
