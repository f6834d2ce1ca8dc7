//! Which quotas bind, for whom, and what the driver of leases is told of them.

use std::fmt::Write as _;

use expect_test::{Expect, expect};

use super::{applies, set};
use crate::PolicySet;
use crate::checked::tests::mutations::{FULL, QUOTAS};

pub(super) const POLICY: &str = "
version: 1
defaults: { plan: p, warn_at: 70%, on_unavailable: deny }
plans:
  p:
    limits: [{ name: l, per: key, limit: 5, window: 1m }]
    quotas:
      - { name: month, per: org, meter: tokens, limit: 100, period: month, anchor_day: 31, status: 402, warn_at: [90%, 50%, 90%] }
      - { name: each, per: [attribute.user, key, endpoint], limit: 10, period: week, kind: soft, on_unavailable: allow }
      - { name: dry, per: key, limit: 10, period: hour, mode: shadow, alert_at: 99% }
  shade: { mode: shadow, quotas: [{ name: month, meter: tokens, per: org, limit: 9, period: year, kind: soft }] }
orgs:
  agreed:
    time_zone: Europe/Berlin
    overage: { agreed_by: ann, agreed_at: 2026-01-31T08:00:00Z }
    quotas: [{ name: own, per: key, limit: 7, period: lifetime, kind: soft }]
  hard: { time_zone: Asia/Tokyo, quotas: [{ name: own, per: org, limit: 8, period: day }] }
  dry-org: { mode: shadow, quotas: [{ name: own, per: org, limit: 8, period: day }] }
  on-shade: { plan: shade, quotas: [{ name: own, per: org, limit: 8, period: day }] }
  shade-agreed: { plan: shade, mode: shadow, overage: { agreed_by: ann, agreed_at: 2026-01-31T08:00:00Z } }
";

#[test]
fn quotas_of_plan_and_org_apply() {
    applies(
        &set(POLICY),
        &["k", "k@agreed", "k@hard", "k@dry-org", "k@on-shade", "k@shade-agreed"],
        &expect![[r#"
            k
              k@k on p at other: 1 requests
                Plan key
                  l 5 requests #0
                hard quota month 100 tokens 402 warns at [50, 90] #34
                hard quota each 10 requests key endpoint @user warns at [70] #35
                hard quota dry 10 requests key shadow warns at [70] #36
            k@agreed
              k@agreed on p at other: 1 requests
                Plan key
                  l 5 requests #0
                hard quota month 100 tokens 402 warns at [50, 90] #34
                soft quota each 10 requests key endpoint @user warns at [70] #35
                hard quota dry 10 requests key shadow warns at [70] #36
                soft quota own 7 requests key warns at [70] #42
            k@hard
              k@hard on p at other: 1 requests
                Plan key
                  l 5 requests #0
                hard quota month 100 tokens 402 warns at [50, 90] #34
                hard quota each 10 requests key endpoint @user warns at [70] #35
                hard quota dry 10 requests key shadow warns at [70] #36
                hard quota own 8 requests warns at [70] #42
            k@dry-org
              k@dry-org on p at other: 1 requests
                Plan key
                  l 5 requests shadow #0
                hard quota month 100 tokens shadow 402 warns at [50, 90] #34
                hard quota each 10 requests key endpoint @user shadow warns at [70] #35
                hard quota dry 10 requests key shadow warns at [70] #36
                hard quota own 8 requests shadow warns at [70] #42
            k@on-shade
              k@on-shade on shade at other: 1 requests
                hard quota month 9 tokens shadow warns at [70] #34
                hard quota own 8 requests warns at [70] #42
            k@shade-agreed
              k@shade-agreed on shade at other: 1 requests
                soft quota month 9 tokens shadow warns at [70] #34
        "#]],
    );
}

#[test]
fn the_examples() {
    applies(
        &set(QUOTAS),
        &["k", "acme-prod POST /v1/completions", "beta-prod", "k@gamma"],
        &expect![[r#"
            k
              k@k on starter at other: 1 requests
                Plan key
                  per-minute 60 requests #0
                hard quota monthly 100000 requests 402 warns at [80] #34
                hard quota key-daily 10000 requests key warns at [80, 95] #35
            acme-prod POST /v1/completions
              acme-prod@acme on business at POST /v1/completions: 1 requests 500 tokens declared
                Plan key
                  per-minute 600 requests #0
                soft quota monthly-tokens 5000000 tokens warns at [80] #34
            beta-prod
              beta-prod@beta on business at other: 1 requests declared
                Plan key
                  per-minute 600 requests #0
                hard quota monthly-tokens 5000000 tokens warns at [80] #34
            k@gamma
              k@gamma on starter at other: 1 requests
                Plan key
                  per-minute 60 requests #0
                hard quota monthly 100000 requests 402 warns at [80] #34
                hard quota key-daily 10000 requests key warns at [80, 95] #35
                hard quota trial 500000 requests warns at [80] #42
        "#]],
    );
    applies(
        &set(FULL),
        &["ak_acme_ci"],
        &expect![[r#"
        ak_acme_ci
          ak_acme_ci@acme on developer at other: 1 requests declared
            Plan key
              per-minute 60 requests lifted #0
              per-hour 1000 requests #1
              burst 10 requests allowance #16
            Plan @user
              per-user 500 requests shadow #2
            Plan key @ip
              per-address 600 requests #3
            Plan
              per-org 10000 requests #4
              tokens 500 tokens #6
              gpu 500 gpu_seconds #7
              pool 200 requests pool #17
            Plan endpoint
              per-endpoint 100 requests #5
            Plan @tool
              none 0 requests #8
            hard quota monthly-tokens 5000000 tokens 402 warns at [50, 80, 100] #34
            soft quota daily 100 requests key shadow warns at [80] #35
            hard quota lifetime 1000000000 requests warns at [80] #42
    "#]],
    );
}

/// What the driver of leases is told, `org/quota` by `org/quota`.
fn defines(set: &PolicySet, asked: &[&str], expected: &Expect) {
    let mut text = String::new();
    for line in asked {
        let (org, quota) = line.split_once('/').expect("org and quota");
        let _ = match set.quota(org, quota) {
            None => writeln!(text, "{line}: none"),
            Some(found) => writeln!(
                text,
                "{line}: {} {} {} {:?} {} {:?} {:?}",
                found.name,
                found.limit,
                if found.hard { "hard" } else { "soft" },
                found.period,
                found.time_zone,
                found.alert_at,
                found.on_unavailable
            ),
        };
    }
    expected.assert_eq(&text);
}

#[test]
fn definitions() {
    defines(
        &set(POLICY),
        &[
            "nobody/month",
            "nobody/each",
            "nobody/dry",
            "nobody/l",
            "nobody/own",
            "agreed/month",
            "agreed/each",
            "agreed/own",
            "agreed/nothing",
            "hard/each",
            "hard/own",
            "on-shade/month",
            "on-shade/each",
            "shade-agreed/month",
        ],
        &expect![[r#"
            nobody/month: month 100 hard Month { anchor_day: 31 } UTC [50, 80, 90, 100] None
            nobody/each: each 10 hard Week UTC [50, 80, 90, 100] None
            nobody/dry: dry 10 hard Hour UTC [99] None
            nobody/l: none
            nobody/own: none
            agreed/month: month 100 hard Month { anchor_day: 31 } Europe/Berlin [50, 80, 90, 100] None
            agreed/each: each 10 soft Week Europe/Berlin [50, 80, 90, 100] Some(Allow)
            agreed/own: own 7 soft Lifetime Europe/Berlin [50, 80, 90, 100] Some(Deny)
            agreed/nothing: none
            hard/each: each 10 hard Week Asia/Tokyo [50, 80, 90, 100] None
            hard/own: own 8 hard Day Asia/Tokyo [50, 80, 90, 100] None
            on-shade/month: month 9 hard Year UTC [50, 80, 90, 100] None
            on-shade/each: none
            shade-agreed/month: month 9 soft Year UTC [50, 80, 90, 100] Some(Deny)
        "#]],
    );
}

/// Leases of an org that nobody is served of go back.
#[test]
fn orgs_that_are_not_served_have_no_quotas() {
    for unknown in ["unknown_org: deny", "unknown_key: deny"] {
        let policy = POLICY.replace("{ plan: p, ", &format!("{{ plan: p, {unknown}, "));
        let set = set(&policy);
        assert_eq!(set.quota("nobody", "month"), None, "{unknown}");
        assert!(set.quota("hard", "month").is_some(), "{unknown}");
    }
    let set = set("version: 1\ndefaults: { unknown_org: deny }\n");
    assert_eq!(set.quota("nobody", "month"), None);
}

/// No tie between a limit and a quota, wherever they are declared, goes to the quota.
#[test]
fn quotas_come_after_all_limits() {
    let limits: Vec<String> = (0..16)
        .map(|number| format!("{{ name: e{number}, per: key, limit: 5, window: 1m }}"))
        .collect();
    let policy = format!(
        "version: 1\ndefaults: {{ plan: p }}\nplans: {{ p: {{ quotas: [{{ name: q, per: org, limit: 5, period: day }}] }} }}\nendpoints:\n  - match: GET /a\n    limits: [{}]\n",
        limits.join(", ")
    );
    let set = set(&policy);
    let request = quorate_core::request::Request::of("k", "GET /a");
    let resolved = set
        .resolve(&request, super::BOUNDS, None, quorate_core::time::Instant(0))
        .expect("well formed");
    let super::Verdict::Charge(terms) = resolved.verdict else {
        panic!("it is charged")
    };
    let of_limits = terms.groups().flat_map(|group| &group.limits).map(|limit| limit.order);
    let (last, first) = (of_limits.max(), terms.quotas().map(|quota| quota.order).min());
    assert!(last < first, "{last:?} {first:?}");
}
