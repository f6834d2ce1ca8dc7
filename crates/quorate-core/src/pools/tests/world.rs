//! A ledger under crashes, failures of the store and steps of the clock, beside an ideal pool.

use proptest::prelude::*;

use crate::pools::ledger::{HOLD_NS, Ledger, PoolTerms, Wish};
use crate::time::{Instant, Period, SECOND};
use crate::window::pool::{Pool, Refill};

pub const START: u64 = 1_760_000_000 * SECOND;

/// What happens next.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    Passes(u64),
    Draw(u64),
    GiveBack(u64),
    /// The store is asked; what comes of it is still open.
    Ask,
    /// The store answers what was asked. `Fails`: it may have done it, or not.
    Answers,
    Fails {
        did: bool,
    },
    /// The process dies, and another begins on a clock that may have been stepped back.
    Crash {
        did: bool,
        back: u64,
    },
    /// In good order.
    Restart,
}

pub fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => prop_oneof![0..60_u64, 0..SECOND, 0..10 * SECOND, Just(SECOND), Just(HOLD_NS - 1)].prop_map(Step::Passes),
        6 => (1_u64..8).prop_map(Step::Draw),
        1 => (1_u64..8).prop_map(Step::GiveBack),
        6 => Just(Step::Ask),
        6 => Just(Step::Answers),
        1 => any::<bool>().prop_map(|did| Step::Fails { did }),
        1 => (any::<bool>(), prop_oneof![Just(0), 0..20 * SECOND]).prop_map(|(did, back)| Step::Crash { did, back }),
        1 => Just(Step::Restart),
    ]
}

/// From refills that show a nanosecond's difference to slow ones.
pub fn every() -> impl Strategy<Value = u64> {
    prop_oneof![1_u64..60, 1..SECOND, SECOND..20 * SECOND, Just(3_600 * SECOND)]
}

/// A ledger, the store, and an ideal pool.
pub struct World {
    pub capacity: u64,
    pub refill: Refill<'static>,
    pub real: u64,
    /// How far the clock was stepped back in all.
    pub back: u64,
    pub ledger: Ledger,
    pub stored: Option<Pool>,
    pub asked: Option<Wish>,
    pub ideal: Pool,
}

impl World {
    pub fn new(capacity: u64, units: u64, every: u64) -> Self {
        let refill = Refill::steady(units, Period::from_nanos(every).expect("not zero"));
        Self {
            capacity,
            refill,
            real: START,
            back: 0,
            ledger: Ledger::new(PoolTerms::new(capacity, capacity, &refill)),
            stored: None,
            asked: None,
            ideal: Pool::default(),
        }
    }

    pub fn now(&self) -> Instant {
        Instant(self.real - self.back)
    }

    pub fn terms(&self) -> PoolTerms {
        PoolTerms::new(self.capacity, self.capacity, &self.refill)
    }

    pub fn level(&self) -> u64 {
        let (mut ledger, now) = (self.ledger, self.now());
        let lent = ledger.meet(self.terms(), &self.refill, now);
        lent.map_or(0, |lent| lent.level(self.capacity, &self.refill, now))
    }

    /// Draws if it may; whether it did.
    pub fn draw(&mut self, units: u64) -> bool {
        let (terms, now) = (self.terms(), self.now());
        let met = self.ledger.meet(terms, &self.refill, now);
        let Some(before) = met.filter(|lent| units <= lent.level(self.capacity, &self.refill, now)) else {
            if met.is_none() {
                self.ledger.need(units);
            }
            return false;
        };
        if units > self.ledger.lendable(&before, &self.refill, now) {
            self.ledger.need(units);
            return false;
        }
        let mut after = before;
        after.draw(&self.refill, units, now);
        let _urgency = self.ledger.book(&before, after, now);
        let real = Instant(self.real);
        let level = self.ideal.level(self.capacity, &self.refill, real);
        assert!(units <= level, "{units} lent of {level}: {:?}", self.ledger);
        self.ideal.draw(&self.refill, units, real);
        true
    }

    pub fn give_back(&mut self, units: u64) {
        let (terms, now) = (self.terms(), self.now());
        let Some(before) = self.ledger.meet(terms, &self.refill, now) else {
            return;
        };
        let mut after = before;
        after.put_back(&self.refill, units, now);
        let _urgency = self.ledger.book(&before, after, now);
        self.ideal.put_back(&self.refill, units, Instant(self.real));
    }

    /// Asks the store, and has it answer.
    pub fn settle(&mut self) {
        self.take(Step::Answers);
        self.take(Step::Ask);
        self.take(Step::Answers);
    }

    pub fn begin(&mut self) {
        self.ledger = Ledger::new(self.terms());
        self.asked = None;
    }

    pub fn does(&mut self) {
        if let Some(Wish::Write(row)) = self.asked {
            self.stored = Some(row);
        }
    }

    pub fn take(&mut self, step: Step) {
        match step {
            Step::Passes(nanos) => self.real += nanos,
            Step::Draw(units) => {
                self.draw(units);
            }
            Step::GiveBack(units) => self.give_back(units),
            Step::Ask => self.asked = self.asked.or_else(|| self.ledger.wish()),
            Step::Answers => {
                self.does();
                match self.asked.take() {
                    Some(Wish::Write(_)) => self.ledger.acknowledged(),
                    Some(Wish::Read) => self.ledger.learn(self.stored, self.now()),
                    None => {}
                }
            }
            Step::Fails { did } => {
                if did {
                    self.does();
                }
                if let Some(Wish::Write(_)) = self.asked.take() {
                    self.ledger.failed();
                }
            }
            Step::Crash { did, back } => {
                if did {
                    self.does();
                }
                self.back += back;
                self.begin();
            }
            Step::Restart => {
                self.take(Step::Answers);
                if let Some(row) = self.ledger.settled(self.now()) {
                    self.stored = Some(row);
                }
                self.begin();
            }
        }
    }
}
