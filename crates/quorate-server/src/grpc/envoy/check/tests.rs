//! What Envoy is told to do with a request that passes.

use quorate_api::envoy::service::auth::v3::OkHttpResponse;
use quorate_api::envoy::service::auth::v3::check_response::HttpResponse;
use quorate_core::answer::Reason;

use super::{DECISION_ID, response};
use crate::telemetry::test_answer;

fn passed(slot_held: bool) -> OkHttpResponse {
    let mut answer = test_answer(Reason::Ok);
    answer.slot_held = slot_held;
    match response(&answer, &[], 0).http_response {
        Some(HttpResponse::OkResponse(passed)) => passed,
        other => panic!("it passes: {other:?}"),
    }
}

#[test]
fn a_slot_is_named_and_a_name_that_a_client_sends_is_removed() {
    let held = passed(true);
    let header = held.headers.first().and_then(|option| option.header.as_ref());
    let header = header.expect("the slot is named");
    assert_eq!(
        (header.key.as_str(), header.value.as_str()),
        (DECISION_ID, "00000000000000000000000001")
    );
    assert!(held.headers_to_remove.is_empty(), "{held:?}");
    let free = passed(false);
    assert!(free.headers.is_empty(), "{free:?}");
    assert_eq!(free.headers_to_remove, [DECISION_ID]);
}
