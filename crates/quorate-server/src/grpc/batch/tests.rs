//! Batches are refused whole or decided whole, by a real node with the reference catalogue.

mod waiting;

use std::sync::Arc;

use prost::Message;
use quorate_api::v1;
use quorate_api::v1::should_allow_request::Subject;
use quorate_node::{Node, NodeConfig};
use tonic::{Code, Status};

use super::*;
use crate::callers::{Caller, Callers, Orgs};
use crate::edge::{Edge, InFlight, PolicyHealth, Readiness};
use crate::telemetry::Telemetry;

const SCAN: &str = "POST /api/v1/threats/scan";

fn decisions() -> Decisions {
    decisions_of(&quorate_policy::reference())
}

fn decisions_of(policy: &quorate_policy::Checked) -> Decisions {
    let node = Node::start(NodeConfig::default(), policy).expect("the policy compiles");
    let edge = Edge {
        node,
        callers: Callers::default(),
        in_flight: Arc::new(InFlight::new(1)),
        readiness: Readiness::new(PolicyHealth::default()),
        store: None,
        envoy: crate::envoy::Envoy::new(&crate::config::EnvoySettings::default(), None),
        authz: crate::config::AuthzSettings::default(),
        telemetry: Telemetry::new(),
    };
    Decisions::new(Arc::new(edge), None)
}

fn scan(key: &str) -> v1::ShouldAllowRequest {
    v1::ShouldAllowRequest {
        subject: Some(Subject::Key(key.to_owned())),
        endpoint: SCAN.to_owned(),
        ..v1::ShouldAllowRequest::default()
    }
}

fn decide(
    decisions: &Decisions,
    requests: Vec<v1::ShouldAllowRequest>,
    all_or_nothing: bool,
) -> Result<v1::ShouldAllowBatchResponse, Status> {
    decide_as(decisions, &Identity::Anyone, requests, all_or_nothing)
}

fn decide_as(
    decisions: &Decisions,
    identity: &Identity,
    requests: Vec<v1::ShouldAllowRequest>,
    all_or_nothing: bool,
) -> Result<v1::ShouldAllowBatchResponse, Status> {
    let message = v1::ShouldAllowBatchRequest {
        requests,
        all_or_nothing,
    };
    let bytes = message.encode_to_vec();
    let mut out = Vec::new();
    let batch = AskedBatch::read(&bytes).map_err(CallError::from)?;
    let parked = decisions.decide_batch(identity, &batch, Patience::Over, &mut None, &mut out)?;
    assert!(parked.is_none(), "without patience nothing waits");
    Ok(v1::ShouldAllowBatchResponse::decode(out.as_slice()).expect("it is a message"))
}

fn overloaded(decisions: &Decisions, requests: Vec<v1::ShouldAllowRequest>) -> Result<Vec<u8>, Status> {
    let message = v1::ShouldAllowBatchRequest {
        requests,
        all_or_nothing: false,
    };
    let bytes = message.encode_to_vec();
    let mut out = Vec::new();
    decisions.overloaded_batch(&AskedBatch::read(&bytes).map_err(CallError::from)?, &mut out)?;
    Ok(out)
}

fn allowed(response: &v1::ShouldAllowBatchResponse) -> Vec<bool> {
    response.responses.iter().map(|response| response.allowed).collect()
}

#[test]
fn items_are_decided_in_order_each_seeing_those_before_it() {
    let decisions = decisions();
    let response = decide(&decisions, vec![scan("k"); 15], false).expect("nothing is wrong with it");
    assert_eq!(allowed(&response), [[true; 14].as_slice(), &[false]].concat());
    assert!(!response.all_allowed);
    let pool: Vec<u64> = response.responses.iter().map(|response| response.pool_units).collect();
    assert_eq!(pool[11..], [0, 5, 5, 0]);
    let nothing = decide(&decisions, Vec::new(), false).expect("nothing is wrong with it");
    assert!(nothing.responses.is_empty() && nothing.all_allowed);
}

#[test]
fn a_malformed_item_is_named_and_nothing_is_charged() {
    let decisions = decisions();
    for all_or_nothing in [false, true] {
        let mut requests = vec![scan("k"); 14];
        requests.push(v1::ShouldAllowRequest::default());
        let status = decide(&decisions, requests, all_or_nothing).expect_err("the last item has no subject");
        assert_eq!(status.code(), Code::InvalidArgument);
        assert!(
            status.message().starts_with("requests[14].key:"),
            "{}",
            status.message()
        );
    }
    let mut requests = vec![scan("k"); 2];
    requests[1].cost = Some(u64::MAX);
    let status = decide(&decisions, requests, false).expect_err("the cost is too large");
    assert!(
        status.message().starts_with("requests[1].cost:"),
        "{}",
        status.message()
    );
    let response = decide(&decisions, vec![scan("k"); 14], false).expect("nothing was charged before");
    assert!(response.all_allowed);
}

#[test]
fn a_batch_that_is_too_large_is_refused_also_under_overload() {
    let decisions = decisions();
    let requests = vec![scan("k"); BATCH_MAX + 1];
    let status = decide(&decisions, requests.clone(), false).expect_err("it is too large");
    assert_eq!(status.code(), Code::InvalidArgument);
    assert!(status.message().starts_with("requests: 1001 "), "{}", status.message());
    let status = overloaded(&decisions, requests).expect_err("it is too large");
    assert_eq!(status.code(), Code::InvalidArgument);
}

#[test]
fn all_or_nothing_charges_all_or_nothing() {
    let decisions = decisions();
    let response = decide(&decisions, vec![scan("k"); 15], true).expect("nothing is wrong with it");
    assert!(!response.all_allowed);
    let response = decide(&decisions, vec![scan("k"); 14], true).expect("nothing is wrong with it");
    assert!(response.all_allowed, "nothing was charged before");
    let orgs = decide(&decisions, vec![scan("k"), scan("other")], true).expect_err("two orgs");
    assert_eq!(orgs.code(), Code::InvalidArgument);
    assert!(orgs.message().starts_with("all_or_nothing:"), "{}", orgs.message());
}

#[test]
fn one_operation_id_with_two_contents_in_one_batch_is_malformed() {
    let decisions = decisions();
    let mut requests = vec![scan("k"); 2];
    for (cost, request) in (1..).zip(&mut requests) {
        request.operation_id = "op".to_owned();
        request.cost = Some(cost);
    }
    let status = decide(&decisions, requests, false).expect_err("they differ");
    assert_eq!(status.code(), Code::InvalidArgument);
    assert!(
        status.message().starts_with("requests[1].operation_id:"),
        "{}",
        status.message()
    );
}

#[test]
fn an_item_for_an_org_of_somebody_else_refuses_the_batch() {
    let decisions = decisions();
    let caller = Caller {
        name: "proxy".to_owned(),
        orgs: Orgs::Only(vec!["acme".to_owned()]),
    };
    let mut requests = vec![scan("k"); 2];
    requests[1].org = "other".to_owned();
    let status = decide_as(&decisions, &Identity::Known(Arc::new(caller)), requests, false);
    let status = status.expect_err("it is not the caller's org");
    assert_eq!(status.code(), Code::PermissionDenied);
    assert!(status.message().starts_with("requests[1].org:"), "{}", status.message());
}

#[test]
fn under_overload_every_item_says_so() {
    let out = overloaded(&decisions(), vec![scan("k"); 3]).expect("its size is right");
    let response = v1::ShouldAllowBatchResponse::decode(out.as_slice()).expect("it is a message");
    assert_eq!(response.responses.len(), 3);
    assert!(!response.all_allowed);
    let overloaded = |response: &v1::ShouldAllowResponse| response.reason() == v1::Reason::Overloaded;
    assert!(response.responses.iter().all(overloaded));
}
