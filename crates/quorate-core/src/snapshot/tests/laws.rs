//! Histories with restarts at random instants, against an exact model that never restarts.

use proptest::prelude::*;

use super::life::{HOUR, Life, MINUTE, limit, sliding};
use crate::limit::{Algorithm, Limit};
use crate::snapshot::{Scope, Which};
use crate::time::{Instant, Period, SECOND};
use crate::window::exact::{Exact, cases, period};
use crate::window::token_bucket::{Rate, TokenBucket};

const START: u64 = 1_700_000_000 * SECOND;

/// The longest tick among the limits of these tests.
const TICK: u64 = 1 << 26;

#[derive(Clone, Debug)]
enum Step {
    /// Some time passes.
    Pass(u64),
    /// Until an admission falls out of a window, or a little before.
    Expiry { back: usize, hour: bool, early: u64 },
    /// A request.
    Ask(u64),
    /// The process ends, and another begins.
    Restart {
        orderly: bool,
        down: u64,
        /// The next process's clock less true time.
        clock: i64,
        /// How much of the true age is known, in hundredths.
        known: u64,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let known = prop_oneof![3 => Just(100_u64), 1 => 0..=100_u64];
    let restart = (any::<bool>(), 0..2 * MINUTE, -HOUR_I..HOUR_I, known);
    prop_oneof![
        1 => (0..3 * MINUTE).prop_map(Step::Pass),
        1 => (0..40 * MINUTE).prop_map(Step::Pass),
        3 => (0..8_usize, any::<bool>(), 0..3 * TICK).prop_map(|(back, hour, early)| Step::Expiry { back, hour, early }),
        6 => (1..6_u64).prop_map(Step::Ask),
        2 => restart.prop_map(|(orderly, down, clock, known)| Step::Restart { orderly, down, clock, known }),
    ]
}

const HOUR_I: i64 = 3_600_000_000_000;

fn limits() -> Vec<Limit> {
    let every = period(HOUR);
    vec![
        limit("minute", sliding(MINUTE), 7),
        limit("hour", sliding(HOUR), 20),
        limit("bucket", Algorithm::TokenBucket { refill: 20, every }, 15),
    ]
}

fn rate() -> Rate {
    Rate {
        capacity: 15,
        refill: 20,
        every: Period::from_nanos(HOUR).expect("not zero"),
        hundredths: crate::factor::ONE,
    }
}

/// A process on a clock that is `offset` ahead of true time.
struct Running {
    life: Life,
    offset: i64,
    /// What it has written behind, with the true times.
    written: Vec<(Vec<u8>, u64)>,
}

impl Running {
    fn now(&self, at: u64) -> u64 {
        at.saturating_add_signed(self.offset)
    }

    /// Writes behind what was changed.
    fn write(&mut self, at: u64) {
        let now = self.now(at);
        let pieces = self.life.collect(Which::Changed, now);
        self.written.extend(pieces.into_iter().map(|piece| (piece, at)));
    }

    /// Ends it at `at`, and begins another at `then` on its own clock, which takes over.
    fn next(mut self, orderly: bool, (at, then): (u64, u64), offset: i64, known: u64) -> Self {
        let scope = if orderly { Scope::All } else { Scope::Long };
        if orderly {
            let now = self.now(at);
            let pieces = self.life.collect(Which::All, now);
            self.written = pieces.into_iter().map(|piece| (piece, at)).collect();
        }
        let mut next = Self {
            life: Life::begin(limits(), self.life.incarnation + 1),
            offset,
            written: Vec::new(),
        };
        for (piece, written_at) in &self.written {
            let age = u128::from(then - written_at) * u128::from(known) / 100;
            let age = u64::try_from(age).expect("part of an age");
            next.life.restore(piece, scope, age, next.now(then));
        }
        // The first thing that a process writes is what it has taken over.
        next.write(then);
        next
    }
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn no_window_holds_more_than_its_limit_across_restarts(steps in prop::collection::vec(step(), 1..80)) {
        let mut running = Running { life: Life::begin(limits(), 0), offset: 0, written: Vec::new() };
        let (mut minute, mut hour) = (Exact::default(), Exact::default());
        let mut bucket = TokenBucket::default();
        let mut at = START;
        for (number, step) in steps.into_iter().enumerate() {
            match step {
                Step::Pass(nanos) => at += nanos,
                Step::Expiry { back, hour: of_hour, early } => {
                    let admissions = hour.admissions();
                    let Some(admission) = admissions.iter().rev().nth(back) else { continue };
                    let window = if of_hour { HOUR } else { MINUTE };
                    at = at.max((admission.at.0 + window).saturating_sub(early));
                }
                Step::Ask(cost) => {
                    let now = running.now(at);
                    if running.life.ask("k", cost, now) {
                        let instant = Instant(at);
                        prop_assert!(bucket.free(&rate(), instant) >= cost, "the bucket gave more than it had");
                        bucket.admit(&rate(), cost, instant);
                        minute.admit(cost, instant, number);
                        hour.admit(cost, instant, number);
                        prop_assert!(minute.within(MINUTE, instant) <= 7, "the minute overflows");
                        prop_assert!(hour.within(HOUR, instant) <= 20, "the hour overflows");
                    }
                    running.write(at);
                }
                Step::Restart { orderly, down, clock, known } => {
                    let then = at + down;
                    running = running.next(orderly, (at, then), clock, known);
                    if !orderly {
                        minute = Exact::default();
                    }
                    at = then;
                }
            }
        }
    }

    #[test]
    fn with_clocks_that_agree_a_restart_changes_no_answer(steps in prop::collection::vec(step(), 1..60)) {
        let mut running = Running { life: Life::begin(limits(), 0), offset: 0, written: Vec::new() };
        let mut whole = Life::begin(limits(), 0);
        let mut at = START / TICK * TICK;
        for step in steps {
            match step {
                Step::Pass(nanos) => at += nanos,
                Step::Expiry { .. } => {}
                Step::Ask(cost) => {
                    let now = running.now(at);
                    let asked = running.life.ask("k", cost, now);
                    prop_assert_eq!(asked, whole.ask("k", cost, at), "cost {} at {}", cost, at);
                }
                Step::Restart { down, clock, .. } => {
                    let (then, clock) = (at + down, clock / 67_108_864 * 67_108_864);
                    running = running.next(true, (at, then), clock, 100);
                    at = then;
                }
            }
        }
    }

    #[test]
    fn a_full_window_frees_nothing_a_nanosecond_early(
        begin in 0..HOUR,
        restarts in prop::collection::vec((1..MINUTE / 8, -HOUR_I..HOUR_I), 1..6),
    ) {
        for (name, window, tick) in [("minute", MINUTE, 1 << 20), ("hour", HOUR, TICK)] {
            let one = || vec![limit(name, sliding(window), 3)];
            let filled = START + begin;
            let (mut life, mut offset, mut at) = (Life::begin(one(), 0), 0_i64, filled);
            prop_assert!(life.ask("k", 3, at));
            for (down, clock) in &restarts {
                let pieces = life.collect(Which::All, at.saturating_add_signed(offset));
                let incarnation = life.incarnation + 1;
                (life, offset, at) = (Life::begin(one(), incarnation), *clock, at + down);
                life.restore(&pieces[0], Scope::All, *down, at.saturating_add_signed(offset));
            }
            let free = |life: &mut Life, at: u64| {
                life.ask_as("k", 1, at.saturating_add_signed(offset), |ask| ask.look = true)
            };
            prop_assert!(!free(&mut life, filled + window - 1), "{} is freed early", name);
            // Each restart costs a tick at most, as does the admission.
            let ticks = u64::try_from(restarts.len()).expect("few") + 1;
            prop_assert!(free(&mut life, filled + window + ticks * tick), "{} is not freed", name);
        }
    }
}
