//! Who may ask.

use expect_test::expect;
use quorate_core::answer::Reason;
use quorate_core::request::{ATTRIBUTE_VALUE_BYTES_MAX, Request};
use quorate_core::time::Instant;

use super::{BOUNDS, applies, set};
use crate::Verdict;

const POLICY: &str = "
version: 1
defaults: { plan: p }
plans: { p: {} }
environments: [prod, staging]
endpoints:
  - { match: GET /any, scopes_any: [a, b] }
  - { match: GET /all, scopes_all: [a, b] }
  - { match: GET /prod, environments: [prod] }
  - { match: GET /no, forbid: true }
  - { match: GET /free, exempt: true }
orgs:
  good: {}
  paused: { state: paused }
  banned: { state: banned }
keys:
  plain: { org: good }
  a: { org: good, scopes: [a] }
  prod: { org: good, environment: prod }
  paused: { org: good, state: paused }
  suspended: { org: good, state: suspended }
  revoked: { org: good, state: revoked }
  banned: { org: good, state: banned }
  old: { org: good, expires: 1970-01-01T00:00:00.000000100Z }
  of-paused: { org: paused }
  of-banned: { org: banned, state: revoked }
  old-paused: { org: paused, expires: 1970-01-01T00:00:00Z }
";

#[test]
fn states() {
    applies(
        &set(POLICY),
        &[
            "plain",
            "paused",
            "suspended",
            "revoked",
            "banned",
            "old now=99",
            "old now=100",
            "of-paused",
            "of-banned",
            "old-paused",
            "new@paused",
            "new@banned",
        ],
        &expect![[r#"
            plain
              plain@good on p at other: 1 requests declared
            paused
              paused@good on p at other: Paused
            suspended
              suspended@good on p at other: KeySuspended
            revoked
              revoked@good on p at other: KeyRevoked
            banned
              banned@good on p at other: Banned
            old now=99
              old@good on p at other: 1 requests declared
            old now=100
              old@good on p at other: KeyExpired
            of-paused
              of-paused@paused on p at other: Paused
            of-banned
              of-banned@banned on p at other: Banned
            old-paused
              old-paused@paused on p at other: KeyExpired
            new@paused
              new@paused on no plan at other: KeyUnknown
            new@banned
              new@banned on no plan at other: KeyUnknown
        "#]],
    );
}

#[test]
fn scopes_of_key_and_caller_add_up() {
    applies(
        &set(POLICY),
        &[
            "plain GET /any",
            "plain GET /any scopes=c,b",
            "a GET /any",
            "a GET /all",
            "a GET /all scopes=b",
            "plain GET /all scopes=a,b",
            "plain GET /all scopes=b",
            "k GET /any scopes=a",
        ],
        &expect![[r#"
            plain GET /any
              plain@good on p at GET /any: ScopeMissing
            plain GET /any scopes=c,b
              plain@good on p at GET /any: 1 requests declared
            a GET /any
              a@good on p at GET /any: 1 requests declared
            a GET /all
              a@good on p at GET /all: ScopeMissing
            a GET /all scopes=b
              a@good on p at GET /all: 1 requests declared
            plain GET /all scopes=a,b
              plain@good on p at GET /all: 1 requests declared
            plain GET /all scopes=b
              plain@good on p at GET /all: ScopeMissing
            k GET /any scopes=a
              k@k on p at GET /any: 1 requests
        "#]],
    );
}

#[test]
fn environments() {
    applies(
        &set(POLICY),
        &[
            "prod",
            "prod env=prod",
            "prod env=staging",
            "plain env=anything",
            "plain GET /prod",
            "plain GET /prod env=prod",
            "plain GET /prod env=staging",
            "prod GET /prod",
            "prod GET /prod env=staging",
        ],
        &expect![[r#"
            prod
              prod@good on p at other: 1 requests declared
            prod env=prod
              prod@good on p at other: 1 requests declared
            prod env=staging
              prod@good on p at other: EnvironmentMismatch
            plain env=anything
              plain@good on p at other: 1 requests declared
            plain GET /prod
              plain@good on p at GET /prod: EnvironmentMismatch
            plain GET /prod env=prod
              plain@good on p at GET /prod: 1 requests declared
            plain GET /prod env=staging
              plain@good on p at GET /prod: EnvironmentMismatch
            prod GET /prod
              prod@good on p at GET /prod: 1 requests declared
            prod GET /prod env=staging
              prod@good on p at GET /prod: EnvironmentMismatch
        "#]],
    );
}

#[test]
fn forbidden_and_exempt_endpoints() {
    applies(
        &set(POLICY),
        &[
            "plain GET /no",
            "banned GET /no",
            "plain GET /free",
            "banned GET /free",
            "new@good GET /free",
            "GET /free",
        ],
        &expect![[r#"
            plain GET /no
              plain@good on p at GET /no: PolicyForbids
            banned GET /no
              banned@good on p at GET /no: Banned
            plain GET /free
              plain@good on p at GET /free: exempt
            banned GET /free
              banned@good on p at GET /free: exempt
            new@good GET /free
              new@good on no plan at GET /free: exempt
            GET /free
              GET@GET on p at other: 1 requests
        "#]],
    );
}

/// An end user can choose it, and a caller that fails open would let an error through.
#[test]
fn an_attribute_value_that_is_too_long_is_denied() {
    let set = set(POLICY);
    let judge = |length: usize, endpoint: &str| {
        let value = "x".repeat(length);
        let request = Request {
            attributes: &[("user", "short"), ("agent", &value)],
            ..Request::of("plain", endpoint)
        };
        match set
            .resolve(&request, BOUNDS, None, Instant(0))
            .expect("well formed")
            .verdict
        {
            Verdict::Denied(reason) => Some(reason),
            Verdict::Exempt | Verdict::Charge(_) => None,
        }
    };
    assert_eq!(judge(ATTRIBUTE_VALUE_BYTES_MAX, ""), None);
    assert_eq!(judge(ATTRIBUTE_VALUE_BYTES_MAX + 1, ""), Some(Reason::PolicyForbids));
    assert_eq!(judge(ATTRIBUTE_VALUE_BYTES_MAX + 1, "GET /free"), None);
}
