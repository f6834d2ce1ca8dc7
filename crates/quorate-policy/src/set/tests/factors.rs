//! Boosts and incidents start and end exactly, bear on what they name, and the largest counts.

use expect_test::expect;

use super::{applies, set};

const POLICY: &str = "
version: 1
defaults: { plan: p }
boosts: { factor: [1, 9], duration: [1s, 1h], approvals: 1 }
incidents: { factor: 5, max: 1s }
plans: { p: { limits: [{ name: key, per: key, limit: 5, window: 1m }, { name: org, per: org, limit: 5, window: 1m }] } }
endpoints: [{ match: GET /x, limits: [{ name: x, per: key, limit: 5, window: 1m }] }]
orgs:
  whole: { boosts: [{ factor: 2, from: 1970-01-01T00:00:01Z, for: 2s, requested_by: a, reason: b }] }
  some:
    boosts:
      - { factor: 2.5, from: 1970-01-01T00:00:00Z, for: 9s, requested_by: a, reason: b, keys: [boosted] }
      - { factor: 3, from: 1970-01-01T00:00:00Z, for: 9s, requested_by: a, reason: b, endpoints: [GET /x] }
  breach:
    boosts: [{ factor: 2, from: 1970-01-01T00:00:00Z, for: 9s, requested_by: a, reason: b }]
    incidents: [{ from: 1970-01-01T00:00:02Z, opened_by: a, reason: b }]
keys: { boosted: { org: some }, plain: { org: some } }
";

#[test]
fn they_start_and_end_exactly() {
    applies(
        &set(POLICY),
        &[
            "k@whole now=999999999",
            "k@whole now=1000000000",
            "k@whole now=2999999999",
            "k@whole now=3000000000",
            "k now=2000000000",
        ],
        &expect![[r#"
            k@whole now=999999999
              k@whole on p at other: 1 requests
                Plan key
                  key 5 requests #0
                Plan
                  org 5 requests #1
            k@whole now=1000000000
              k@whole on p at other: 1 requests
                Plan key × 200 %
                  key 5 requests #0
                Plan × 200 %
                  org 5 requests #1
            k@whole now=2999999999
              k@whole on p at other: 1 requests
                Plan key × 200 %
                  key 5 requests #0
                Plan × 200 %
                  org 5 requests #1
            k@whole now=3000000000
              k@whole on p at other: 1 requests
                Plan key
                  key 5 requests #0
                Plan
                  org 5 requests #1
            k now=2000000000
              k@k on p at other: 1 requests
                Plan key
                  key 5 requests #0
                Plan
                  org 5 requests #1
        "#]],
    );
}

#[test]
fn they_bear_on_what_they_name() {
    applies(
        &set(POLICY),
        &["boosted GET /x", "plain GET /x", "plain GET /y", "boosted GET /y"],
        &expect![[r#"
            boosted GET /x
              boosted@some on p at GET /x: 1 requests declared
                Plan key × 250 %
                  key 5 requests #0
                Plan
                  org 5 requests #1
                Endpoint key endpoint × 300 %
                  x 5 calls #18
            plain GET /x
              plain@some on p at GET /x: 1 requests declared
                Plan key
                  key 5 requests #0
                Plan
                  org 5 requests #1
                Endpoint key endpoint × 300 %
                  x 5 calls #18
            plain GET /y
              plain@some on p at other: 1 requests declared
                Plan key
                  key 5 requests #0
                Plan
                  org 5 requests #1
            boosted GET /y
              boosted@some on p at other: 1 requests declared
                Plan key × 250 %
                  key 5 requests #0
                Plan
                  org 5 requests #1
        "#]],
    );
}

#[test]
fn the_largest_counts_not_the_product() {
    applies(
        &set(POLICY),
        &[
            "k@breach now=1999999999",
            "k@breach now=2000000000",
            "k@breach now=2999999999",
            "k@breach now=3000000000",
        ],
        &expect![[r#"
            k@breach now=1999999999
              k@breach on p at other: 1 requests
                Plan key × 200 %
                  key 5 requests #0
                Plan × 200 %
                  org 5 requests #1
            k@breach now=2000000000
              k@breach on p at other: 1 requests
                Plan key × 500 %
                  key 5 requests #0
                Plan × 500 %
                  org 5 requests #1
            k@breach now=2999999999
              k@breach on p at other: 1 requests
                Plan key × 500 %
                  key 5 requests #0
                Plan × 500 %
                  org 5 requests #1
            k@breach now=3000000000
              k@breach on p at other: 1 requests
                Plan key × 200 %
                  key 5 requests #0
                Plan × 200 %
                  org 5 requests #1
        "#]],
    );
}
