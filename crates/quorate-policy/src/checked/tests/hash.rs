//! Equal policies have equal hashes, however they are written; different ones do not.

use super::mutations::FULL;
use super::sources;
use crate::{REFERENCE_YAML, check};

fn hash(fixture: &str) -> String {
    check(&sources(fixture)).expect("a policy").content_hash().to_owned()
}

const BASE: &str = "\
version: 1
defaults: { plan: p }
plans:
  p:
    limits: [{ name: l, per: [key, attribute.ip], limit: 1_000, window: 60s }]
orgs: { a: {}, b: {} }
";

/// The same with comments, another order, quotes, other units, and defaults that are said.
const SAID: &str = "\
# why
version: 1
orgs:
  b: { plan: p }
  a: { mode: enforce, time_zone: UTC }
defaults: { \"plan\": 'p', warn_at: 80% }
plans:
  p:
    limits:
      - window: 1m
        limit: 1000
        name: l
        per: [attribute.ip, key]
        algorithm: sliding_window
";

/// The same in two files.
const SPLIT: &str = "\
//- a
version: 1
defaults: { plan: p }
orgs: { b: {} }
//- b
version: 1
orgs: { a: {} }
plans: { p: { limits: [{ name: l, per: [key, attribute.ip], limit: 1000, window: 1m }] } }
";

/// The same with an anchor.
const ANCHORED: &str = "\
version: 1
defaults: { plan: p }
plans: { p: { limits: [{ name: l, per: [key, attribute.ip], limit: 1000, window: 1m }] } }
orgs: { a: &x { plan: p }, b: *x }
";

#[test]
fn writing_does_not_matter() {
    let base = hash(BASE);
    assert_eq!(base.len(), 32);
    for same in [SAID, SPLIT, ANCHORED] {
        assert_eq!(hash(same), base, "{same}");
    }
}

#[test]
fn content_does() {
    let base = hash(REFERENCE_YAML);
    for (from, to) in [
        ("limit: 60,", "limit: 61,"),
        ("window: 1h", "window: 61m"),
        ("allowance: 10,", "allowance: 11,"),
        ("async: 50 ", "async: 51 "),
        ("cost_factor: 5", "cost_factor: 6"),
        ("gdpr", "iso27001"),
        ("warn_at: 80%", "warn_at: 81%"),
        ("x-ratelimit-unix", "ietf"),
        ("dev: { plan: developer }", "dev: { plan: enterprise }"),
        ("per: key, limit: 20,", "per: org, limit: 20,"),
        ("{ factor: 5, max: 72h }", "{ factor: 4, max: 72h }"),
    ] {
        let changed = REFERENCE_YAML.replacen(from, to, 1);
        assert_ne!(changed, REFERENCE_YAML, "{from}");
        assert_ne!(hash(&changed), base, "{from}");
    }
}

#[test]
fn what_quotas_say_does() {
    let base = hash(FULL);
    for (from, to) in [
        ("alert_at: [75%, 100%]", "alert_at: [76%, 100%]"),
        ("anchor_day: 31", "anchor_day: 30"),
        ("period: lifetime", "period: year"),
        ("agreed_by: Ann Lee", "agreed_by: Ann"),
        ("agreed_at: 2026-01-01T00:00:00Z", "agreed_at: 2026-01-02T00:00:00Z"),
        ("reason: contract 17", "reason: contract 18"),
    ] {
        let changed = FULL.replacen(from, to, 1);
        assert_ne!(changed, FULL, "{from}");
        assert_ne!(hash(&changed), base, "{from}");
    }
}

/// Servers of different builds compare hashes: a change of this one is a change of what they agree on.
#[test]
fn builds_agree() {
    expect_test::expect!["d2147ab0583823aaec08b83321d47ce2"].assert_eq(&hash(BASE));
}
