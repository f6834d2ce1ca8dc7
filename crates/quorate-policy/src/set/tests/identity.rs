//! Who asks.

use expect_test::expect;
use quorate_core::answer::Reason;
use quorate_core::request::Request;
use quorate_core::time::Instant;

use super::{BOUNDS, applies, set};
use crate::Verdict;

fn policy(defaults: &str) -> String {
    format!(
        "
version: 1
defaults: {{ plan: free, {defaults} }}
plans: {{ free: {{}}, paid: {{}} }}
orgs: {{ acme: {{ plan: paid }}, open: {{ plan: paid }} }}
keys:
  k1: {{ org: acme, credential_hash: {} }}
",
        "07".repeat(32)
    )
}

const REQUESTS: [&str; 11] = [
    "k1",
    "k1@acme",
    "k1@open",
    "new@acme",
    "new@open",
    "new@nobody",
    "new",
    "acme",
    "open",
    "x credential=7",
    "x@open credential=7",
];

#[test]
fn by_default() {
    applies(
        &set(&policy("")),
        &REQUESTS,
        &expect![[r#"
        k1
          k1@acme on paid at other: 1 requests declared
        k1@acme
          k1@acme on paid at other: 1 requests declared
        k1@open
          k1@acme on paid at other: OrgMismatch
        new@acme
          new@acme on no plan at other: KeyUnknown
        new@open
          new@open on paid at other: 1 requests
        new@nobody
          new@nobody on free at other: 1 requests
        new
          new@new on free at other: 1 requests
        acme
          acme@acme on no plan at other: KeyUnknown
        open
          open@open on paid at other: 1 requests
        x credential=7
          k1@acme on paid at other: 1 requests declared
        x@open credential=7
          k1@acme on paid at other: OrgMismatch
    "#]],
    );
}

#[test]
fn unknown_keys_denied_or_not() {
    applies(
        &set(&policy("unknown_key: deny")),
        &REQUESTS,
        &expect![[r#"
        k1
          k1@acme on paid at other: 1 requests declared
        k1@acme
          k1@acme on paid at other: 1 requests declared
        k1@open
          k1@acme on paid at other: OrgMismatch
        new@acme
          new@acme on no plan at other: KeyUnknown
        new@open
          new@open on no plan at other: KeyUnknown
        new@nobody
          new@nobody on no plan at other: KeyUnknown
        new
          new@new on no plan at other: KeyUnknown
        acme
          acme@acme on no plan at other: KeyUnknown
        open
          open@open on no plan at other: KeyUnknown
        x credential=7
          k1@acme on paid at other: 1 requests declared
        x@open credential=7
          k1@acme on paid at other: OrgMismatch
    "#]],
    );
    applies(
        &set(&policy("unknown_key: default_plan")),
        &REQUESTS,
        &expect![[r#"
        k1
          k1@acme on paid at other: 1 requests declared
        k1@acme
          k1@acme on paid at other: 1 requests declared
        k1@open
          k1@acme on paid at other: OrgMismatch
        new@acme
          new@acme on paid at other: 1 requests
        new@open
          new@open on paid at other: 1 requests
        new@nobody
          new@nobody on free at other: 1 requests
        new
          new@new on free at other: 1 requests
        acme
          acme@acme on paid at other: 1 requests
        open
          open@open on paid at other: 1 requests
        x credential=7
          k1@acme on paid at other: 1 requests declared
        x@open credential=7
          k1@acme on paid at other: OrgMismatch
    "#]],
    );
}

#[test]
fn unknown_orgs_denied() {
    applies(
        &set(&policy("unknown_org: deny")),
        &REQUESTS,
        &expect![[r#"
        k1
          k1@acme on paid at other: 1 requests declared
        k1@acme
          k1@acme on paid at other: 1 requests declared
        k1@open
          k1@acme on paid at other: OrgMismatch
        new@acme
          new@acme on no plan at other: KeyUnknown
        new@open
          new@open on paid at other: 1 requests
        new@nobody
          new@nobody on no plan at other: PolicyForbids
        new
          new@new on no plan at other: PolicyForbids
        acme
          acme@acme on no plan at other: KeyUnknown
        open
          open@open on paid at other: 1 requests
        x credential=7
          k1@acme on paid at other: 1 requests declared
        x@open credential=7
          k1@acme on paid at other: OrgMismatch
    "#]],
    );
}

#[test]
fn a_credential_of_no_key_is_unknown_whatever_the_policy() {
    let requests = ["x credential=8", "x@open credential=8", "x@nobody credential=8"];
    applies(
        &set(&policy("unknown_key: default_plan")),
        &requests,
        &expect![[r#"
        x credential=8
          @ on no plan at other: KeyUnknown
        x@open credential=8
          @open on no plan at other: KeyUnknown
        x@nobody credential=8
          @nobody on no plan at other: KeyUnknown
    "#]],
    );
}

#[test]
fn what_an_end_user_can_choose_is_denied_not_refused() {
    let set = set(&policy("unknown_key: default_plan"));
    let reason = |key: &str, org: &str| {
        let mut request = Request::of(key, "");
        request.org = org;
        match set
            .resolve(&request, BOUNDS, None, Instant(0))
            .expect("no error")
            .verdict
        {
            Verdict::Denied(reason) => Some(reason),
            Verdict::Exempt | Verdict::Charge(_) => None,
        }
    };
    let (longest, too_long) = ("x".repeat(256), "x".repeat(257));
    assert_eq!(reason(&longest, &longest), None);
    assert_eq!(reason("ключ", "Müller & Söhne"), None);
    assert_eq!(reason("", ""), Some(Reason::KeyInvalid));
    assert_eq!(reason(&too_long, ""), Some(Reason::KeyInvalid));
    assert_eq!(reason("a\nb", ""), Some(Reason::KeyInvalid));
    assert_eq!(reason("a\u{85}b", ""), Some(Reason::KeyInvalid));
    assert_eq!(reason("k", &too_long), Some(Reason::OrgMismatch));
    assert_eq!(reason("k", "a\0b"), Some(Reason::OrgMismatch));
}

#[test]
fn an_endpoint_of_any_length_is_one() {
    let long = format!("GET /{}", "x/".repeat(100_000));
    let set = set(&policy(""));
    let resolved = set
        .resolve(&Request::of("k", &long), BOUNDS, None, Instant(0))
        .expect("no error");
    assert_eq!(resolved.endpoint, "other");
}
