//! Tests of the leases of one account.

use std::collections::BTreeMap;

use quorate_core::grant::{Grant, GrantOperation, GrantOutcome, HolderId};
use quorate_core::time::{Instant, Now, SECOND};

use super::{Effect, Event, LeaseId, Leases};
use crate::bounds::{AHEAD_NS_MAX, ENDS_SPREAD_NS};
use crate::calendar::{Calendar, CalendarKind, Period};
use crate::lease::{self, Kind, OperationId, Terms};

const DAY: u64 = 86_400 * SECOND;
/// 1 November 2026, 00:00 in UTC.
const NOVEMBER: u64 = 1_793_491_200 * SECOND;
const NOVEMBER_NAME: &str = "month/2026-11-01";
const DECEMBER: u64 = NOVEMBER + 30 * DAY;

/// The balance of one lease, and the row that it is on.
#[derive(Debug)]
struct Balance {
    period: Period,
    credited: u64,
    spent: u64,
}

/// A driver with a store that does what it is told.
struct Desk {
    leases: Leases,
    now: Now,
    rows: BTreeMap<String, Grant>,
    balances: BTreeMap<LeaseId, Balance>,
    current: LeaseId,
    turns: Vec<Period>,
    wake: Option<Instant>,
    is_away: bool,
    sent: Vec<(LeaseId, OperationId, GrantOperation)>,
    said: Vec<Effect>,
}

fn monthly(zone: &str) -> Calendar {
    Calendar::new(CalendarKind::Month, 1, zone).unwrap()
}

fn terms(limit: u64) -> Terms {
    Terms::new(limit, Kind::Hard, [].into())
}

impl Desk {
    fn new(limit: u64, calendar: Calendar, wall: u64) -> Self {
        let now = Now {
            instant: Instant(5 * SECOND),
            wall: Instant(wall),
        };
        let mut effects = Vec::new();
        let leases = Leases::new(HolderId(7 << 64), 3, terms(limit), calendar, now, &mut effects);
        let mut desk = Self {
            leases,
            now,
            rows: BTreeMap::new(),
            balances: BTreeMap::new(),
            current: LeaseId(u64::MAX),
            turns: Vec::new(),
            wake: None,
            is_away: false,
            sent: Vec::new(),
            said: Vec::new(),
        };
        desk.act(effects);
        desk
    }

    fn tell(&mut self, event: Event) {
        let mut effects = Vec::new();
        self.leases.handle(self.now, event, &mut effects);
        self.act(effects);
    }

    fn act(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Open { lease, period } => {
                    let balance = Balance {
                        period,
                        credited: 0,
                        spent: 0,
                    };
                    assert!(self.balances.insert(lease, balance).is_none(), "{lease:?} opens twice");
                }
                Effect::Turn { lease, period } => {
                    self.current = lease;
                    self.balances.get_mut(&lease).unwrap().period = period.clone();
                    self.turns.push(period);
                }
                Effect::Lease { lease, effect } => self.act_of(lease, effect),
                Effect::Forget { lease } => {
                    assert_ne!(lease, self.current);
                    self.balances.remove(&lease).unwrap();
                }
                Effect::Wake { at } => self.wake = Some(at),
                effect => self.said.push(effect),
            }
        }
    }

    fn act_of(&mut self, lease: LeaseId, effect: lease::Effect) {
        let balance = self.balances.get_mut(&lease).unwrap();
        match effect {
            lease::Effect::Send { id, operation } => self.sent.push((lease, id, operation)),
            lease::Effect::Credit { units, .. } => balance.credited += units,
            lease::Effect::Withdraw { up_to } => {
                let units = balance.credited.saturating_sub(balance.spent).min(up_to);
                balance.credited -= units;
                let spent = balance.spent;
                let event = lease::Event::Withdrawn { units, spent };
                self.tell(Event::Lease { lease, event });
            }
            lease::Effect::Known(_) | lease::Effect::Alert(_) | lease::Effect::Exhausted { .. } => {}
            lease::Effect::Wake { .. } | lease::Effect::Settled | lease::Effect::Closed => {
                panic!("{effect:?} is the business of the account")
            }
        }
    }

    /// Answers everything that was sent.
    fn settle(&mut self) {
        while !self.sent.is_empty() {
            let (lease, id, operation) = self.sent.remove(0);
            let outcome = if self.is_away {
                GrantOutcome::NotTried
            } else {
                let period = &self.balances[&lease].period;
                apply(&mut self.rows, &period.id, operation)
            };
            let event = lease::Event::Outcome { id, outcome };
            self.tell(Event::Lease { lease, event });
        }
    }

    fn debt(&self) -> u64 {
        self.leases.debts().iter().map(|(_, units)| units).sum()
    }

    /// Lets time pass, waking as asked.
    fn until(&mut self, wall: u64) {
        while self.now.wall.0 < wall {
            let left = wall - self.now.wall.0;
            let step = self.wake.map_or(left, |at| at.since(self.now.instant).min(left));
            self.now.instant = self.now.instant.after(step);
            self.now.wall = self.now.wall.after(step);
            if self.wake.take_if(|at| *at <= self.now.instant).is_some() {
                self.tell(Event::Timer);
                self.settle();
            }
        }
    }

    fn ask(&mut self, cost: u64) -> bool {
        let has = |desk: &Self| {
            let balance = &desk.balances[&desk.current];
            desk.now.wall.0 < balance.period.ends_ns && balance.credited >= balance.spent + cost
        };
        if !has(self) {
            self.tell(Event::Timer);
            let lease = self.current;
            let spent = self.balances[&lease].spent;
            let queued = cost;
            let event = lease::Event::Need { cost, queued, spent };
            self.tell(Event::Lease { lease, event });
            self.settle();
        }
        let allowed = has(self);
        if allowed {
            let balance = self.balances.get_mut(&self.current).unwrap();
            balance.spent += cost;
            let (lease, spent) = (self.current, balance.spent);
            let event = lease::Event::Spent { spent };
            self.tell(Event::Lease { lease, event });
            self.settle();
        }
        allowed
    }

    fn granted(&self, period: &str) -> u64 {
        self.rows.get(period).map_or(0, |row| row.granted)
    }
}

fn apply(rows: &mut BTreeMap<String, Grant>, period: &str, operation: GrantOperation) -> GrantOutcome {
    match (operation, rows.get_mut(period)) {
        (GrantOperation::Read, row) => GrantOutcome::Row(row.cloned()),
        (GrantOperation::Create { limit }, None) => {
            let row = Grant {
                limit,
                ..Grant::default()
            };
            rows.insert(period.to_owned(), row);
            GrantOutcome::Applied
        }
        (GrantOperation::Move(change), Some(row)) if row.version == change.version => {
            row.granted = change.granted;
            row.holdings.insert(change.holder, change.holding);
            row.version += 1;
            assert_eq!(row.granted, row.holdings.values().sum::<u64>());
            GrantOutcome::Applied
        }
        (GrantOperation::Cap(cap), Some(row)) if row.version == cap.version => {
            row.limit = cap.limit;
            row.version += 1;
            GrantOutcome::Applied
        }
        _ => GrantOutcome::Refused,
    }
}

#[test]
fn the_next_period_is_there_when_it_begins() {
    let mut desk = Desk::new(1_000_000, monthly("UTC"), DECEMBER - 400 * SECOND);
    for _ in 0..400 {
        assert!(desk.ask(1));
        desk.until(desk.now.wall.0 + SECOND);
    }
    let ahead = &desk.rows["month/2026-12-01"];
    assert!(ahead.granted > 0);
    // The first decision of December finds units without waiting.
    desk.tell(Event::Timer);
    assert_eq!(&*desk.leases.period().id, "month/2026-12-01");
    assert!(desk.sent.is_empty() && desk.balances[&desk.current].credited > 0);
    desk.until(DECEMBER + ENDS_SPREAD_NS + 10 * SECOND);
    assert_eq!(desk.granted(NOVEMBER_NAME), 400, "what was not spent went back");
    assert_eq!(desk.balances.len(), 1);
}

#[test]
fn the_first_chunk_is_not_taken_too_early() {
    let mut desk = Desk::new(1_000, monthly("UTC"), DECEMBER - 2 * AHEAD_NS_MAX);
    while desk.now.wall.0 < DECEMBER - AHEAD_NS_MAX {
        assert!(!desk.rows.contains_key("month/2026-12-01"));
        desk.ask(1);
        desk.until(desk.now.wall.0 + SECOND);
    }
}

#[test]
fn a_quiet_account_takes_nothing_ahead() {
    let mut desk = Desk::new(1_000, monthly("UTC"), DECEMBER - DAY);
    assert!(desk.ask(1));
    desk.until(DECEMBER + DAY);
    assert!(!desk.rows.contains_key("month/2026-12-01"));
    assert_eq!(desk.said, [Effect::Settled]);
}

#[test]
fn a_decision_turns_the_period_over() {
    let mut desk = Desk::new(5, monthly("UTC"), DECEMBER - 1);
    assert!(desk.ask(5) && !desk.ask(1));
    desk.now.wall = Instant(DECEMBER);
    assert!(desk.ask(5) && !desk.ask(1));
    let turns: Vec<&str> = desk.turns.iter().map(|period| &*period.id).collect();
    assert_eq!(turns, [NOVEMBER_NAME, "month/2026-12-01"]);
}

#[test]
fn wall_time_that_goes_back_does_not_bring_a_period_back() {
    let mut desk = Desk::new(5, monthly("UTC"), DECEMBER - 1);
    assert!(desk.ask(1));
    desk.now.wall = Instant(DECEMBER);
    assert!(desk.ask(1));
    desk.now.wall = Instant(DECEMBER - DAY);
    assert!(desk.ask(1));
    assert_eq!(desk.granted(NOVEMBER_NAME), 1);
    assert_eq!(desk.granted("month/2026-12-01"), 2);
    // And the timer does not run hot meanwhile.
    let mut wakes = 0;
    let end = desk.now.instant.after(3_600 * SECOND);
    while let Some(at) = desk.wake.take().filter(|at| *at < end) {
        desk.now.wall = desk.now.wall.after(at.since(desk.now.instant));
        desk.now.instant = desk.now.instant.max(at);
        desk.tell(Event::Timer);
        desk.settle();
        wakes += 1;
    }
    assert!(wakes < 20, "{wakes} wakes in an hour");
}

#[test]
fn a_change_of_zone_forgets_nothing() {
    // Noon of the 30th in UTC is December already in Kiritimati, and back.
    let mut desk = Desk::new(10, monthly("UTC"), DECEMBER - DAY / 2);
    assert!(desk.ask(6));
    let event = lease::Event::Need {
        cost: 3,
        queued: 3,
        spent: 6,
    };
    desk.tell(Event::Lease {
        lease: desk.current,
        event,
    });
    desk.settle();
    assert_eq!(desk.granted(NOVEMBER_NAME), 9);
    desk.tell(Event::Calendar(monthly("Pacific/Kiritimati")));
    desk.settle();
    assert_eq!(&*desk.leases.period().id, "month/2026-12-01");
    assert!(desk.ask(10) && !desk.ask(1));
    desk.tell(Event::Calendar(monthly("UTC")));
    desk.settle();
    assert_eq!(&*desk.leases.period().id, NOVEMBER_NAME);
    assert!(!desk.ask(5));
    assert!(desk.ask(1), "one unit was never taken");
    // The other three go back first.
    desk.until(desk.now.wall.0 + ENDS_SPREAD_NS + 2 * SECOND);
    assert!(desk.ask(3) && !desk.ask(1));
    // The row knows two holders, since the first lease on it may still have had moves under way.
    assert_eq!(desk.rows[NOVEMBER_NAME].holdings.len(), 2);
}

#[test]
fn a_change_of_zone_within_the_period_moves_only_its_end() {
    let mut desk = Desk::new(10, monthly("UTC"), NOVEMBER + DAY);
    assert!(desk.ask(6));
    desk.tell(Event::Calendar(monthly("America/New_York")));
    assert_eq!(desk.turns.last().unwrap().ends_ns, DECEMBER + 5 * 3_600 * SECOND);
    assert!(desk.ask(4) && !desk.ask(1));
    assert_eq!(desk.balances.len(), 1);
}

#[test]
fn terms_reach_every_lease() {
    let mut desk = Desk::new(1_000_000, monthly("UTC"), DECEMBER - SECOND);
    assert!(desk.ask(1));
    desk.until(DECEMBER - SECOND / 2);
    desk.settle();
    assert_eq!(desk.balances.len(), 2, "the next period is open");
    desk.tell(Event::Terms(terms(2_000_000)));
    desk.settle();
    assert!(desk.rows.values().all(|row| row.limit == 2_000_000), "{:?}", desk.rows);
}

#[test]
fn a_stop_returns_everything_of_every_period() {
    let mut desk = Desk::new(1_000_000, monthly("UTC"), DECEMBER - 400 * SECOND);
    for _ in 0..399 {
        assert!(desk.ask(1));
        desk.until(desk.now.wall.0 + SECOND);
    }
    desk.tell(Event::Stop);
    desk.settle();
    assert_eq!(desk.said, [Effect::Closed]);
    let granted: Vec<u64> = desk.rows.values().map(|row| row.granted).collect();
    assert_eq!(granted, [399, 0]);
    desk.tell(Event::Timer);
    assert_eq!(desk.said.len(), 1);
}

#[test]
fn ended_periods_are_bounded_while_the_store_is_away() {
    let hourly = Calendar::new(CalendarKind::Hour, 1, "UTC").unwrap();
    let mut desk = Desk::new(1_000_000, hourly, NOVEMBER);
    for hour in 0..10 {
        desk.is_away = false;
        desk.tell(Event::Timer);
        desk.ask(1);
        desk.until(desk.now.wall.0 + 20 * SECOND);
        desk.ask(5);
        // It went away with units out, and stays away over the hour.
        desk.is_away = true;
        desk.until(NOVEMBER + (hour + 1) * 3_600 * SECOND);
        assert!(desk.balances.len() <= 4, "{:?}", desk.balances);
    }
}

#[test]
fn what_ended_periods_owe_is_booked_however_long_the_store_was_away() {
    let hourly = Calendar::new(CalendarKind::Hour, 1, "UTC").unwrap();
    let mut desk = Desk::new(1_000, hourly, NOVEMBER);
    desk.tell(Event::Terms(Terms::new(1_000, Kind::soft(1_000), [].into())));
    desk.is_away = true;
    let hours = 30;
    for hour in 0..hours {
        desk.until(NOVEMBER + hour * 3_600 * SECOND + 60 * SECOND);
        desk.tell(Event::Timer);
        let lease = desk.current;
        // Let through, as a decision does.
        desk.balances.get_mut(&lease).unwrap().spent = 7;
        let event = lease::Event::Spent { spent: 7 };
        desk.tell(Event::Lease { lease, event });
        desk.settle();
    }
    assert_eq!(desk.debt(), hours * 7);
    desk.is_away = false;
    desk.until(desk.now.wall.0 + 60 * SECOND);
    assert_eq!(desk.debt(), 0);
    let booked: Vec<u64> = desk.rows.values().map(|row| row.granted).collect();
    assert_eq!(booked.len(), 30);
    assert!(booked.iter().all(|granted| *granted >= 7), "{booked:?}");
    assert_eq!(desk.said, []);
}

#[test]
fn what_is_never_booked_is_told() {
    let hourly = Calendar::new(CalendarKind::Hour, 1, "UTC").unwrap();
    let mut desk = Desk::new(1_000, hourly, NOVEMBER);
    desk.tell(Event::Terms(Terms::new(1_000, Kind::soft(1_000), [].into())));
    desk.is_away = true;
    for hour in 0..100 {
        desk.until(NOVEMBER + hour * 3_600 * SECOND + 60 * SECOND);
        desk.tell(Event::Timer);
        let lease = desk.current;
        desk.balances.get_mut(&lease).unwrap().spent = 7;
        let event = lease::Event::Spent { spent: 7 };
        desk.tell(Event::Lease { lease, event });
        desk.settle();
    }
    let lost = desk.said.iter().map(|effect| match effect {
        Effect::Unbooked { units, .. } => *units,
        other => panic!("{other:?}"),
    });
    assert_eq!(lost.sum::<u64>() + desk.debt(), 700);
    assert!(desk.balances.len() <= 68, "{}", desk.balances.len());
}

#[test]
fn a_lifetime_needs_no_wakes_for_its_end() {
    let calendar = Calendar::new(CalendarKind::Lifetime, 1, "UTC").unwrap();
    let mut desk = Desk::new(3, calendar, NOVEMBER);
    assert_eq!(desk.wake, None);
    assert!(desk.ask(3) && !desk.ask(1));
    desk.until(NOVEMBER + 400 * DAY);
    assert_eq!(desk.said, [Effect::Settled]);
    assert!(!desk.ask(1));
}
