//! Many callers over one stream.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use quorate_client::{Answer, Ask, Cause, Client, Config, Multiplexed, Refused, Source};
use tokio::task::JoinSet;
use tonic::Code;

use crate::fake::{Fake, PATIENCE, Reply, allow, eventually};

fn multiplexed(config: Config) -> Multiplexed {
    Client::new(config).expect("a good configuration").multiplexed()
}

fn patient(fake: &Fake) -> Config {
    Config::new(fake.url()).deadline(PATIENCE)
}

fn at(path: &Path) -> Config {
    Config::new(format!("unix:{}", path.display())).deadline(PATIENCE)
}

fn seen(fake: &Fake) -> usize {
    fake.seen.requests.lock().expect("unpoisoned").len()
}

async fn all(mut asking: JoinSet<Result<Answer, Refused>>) -> Vec<Answer> {
    let mut answers = Vec::new();
    while let Some(answer) = asking.join_next().await {
        answers.push(answer.expect("no panic").expect("answered"));
    }
    answers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_of_1000_callers_gets_its_own_answers_over_one_stream() {
    let fake = Fake::start(allow);
    let stream = multiplexed(patient(&fake));
    let mut callers = JoinSet::new();
    for caller in 0..1_000 {
        let stream = stream.clone();
        callers.spawn(async move {
            for turn in 0..5 {
                let key = format!("caller-{caller}-{turn}");
                let answer = stream.should_allow(Ask::key(&key)).await.expect("judged");
                assert_eq!((answer.source, answer.decision_id), (Source::Decided, key));
            }
        });
    }
    while let Some(caller) = callers.join_next().await {
        caller.expect("every answer was the caller's own");
    }
    assert_eq!(seen(&fake), 5_000);
    assert_eq!(fake.seen.streams.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_malformed_question_is_refused_in_its_place_and_the_stream_goes_on() {
    let fake = Fake::start(|request| match request.endpoint.as_str() {
        "bad" => Reply::Refuse(Code::InvalidArgument, "attributes: too many"),
        "broken" => Reply::Refuse(Code::Internal, "a bug"),
        _ => allow(request),
    });
    let stream = multiplexed(patient(&fake));
    let (good, bad, broken, after) = tokio::join!(
        stream.should_allow(Ask::key("good")),
        stream.should_allow(Ask::key("k").endpoint("bad")),
        stream.should_allow(Ask::key("k").endpoint("broken")),
        stream.should_allow(Ask::key("after")),
    );
    assert_eq!(good.expect("judged").decision_id, "good");
    assert_eq!(bad, Err(Refused::Invalid("attributes: too many".to_owned())));
    let broken = broken.expect("answered").source;
    assert!(matches!(
        broken,
        Source::FailedClosed(Cause::Server { code: "INTERNAL", .. })
    ));
    assert_eq!(after.expect("judged").decision_id, "after");
    assert_eq!(fake.seen.streams.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn what_is_in_flight_when_the_stream_is_lost_is_answered_by_the_policy_and_the_rest_by_a_new_stream() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("quorate.sock");
    let fake = Fake::on_socket(&path, |request| match request.endpoint.as_str() {
        "hang" => Reply::Never,
        _ => allow(request),
    });
    let stream = multiplexed(at(&path).fail_open());
    let mut asking = JoinSet::new();
    for _ in 0..100 {
        let stream = stream.clone();
        asking.spawn(async move { stream.should_allow(Ask::key("k").endpoint("hang")).await });
    }
    eventually(|| async { seen(&fake) == 1 }).await;
    fake.kill();
    for answer in all(asking).await {
        let failed = matches!(
            answer.source,
            Source::FailedOpen(Cause::Disconnected(_) | Cause::Unreachable(_) | Cause::BackingOff)
        );
        assert!(failed && answer.allowed, "{:?}", answer.source);
    }

    let fake = Fake::on_socket(&path, allow);
    eventually(|| async { stream.should_allow(Ask::key("k")).await.expect("answered").decided() }).await;
    assert!(seen(&fake) >= 1);
}

#[tokio::test]
async fn a_stream_that_the_server_ends_is_opened_again() {
    let fake = Fake::start(|request| match request.endpoint.as_str() {
        "end" => Reply::Refuse(Code::Aborted, "ends the stream"),
        _ => allow(request),
    });
    let stream = multiplexed(patient(&fake));
    let ended = stream
        .should_allow(Ask::key("k").endpoint("end"))
        .await
        .expect("answered");
    assert!(matches!(
        ended.source,
        Source::FailedClosed(Cause::Server { code: "ABORTED", .. })
    ));
    assert!(stream.should_allow(Ask::key("k")).await.expect("answered").decided());
    assert_eq!(fake.seen.streams.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_stream_that_is_refused_as_a_whole_is_not_hidden_by_the_policy() {
    let fake = Fake::start(allow);
    let stream = multiplexed(patient(&fake).fail_open().bearer_token("wrong"));
    let refused = stream.should_allow(Ask::key("k")).await;
    assert_eq!(refused, Err(Refused::Unauthenticated("who are you?".to_owned())));
}

#[tokio::test]
async fn a_stuck_stream_is_given_up_and_a_new_one_serves() {
    let count = Arc::new(AtomicUsize::new(0));
    let asked = Arc::clone(&count);
    // The first question is never answered, and so nothing behind it on its stream is.
    let fake = Fake::start(move |request| match asked.fetch_add(1, Ordering::SeqCst) {
        0 => Reply::Never,
        _ => allow(request),
    });
    let stream = multiplexed(Config::new(fake.url()).deadline(Duration::from_millis(50)));
    let first = stream.should_allow(Ask::key("k")).await.expect("answered");
    assert_eq!(first.source, Source::FailedClosed(Cause::Deadline));
    eventually(|| async { stream.should_allow(Ask::key("k")).await.expect("answered").decided() }).await;
    assert!(fake.seen.streams.load(Ordering::SeqCst) >= 2);
}

#[tokio::test]
async fn a_stream_that_opens_too_slowly_for_its_deadline_keeps_nobody_else_from_asking() {
    // It accepts, and says nothing until the test has seen enough.
    let (say, silent) = std::sync::mpsc::channel::<()>();
    let silent = Mutex::new(silent);
    let standing = Arc::new(AtomicUsize::new(0));
    let stands = Arc::clone(&standing);
    let fake = Fake::start(move |request| {
        if request.endpoint == "slow" {
            stands.fetch_add(1, Ordering::SeqCst);
            let _ = silent.lock().expect("unpoisoned").recv();
        }
        allow(request)
    });
    let client = Client::new(patient(&fake)).expect("a good configuration");
    assert!(client.should_allow(Ask::key("k")).await.expect("answered").decided());
    let blocking = tokio::spawn({
        let client = client.clone();
        async move { client.should_allow(Ask::key("k").endpoint("slow")).await }
    });
    eventually(|| async { standing.load(Ordering::SeqCst) == 1 }).await;
    let hasty = client.with_deadline(Duration::from_millis(1)).multiplexed();
    for _ in 0..20 {
        let answer = hasty.should_allow(Ask::key("k")).await.expect("answered");
        assert_eq!(answer.source, Source::FailedClosed(Cause::Deadline));
    }
    drop(say);
    let answer = client.should_allow(Ask::key("k")).await.expect("answered");
    assert_eq!(answer.source, Source::Decided, "it has all the time it needs");
    assert!(blocking.await.expect("no panic").expect("answered").decided());
}

#[tokio::test]
async fn one_question_that_is_too_large_harms_no_other() {
    let fake = Fake::start(allow);
    let stream = multiplexed(patient(&fake).fail_open());
    let (huge, small) = tokio::join!(
        stream.should_allow(Ask::key("k").endpoint("e".repeat(100_000))),
        stream.should_allow(Ask::key("small")),
    );
    assert!(matches!(huge, Err(Refused::Invalid(_))), "{huge:?}");
    assert_eq!(small.expect("judged").decision_id, "small");
}

#[tokio::test]
async fn the_task_ends_with_the_last_handle() {
    let fake = Fake::start(allow);
    let before = tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let client = Client::new(patient(&fake)).expect("a good configuration");
    let stream = client.multiplexed();
    assert!(
        stream
            .clone()
            .should_allow(Ask::key("k"))
            .await
            .expect("answered")
            .decided()
    );
    drop((stream, client));
    let alive = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    eventually(|| async { alive() <= before }).await;
}
