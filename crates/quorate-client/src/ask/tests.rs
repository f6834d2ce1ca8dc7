//! Every name of the builder sets exactly its field of the message.

use std::collections::HashMap;

use quorate_api::v1::should_allow_request::Subject;
use quorate_api::v1::{self, Include, ShouldAllowRequest};

use super::{Ask, ChargeMode, QUESTION_BYTES_MAX};
use crate::failure::Refused;

fn message(change: impl FnOnce(&mut ShouldAllowRequest)) -> ShouldAllowRequest {
    let mut message = ShouldAllowRequest {
        subject: Some(Subject::Key("k".to_owned())),
        ..ShouldAllowRequest::default()
    };
    change(&mut message);
    message
}

#[test]
fn each_setter_sets_its_own_field_and_no_other() {
    let k = || Ask::key("k");
    let cases: Vec<(Ask, ShouldAllowRequest)> = vec![
        (k(), message(|_| ())),
        (
            Ask::credential("s"),
            message(|m| m.subject = Some(Subject::Credential("s".to_owned()))),
        ),
        (k().org("o"), message(|m| m.org = "o".to_owned())),
        (k().endpoint("GET /"), message(|m| m.endpoint = "GET /".to_owned())),
        (k().cost(0), message(|m| m.cost = Some(0))),
        (k().cost(u64::MAX), message(|m| m.cost = Some(u64::MAX))),
        (
            k().amount("tokens", 1).amount("bytes", 2),
            message(|m| m.amounts = HashMap::from([("tokens".to_owned(), 1), ("bytes".to_owned(), 2)])),
        ),
        (
            k().attribute("ip", "::1"),
            message(|m| m.attributes = HashMap::from([("ip".to_owned(), "::1".to_owned())])),
        ),
        (k().environment("prod"), message(|m| m.environment = "prod".to_owned())),
        (
            k().scope("soc2").scope("gdpr"),
            message(|m| m.scopes = vec!["soc2".to_owned(), "gdpr".to_owned()]),
        ),
        (k().look(), message(|m| m.check_only = true)),
        (k().operation_id("op"), message(|m| m.operation_id = "op".to_owned())),
        (k().refund(), message(|m| m.refund = true)),
        (k().retry_jitter(), message(|m| m.retry_jitter = true)),
        (
            k().charge_mode(ChargeMode::AllOrNone),
            message(|m| m.charge_mode = i32::from(v1::ChargeMode::AllOrNone)),
        ),
        (
            k().charge_mode(ChargeMode::Each),
            message(|m| m.charge_mode = i32::from(v1::ChargeMode::Each)),
        ),
        (
            k().charge_mode(ChargeMode::Record),
            message(|m| m.charge_mode = i32::from(v1::ChargeMode::Record)),
        ),
    ];
    for (ask, expected) in cases {
        assert_eq!(ask.into_message(), Ok(expected));
    }
}

#[test]
fn what_to_include_is_asked_for_once() {
    let ask = Ask::key("k")
        .include_limits()
        .include_headers()
        .include_policy()
        .include_shadow()
        .include_limits();
    let wanted = [Include::Limits, Include::Headers, Include::Policy, Include::Shadow];
    let message = ask.into_message().expect("it is small");
    assert_eq!(message.include, wanted.map(i32::from));
}

#[test]
fn a_credential_is_never_shown() {
    let shown = format!("{:?}", Ask::credential("sk_live_secret"));
    assert!(!shown.contains("secret"), "{shown}");
    assert!(format!("{:?}", Ask::key("ak_1")).contains("ak_1"));
}

#[test]
fn what_nobody_would_judge_is_not_sent() {
    let ask = |bytes: usize| Ask::key("k").endpoint("e".repeat(bytes)).into_message();
    assert!(ask(QUESTION_BYTES_MAX - 100).is_ok());
    let refused = ask(QUESTION_BYTES_MAX).expect_err("too large");
    assert!(
        matches!(&refused, Refused::Invalid(why) if why.contains("65536")),
        "{refused}"
    );
}
