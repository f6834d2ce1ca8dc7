//! The leases of one account: on the row of the period that is, on that of the next one shortly before it begins, and
//! on those of ended ones until what was left is returned.

mod event;

use quorate_core::grant::HolderId;
use quorate_core::time::{Instant, Now};

use crate::bounds::{AHEAD_NS_MAX, AHEAD_SHARE, ENDING_MAX, ENDING_OWING_MAX, IDLE_NS};
use crate::calendar::{Calendar, Period};
use crate::lease::{self, Lease, Terms};
use crate::mix::mix;

pub use event::{Effect, Event, LeaseId};

/// The leases of one account.
#[derive(Clone, Debug)]
pub struct Leases {
    holder: HolderId,
    seed: u64,
    calendar: Calendar,
    /// The latest wall time seen. A period that ended does not come back by the clock.
    wall: Instant,
    /// How many leases were opened.
    opened: u64,
    current: Held,
    next: Option<Held>,
    ending: Vec<Held>,
    phase: Phase,
    armed: Option<Instant>,
    scratch: Vec<lease::Effect>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Open,
    Stopping,
    Closed,
}

#[derive(Clone, Debug)]
struct Held {
    id: LeaseId,
    period: Period,
    lease: Lease,
    wake: Option<Instant>,
    is_settled: bool,
}

impl Held {
    const fn new(id: LeaseId, period: Period, lease: Lease) -> Self {
        Self {
            id,
            period,
            lease,
            wake: None,
            is_settled: false,
        }
    }

    fn handle(&mut self, now: Now, event: lease::Event, scratch: &mut Vec<lease::Effect>, effects: &mut Vec<Effect>) {
        match event {
            lease::Event::Timer => self.wake = None,
            lease::Event::Need { .. } => self.is_settled = false,
            _ => {}
        }
        self.lease.handle(now.instant, event, scratch);
        for effect in scratch.drain(..) {
            match effect {
                lease::Effect::Wake { at } => self.wake = Some(at),
                lease::Effect::Settled => self.is_settled = true,
                lease::Effect::Closed => {}
                effect => effects.push(Effect::Lease { lease: self.id, effect }),
            }
        }
    }
}

impl Leases {
    /// The leases of an account, with nothing held. `holder` and `seed` as for [`Lease::new`]. A process has one
    /// `Leases` for an account at a time. Appends the `Open` and the `Turn` of the first lease.
    #[must_use]
    pub fn new(
        holder: HolderId,
        seed: u64,
        terms: Terms,
        calendar: Calendar,
        now: Now,
        effects: &mut Vec<Effect>,
    ) -> Self {
        let lease = LeaseId(0);
        let period = calendar.period_at(now.wall.0);
        for effect in [
            Effect::Open {
                lease,
                period: period.clone(),
            },
            Effect::Turn {
                lease,
                period: period.clone(),
            },
        ] {
            effects.push(effect);
        }
        let mut leases = Self {
            holder,
            seed,
            calendar,
            wall: now.wall,
            opened: 1,
            current: Held::new(lease, period, Lease::new(holder, seed, terms)),
            next: None,
            ending: Vec::new(),
            phase: Phase::Open,
            armed: None,
            scratch: Vec::new(),
        };
        leases.arm(now, effects);
        leases
    }

    /// The period that decisions count in.
    #[must_use]
    pub const fn period(&self) -> &Period {
        &self.current.period
    }

    /// Leases that owe units which were let through or recorded and are not booked yet, with how many.
    #[must_use]
    pub fn debts(&self) -> Vec<(LeaseId, u64)> {
        let owing = self.ending.iter().chain([&self.current]);
        let debts = owing.map(|held| (held.id, held.lease.debt()));
        debts.filter(|(_, units)| *units > 0).collect()
    }

    /// Learns what happened, and appends what to do to `effects`. As for [`Lease::handle`], effects on local balances
    /// are applied before the next event is handled.
    pub fn handle(&mut self, now: Now, event: Event, effects: &mut Vec<Effect>) {
        if self.phase == Phase::Closed {
            return;
        }
        self.wall = self.wall.max(now.wall);
        self.turn(now, effects);
        match event {
            Event::Lease { lease, event } => {
                let held = [Some(&mut self.current), self.next.as_mut()].into_iter().flatten();
                if let Some(held) = held.chain(&mut self.ending).find(|held| held.id == lease) {
                    held.handle(now, event, &mut self.scratch, effects);
                }
            }
            Event::Terms(terms) => self.each(now, effects, |_| Some(lease::Event::Terms(terms.clone()))),
            Event::Calendar(calendar) => self.recut(calendar, now, effects),
            Event::Stop => {
                self.phase = Phase::Stopping;
                self.each(now, effects, |_| Some(lease::Event::Stop));
            }
            Event::Timer => {
                self.armed = None;
                self.each(now, effects, |held| {
                    held.wake.filter(|at| *at <= now.instant).map(|_| lease::Event::Timer)
                });
            }
        }
        self.prepare(now, effects);
        self.clear(effects);
        self.arm(now, effects);
    }

    fn each(&mut self, now: Now, effects: &mut Vec<Effect>, event: impl Fn(&Held) -> Option<lease::Event>) {
        let held = [Some(&mut self.current), self.next.as_mut()].into_iter().flatten();
        for held in held.chain(&mut self.ending) {
            if let Some(event) = event(held) {
                held.handle(now, event, &mut self.scratch, effects);
            }
        }
    }

    /// Goes over to the period that is.
    fn turn(&mut self, now: Now, effects: &mut Vec<Effect>) {
        if self.phase == Phase::Open && self.wall.0 >= self.current.period.ends_ns {
            self.enter(self.calendar.period_at(self.wall.0), now, effects);
        }
    }

    /// Cuts time anew.
    fn recut(&mut self, calendar: Calendar, now: Now, effects: &mut Vec<Effect>) {
        if self.phase != Phase::Open {
            return;
        }
        self.calendar = calendar;
        let period = self.calendar.period_at(self.wall.0);
        if period.id == self.current.period.id {
            self.current.period = period.clone();
            let lease = self.current.id;
            effects.push(Effect::Turn { lease, period });
        } else {
            self.enter(period, now, effects);
        }
        // One taken ahead whose period comes later or never goes back.
        let after = self.calendar.next(&self.current.period);
        match (after, &mut self.next) {
            (Some(after), Some(next)) if after.id == next.period.id => next.period = after,
            _ => self.drop_next(now, effects),
        }
    }

    fn enter(&mut self, period: Period, now: Now, effects: &mut Vec<Effect>) {
        if self.next.as_ref().is_some_and(|next| next.period.id != period.id) {
            self.drop_next(now, effects);
        }
        let mut next = match self.next.take() {
            Some(next) => Held { period, ..next },
            None => self.open(period, effects),
        };
        effects.push(Effect::Turn {
            lease: next.id,
            period: next.period.clone(),
        });
        core::mem::swap(&mut self.current, &mut next);
        self.end(next, now, effects);
    }

    fn drop_next(&mut self, now: Now, effects: &mut Vec<Effect>) {
        if let Some(next) = self.next.take() {
            self.end(next, now, effects);
        }
    }

    fn end(&mut self, mut held: Held, now: Now, effects: &mut Vec<Effect>) {
        held.handle(now, lease::Event::Ends, &mut self.scratch, effects);
        self.ending.push(held);
    }

    /// Opens a lease on a period's row.
    fn open(&mut self, period: Period, effects: &mut Vec<Effect>) -> Held {
        self.seed = self.seed.wrapping_add(1);
        let id = LeaseId(self.opened);
        self.opened = self.opened.saturating_add(1);
        // A change of zone may lead back into a period that was just left. Two leases on one row must not have one
        // holder: each would take the other's moves for its own.
        let mut open = self.ending.iter().chain([&self.current]);
        let holder = if open.any(|held| held.period.id == period.id) {
            HolderId(self.holder.0.wrapping_add(u128::from(id.0)))
        } else {
            self.holder
        };
        effects.push(Effect::Open {
            lease: id,
            period: period.clone(),
        });
        Held::new(id, period, self.current.lease.successor(holder, self.seed))
    }

    /// Takes the first chunk of the next period shortly before it begins, when the account is in use.
    fn prepare(&mut self, now: Now, effects: &mut Vec<Effect>) {
        let recent = Instant(now.instant.0.saturating_sub(IDLE_NS));
        if self.phase != Phase::Open
            || self.next.is_some()
            || self.wall.0 < self.ahead()
            || !self.current.lease.is_active_since(recent)
        {
            return;
        }
        let Some(period) = self.calendar.next(&self.current.period) else {
            return;
        };
        let mut next = self.open(period, effects);
        let event = lease::Event::Need {
            cost: 0,
            queued: 1,
            spent: 0,
        };
        next.handle(now, event, &mut self.scratch, effects);
        self.next = Some(next);
    }

    /// When to take the first chunk of the next period: in the first half of the time allowed for it, each account at
    /// another moment.
    fn ahead(&self) -> u64 {
        let period = &self.current.period;
        let length = period.ends_ns.saturating_sub(period.starts_ns);
        let ahead = (length / AHEAD_SHARE).min(AHEAD_NS_MAX);
        let spread = mix(self.seed) % (ahead / 2).max(1);
        period.ends_ns.saturating_sub(ahead - spread)
    }

    /// Drops what is over, and of the ended periods whose units do not go back the oldest.
    fn clear(&mut self, effects: &mut Vec<Effect>) {
        let (mut owing, mut others) = (0, 0);
        // The youngest are kept.
        let mut kept = vec![true; self.ending.len()];
        for (kept, held) in kept.iter_mut().zip(&self.ending).rev() {
            let units = held.lease.debt();
            let (like_it, most) = if units > 0 {
                (&mut owing, ENDING_OWING_MAX)
            } else {
                (&mut others, ENDING_MAX)
            };
            *like_it += 1;
            *kept = !held.lease.is_closed() && *like_it <= most;
            let lease = held.id;
            if !*kept && units > 0 {
                effects.push(Effect::Unbooked { lease, units });
            }
            if !*kept {
                effects.push(Effect::Forget { lease });
            }
        }
        let mut kept = kept.into_iter();
        self.ending.retain(|_| kept.next().unwrap_or(true));
        let is_alone = self.ending.is_empty() && self.next.as_ref().is_none_or(|next| next.lease.is_closed());
        if is_alone && self.current.lease.is_closed() {
            self.phase = Phase::Closed;
            effects.push(Effect::Closed);
        } else if is_alone && self.next.is_none() && self.current.is_settled {
            self.current.is_settled = false;
            effects.push(Effect::Settled);
        }
    }

    fn arm(&mut self, now: Now, effects: &mut Vec<Effect>) {
        let held = [Some(&self.current), self.next.as_ref()].into_iter().flatten();
        let leases = held.chain(&self.ending).filter_map(|held| held.wake);
        // By what the wall clock shows, even when it went back: or a stopped clock would ask again and again.
        let turns = [self.ahead(), self.current.period.ends_ns]
            .into_iter()
            .filter(|_| self.phase == Phase::Open && self.current.period.ends_ns < u64::MAX)
            .map(|at| now.instant.after(at.saturating_sub(now.wall.0)));
        let Some(at) = leases.chain(turns).filter(|at| *at > now.instant).min() else {
            return;
        };
        if self.armed.is_none_or(|armed| at < armed) {
            self.armed = Some(at);
            effects.push(Effect::Wake { at });
        }
    }
}

#[cfg(test)]
mod tests;
