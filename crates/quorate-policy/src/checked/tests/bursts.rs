//! Rules of bursts, pools and slots.

use expect_test::expect;

use super::{plan, said, says};

const MINUTE: &str = "limits: [{ name: minute, per: key, limit: 60, window: 1m }]\n";
const POOL: &str = "pool: { capacity: 200, refill: 200, every: 1h }\n";

#[test]
fn bursts() {
    let burst = |burst: &str| said(&plan(&format!("{MINUTE}{POOL}burst: {burst}")));
    for fits in [
        "{ allowance: 10, window: 1m }",
        "{ allowance: 10, window: 1s, lifts: [minute] }",
    ] {
        assert_eq!(burst(fits), "", "{fits}");
    }
    for (wrong, expected) in [
        (
            "{ allowance: 10, window: 59s }",
            expect![[r#"
            p.yaml:7:12: the burst lifts no limit; it lifts `per: key` limits in units of `requests` whose window is not longer than its own; name others in `lifts`
        "#]],
        ),
        (
            "{ allowance: 10, window: 1m, lifts: [minut] }",
            expect![[r#"
                p.yaml:7:49: unknown limit `minut`; did you mean `minute`?
            "#]],
        ),
        (
            "{ allowance: 10, window: 1m, lifts: [] }",
            expect![[r#"
            p.yaml:7:12: the burst lifts no limit; it lifts `per: key` limits in units of `requests` whose window is not longer than its own; name others in `lifts`
        "#]],
        ),
        (
            "{ allowance: 0, window: 1m }",
            expect![[r#"
                p.yaml:7:25: `allowance`: `0` is less than 1; expected a whole number from 1 to 1125899906842624
            "#]],
        ),
        (
            "{ allowance: 201, window: 1m }",
            expect![[r#"
            p.yaml:7:5: the burst of plan `p` allows more than its pool can hold
        "#]],
        ),
        (
            "{ window: 1m }",
            expect![[r#"
            p.yaml:7:12: a burst lacks the field `allowance`; `allowance`: a whole number from 1 to 1125899906842624
        "#]],
        ),
    ] {
        expected.assert_eq(&burst(wrong));
    }
    says(
        &plan(&format!(
            "limits: [{{ name: calls, per: key, limit: 60, window: 1m, count: calls }}]\n{POOL}burst: {{ allowance: 1, window: 1m, lifts: [calls] }}"
        )),
        &expect![[r#"
            p.yaml:7:48: `calls` does not count units of `requests`; a burst lends such units only
        "#]],
    );
}

#[test]
fn a_burst_and_a_pool_want_each_other() {
    says(
        &plan(&format!("{MINUTE}burst: {{ allowance: 10, window: 1m }}")),
        &expect![[r#"
            p.yaml:6:5: the burst of plan `p` has no pool to draw from, so it lifts nothing; give the plan a `pool`
        "#]],
    );
    says(
        &plan(&format!("{MINUTE}{POOL}")),
        &expect![[r#"
        p.yaml:6:5: the pool of plan `p` is drawn by no burst, so it does nothing; give the plan a `burst`, or make the pool a cap with `mode: ceiling`
    "#]],
    );
    let ceiling = |fields: &str| said(&plan(&format!("{MINUTE}pool: {{ {fields}, mode: ceiling }}")));
    assert_eq!(ceiling("capacity: 200, refill: 200, every: 1h"), "");
    expect![[r#"
        p.yaml:6:46: the pool would take longer to fill than 400 days, the longest window
    "#]]
    .assert_eq(&ceiling("capacity: 401, refill: 1, every: 1d"));
}

#[test]
fn slots() {
    says(
        &plan("slots: { async: 50, batch: { depth: 5, ttl: 1h } }"),
        &expect![[""]],
    );
    says(
        &plan("slots: { async: 0, batch: { ttl: 8d } }"),
        &expect![[r#"
            p.yaml:5:21: `async`: `0` is less than 1; expected a whole number from 1 to 1000000
            p.yaml:5:31: a slot lacks the field `depth`; `depth`: a whole number from 1 to 1000000
            p.yaml:5:38: `ttl`: `8d` is longer than 7d; expected a duration like `100ms`, `30s`, `1m`, `1h` or `7d`, from 1s to 7d
        "#]],
    );
}
