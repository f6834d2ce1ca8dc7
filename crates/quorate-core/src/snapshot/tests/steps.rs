//! What is collected and what is not, and what becomes of it.

use super::life::{HOUR, KEY, Life, MINUTE, limit, pool, sliding};
use crate::limit::{Algorithm, Limit};
use crate::snapshot::{Clocks, Head, Piece, PieceTitle, Scope, Which};
use crate::state::cell::Cell;
use crate::state::table::Restored;
use crate::time::{Instant, SECOND};
use crate::window::exact::period;

const START: u64 = 1_700_000_000 * SECOND;

fn both() -> Vec<Limit> {
    vec![
        limit("minute", sliding(MINUTE), 10),
        limit("hour", sliding(HOUR), 1_000),
    ]
}

fn entries(pieces: &[Vec<u8>]) -> Vec<crate::snapshot::Kept> {
    let read = |piece: &Vec<u8>| Piece::read(piece, &KEY).expect("it is whole").entries;
    pieces.iter().flat_map(read).collect()
}

#[test]
fn what_was_changed_is_collected_once() {
    let mut life = Life::begin(both(), 0);
    for key in 0..2_000 {
        assert!(life.ask(&key.to_string(), 1, START));
    }
    assert_eq!(entries(&life.collect(Which::Changed, START)).len(), 2_000);
    assert_eq!(entries(&life.collect(Which::Changed, START)).len(), 0);
    for key in [3, 700, 1_999] {
        assert!(life.ask(&key.to_string(), 9, START));
        // Denied and looked at: nothing of it was changed.
        assert!(!life.ask(&(key - 1).to_string(), 10, START));
    }
    assert_eq!(entries(&life.collect(Which::Changed, START)).len(), 3);
    assert_eq!(entries(&life.collect(Which::Long, START)).len(), 2_000);
    // What a turn collects is collected: it was changed before that.
    assert!(life.ask("5", 1, START));
    life.collect(Which::Long, START);
    assert_eq!(entries(&life.collect(Which::Changed, START)).len(), 0);
}

/// Where slots are free in no order, a step may end anywhere: also before it has looked at a slot of a page.
#[test]
fn no_page_is_passed_over() {
    let mut life = Life::begin(both(), 0);
    let keys = 20_000_u64;
    for key in 0..keys {
        assert!(life.ask(&key.to_string(), 1, START));
    }
    // Entries that grow move, and leave slots free behind them.
    for (round, every) in [(1, 3), (2, 7), (3, 10), (4, 13)] {
        for key in (0..keys).filter(|key| (key * 7_919 + round).is_multiple_of(every)) {
            for step in 1..=2 {
                life.ask(&key.to_string(), 1, START + round * SECOND + step * 1_000_000);
            }
        }
    }
    let now = START + 10 * SECOND;
    assert_eq!(entries(&life.collect(Which::Changed, now)).len(), 20_000);
    assert_eq!(entries(&life.collect(Which::Changed, now)).len(), 0);
}

#[test]
fn only_long_windows_are_written_behind_and_never_pools() {
    let every = period(HOUR);
    let mut limits = both();
    limits.push(limit(
        "fast",
        Algorithm::TokenBucket {
            refill: 1,
            every: period(MINUTE),
        },
        50,
    ));
    limits.push(limit("slow", Algorithm::TokenBucket { refill: 1, every }, 50));
    limits.push(limit("fixed", Algorithm::FixedWindow { window: every }, 50));
    limits.push(limit("pool", pool(), 50));
    let mut life = Life::begin(limits, 0);
    assert!(life.ask("k", 4, START));
    let places =
        |pieces: &[Vec<u8>]| -> Vec<usize> { entries(pieces)[0].cells.iter().map(|(place, _)| *place).collect() };
    assert_eq!(places(&life.collect(Which::Changed, START)), [1, 3, 4]);
    assert_eq!(places(&life.collect(Which::Long, START)), [1, 3, 4]);
    assert_eq!(places(&life.collect(Which::All, START)), [0, 1, 2, 3, 4]);
}

#[test]
fn entries_without_a_long_window_are_not_written_behind() {
    let mut life = Life::begin(vec![limit("minute", sliding(MINUTE), 10)], 0);
    assert!(life.ask("k", 1, START));
    assert!(life.collect(Which::Changed, START).is_empty());
    assert!(life.collect(Which::Long, START).is_empty());
    assert_eq!(entries(&life.collect(Which::All, START)).len(), 1);
}

#[test]
fn an_entry_that_was_given_back_hides_what_older_pieces_tell() {
    let mut life = Life::begin(both(), 0);
    assert!(life.ask("k", 8, START));
    let first = life.collect(Which::Changed, START);
    life.ask_as("k", 8, START, |ask| ask.refund = true);
    let second = life.collect(Which::Changed, START);
    let mut next = Life::begin(both(), 1);
    assert_eq!(next.restore(&first[0], Scope::Long, 0, START), [Restored::Entry]);
    assert_eq!(next.restore(&second[0], Scope::Long, 0, START), [Restored::Nothing]);
    assert_eq!(next.shard.size().0, 0);
}

#[test]
fn one_that_is_swept_before_it_is_collected_hides_them_too_unless_it_is_back() {
    let mut life = Life::begin(both(), 0);
    for key in ["stays", "goes", "returns"] {
        assert!(life.ask(key, 8, START));
    }
    let first = life.collect(Which::Changed, START);
    for key in ["goes", "returns"] {
        life.ask_as(key, 8, START, |ask| ask.refund = true);
    }
    for _ in 0..3 {
        life.shard.housekeep(&life.layouts, crate::time::Now::at(START));
    }
    assert_eq!(life.shard.size().0, 1);
    assert!(life.ask("returns", 1, START));
    // The turn may come by before the next round does.
    let turn = life.collect(Which::Long, START);
    let second = life.collect(Which::Changed, START);
    assert_eq!(entries(&second).len(), 1);
    let mut next = Life::begin(both(), 1);
    for piece in [first, turn, second].concat() {
        next.restore(&piece, Scope::Long, 0, START);
    }
    assert_eq!(next.shard.size().0, 2);
    assert_eq!(entries(&next.collect(Which::Long, START)).len(), 2);
}

#[test]
fn what_has_aged_out_is_not_restored() {
    let mut life = Life::begin(both(), 0);
    assert!(life.ask("k", 1, START));
    let all = life.collect(Which::All, START);
    let mut next = Life::begin(both(), 1);
    // The minute is over, the hour is not; then both are.
    assert_eq!(
        next.restore(&all[0], Scope::All, MINUTE + SECOND, START),
        [Restored::Entry]
    );
    assert!(next.ask("k", 10, START));
    let mut next = Life::begin(both(), 1);
    assert_eq!(
        next.restore(&all[0], Scope::All, HOUR + SECOND, START),
        [Restored::Nothing]
    );
}

#[test]
fn a_lower_bound_on_memory_holds() {
    let mut life = Life::begin(both(), 0);
    for key in 0..5_000 {
        assert!(life.ask(&key.to_string(), 1, START));
    }
    let all = life.collect(Which::All, START);
    let mut next = Life::within(both(), 1, 60_000);
    let restored: Vec<_> = all
        .iter()
        .flat_map(|piece| next.restore(piece, Scope::All, 0, START))
        .collect();
    let kept = restored.iter().filter(|one| **one == Restored::Entry).count();
    let lost = restored.iter().filter(|one| **one == Restored::NoRoom).count();
    assert!(kept > 300 && kept + lost == 5_000, "{kept} kept, {lost} lost");
    // The index is asked for afterwards, as ever.
    assert!(next.shard.size().1 < 75_000, "{:?}", next.shard.size());
}

#[test]
fn pieces_are_cut_before_a_store_would_refuse_them() {
    let mut life = Life::begin(vec![limit("hour", sliding(HOUR), 60)], 0);
    for key in 0..6_000 {
        for _ in 0..60 {
            assert!(life.ask(&key.to_string(), 1, START));
        }
    }
    let pieces = life.collect(Which::All, START);
    assert!(pieces.len() > 1);
    assert!(pieces.iter().all(|piece| piece.len() <= 512 * 1_024));
    assert_eq!(entries(&pieces).len(), 6_000);
}

#[test]
fn a_log_keeps_every_age_to_the_tick() {
    let mut life = Life::begin(vec![limit("minute", sliding(MINUTE), 60)], 0);
    let tick = 1 << 20;
    let start = START / tick * tick;
    for unit in 0..60 {
        assert!(life.ask("k", 1, start + unit * SECOND));
    }
    let all = life.collect(Which::All, start + MINUTE);
    for (from, clock) in [(0_u64, 3 * tick), (tick, 0), (0, 1 << 50)] {
        let mut next = Life::begin(vec![limit("minute", sliding(MINUTE), 60)], 1);
        let then = start + MINUTE - from + clock;
        next.restore(&all[0], Scope::All, 0, then);
        // As many are free as were: one each second, and none before.
        for unit in 1..60 {
            assert!(!next.ask_as("k", unit + 1, then + unit * SECOND - tick, |ask| ask.look = true));
            assert!(
                next.ask_as("k", unit, then + unit * SECOND, |ask| ask.look = true),
                "{unit}"
            );
        }
    }
}

#[test]
fn time_away_is_told_by_clocks_that_agree_and_never_too_long() {
    let boot = |id: u8, since: u64| Some(([id; 16], since * SECOND));
    let at = |wall: u64, boot| Clocks {
        wall_ns: wall * SECOND,
        boot,
    };
    let day = 24 * 3_600;
    for (then, now, seconds) in [
        (at(100, boot(1, 10)), at(130, boot(1, 40)), 30),
        // Somebody set the wall clock: forward, and back.
        (at(100, boot(1, 10)), at(5_000, boot(1, 40)), 30),
        (at(100, boot(1, 10)), at(50, boot(1, 40)), 0),
        // The time since the boot is that of another container.
        (at(100, boot(1, 10)), at(130, boot(1, 4_000)), 30),
        // Another boot, or a machine that does not say: days only.
        (at(100, boot(1, 10)), at(130, boot(2, 40)), 0),
        (at(100, None), at(100 + day, None), 0),
        (at(100, None), at(160 + day, boot(1, 5)), 60),
    ] {
        assert_eq!(now.since(&then), seconds * SECOND, "{then:?} {now:?}");
    }
}

#[test]
fn a_head_says_what_counts() {
    let head = |stopped| Head {
        hash_key: KEY,
        incarnation: 7,
        stopped,
        valid_from: 20,
        instant: Instant(50 * SECOND),
        clocks: Clocks::default(),
    };
    let title = |scope, incarnation, number| PieceTitle {
        scope,
        shards: 64,
        incarnation,
        number,
    };
    for (stopped, scope, incarnation, number, counts) in [
        (true, Scope::All, 7, 20, Some(Scope::All)),
        (true, Scope::Long, 7, 21, Some(Scope::Long)),
        // Its short windows were restored by the process that wrote the head.
        (true, Scope::All, 6, 20, Some(Scope::Long)),
        (false, Scope::All, 7, 20, Some(Scope::Long)),
        (true, Scope::All, 7, 19, None),
    ] {
        assert_eq!(head(stopped).scope_of(&title(scope, incarnation, number)), counts);
    }
    let piece = |incarnation, instant| Piece {
        title: title(Scope::Long, incarnation, 20),
        instant: Instant(instant * SECOND),
        layouts: Vec::new(),
        entries: Vec::new(),
    };
    let age = |incarnation, instant| head(false).age_of(&piece(incarnation, instant), 5 * SECOND) / SECOND;
    assert_eq!(age(7, 40), 15);
    assert_eq!(age(7, 52), 3, "written after the head");
    assert_eq!(age(7, 60), 0);
    assert_eq!(age(6, 40), 5, "on another clock");
}

#[test]
fn a_fixed_window_follows_wall_time() {
    let fixed = || vec![limit("fixed", Algorithm::FixedWindow { window: period(HOUR) }, 5)];
    let mut life = Life::begin(fixed(), 0);
    let start = START / HOUR * HOUR;
    assert!(life.ask("k", 5, start));
    let all = life.collect(Which::All, start + SECOND);
    let Cell::FixedWindow(window) = entries(&all)[0].cells[0].1 else {
        panic!("a fixed window")
    };
    assert_eq!((window.index, window.count), (start / HOUR, 5));
    // Whatever was known of the time away.
    let mut next = Life::begin(fixed(), 1);
    next.restore(&all[0], Scope::All, 0, start + HOUR - 1);
    assert!(!next.ask("k", 1, start + HOUR - 1));
    assert!(next.ask("k", 5, start + HOUR));
}
