//! Laws of the charge on stored state, each against the naive model: decisions, draws, denials that change nothing, and
//! the instant of retry.

mod cases;
mod fixture;
mod loans;
mod model;
mod quotas;
mod slots;
mod tally;

use proptest::prelude::*;

use crate::answer::{Reason, Retry};
use crate::factor::Factor;
use crate::limit::PoolMode;
use crate::request::ChargeMode;
use crate::time::{Instant, SECOND};
use fixture::{Org, START, Shape, TICK};
use model::Model;

/// How time moves on between two requests.
#[derive(Clone, Copy, Debug)]
enum Step {
    Ticks(u64),
    /// To the end of the minute window of the first admission still in it, and this many ticks on or back.
    Edge(i64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0_u64..40).prop_map(Step::Ticks),
        2 => (400_u64..9_000).prop_map(Step::Ticks),
        1 => (30_000_u64..90_000).prop_map(Step::Ticks),
        2 => (-1_i64..=1).prop_map(Step::Edge),
    ]
}

fn advance(now: u64, step: Step, first: Option<u64>) -> u64 {
    match step {
        Step::Ticks(ticks) => now + ticks * TICK,
        Step::Edge(ticks) => {
            let window = (60 * SECOND).div_ceil(TICK) * TICK;
            let edge = first.unwrap_or(now) + window;
            edge.saturating_add_signed(ticks * i64::try_from(TICK).unwrap())
                .max(now)
        }
    }
}

fn shape() -> impl Strategy<Value = Shape> {
    let pool = prop_oneof![
        Just(None),
        (0_u64..30, 1_u64..4_000).prop_map(|(capacity, refill)| Some((capacity, refill, PoolMode::Overflow))),
        (0_u64..60, 1_u64..4_000).prop_map(|(capacity, refill)| Some((capacity, refill, PoolMode::Ceiling))),
    ];
    (1_u64..=20, 1_u64..=60, prop::option::of(1_u64..12), pool, 1_u64..40).prop_map(
        |(minute, five, allowance, pool, calls)| Shape {
            minute,
            five,
            allowance,
            pool,
            calls,
            tokens: 1_000,
            factors: Vec::new(),
            shadow_minute: false,
        },
    )
}

fn overflow(shape: &Shape) -> bool {
    !matches!(shape.pool, Some((_, _, PoolMode::Ceiling)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Limits up to 64 on ticks: every decision, draw and remaining burst equals the model's, and a denied request
    /// stores nothing.
    #[test]
    fn decisions_equal_the_model(shape in shape(), steps in prop::collection::vec((step(), 1_u64..9), 1..120)) {
        let mut org = Org::new(shape.clone());
        let mut model = Model::new(shape.clone(), START);
        let (mut now, mut first) = (START, None);
        for (step, cost) in steps {
            now = advance(now, step, first);
            let expected = model.look(cost, now);
            let (size, drawn) = (org.shard.size().0, model.drawn);
            let decision = org.ask("k", cost, now);
            prop_assert_eq!(decision.reason == Reason::Ok, expected.is_some(), "at {} cost {}: {:?}", now, cost, decision);
            let got = decision.drawn;
            let burst = decision.burst_remaining;
            if !model.ask(cost, now) {
                prop_assert_eq!(org.shard.size().0, size);
            } else if first.is_none() {
                first = Some(now);
            }
            prop_assert_eq!(got, model.drawn - drawn);
            if shape.allowance.is_some() && shape.pool.is_some() {
                let allowance = shape.allowance.unwrap().saturating_sub(model.allowance.used(60, now));
                prop_assert_eq!(burst, allowance.min(model.level(now)));
            }
        }
        prop_assert!(model.minute.most(60) <= shape.minute);
        prop_assert!(model.five.most(300) <= shape.five);
        prop_assert!(model.calls.most(60) <= shape.calls);
    }

    /// At `retry_after` the same cost passes, and one nanosecond before it does not; `Never` passes at no later time.
    #[test]
    fn retry_is_exact(
        shape in shape(),
        boost in prop::option::of((0_u64..200, 1_u64..200, 101_u32..500)),
        steps in prop::collection::vec((step(), 1_u64..9), 1..60),
    ) {
        let mut shape = shape;
        if let Some((from, length, hundredths)) = boost {
            let from = Instant(START + from * SECOND);
            shape.factors.push(Factor { hundredths, from, until: from.after(length * SECOND) });
        }
        let mut org = Org::new(shape.clone());
        let mut now = START;
        for (step, cost) in steps {
            now = advance(now, step, None);
            let retry = org.ask("k", cost, now).retry;
            let mut passes = |at: u64| {
                org.ask_as("k", [cost, 0], |ask| ask.look = true, at).reason == Reason::Ok
            };
            match retry {
                Retry::Passed => {}
                Retry::After(nanos) => {
                    prop_assert!(passes(now + nanos), "at {} cost {} after {}", now, cost, nanos);
                    prop_assert!(nanos == 1 || !passes(now + nanos - 1), "at {} cost {} before {}", now, cost, nanos);
                }
                Retry::Never => {
                    for seconds in [60, 301, 4_000, 400_000, 40_000_000] {
                        prop_assert!(!passes(now + seconds * SECOND), "cost {} passes after {} s", cost, seconds);
                    }
                }
                Retry::Later => prop_assert!(false, "there are no slots here"),
            }
        }
    }

    /// A look, a denial and a repeated question change no later answer.
    #[test]
    fn denials_and_looks_leave_no_trace(
        shape in shape(),
        steps in prop::collection::vec((step(), 1_u64..9, any::<bool>()), 1..80),
    ) {
        let mut asked = Org::new(shape.clone());
        let mut left = Org::new(shape);
        let mut now = START;
        for (step, cost, look) in steps {
            now = advance(now, step, None);
            if look {
                asked.ask_as("k", [cost, 0], |ask| ask.look = true, now + 1);
                continue;
            }
            let allowed = asked.ask("k", cost, now).reason == Reason::Ok;
            // The other org sees only what the first one allowed.
            if allowed {
                prop_assert_eq!(left.ask("k", cost, now).reason, Reason::Ok);
            } else {
                prop_assert_ne!(left.ask_as("k", [cost, 0], |ask| ask.look = true, now).reason, Reason::Ok);
            }
        }
    }

    /// own + drawn = cost on the lifted limit, and in all no more than the limit and one allowance per burst window.
    #[test]
    fn own_and_drawn_make_the_cost(shape in shape(), steps in prop::collection::vec((step(), 1_u64..9), 1..120)) {
        prop_assume!(overflow(&shape));
        let mut org = Org::new(shape.clone());
        let mut all = model::History::default();
        let mut now = START;
        for (step, cost) in steps {
            now = advance(now, step, None);
            let before = used(&mut org, "per-minute", now);
            let decision = org.ask("k", cost, now);
            let (allowed, drawn) = (decision.reason == Reason::Ok, decision.drawn);
            let after = used(&mut org, "per-minute", now);
            if allowed {
                prop_assert_eq!(after - before + drawn, cost);
                all.add(now, cost);
            } else {
                prop_assert_eq!(after, before);
            }
        }
        prop_assert!(all.most(60) <= shape.minute + shape.allowance.unwrap_or(0));
    }

    /// The same history twice gives the same answers to the last field.
    #[test]
    fn the_same_history_gives_the_same_answers(
        shape in shape(),
        steps in prop::collection::vec((step(), 1_u64..9), 1..60),
    ) {
        let run = || {
            let mut org = Org::new(shape.clone());
            let mut now = START;
            let answers = steps.iter().map(|(step, cost)| {
                now = advance(now, *step, None);
                format!("{:?}", org.ask("k", *cost, now))
            });
            answers.collect::<Vec<_>>()
        };
        prop_assert_eq!(run(), run());
    }
}

/// Units used of one limit of key `k`, as a look reports them.
fn used(org: &mut Org, name: &str, now: u64) -> u64 {
    let mut amounts = crate::terms::Amounts::default();
    amounts.0[0] = 1;
    let terms = crate::terms::Terms {
        plan_groups: &org.plan,
        endpoint_groups: &org.endpoint,
        plan_quotas: &[],
        org_quotas: &[],
        factors: crate::factor::Factors {
            org: &org.shape.factors,
            ..Default::default()
        },
        slot: None,
        amounts,
        declared: false,
        org_declared: true,
    };
    let ask = super::Ask {
        org: "acme",
        account: crate::state::fingerprint::Account::default(),
        key: "k",
        endpoint: "POST /scan",
        attributes: &[],
        terms: &terms,
        mode: ChargeMode::AllOrNone,
        look: true,
        refund: false,
        decision_id: crate::answer::DecisionId(0),
    };
    let mut statuses = Vec::new();
    org.shard
        .decide(&org.layouts, &ask, crate::time::Now::at(now), Some(&mut statuses));
    statuses
        .iter()
        .find(|status| status.name == name)
        .map_or(0, |status| status.used)
}
