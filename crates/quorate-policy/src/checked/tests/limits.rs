//! Rules of limits.

use expect_test::expect;

use super::{plan, said, says};

/// A policy with one limit of these fields beside its name and per.
fn limit(fields: &str) -> String {
    plan(&format!("limits:\n  - {{ name: l, per: key, {fields} }}"))
}

#[test]
fn capacity_and_deny() {
    says(&limit("limit: 5, window: 1m"), &expect![[""]]);
    says(
        &limit("limit: 0, window: 1m"),
        &expect![[r#"
        p.yaml:6:37: a limit of 0 denies everything; say so with `deny: true`, or leave the limit out for no limit
    "#]],
    );
    says(
        &limit("window: 1m"),
        &expect![[r#"
        p.yaml:6:9: a limit lacks the field `limit`; `limit`: a whole number like `5_000`
    "#]],
    );
    says(&limit("deny: true"), &expect![[""]]);
    says(&limit("limit: 0, deny: true"), &expect![[""]]);
    says(
        &limit("limit: 5, window: 1m, deny: true"),
        &expect![[r#"
        p.yaml:6:37: a limit of 5 that denies everything; leave out `deny`, or the limit
    "#]],
    );
    says(
        &limit("limit: 5, window: 1m, deny: yes"),
        &expect![[r#"
            p.yaml:6:58: `deny`: `yes` is neither `true` nor `false`; expected `true` or `false`
        "#]],
    );
    says(&limit("limit: 1125899906842624, window: 1m"), &expect![[""]]);
    says(
        &limit("limit: 1125899906842625, window: 1m"),
        &expect![[r#"
            p.yaml:6:37: `limit`: `1125899906842625` is more than 1125899906842624; expected a whole number from 0 to 1125899906842624
        "#]],
    );
    says(
        &limit("limit: 5.5, window: 1m"),
        &expect![[r#"
            p.yaml:6:37: `limit`: `5.5` is not a whole number; expected a whole number from 0 to 1125899906842624
        "#]],
    );
    says(
        &limit("limit: '5', window: 1m"),
        &expect![[r#"
        p.yaml:6:37: `limit`: "5" is text; leave out the quotes
    "#]],
    );
}

#[test]
fn windows() {
    says(
        &limit("limit: 5"),
        &expect![[r#"
        p.yaml:6:9: a limit lacks the field `window`; `window`: a duration like `1m`
    "#]],
    );
    for (window, fits) in [
        ("100ms", true),
        ("99ms", false),
        ("400d", true),
        ("401d", false),
        ("0s", false),
    ] {
        assert_eq!(
            said(&limit(&format!("limit: 5, window: {window}"))).is_empty(),
            fits,
            "{window}"
        );
    }
    says(
        &limit("limit: 5, window: 99ms"),
        &expect![[r#"
            p.yaml:6:48: `window`: `99ms` is shorter than 100ms; expected a duration like `100ms`, `30s`, `1m`, `1h` or `7d`, from 100ms to 400d
        "#]],
    );
    says(
        &limit("limit: 5, window: 401d"),
        &expect![[r#"
            p.yaml:6:48: `window`: `401d` is longer than 400d; expected a duration like `100ms`, `30s`, `1m`, `1h` or `7d`, from 100ms to 400d
        "#]],
    );
    says(
        &limit("limit: 5, window: 60"),
        &expect![[r#"
            p.yaml:6:48: `window`: `60` is not a duration; expected a duration like `100ms`, `30s`, `1m`, `1h` or `7d`, from 100ms to 400d
        "#]],
    );
}

#[test]
fn algorithms() {
    for fields in [
        "algorithm: sliding_window, precision: high, limit: 5, window: 1m",
        "algorithm: fixed_window, limit: 5, window: 1m",
        "algorithm: token_bucket, limit: 5, window: 1m",
        "algorithm: token_bucket, limit: 5, refill: 1, every: 1s",
        "algorithm: token_bucket, limit: 5, every: 1s",
        "algorithm: token_bucket, limit: 5, refill: 10, window: 1s",
        "algorithm: token_bucket, deny: true",
    ] {
        assert_eq!(said(&limit(fields)), "", "{fields}");
    }
    says(
        &limit("algorithm: leaky_bucket, limit: 5, window: 1m"),
        &expect![[r#"
            p.yaml:6:41: `algorithm`: `leaky_bucket` is not a known value; known: `sliding_window`, `token_bucket`, `fixed_window`
        "#]],
    );
    says(
        &limit("algorithm: slidingwindow, limit: 5, window: 1m"),
        &expect![[r#"
            p.yaml:6:41: `algorithm`: `slidingwindow` is not a known value; did you mean `sliding_window`?
        "#]],
    );
    says(
        &limit("algorithm: fixed_window, precision: high, limit: 5, window: 1m"),
        &expect![[r#"
            p.yaml:6:55: `precision` means nothing to `fixed_window`
        "#]],
    );
    says(
        &limit("limit: 5, window: 1m, refill: 1, every: 1s"),
        &expect![[r#"
        p.yaml:6:52: `refill` means nothing to `sliding_window`; say `algorithm: token_bucket`, or leave it out
        p.yaml:6:63: `every` means nothing to `sliding_window`; say `algorithm: token_bucket`, or leave it out
    "#]],
    );
    says(
        &limit("algorithm: token_bucket, limit: 5"),
        &expect![[r#"
        p.yaml:6:9: a limit lacks the field `window`; `window`: a duration like `1m`
    "#]],
    );
    says(
        &limit("algorithm: token_bucket, limit: 5, window: 1m, every: 1m"),
        &expect![[r#"
            p.yaml:6:77: a token bucket states `every` or `window`, not both (`window` is stated here at p.yaml:6:65)
        "#]],
    );
    says(
        &limit("algorithm: token_bucket, limit: 401, refill: 1, every: 1d"),
        &expect![[r#"
            p.yaml:6:85: the bucket would take longer to fill than 400 days, the longest window
        "#]],
    );
    says(
        &limit("algorithm: token_bucket, limit: 5, refill: 0, every: 1d"),
        &expect![[r#"
            p.yaml:6:73: `refill`: `0` is less than 1; expected a whole number from 1 to 1125899906842624
        "#]],
    );
}

#[test]
fn what_is_counted() {
    says(&limit("limit: 5, window: 1m, meter: tokens"), &expect![[""]]);
    says(&limit("limit: 5, window: 1m, count: calls"), &expect![[""]]);
    says(
        &limit("limit: 5, window: 1m, meter: token"),
        &expect![[r#"
            p.yaml:6:59: unknown meter `token`; did you mean `tokens`?
        "#]],
    );
    says(
        &limit("limit: 5, window: 1m, meter: gpu"),
        &expect![[r#"
            p.yaml:6:59: unknown meter `gpu`; known: `requests`, `tokens`, `compute_cost`, `usd_micros`, `bytes`; others are declared in `meters`
        "#]],
    );
    says(
        &limit("limit: 5, window: 1m, meter: tokens, count: calls"),
        &expect![[r#"
            p.yaml:6:59: a limit that counts calls has no meter; say `count: units`, or leave out `meter`
        "#]],
    );
}

#[test]
fn what_a_counter_belongs_to() {
    let per = |per: &str| {
        said(&plan(&format!(
            "limits: [{{ name: l, per: {per}, limit: 5, window: 1m }}]"
        )))
    };
    for fits in [
        "org",
        "key",
        "endpoint",
        "attribute.user",
        "[key, attribute.ip]",
        "[attribute.b, attribute.a]",
    ] {
        assert_eq!(per(fits), "", "{fits}");
    }
    for (wrong, expected) in [
        (
            "user",
            expect![[r#"
                p.yaml:5:30: `per`: `user` is nothing that a counter belongs to; expected `org`, `key`, `endpoint`, `attribute.<name>`, or a list of them
            "#]],
        ),
        (
            "attribute.",
            expect![[r#"
                p.yaml:5:30: `per`: `attribute.` is not the name of an attribute; expected `org`, `key`, `endpoint`, `attribute.<name>`, or a list of them
            "#]],
        ),
        (
            "[]",
            expect![[r#"
            p.yaml:5:30: `per`: an empty list; say `per: org` for one counter of the whole org
        "#]],
        ),
        (
            "[key, key]",
            expect![[r#"
            p.yaml:5:36: `per` says this twice
        "#]],
        ),
        (
            "[attribute.a, attribute.a]",
            expect![[r#"
            p.yaml:5:44: `per` says this twice
        "#]],
        ),
        (
            "[org, key]",
            expect![[r#"
            p.yaml:5:31: every counter is within its org; leave `org` out of the list
        "#]],
        ),
        (
            "{ key: true }",
            expect![[r#"
                p.yaml:5:30: `per`: a mapping is given; expected `org`, `key`, `endpoint`, `attribute.<name>`, or a list of them
            "#]],
        ),
    ] {
        expected.assert_eq(&per(wrong));
    }
}

#[test]
fn names_of_limits() {
    says(
        &plan(
            "limits:\n  - { name: a, per: key, limit: 5, window: 1m }\n  - { name: a, per: org, limit: 5, window: 1m }",
        ),
        &expect![[r#"
            p.yaml:7:17: limit `a` is declared twice (first declared here at p.yaml:6:17)
        "#]],
    );
    says(
        &plan("limits: [{ name: pool, per: key, limit: 5, window: 1m }]"),
        &expect![[r#"
            p.yaml:5:22: `pool` is what answers call the plan's own; choose another name
        "#]],
    );
    says(
        &plan("limits: [{ name: a b, per: key, limit: 5, window: 1m }]"),
        &expect![[r#"
            p.yaml:5:22: `name`: `a b` is not a name; expected a name of at most 64 letters, digits, `-`, `_` and `.`
        "#]],
    );
    says(
        &plan("limits: [{ per: key, limit: 5, window: 1m }]"),
        &expect![[r#"
        p.yaml:5:14: a limit lacks the field `name`; `name`: a name of at most 64 letters, digits, `-`, `_` and `.`
    "#]],
    );
}

#[test]
fn few_limits_meet_one_request() {
    let limits = |count: usize| {
        let items = (0..count).map(|number| format!("  - {{ name: l{number}, per: key, limit: 5, window: 1m }}"));
        plan(&format!("limits:\n{}", items.collect::<Vec<_>>().join("\n")))
    };
    assert_eq!(said(&limits(16)), "");
    says(
        &limits(17),
        &expect![[r#"
        p.yaml:4:3: plan `p` puts 17 limits on one request; at most 16 are possible
    "#]],
    );
    let own = "endpoints:\n  - match: GET /a\n    limits: [{ name: own, per: key, limit: 5, window: 1m }]\n";
    assert_eq!(said(&format!("{}{own}", limits(15))), "");
    says(
        &format!("{}{own}", limits(16)),
        &expect![[r#"
        p.yaml:23:12: a request to `GET /a` on plan `p` meets 17 limits; at most 16 are possible
    "#]],
    );
}

#[test]
fn a_shadow_plan_says_enough() {
    says(
        &plan("mode: shadow\nlimits: [{ name: l, per: key, limit: 5, window: 1m, mode: shadow }]"),
        &expect![[r#"
            p.yaml:4:3: plan `p` is in shadow mode as a whole, so the mode of its limits says nothing
        "#]],
    );
}

#[test]
fn slots_that_no_server_holds_are_warned_of() {
    let plans = |default: u32, other: u32| {
        format!(
            "version: 1\ndefaults: {{ plan: p }}\nplans:\n  p: {{ slots: {{ s: {default} }} }}\n  q: {{ slots: {{ s: {other} }} }}\n"
        )
    };
    assert_eq!(said(&plans(2_048, 32_768)), "");
    says(
        &plans(2_049, 1_000_000),
        &expect![[r#"
        p.yaml:4:3: plan `p` gives a key more slots `s` than a server holds for it: an org that nothing declares holds at most 2048 at once
        p.yaml:5:3: plan `q` gives a key more slots `s` than a server holds for it: an org holds at most 32768 at once
    "#]],
    );
    let closed = plans(2_049, 1).replace("plan: p", "plan: p, unknown_org: deny");
    assert_eq!(said(&closed), "");
    let org = |keys: usize| {
        let keys: String = (0..keys).map(|key| format!("  k{key}: {{ org: acme }}\n")).collect();
        format!("{}orgs:\n  acme: {{ plan: q }}\nkeys:\n{keys}", plans(1, 500))
    };
    assert_eq!(said(&org(65)), "");
    says(
        &org(66),
        &expect![[r#"
        p.yaml:7:3: the 66 keys of org `acme` may hold 33000 slots on plan `q`, and one org holds at most 32768 at once
    "#]],
    );
}
