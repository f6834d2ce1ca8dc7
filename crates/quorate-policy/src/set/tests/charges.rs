//! What is charged: limits in their groups, amounts, slots, and shadow mode.

use expect_test::expect;
use quorate_core::state::layout::Layouts;

use super::{applies, set};
use crate::checked::tests::mutations::FULL;
use crate::{PolicySet, Source, check};

#[test]
fn limits_that_belong_to_the_same_share_a_group() {
    applies(
        &set(FULL),
        &["new POST /api/v1/threats/scan cost=2"],
        &expect![[r#"
            new POST /api/v1/threats/scan cost=2
              new@new on developer at POST /api/v1/threats/scan: 10 requests
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
                Endpoint key endpoint
                  scan-per-minute 20 calls #18
                hard quota monthly-tokens 5000000 tokens 402 warns at [50, 80, 100] #34
                hard quota daily 100 requests key shadow warns at [80] #35
        "#]],
    );
}

const PRICED: &str = "
version: 1
defaults: { plan: p }
meters: [gpu]
plans: { p: { slots: { async: 5, batch: { depth: 2, ttl: 1h } } }, q: {} }
endpoints:
  - { match: GET /dear, cost_factor: 5, amounts: { tokens: 50, gpu: 2 } }
  - { match: GET /free, cost_factor: 0 }
  - { match: GET /batch, slot: batch }
orgs: { q: { plan: q } }
";

#[test]
fn amounts() {
    applies(
        &set(PRICED),
        &[
            "k",
            "k cost=0",
            "k cost=1000",
            "k GET /dear",
            "k GET /dear cost=3",
            "k GET /dear cost=0",
            "k GET /dear cost=0 tokens=0",
            "k GET /dear cost=0 tokens=0 gpu=0",
            "k GET /free",
            "k GET /dear tokens=7",
            "k GET /free cost=9 bytes=1000",
            "k gpu=1000",
        ],
        &expect![[r#"
            k
              k@k on p at other: 1 requests
            k cost=0
              k@k on p at other: a look at 1 requests
            k cost=1000
              k@k on p at other: 1000 requests
            k GET /dear
              k@k on p at GET /dear: 5 requests 50 tokens 2 gpu
            k GET /dear cost=3
              k@k on p at GET /dear: 15 requests 50 tokens 2 gpu
            k GET /dear cost=0
              k@k on p at GET /dear: 50 tokens 2 gpu
            k GET /dear cost=0 tokens=0
              k@k on p at GET /dear: 2 gpu
            k GET /dear cost=0 tokens=0 gpu=0
              k@k on p at GET /dear: a look at 5 requests
            k GET /free
              k@k on p at GET /free: a look at
            k GET /dear tokens=7
              k@k on p at GET /dear: 5 requests 7 tokens 2 gpu
            k GET /free cost=9 bytes=1000
              k@k on p at GET /free: 1000 bytes
            k gpu=1000
              k@k on p at other: 1 requests 1000 gpu
        "#]],
    );
}

#[test]
fn what_is_structurally_wrong() {
    applies(
        &set(PRICED),
        &[
            "k cost=1001",
            "k tokens=1001",
            "k token=1",
            "k requests=1",
            "k tokens=1 tokens=1",
        ],
        &expect![[r#"
            k cost=1001
              error: cost: 1001 is more than the maximum of 1000
            k tokens=1001
              error: amounts["tokens"]: 1001 is more than the maximum of 1000
            k token=1
              error: amounts["token"]: no such meter
            k requests=1
              error: amounts["requests"]: it is set by `cost` only
            k tokens=1 tokens=1
              error: amounts["tokens"]: it is given twice
        "#]],
    );
}

#[test]
fn slots() {
    applies(
        &set(PRICED),
        &["k GET /batch", "k@q GET /batch"],
        &expect![[r#"
        k GET /batch
          k@k on p at GET /batch: 1 requests
            slot batch 2 for 3600 s
        k@q GET /batch
          k@q on q at GET /batch: 1 requests
    "#]],
    );
}

const SHADOW: &str = "
version: 1
defaults: { plan: p }
plans:
  p: { limits: [{ name: a, per: key, limit: 5, window: 1m }], slots: { async: 1 } }
  dry: { mode: shadow, limits: [{ name: a, per: key, limit: 5, window: 1m }], slots: { async: 1 } }
endpoints:
  - { match: GET /x, slot: async, limits: [{ name: x, per: key, limit: 5, window: 1m }] }
orgs: { dry-plan: { plan: dry }, dry-org: { mode: shadow } }
";

#[test]
fn shadow_of_a_plan_and_of_an_org() {
    applies(
        &set(SHADOW),
        &["k GET /x", "k@dry-plan GET /x", "k@dry-org GET /x"],
        &expect![[r#"
            k GET /x
              k@k on p at GET /x: 1 requests
                Plan key
                  a 5 requests #0
                Endpoint key endpoint
                  x 5 calls #18
                slot async 1 for 900 s
            k@dry-plan GET /x
              k@dry-plan on dry at GET /x: 1 requests
                Plan key
                  a 5 requests shadow #0
                Endpoint key endpoint
                  x 5 calls #18
                slot async 1 for 900 s shadow
            k@dry-org GET /x
              k@dry-org on p at GET /x: 1 requests
                Plan key
                  a 5 requests shadow #0
                Endpoint key endpoint
                  x 5 calls shadow #18
                slot async 1 for 900 s shadow
        "#]],
    );
}

fn plan(fields: &str) -> PolicySet {
    set(&format!(
        "
version: 1
defaults: {{ plan: p }}
plans:
  p:
    limits:
      - {{ name: m, per: key, limit: 5, window: 1m }}
      - {{ name: h, per: key, limit: 9, window: 1h }}
      - {{ name: u, per: attribute.user, limit: 9, window: 1m }}
{fields}
"
    ))
}

const BURST: &str = "    burst: { allowance: 2, window: 1m }\n";
const POOL: &str = "    pool: { capacity: 8, refill: 1, every: 1s }\n";
const CEILING: &str = "    pool: { capacity: 8, refill: 1, every: 1s, mode: ceiling }\n";

#[test]
fn a_burst_lifts_what_its_window_covers() {
    applies(
        &plan(&format!("{BURST}{POOL}")),
        &["k"],
        &expect![[r#"
        k
          k@k on p at other: 1 requests
            Plan key
              m 5 requests lifted #0
              h 9 requests #1
              burst 2 requests allowance #16
            Plan @user
              u 9 requests #2
            Plan
              pool 8 requests pool #17
    "#]],
    );
    applies(
        &plan(BURST),
        &["k"],
        &expect![[r#"
        k
          k@k on p at other: 1 requests
            Plan key
              m 5 requests #0
              h 9 requests #1
            Plan @user
              u 9 requests #2
    "#]],
    );
    applies(
        &plan(POOL),
        &["k"],
        &expect![[r#"
        k
          k@k on p at other: 1 requests
            Plan key
              m 5 requests #0
              h 9 requests #1
            Plan @user
              u 9 requests #2
    "#]],
    );
    applies(
        &plan(CEILING),
        &["k"],
        &expect![[r#"
        k
          k@k on p at other: 1 requests
            Plan key
              m 5 requests #0
              h 9 requests #1
            Plan @user
              u 9 requests #2
            Plan
              pool 8 requests pool #17
    "#]],
    );
}

#[test]
fn a_burst_lifts_what_it_names() {
    let named = "    burst: { allowance: 2, window: 1s, lifts: [h, u] }\n";
    applies(
        &plan(&format!("{named}{CEILING}")),
        &["k"],
        &expect![[r#"
            k
              k@k on p at other: 1 requests
                Plan key
                  m 5 requests #0
                  h 9 requests lifted #1
                  burst 2 requests allowance #16
                Plan @user
                  u 9 requests lifted #2
                Plan
                  pool 8 requests pool #17
        "#]],
    );
}

/// A reload keeps counters when names, meters and algorithms stay, and shadow mode changes none of them.
#[test]
fn layouts_outlive_a_reload() {
    let compile = |text: &str, layouts: &mut Layouts| {
        let source = Source {
            name: "p".to_owned(),
            text: text.to_owned(),
        };
        PolicySet::compile(&check(&[source]).expect("a policy"), 1, layouts).expect("few layouts")
    };
    let layout = |set: &PolicySet, shadow: bool| set.plans[0].groups.for_org(shadow)[0].layout;
    let mut layouts = Layouts::default();
    let first = compile(SHADOW, &mut layouts);
    let raised = compile(
        &SHADOW.replace("limit: 5", "limit: 500").replace("meters: []", ""),
        &mut layouts,
    );
    let other_window = compile(&SHADOW.replace("window: 1m", "window: 2m"), &mut layouts);
    assert_eq!(layout(&first, false), layout(&first, true));
    assert_eq!(layout(&first, false), layout(&raised, false));
    assert_ne!(layout(&first, false), layout(&other_window, false));
}
