//! What Envoy's rules have counted. The names say the same as the statistics of the reference service.

use super::super::ServerView;
use super::super::family::{Family, Kind};
use crate::envoy::RuleCount;

use Kind::{Counter, Gauge};

/// What one of the families counts of a rule.
type Count = fn(&RuleCount) -> u64;

pub(super) fn envoy(server: &ServerView) -> Vec<Family> {
    let by_rule = |name, help, count: Count| {
        let family = Family::new(name, Counter, help);
        let rules = server.envoy.rules.iter();
        rules.fold(family, |family, rule| family.by("rule", rule.key.clone(), count(rule)))
    };
    vec![
        by_rule(
            "quorate_envoy_rule_hits",
            "Hits that met a limit of Envoy's rules, by rule",
            |rule| rule.total,
        ),
        by_rule(
            "quorate_envoy_rule_within_limit",
            "Hits within a limit of Envoy's rules, by rule",
            |rule| rule.within,
        ),
        by_rule(
            "quorate_envoy_rule_near_limit",
            "Hits beyond four fifths of a limit of Envoy's rules and not beyond it, by rule",
            |rule| rule.near,
        ),
        by_rule(
            "quorate_envoy_rule_over_limit",
            "Hits beyond a limit of Envoy's rules, by rule",
            |rule| rule.over,
        ),
        by_rule(
            "quorate_envoy_rule_shadow",
            "Hits beyond a limit of Envoy's rules that passed in shadow mode, by rule",
            |rule| rule.shadow,
        ),
        Family::new(
            "quorate_envoy_shadowed",
            Counter,
            "Requests to Envoy's rules that passed only because of shadow mode for all",
        )
        .of(server.envoy.shadowed),
        Family::new(
            "quorate_envoy_unknown_domain",
            Counter,
            "Requests to Envoy's rules for a domain that has none, which pass",
        )
        .of(server.envoy.unknown_domain),
        Family::new(
            "quorate_envoy_rules_reloads",
            Counter,
            "Reloads of Envoy's rules since the start, by result",
        )
        .by("result", "ok", server.envoy.reloads)
        .by("result", "failed", server.envoy.reload_failures),
        Family::new("quorate_envoy_rules", Gauge, "Envoy's rules in force").of(server.envoy.in_force),
    ]
}
