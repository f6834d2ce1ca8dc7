//! Calls are due at the rate, timed from when they were due, and end when they should.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

use super::{Pace, Rate, Span, release};

const RATE: Rate = Rate {
    decisions: 3,
    per_call: 1,
};

#[test]
fn a_call_is_due_exactly_from_its_offset_on() {
    for rate in [
        RATE,
        Rate {
            decisions: 100_000,
            per_call: 100,
        },
        Rate {
            decisions: 7,
            per_call: 13,
        },
    ] {
        for call in 0..100 {
            let offset = rate.offset(call);
            assert_eq!(rate.due(offset), call + 1, "{rate:?}");
            assert_eq!(rate.due(offset - Duration::from_nanos(1)), call, "{rate:?}");
        }
    }
}

#[tokio::test]
async fn a_late_call_is_timed_from_when_it_was_due() {
    let span = Arc::new(Span::new(Duration::ZERO, None));
    let due = Arc::new(Semaphore::new(2));
    let pace = Pace::new(Arc::clone(&span), Some(RATE), None, due);
    assert_eq!(pace.next().await, Some(span.start + RATE.offset(0)));
    assert_eq!(pace.next().await, Some(span.start + RATE.offset(1)));
}

#[tokio::test]
async fn a_count_is_not_exceeded_and_a_stop_stops() {
    let span = Arc::new(Span::new(Duration::ZERO, None));
    let pace = Pace::new(Arc::clone(&span), None, Some(3), Arc::new(Semaphore::new(0)));
    for _ in 0..3 {
        assert!(pace.next().await.is_some());
    }
    assert!(pace.next().await.is_none());

    let pace = Pace::new(Arc::clone(&span), None, None, Arc::new(Semaphore::new(0)));
    assert!(pace.next().await.is_some());
    span.stop();
    assert!(pace.next().await.is_none());
}

#[tokio::test]
async fn nobody_waits_for_a_call_beyond_the_count() {
    let span = Arc::new(Span::new(Duration::ZERO, None));
    // One is due, and nobody releases another.
    let pace = Pace::new(Arc::clone(&span), Some(RATE), Some(1), Arc::new(Semaphore::new(1)));
    assert!(pace.next().await.is_some());
    assert!(pace.next().await.is_none());
    let none = Pace::new(span, Some(RATE), Some(0), Arc::new(Semaphore::new(0)));
    assert!(none.next().await.is_none());
}

#[tokio::test]
async fn a_warm_up_takes_nothing_of_the_count() {
    let span = Arc::new(Span::new(Duration::from_secs(3_600), None));
    let pace = Pace::new(span, None, Some(1), Arc::new(Semaphore::new(0)));
    for _ in 0..10 {
        assert!(pace.next().await.is_some());
    }
}

#[tokio::test]
async fn what_is_due_is_released_and_the_rest_is_not() {
    let span = Arc::new(Span::new(Duration::ZERO, None));
    let rate = Rate {
        decisions: 1_000,
        per_call: 1,
    };
    let due = Arc::new(Semaphore::new(0));
    let (released, all) = (Arc::clone(&due), Arc::clone(&span));
    let releasing = tokio::task::spawn_blocking(move || release(&all, &[(rate, released)]));
    due.acquire_many(3).await.expect("three are due at some time").forget();
    span.stop();
    releasing.await.expect("no panic");
    assert!(due.is_closed());
    let released = 3 + u64::try_from(due.available_permits()).expect("few");
    assert!(released <= rate.due(span.start.elapsed()), "{released}");
}

#[tokio::test]
async fn what_was_due_by_the_end_and_not_taken_is_unsent() {
    let mut span = Span::new(Duration::ZERO, Some(Duration::from_millis(50)));
    let long = Duration::from_secs(1);
    span.start -= long;
    span.end = span.end.map(|end| end - long);
    let due = Arc::new(Semaphore::new(0));
    let pace = Pace::new(
        Arc::new(span),
        Some(Rate {
            decisions: 1_000,
            per_call: 1,
        }),
        None,
        Arc::clone(&due),
    );
    due.close();
    assert!(pace.next().await.is_none(), "the time is over");
    assert_eq!(pace.unsent(), 50, "none of the 50 was sent");
}

#[test]
fn a_warm_up_is_not_counted() {
    let span = Arc::new(Span::new(Duration::from_secs(1), Some(Duration::from_secs(2))));
    let pace = Pace::new(Arc::clone(&span), None, None, Arc::new(Semaphore::new(0)));
    assert!(!pace.counts(span.start + Duration::from_millis(999)));
    assert!(pace.counts(span.start + Duration::from_secs(1)));
    assert!(!span.over(span.start + Duration::from_millis(2_999)));
    assert!(span.over(span.start + Duration::from_secs(3)));
    assert!(span.start <= Instant::now());
}
