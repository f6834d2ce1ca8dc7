//! What is written is what is read, whatever the widths.

use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::limit::{Algorithm, Counts, Limit, MeterId, Mode, PoolMode, Precision, Role};
use crate::state::layout::Layouts;
use crate::time::{Period, SECOND};
use crate::window::exact::{Exact, Pace, cases, paces, period};

fn limit(name: &str, algorithm: Algorithm) -> Limit {
    Limit {
        name: Arc::from(name),
        role: Role::Plain,
        algorithm,
        capacity: 60,
        counts: Counts::Units(MeterId::REQUESTS),
        meter: Arc::from("requests"),
        mode: Mode::Enforce,
        warn_at: None,
        order: 0,
    }
}

fn sliding(window: Period) -> Algorithm {
    Algorithm::SlidingWindow {
        window,
        precision: Precision::High,
    }
}

/// Two logs with every other kind of counter between them.
fn layout(first: Period, second: Period) -> (Layouts, LayoutId) {
    let every = period(60 * SECOND);
    let mut layouts = Layouts::default();
    let limits = [
        limit("first", sliding(first)),
        limit("bucket", Algorithm::TokenBucket { refill: 1, every }),
        limit("fixed", Algorithm::FixedWindow { window: every }),
        limit(
            "pool",
            Algorithm::Pool {
                refill: 1,
                every,
                mode: PoolMode::Overflow,
            },
        ),
        limit("second", sliding(second)),
    ];
    let id = layouts.intern(&limits).expect("one layout");
    (layouts, id)
}

/// Writes cells and reads them again.
fn through_words(layouts: &Layouts, id: LayoutId, cells: &[Cell], now: Now) -> Vec<Cell> {
    let layout = layouts.get(id).expect("it was interned");
    let fingerprint = Fingerprint([1, 2, 3, 4, 5, 6]);
    // What a slot held before does not matter.
    let mut words = vec![0xABCD; words_for(layout, cells) + 3];
    encode(&mut words, fingerprint, id, layout.head_words(), cells);
    assert_eq!(super::fingerprint(&words), fingerprint);
    assert_eq!(layout_id(&words), id);
    let mut read = Vec::new();
    decode(&words, layout, now, |place, cell| {
        assert_eq!(place, read.len());
        read.push(cell);
    });
    read
}

/// Windows that a limit may have, with ticks short and long.
fn windows() -> impl Strategy<Value = Period> {
    prop_oneof![
        Just(crate::limit::WINDOW_MIN_NS),
        Just(60 * SECOND),
        Just(3_600 * SECOND),
        Just(crate::limit::WINDOW_MAX_NS)
    ]
    .prop_map(period)
}

proptest! {
    #![proptest_config(cases(1_000))]

    /// A history of a log that is written and read at every step is that of one that is not, also where its ticks need
    /// more than 48 bits.
    #[test]
    fn a_log_lives_through_its_words(
        (first, second) in (windows(), windows()),
        wraps in 0_u64..40,
        before in 0_u64..4_000,
        steps in proptest::collection::vec((paces(), 0_u64..9, any::<bool>()), 1..60),
    ) {
        let (layouts, id) = layout(first, second);
        let tick = Tick::of(first);
        let wrap = (u128::from(wraps) << 48) * u128::from(tick.nanos());
        let begin = u64::try_from(wrap).unwrap_or(u64::MAX - first.nanos() / 4);
        let mut now = Instant(begin.saturating_sub(before * (first.nanos() / 1_000)));
        let (mut log, mut stored, mut exact) = (Log::default(), Log::default(), Exact::default());
        for (pace, units, refunds) in steps {
            // Back in time, too: a shard's clock never does, but a look at an older state may.
            now = if let Pace::Back(_) = pace { now } else { pace.follow(&tick, &exact, now) };
            if refunds {
                log.refund(&tick, units, now);
                stored.refund(&tick, units, now);
            } else {
                log.admit(&tick, units, 20, 12, now);
                stored.admit(&tick, units, 20, 12, now);
                exact.admit(units, now, 0);
            }
            let bucket = TokenBucket { whole_at: Instant(units.wrapping_mul(now.0)) };
            let fixed = FixedWindow { index: now.0 / SECOND, count: u64::MAX - units };
            let pool = Pool { missing: units, shares: u64::MAX / 3, at: now };
            let cells = [
                Cell::Log(stored),
                Cell::TokenBucket(bucket),
                Cell::FixedWindow(fixed),
                Cell::Pool(pool),
                Cell::Log(log.carried(&tick, &Tick::of(second))),
            ];
            let now = Now { instant: now, wall: now };
            let read = through_words(&layouts, id, &cells, now);
            prop_assert_eq!(&read[1..4], &cells[1..4]);
            for (place, written) in [(0, log), (4, log.carried(&tick, &Tick::of(second)))] {
                let Cell::Log(read) = read[place] else { panic!("the first and the last are logs") };
                prop_assert!(read == written || read.is_empty() && written.is_empty());
            }
            let Cell::Log(read) = read[0] else { panic!("the first is a log") };
            stored = read;
        }
    }

    /// An entry that is met again after any time counts no fewer units than it should, and none any more once all have
    /// expired, unless that was so long ago that 48 bits do not tell.
    #[test]
    fn an_idle_log_is_told_from_a_live_one(window in windows(), units in 1_u64..20, begin in any::<u64>(), idle in any::<u64>()) {
        let (layouts, id) = layout(window, window);
        let tick = Tick::of(window);
        let (begin, later) = (Instant(begin), Instant(begin).after(idle));
        let mut log = Log::default();
        log.admit(&tick, units, 20, 20, begin);
        let mut cells: Vec<Cell> = layouts.get(id).expect("interned").counters().iter().map(|counter| Cell::fresh(&counter.kind)).collect();
        cells[0] = Cell::Log(log);
        let read = through_words(&layouts, id, &cells, Now { instant: later, wall: later });
        let Cell::Log(read) = read[0] else { panic!("the first is a log") };
        prop_assert!(read.used(&tick, later) >= log.used(&tick, later));
        if idle / tick.nanos() < (1 << 48) - (1 << 40) - 2 {
            prop_assert_eq!(read, log);
        }
    }
}

#[test]
fn the_widest_values_fit() {
    let (layouts, id) = layout(period(60 * SECOND), period(3_600 * SECOND));
    let tick = Tick::of(period(60 * SECOND));
    let now = Now::at(u64::MAX);
    let mut log = Log::default();
    log.admit(&tick, u64::MAX, u64::MAX, 128, now.instant);
    let full = Log::from_parts(tick.ceil(now.instant), 48, (1 << 48) - 1, &[u16::MAX; 128]);
    let cells = [
        Cell::Log(log),
        Cell::TokenBucket(TokenBucket { whole_at: Instant::MAX }),
        Cell::FixedWindow(FixedWindow {
            index: BITS_48,
            count: u64::MAX,
        }),
        Cell::Pool(Pool {
            missing: u64::MAX,
            shares: u64::MAX,
            at: Instant::MAX,
        }),
        Cell::Log(full),
    ];
    let Cell::Log(read) = through_words(&layouts, id, &cells, now)[0] else {
        panic!("the first is a log");
    };
    assert_eq!(read, log);
    let read = through_words(&layouts, id, &cells, now);
    assert_eq!(read[1..4], cells[1..4]);
    assert_eq!(stamps(&cells), log.len() + 128);
}

/// A log that was never charged has no newest time; read in the months before its ticks outgrow 48 bits once more, it
/// is not taken for one that was charged in the future.
#[test]
fn an_empty_log_freezes_nothing() {
    let window = period(crate::limit::WINDOW_MIN_NS);
    let (layouts, id) = layout(window, window);
    let tick = Tick::of(window);
    let wrap = (1 << 48) * tick.nanos();
    let now = Now::at(4 * wrap - 3_600 * SECOND);
    let counters = layouts.get(id).expect("interned").counters().iter();
    let cells: Vec<Cell> = counters.map(|counter| Cell::fresh(&counter.kind)).collect();
    let Cell::Log(mut read) = through_words(&layouts, id, &cells, now)[0] else {
        panic!("the first is a log");
    };
    read.admit(&tick, 1, 1, 1, now.instant);
    assert_eq!(read.used(&tick, now.instant), 1);
    assert_eq!(read.used(&tick, now.instant.after(window.nanos() + tick.nanos())), 0);
}
