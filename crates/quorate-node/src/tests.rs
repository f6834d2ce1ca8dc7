//! What a node answers: the reference catalogue from the policy's text to the answer, replays, reloads.

use std::sync::Arc;

use quorate_core::answer::{Reason, Retry};
use quorate_core::request::{InvalidRequest, Request, Subject};
use quorate_policy::{Checked, Source, check, reference};

use crate::quotas::Patience;
use crate::{Decided, Node, NodeConfig, Wanted};

const SCAN: &str = "POST /api/v1/threats/scan";

fn node() -> Arc<Node> {
    Node::start(NodeConfig::default(), &reference()).expect("the reference catalogue compiles")
}

fn policy(text: &str) -> Checked {
    check(&[Source {
        name: "test.yaml".into(),
        text: text.into(),
    }])
    .unwrap_or_else(|report| panic!("{report}"))
}

/// The reason, units drawn and remaining of one request.
fn ask(node: &Node, request: &Request<'_>) -> (Reason, u64, Option<u64>) {
    let render = |answer: &quorate_core::answer::Answer<'_>| {
        (
            answer.reason,
            answer.drawn,
            answer.binding.map(|binding| binding.remaining),
        )
    };
    node.should_allow(request, Wanted::default(), render)
        .expect("the request is well formed")
}

#[test]
fn twelve_scans_of_its_own_two_from_the_pool_and_no_fifteenth() {
    let node = node();
    for scan in 1..=14 {
        let (reason, drawn, _) = ask(&node, &Request::of("k", SCAN));
        assert_eq!(
            (reason, drawn),
            (Reason::Ok, if scan > 12 { 5 } else { 0 }),
            "scan {scan}"
        );
    }
    assert_eq!(ask(&node, &Request::of("k", SCAN)).0, Reason::RateLimited);
    assert_eq!(ask(&node, &Request::of("other", SCAN)).0, Reason::Ok);
}

#[test]
fn a_repeated_operation_is_answered_again_and_charged_once() {
    let node = node();
    let request = Request {
        operation_id: "op-1",
        cost: Some(7),
        ..Request::of("k", "")
    };
    assert_eq!(ask(&node, &request), (Reason::Ok, 0, Some(53)));
    let render = |answer: &quorate_core::answer::Answer<'_>| (answer.replayed, answer.binding.unwrap().remaining);
    assert_eq!(node.should_allow(&request, Wanted::default(), render), Ok((true, 53)));
    assert_eq!(ask(&node, &Request::of("k", "")), (Reason::Ok, 0, Some(52)));
    let other = Request {
        cost: Some(8),
        ..request
    };
    let refused = node.should_allow(&other, Wanted::default(), |_| ());
    assert_eq!(refused, Err(InvalidRequest::OperationReused));
    let of_other_key = Request {
        subject: Subject::Key("k2"),
        ..request
    };
    assert_eq!(ask(&node, &of_other_key).2, Some(53), "the id is the key's own");
}

#[test]
fn a_look_charges_nothing_and_a_cost_of_nothing_is_judged_as_one() {
    let node = node();
    let look = Request {
        check_only: true,
        cost: Some(60),
        ..Request::of("k", "")
    };
    assert_eq!(ask(&node, &look), (Reason::Ok, 0, Some(60)));
    assert_eq!(
        ask(
            &node,
            &Request {
                check_only: false,
                ..look
            }
        ),
        (Reason::Ok, 0, Some(0))
    );
    assert_eq!(
        ask(
            &node,
            &Request {
                cost: Some(10),
                ..Request::of("k", "")
            }
        )
        .0,
        Reason::Ok
    );
    assert_eq!(
        ask(
            &node,
            &Request {
                cost: Some(0),
                ..Request::of("k", "")
            }
        )
        .0,
        Reason::RateLimited
    );
}

/// Who asks for nothing of `requests` does not get the rest for nothing, alone or in a batch.
#[test]
fn a_cost_of_nothing_pays_the_endpoints_price_on_other_meters() {
    let text = "version: 1\ndefaults: { plan: p }\nplans: { p: { limits: \
        [{ name: t, per: key, limit: 1_000, window: 1h, meter: tokens }] } }\n\
        endpoints: [{ match: POST /dear, amounts: { tokens: 400 } }]\n";
    let node = Node::start(NodeConfig::default(), &policy(text)).expect("it compiles");
    let dear = Request {
        cost: Some(0),
        ..Request::of("k", "POST /dear")
    };
    assert_eq!(ask(&node, &dear), (Reason::Ok, 0, Some(600)));
    let batch = node.should_allow_all(&[dear], Wanted::default(), Patience::Over, |_, _| ());
    assert!(matches!(batch, Ok(Decided::Answered(true))));
    assert_eq!(ask(&node, &dear), (Reason::RateLimited, 0, Some(200)));
    let nothing = Request {
        amounts: &[("tokens", 0)],
        ..dear
    };
    assert_eq!(ask(&node, &nothing).0, Reason::Ok);
    assert_eq!(ask(&node, &dear).2, Some(200), "that was a look");
}

#[test]
fn a_batch_of_two_orgs_cannot_be_all_or_nothing() {
    let node = node();
    let requests = [Request::of("a", ""), Request::of("b", "")];
    let refused = node.should_allow_all(&requests, Wanted::default(), Patience::Over, |_, _| ());
    assert!(matches!(
        refused,
        Err(InvalidRequest::Conflict {
            field: "all_or_nothing",
            ..
        })
    ));
}

#[test]
fn a_batch_that_is_all_or_nothing_charges_none_when_one_is_denied() {
    let node = node();
    let cost = |cost| Request {
        cost: Some(cost),
        org: "dev",
        ..Request::of("k", "")
    };
    let mut reasons = Vec::new();
    let all = node.should_allow_all(&[cost(50), cost(50)], Wanted::default(), Patience::Over, |_, answer| {
        reasons.push(answer.reason)
    });
    assert_eq!(reasons, [Reason::Ok, Reason::RateLimited]);
    assert!(matches!(all, Ok(Decided::Answered(false))));
    assert_eq!(ask(&node, &cost(1)), (Reason::Ok, 0, Some(59)));
    let all = node.should_allow_all(&[cost(20), cost(39)], Wanted::default(), Patience::Over, |_, _| ());
    assert!(matches!(all, Ok(Decided::Answered(true))));
    assert_eq!(
        ask(
            &node,
            &Request {
                check_only: true,
                ..cost(11)
            }
        )
        .0,
        Reason::RateLimited
    );
}

#[test]
fn a_batch_is_checked_whole_before_anything_is_decided() {
    let node = node();
    let bad = Request {
        amounts: &[("tokenz", 1)],
        ..Request::of("k", "")
    };
    let refused = node.sit().check_all(&[Request::of("k", ""), bad]);
    assert!(refused.is_err_and(|error| error.to_string().starts_with("requests[1].amounts[\"tokenz\"]")));
    let first = Request {
        operation_id: "op",
        ..Request::of("k", "")
    };
    let other = Request { cost: Some(2), ..first };
    assert!(node.sit().check_all(&[first, other]).is_err());
    assert_eq!(node.sit().check_all(&[first, first]), Ok(()));
}

#[test]
fn a_reload_keeps_what_was_used_and_a_changed_algorithm_starts_full() {
    let text = |limit: &str| {
        format!(
            "version: 1\ndefaults: {{ plan: p }}\nplans:\n  p:\n    limits:\n      - {{ name: m, per: key, {limit} }}\n"
        )
    };
    let node = Node::start(NodeConfig::default(), &policy(&text("limit: 10, window: 1m"))).unwrap();
    assert_eq!(
        ask(
            &node,
            &Request {
                cost: Some(4),
                ..Request::of("k", "")
            }
        )
        .2,
        Some(6)
    );
    let reloaded = node.reload(&policy(&text("limit: 20, window: 1m"))).unwrap();
    assert_eq!(reloaded.sequence, 2);
    assert_eq!(ask(&node, &Request::of("k", "")).2, Some(15));
    node.reload(&policy(&text("limit: 20, window: 1h"))).unwrap();
    assert_eq!(ask(&node, &Request::of("k", "")).2, Some(14));
    let reloaded = node
        .reload(&policy(&text("limit: 20, window: 1h, algorithm: fixed_window")))
        .unwrap();
    assert_eq!(
        reloaded.notes,
        ["limit `m` of plan `p`: its algorithm changed; its counters start full"]
    );
    assert_eq!(ask(&node, &Request::of("k", "")).0, Reason::RateLimited);
    assert_eq!(ask(&node, &Request::of("new", "")).0, Reason::Ok);
}

#[test]
fn decisions_have_numbers_that_grow() {
    let node = node();
    let mut last = None;
    for _ in 0..1_000 {
        let id = node
            .should_allow(&Request::of("k", ""), Wanted::default(), |answer| answer.decision_id)
            .unwrap();
        assert!(last.is_none_or(|last| id > last));
        assert_eq!(id.to_string().parse(), Ok(id));
        last = Some(id);
    }
}

#[test]
fn a_slot_is_held_released_and_extended_by_its_decision() {
    let node = node();
    let job = Request {
        org: "dev",
        ..Request::of("k", "POST /api/v1/jobs")
    };
    let (id, held) = node
        .should_allow(&job, Wanted::default(), |answer| (answer.decision_id, answer.slot_held))
        .unwrap();
    assert!(held);
    assert_eq!(node.extend_slot("dev", id), Some(900_000_000_000));
    assert!(node.release_slot("dev", id));
    assert!(!node.release_slot("dev", id));
    assert_eq!(node.extend_slot("dev", id), None);
}

#[test]
fn a_spray_of_keys_throttles_itself_and_no_declared_key() {
    let text = "version: 1\ndefaults: { plan: p, unknown_key: default_plan }\norgs:\n  acme: { plan: p }\nkeys:\n  \
                known: { org: acme }\nplans:\n  p:\n    limits:\n      - { name: m, per: key, limit: 10, window: 1m }\n";
    let config = NodeConfig {
        memory_max_bytes: 1 << 20,
        org_memory_max_bytes: 1 << 18,
        ..NodeConfig::default()
    };
    let node = Node::start(config, &policy(text)).unwrap();
    let mut denied = 0;
    for key in 0..50_000 {
        let key = format!("invented-{key}");
        let request = Request {
            org: "acme",
            ..Request::of(&key, "")
        };
        denied += u32::from(ask(&node, &request).0 == Reason::RateLimited);
    }
    let stats = node.stats();
    assert!(stats.bytes <= 1 << 20, "{stats:?}");
    assert!(denied > 40_000 && stats.overflowed > 40_000, "{denied} {stats:?}");
    for left in (0..10).rev() {
        assert_eq!(ask(&node, &Request::of("known", "")).2, Some(left));
    }
    assert_eq!(ask(&node, &Request::of("known", "")), (Reason::RateLimited, 0, Some(0)));
}

#[test]
fn a_denial_says_when_the_same_cost_passes() {
    let node = node();
    ask(
        &node,
        &Request {
            cost: Some(70),
            org: "dev",
            ..Request::of("k", "")
        },
    );
    let retry = node.should_allow(
        &Request {
            org: "dev",
            ..Request::of("k", "")
        },
        Wanted::default(),
        |answer| answer.retry,
    );
    assert!(
        matches!(retry, Ok(Retry::After(nanos)) if nanos > 59_000_000_000 && nanos <= 60_002_000_000),
        "{retry:?}"
    );
}
