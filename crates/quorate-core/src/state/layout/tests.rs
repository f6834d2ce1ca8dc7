//! Layouts are numbered by content, and know how long their counters may matter.

use super::*;
use crate::limit::{Counts, MeterId, Mode, PoolMode, Precision, Role};
use crate::time::SECOND;

fn limit(name: &str, meter: &str, algorithm: Algorithm, capacity: u64) -> Limit {
    Limit {
        name: Arc::from(name),
        role: Role::Plain,
        algorithm,
        capacity,
        counts: Counts::Units(MeterId::REQUESTS),
        meter: Arc::from(meter),
        mode: Mode::Enforce,
        warn_at: None,
        order: 0,
    }
}

fn seconds(seconds: u64) -> Period {
    Period::from_secs(seconds).expect("not zero")
}

fn sliding(window: u64) -> Algorithm {
    Algorithm::SlidingWindow {
        window: seconds(window),
        precision: Precision::Standard,
    }
}

#[test]
fn the_same_counters_have_the_same_number_whatever_their_limits() {
    let mut layouts = Layouts::default();
    let first = layouts.intern(&[limit("a", "requests", sliding(60), 5)]);
    assert_eq!(first, Ok(LayoutId(0)));
    assert_eq!(layouts.intern(&[limit("a", "requests", sliding(60), 500)]), first);
    let others = [
        limit("b", "requests", sliding(60), 5),
        limit("a", "tokens", sliding(60), 5),
        limit("a", "requests", sliding(61), 5),
        limit("a", "requests", Algorithm::FixedWindow { window: seconds(60) }, 5),
    ];
    for (number, other) in others.iter().enumerate() {
        let id = LayoutId(u16::try_from(number + 1).expect("few"));
        assert_eq!(layouts.intern(core::slice::from_ref(other)), Ok(id));
    }
    let order = [others[0].clone(), others[1].clone()];
    let reversed = [others[1].clone(), others[0].clone()];
    assert_ne!(layouts.intern(&order), layouts.intern(&reversed));
}

#[test]
fn counters_are_kept_for_the_longest_window_of_their_name() {
    let mut layouts = Layouts::default();
    let bucket = Algorithm::TokenBucket {
        refill: 1,
        every: seconds(SECOND),
    };
    let minute = layouts
        .intern(&[
            limit("a", "requests", sliding(60), 5),
            limit("b", "requests", bucket, 5),
        ])
        .expect("few");
    let other = layouts.intern(&[limit("a", "tokens", sliding(60), 5)]).expect("few");
    assert_eq!(layouts.kept_for(minute), [Some(seconds(60)), None]);
    let hour = layouts
        .intern(&[limit("a", "requests", sliding(3_600), 5)])
        .expect("few");
    let short = layouts.intern(&[limit("a", "requests", sliding(10), 5)]).expect("few");
    for id in [minute, hour, short] {
        assert_eq!(layouts.kept_for(id)[0], Some(seconds(3_600)));
    }
    assert_eq!(layouts.kept_for(other), [Some(seconds(60))]);
    assert_eq!(layouts.kept_for(LayoutId(99)), []);
}

#[test]
fn head_words_are_those_that_are_written() {
    let every = seconds(60);
    let pool = Algorithm::Pool {
        refill: 1,
        every,
        mode: PoolMode::Ceiling,
    };
    let algorithms = [sliding(60), Algorithm::FixedWindow { window: every }, pool];
    let limits: Vec<Limit> = algorithms
        .iter()
        .map(|algorithm| limit("a", "requests", *algorithm, 5))
        .collect();
    let mut layouts = Layouts::default();
    let id = layouts.intern(&limits).expect("few");
    let layout = layouts.get(id).expect("it was interned");
    assert_eq!(
        (layout.head_words(), layout.logs(), layout.stamps_min()),
        (7 + 7 + 12, 1, STAMPS_MIN)
    );
}

#[test]
fn numbers_run_out_in_the_end() {
    let mut layouts = Layouts::default();
    for number in 0..u64::from(Layouts::NUMBERS) {
        let id = layouts
            .intern(&[limit("a", &number.to_string(), sliding(60), 5)])
            .expect("numbers are left");
        assert_eq!(u64::from(id.0), number);
    }
    assert_eq!(
        layouts.intern(&[limit("b", "one more", sliding(60), 5)]),
        Err(LayoutsFull)
    );
    assert_eq!(layouts.intern(&[limit("a", "7", sliding(60), 5)]), Ok(LayoutId(7)));
}
