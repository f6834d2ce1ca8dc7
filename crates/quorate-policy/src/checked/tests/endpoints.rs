//! Rules of the catalogue.

use expect_test::expect;

use super::{endpoints, said, says};

#[test]
fn templates() {
    for (wrong, expected) in [
        (
            "get /a",
            expect![[r#"
                p.yaml:5:12: `match`: `get /a` does not begin with an HTTP method in capitals; expected `METHOD /path/{parameter}`, `METHOD /path/*` or `/package.Service/Method`
            "#]],
        ),
        (
            "/a/{id}",
            expect![[r#"
                p.yaml:5:12: `match`: `/a/{id}` is not a gRPC method `/package.Service/Method`; an HTTP path wants its method first; expected `METHOD /path/{parameter}`, `METHOD /path/*` or `/package.Service/Method`
            "#]],
        ),
        (
            "GET /a//b",
            expect![[r#"
                p.yaml:5:12: `match`: `GET /a//b` has an empty segment (`//`); expected `METHOD /path/{parameter}`, `METHOD /path/*` or `/package.Service/Method`
            "#]],
        ),
        (
            "GET /a/*/b",
            expect![[r#"
                p.yaml:5:12: `match`: `GET /a/*/b` has `{`, `}` or `*` inside a segment; a parameter is a whole segment, and `*` is the last one; expected `METHOD /path/{parameter}`, `METHOD /path/*` or `/package.Service/Method`
            "#]],
        ),
        (
            "GET /a?b",
            expect![[r#"
                p.yaml:5:12: `match`: `GET /a?b` has a query, a fragment or a space in its path; expected `METHOD /path/{parameter}`, `METHOD /path/*` or `/package.Service/Method`
            "#]],
        ),
    ] {
        expected.assert_eq(&said(&endpoints(&format!("- match: {wrong}"))));
    }
    says(
        &endpoints("- cost_factor: 5"),
        &expect![[r#"
        p.yaml:5:5: an endpoint lacks the field `match`; `match`: `METHOD /path/{parameter}`, `METHOD /path/*` or `/package.Service/Method`
    "#]],
    );
}

#[test]
fn templates_that_cross_are_refused() {
    let ordered = "- match: GET /a/{id}\n- match: GET /a/b\n- match: GET /a/*\n- match: POST /{x}/b";
    assert_eq!(said(&endpoints(ordered)), "");
    says(
        &endpoints("- match: GET /a/{id}\n- match: GET /{x}/b"),
        &expect![[r#"
        p.yaml:6:12: `GET /{x}/b` and `GET /a/{id}` overlap, and neither is the more specific (declared here at p.yaml:5:12); add an entry for what both match, and make one of these narrower
    "#]],
    );
    says(
        &endpoints("- match: GET /a/{id}\n- match: GET /a/{name}"),
        &expect![[r#"
            p.yaml:6:12: `GET /a/{name}` matches the same requests as `GET /a/{id}` (declared here at p.yaml:5:12)
        "#]],
    );
    says(
        &endpoints("- match: GET /a\n- match: GET /a"),
        &expect![[r#"
        p.yaml:6:12: endpoint `GET /a` is declared twice (first declared here at p.yaml:5:12)
    "#]],
    );
}

#[test]
fn prices() {
    says(
        &endpoints("- { match: GET /a, cost_factor: 5, amounts: { tokens: 50, bytes: 0 } }"),
        &expect![[""]],
    );
    says(
        &endpoints("- { match: GET /a, amounts: { requests: 5 } }"),
        &expect![[r#"
            p.yaml:5:33: the price in `requests` is the cost factor; say `cost_factor: …`
        "#]],
    );
    says(
        &endpoints("- { match: GET /a, amounts: { token: 5, tokens: x } }"),
        &expect![[r#"
            p.yaml:5:33: unknown meter `token`; did you mean `tokens`?
            p.yaml:5:51: `tokens`: `x` is not a whole number; expected a whole number from 0 to 9007199254740992
        "#]],
    );
    says(
        &endpoints("- { match: GET /a, cost_factor: 1.5 }"),
        &expect![[r#"
            p.yaml:5:35: `cost_factor`: `1.5` is not a whole number; expected a whole number from 0 to 1000000
        "#]],
    );
}

#[test]
fn own_limits_can_be_passed() {
    let own = |factor: u64, fields: &str| {
        said(&endpoints(&format!(
            "- match: GET /a\n  cost_factor: {factor}\n  limits: [{{ name: own, per: key, {fields} }}]"
        )))
    };
    assert_eq!(own(5, "limit: 4, window: 1m"), "", "calls are counted");
    assert_eq!(own(5, "limit: 5, window: 1m, count: units"), "");
    expect![[r#"
        p.yaml:7:44: no request can ever pass: the cheapest costs 5, and the limit is 4; raise the limit, or count calls with `count: calls`
    "#]].assert_eq(&own(5, "limit: 4, window: 1m, count: units"));
    assert_eq!(
        own(5, "limit: 4, window: 1m, meter: tokens"),
        "",
        "a caller may name a smaller amount"
    );
}

#[test]
fn one_answer_names_each_limit_once() {
    says(
        "\
version: 1
defaults: { plan: p }
plans: { p: { limits: [{ name: a, per: key, limit: 5, window: 1m }] } }
endpoints:
  - match: GET /a
    limits: [{ name: a, per: key, limit: 5, window: 1m }, { name: b, per: key, limit: 5, window: 1m }]
  - match: GET /b
    limits: [{ name: b, per: key, limit: 5, window: 1m }, { name: burst, per: key, limit: 5, window: 1m }]
",
        &expect![[r#"
            p.yaml:6:22: limit `a` has the name of a plan's (declared here at p.yaml:3:32); one answer names both: choose another name
            p.yaml:8:22: limit `b` is declared twice (first declared here at p.yaml:6:67)
            p.yaml:8:67: `burst` is what answers call the plan's own; choose another name
        "#]],
    );
}

#[test]
fn slots_scopes_and_environments() {
    says(
        &endpoints("- { match: GET /a, slot: async }"),
        &expect![[r#"
        p.yaml:5:28: unknown slot `async`; no plan has `slots`
    "#]],
    );
    says(
        "version: 1\ndefaults: { plan: p }\nplans: { p: { slots: { async: 5 } } }\nendpoints: [{ match: GET /a, slot: asnyc }]\n",
        &expect![[r#"
            p.yaml:4:36: unknown slot `asnyc`; did you mean `async`?
        "#]],
    );
    says(
        &endpoints("- { match: GET /a, scopes_any: [], scopes_all: [a b], environments: [prod] }"),
        &expect![[r#"
            p.yaml:5:34: `scopes_any`: an empty list; leave it out
            p.yaml:5:51: `scopes_all`: `a b` is not a name; expected a name of at most 64 letters, digits, `-`, `_` and `.`
            p.yaml:5:72: unknown environment `prod`; no environment is declared
        "#]],
    );
    says(
        &format!(
            "{}environments: [prod, staging]\n",
            endpoints("- { match: GET /a, environments: [prd] }")
        ),
        &expect![[r#"
            p.yaml:5:37: unknown environment `prd`; did you mean `prod`?
        "#]],
    );
}

#[test]
fn an_exempt_endpoint_denies_nothing() {
    assert_eq!(
        said(&endpoints(
            "- { match: GET /a, exempt: true, cost_factor: 5, amounts: { tokens: 1 } }"
        )),
        ""
    );
    says(
        &endpoints("- { match: GET /a, exempt: true, forbid: true, scopes_any: [a], scopes_all: [a], limits: [] }"),
        &expect![[r#"
            p.yaml:5:36: an exempt endpoint is never denied, so `forbid` has no meaning; leave out `exempt` or `forbid`
            p.yaml:5:50: an exempt endpoint is never denied, so `scopes_any` has no meaning; leave out `exempt` or `scopes_any`
            p.yaml:5:67: an exempt endpoint is never denied, so `scopes_all` has no meaning; leave out `exempt` or `scopes_all`
            p.yaml:5:84: an exempt endpoint is never denied, so `limits` has no meaning; leave out `exempt` or `limits`
        "#]],
    );
}

#[test]
fn what_costs_nothing_is_counted_by_nothing() {
    let own = "limits: [{ name: own, per: key, limit: 5, window: 1m }]";
    says(
        &endpoints(&format!("- {{ match: GET /a, cost_factor: 0, {own} }}")),
        &expect![[r#"
            p.yaml:5:22: requests that cost nothing are looks: they take no slot, and no limit counts them; say `exempt: true` for what is never denied
        "#]],
    );
    let priced = format!("- {{ match: GET /a, cost_factor: 0, amounts: {{ bytes: 1 }}, {own} }}");
    assert_eq!(said(&endpoints(&priced)), "");
    assert_eq!(said(&endpoints("- { match: GET /a, cost_factor: 0 }")), "");
}

#[test]
fn what_a_plan_can_never_pay_is_told() {
    let policy = |plan: &str| {
        said(&format!(
            "version: 1\ndefaults: {{ plan: p }}\nplans: {{ p: {{ {plan} }} }}\nendpoints: [{{ match: GET /a, cost_factor: 8 }}]\n"
        ))
    };
    let minute = |limit: u64| format!("limits: [{{ name: minute, per: key, limit: {limit}, window: 1m }}]");
    let pool = "pool: { capacity: 20, refill: 1, every: 1h }, burst: { allowance: 2, window: 1m }";
    assert_eq!(policy(&minute(8)), "");
    expect![[r#"
        p.yaml:4:22: no request to `GET /a` can ever pass on plan `p`: the cheapest costs 8, and `minute` holds 7
    "#]]
    .assert_eq(&policy(&minute(7)));
    assert_eq!(policy(&format!("{}, {pool}", minute(6))), "");
    expect![[r#"
        p.yaml:4:22: no request to `GET /a` can ever pass on plan `p`: the cheapest costs 8, and `minute` holds 7
    "#]]
    .assert_eq(&policy(&format!("{}, {pool}", minute(5))));
    expect![[r#"
        p.yaml:4:22: no request to `GET /a` can ever pass on plan `p`: the cheapest costs 8, and `pool` holds 7
    "#]]
    .assert_eq(&policy("pool: { capacity: 7, refill: 1, every: 1h, mode: ceiling }"));
    assert_eq!(
        policy("limits: [{ name: m, per: key, limit: 7, window: 1m, mode: shadow }]"),
        ""
    );
    assert_eq!(
        policy("limits: [{ name: m, per: key, limit: 7, window: 1m, count: calls }]"),
        ""
    );
}
