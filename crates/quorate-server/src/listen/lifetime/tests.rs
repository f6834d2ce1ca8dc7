//! Connections that end by themselves, idle, or are ended, on a clock that stands still until everything waits.

use std::cell::Cell;
use std::pin::pin;
use std::sync::Arc;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::listen::OpenCall;

const IDLE_TIMEOUT: Duration = Duration::from_secs(600);

/// Lives the life of a peer that never ends a connection itself: how long it lasted, and whether it was said goodbye.
async fn life(activity: &Activity, stop: &CancellationToken) -> (Duration, bool) {
    let told = Cell::new(false);
    let started = Instant::now();
    let peer = pin!(std::future::pending::<()>());
    live(peer, |_| told.set(true), activity, IDLE_TIMEOUT, stop.cancelled()).await;
    (started.elapsed(), told.get())
}

#[tokio::test(start_paused = true)]
async fn a_silent_connection_is_told_to_go_and_then_dropped() {
    let (lasted, told) = life(&Activity::default(), &CancellationToken::new()).await;
    assert!(told);
    assert!(lasted >= IDLE_TIMEOUT, "{lasted:?}");
    assert!(lasted <= (IDLE_TIMEOUT + GOODBYE_MAX) * 3 / 2, "{lasted:?}");
}

#[tokio::test(start_paused = true)]
async fn one_with_an_open_call_lives_as_long_as_the_call() {
    let activity = Arc::new(Activity::default());
    let call = OpenCall::new(&activity);
    let calling = async {
        // tidy: allow sleep because the clock is paused: it moves the time, and waits for nobody.
        tokio::time::sleep(IDLE_TIMEOUT * 10).await;
        drop(call);
    };
    let stop = CancellationToken::new();
    let ((lasted, _), ()) = tokio::join!(life(&activity, &stop), calling);
    assert!(lasted >= IDLE_TIMEOUT * 11, "{lasted:?}");
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_nobody_takes_keeps_it_from_a_stop_but_not_from_idling() {
    let activity = Arc::new(Activity::default());
    let mut call = OpenCall::new(&activity);
    call.answered(1);
    let (lasted, _) = life(&activity, &CancellationToken::new()).await;
    assert!(lasted <= (IDLE_TIMEOUT + GOODBYE_MAX) * 3 / 2, "{lasted:?}");

    let stop = CancellationToken::new();
    stop.cancel();
    let stopping = tokio::time::timeout(IDLE_TIMEOUT, life(&activity, &stop)).await;
    assert!(stopping.is_err(), "the answer may still be on its way");
}

#[tokio::test(start_paused = true)]
async fn when_the_server_stops_it_waits_for_calls_and_not_for_a_silent_peer() {
    let stop = CancellationToken::new();
    stop.cancel();
    let (lasted, told) = life(&Activity::default(), &stop).await;
    assert!(told && lasted <= GOODBYE_MAX * 3 / 2, "{lasted:?}");

    let activity = Arc::new(Activity::default());
    let _call = OpenCall::new(&activity);
    let stopping = tokio::time::timeout(IDLE_TIMEOUT, life(&activity, &stop)).await;
    assert!(stopping.is_err(), "the call is answered first");
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_goes_is_let_go() {
    let gone = pin!(std::future::ready(()));
    let told = Cell::new(false);
    live(
        gone,
        |_| told.set(true),
        &Activity::default(),
        IDLE_TIMEOUT,
        std::future::pending(),
    )
    .await;
    assert!(!told.get());
}
