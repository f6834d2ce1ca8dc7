//! Calls that the server answers.

use std::time::Duration;

use quorate_api::v1::{self, ShouldAllowResponse};
use quorate_client::{Ask, Client, Config, Reason, Refused, SlotError, Source};
use tonic::Code;

use crate::fake::{Fake, PATIENCE, Reply, allow};

fn client(fake: &Fake) -> Client {
    Client::new(Config::new(fake.url()).deadline(PATIENCE)).expect("a good configuration")
}

#[tokio::test]
async fn an_answer_is_the_servers() {
    let fake = Fake::start(|_| {
        Reply::Answer(Box::new(ShouldAllowResponse {
            reason: i32::from(v1::Reason::RateLimited),
            retryable: true,
            retry_after_ns: 1_500_000_000,
            limit_name: "per-minute".to_owned(),
            limit: 60,
            ..ShouldAllowResponse::default()
        }))
    });
    let answer = client(&fake).should_allow(Ask::key("k").cost(5)).await.expect("judged");
    assert_eq!(answer.source, Source::Decided);
    assert_eq!((answer.allowed, answer.reason), (false, Reason::RateLimited));
    assert_eq!(answer.retry_after, Some(Duration::from_millis(1_500)));
    assert_eq!(answer.binding.map(|binding| binding.limit), Some(60));
    let requests = fake.seen.requests.lock().expect("unpoisoned");
    assert_eq!(requests[0].cost, Some(5));
}

#[tokio::test]
async fn the_server_is_told_the_deadline_and_the_token() {
    let fake = Fake::start(allow);
    let config = Config::new(fake.url()).bearer_token("hush").deadline(PATIENCE);
    let client = Client::new(config).expect("a good configuration");
    client.should_allow(Ask::key("k")).await.expect("judged");
    let metadata = fake.seen.metadata.lock().expect("unpoisoned").clone();
    assert_eq!(
        metadata.get("authorization").and_then(|v| v.to_str().ok()),
        Some("Bearer hush")
    );
    assert!(metadata.contains_key("grpc-timeout"));
}

#[tokio::test]
async fn a_refused_question_is_an_error_whatever_the_policy() {
    let fake = Fake::start(|request| match request.endpoint.as_str() {
        "invalid" => Reply::Refuse(Code::InvalidArgument, "attributes: 17 given, 16 allowed"),
        "who" => Reply::Refuse(Code::Unauthenticated, "a token is expected"),
        _ => Reply::Refuse(Code::PermissionDenied, "not for this org"),
    });
    let client = Client::new(Config::new(fake.url()).deadline(PATIENCE).fail_open()).expect("a good configuration");
    let refused = |endpoint: &'static str| client.should_allow(Ask::key("k").endpoint(endpoint));
    let invalid = Refused::Invalid("attributes: 17 given, 16 allowed".to_owned());
    assert_eq!(refused("invalid").await, Err(invalid.clone()));
    assert_eq!(
        refused("who").await,
        Err(Refused::Unauthenticated("a token is expected".to_owned()))
    );
    assert_eq!(
        refused("other").await,
        Err(Refused::Forbidden("not for this org".to_owned()))
    );
    let batch = client.should_allow_batch([Ask::key("k").endpoint("invalid")]).await;
    assert_eq!(batch, Err(invalid));
}

#[tokio::test]
async fn a_batch_is_answered_in_order() {
    let fake = Fake::start(allow);
    let client = client(&fake);
    let keys: Vec<String> = (0..1_000).map(|number| format!("key-{number}")).collect();
    let batch = client
        .should_allow_batch(keys.iter().map(Ask::key))
        .await
        .expect("judged");
    assert!(batch.all_allowed);
    let answered: Vec<_> = batch.answers.into_iter().map(|answer| answer.decision_id).collect();
    assert_eq!(answered, keys);

    let all = client.should_allow_all([Ask::key("a")]).await.expect("judged");
    assert!(!all.all_allowed, "the fake denies what is all or nothing");
    let none = client.should_allow_batch([]).await.expect("judged");
    assert_eq!(none.answers, []);

    let large = || Ask::key("k").endpoint("e".repeat(60_000));
    let refused = client.should_allow_batch((0..100).map(|_| large())).await;
    assert!(
        matches!(refused, Err(Refused::Invalid(_))),
        "a server ends a call for it"
    );
}

#[tokio::test]
async fn slots_are_released_and_extended() {
    let fake = Fake::start(allow);
    let client = client(&fake);
    assert_eq!(client.release_slot("acme", "held").await, Ok(true));
    assert_eq!(client.release_slot("acme", "gone").await, Ok(false));
    assert_eq!(
        client.extend_slot("acme", "held").await,
        Ok(Some(Duration::from_secs(900)))
    );
    assert_eq!(client.extend_slot("acme", "gone").await, Ok(None));
    let refused = client.release_slot("", "held").await;
    assert_eq!(
        refused,
        Err(SlotError::Refused(Refused::Invalid("org: missing".to_owned())))
    );
}

#[tokio::test]
async fn several_connections_take_turns() {
    let fake = Fake::start(allow);
    let config = Config::new(fake.url()).deadline(PATIENCE).connections(3);
    let client = Client::new(config).expect("a good configuration");
    for _ in 0..7 {
        assert!(client.should_allow(Ask::key("k")).await.expect("judged").decided());
    }
}

#[tokio::test]
async fn a_unix_socket_serves_as_well() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("quorate.sock");
    let _fake = Fake::on_socket(&path, allow);
    let config = Config::new(format!("unix:{}", path.display())).deadline(PATIENCE);
    let client = Client::new(config).expect("a good configuration");
    let answer = client.should_allow(Ask::key("k")).await.expect("judged");
    assert_eq!((answer.source, answer.decision_id.as_str()), (Source::Decided, "k"));
}
