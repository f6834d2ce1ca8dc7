//! The charge: every limit that applies is looked at, then all are charged or none is. Evaluate everything, decide,
//! write everything: there is no undo, so none can be wrong.
//!
//! [`evaluate`] is pure; [`commit`] follows what it found. Looking cells up and storing them is [`crate::shard`]'s.
//! `docs/ALGORITHMS.md` has the statement; the burst rule in one line: one request has one shortfall, the largest over
//! the lifted limits; each of those is charged the cost without it, allowance and pool are charged it, every other
//! limit the full cost.

pub mod retry;
#[cfg(test)]
mod tests;

use crate::limit::{Algorithm, COUNTERS_PER_REQUEST_MAX, Counts, MeterId, Mode, PoolMode, Role};
use crate::request::ChargeMode;
use crate::state::cell::{Cell, Rule};
use crate::terms::{Amounts, CounterIndex};
use crate::time::Now;

/// One counter of a request: its rule, what the request costs it, and its cell's place.
#[derive(Clone, Copy, Debug)]
pub struct Seat<'p> {
    /// The limit, with the factors that bear on it.
    pub rule: Rule<'p>,
    /// The cost in the limit's own units.
    pub cost: u64,
}

impl Seat<'_> {
    /// Whether it can deny.
    #[must_use]
    pub fn enforced(&self) -> bool {
        self.rule.limit.mode == Mode::Enforce
    }

    /// The request has a part in it: it costs something, or the limit denies everything that counts requests, whatever
    /// they cost.
    #[must_use]
    pub fn meets(&self) -> bool {
        let of_requests = !matches!(self.rule.limit.counts, Counts::Units(meter) if meter != MeterId::REQUESTS);
        self.cost > 0 || (self.rule.limit.capacity == 0 && of_requests)
    }

    /// The burst may lend beyond it. What denies everything is not lifted.
    #[must_use]
    pub fn liftable(&self) -> bool {
        self.rule.limit.role == Role::Lifted && self.rule.limit.capacity > 0
    }

    /// A key's own limit or any other: neither allowance nor pool.
    #[must_use]
    pub fn own(&self) -> bool {
        matches!(self.rule.limit.role, Role::Plain | Role::Lifted)
    }
}

/// A set of counters of one request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marks(u32);

impl Marks {
    /// Adds one.
    pub fn add(&mut self, index: CounterIndex) {
        self.0 |= 1 << u32::from(index.0);
    }

    /// Whether it holds one.
    #[must_use]
    pub const fn has(&self, index: CounterIndex) -> bool {
        self.0 >> index.0 & 1 == 1
    }

    /// Whether it holds none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0 == 0
    }

    /// Whether it holds any of the `len` counters from `first` on.
    #[must_use]
    pub fn any(&self, first: usize, len: usize) -> bool {
        (first..first + len).any(|place| self.has(index(place)))
    }
}

/// What a request would find at an instant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Evaluation {
    /// Limits that deny.
    pub failed: Marks,
    /// Limits in shadow mode that would.
    pub shadowed: Marks,
    /// Units that the lifted limits lack: what the burst lends.
    pub short: u64,
    /// Units that the pool gives: the shortfall, or in ceiling mode the whole cost.
    pub draw: u64,
}

impl Evaluation {
    /// Whether the request passes.
    #[must_use]
    pub const fn passes(&self) -> bool {
        self.failed.is_empty()
    }
}

/// The counters of one request with their cells, place by place.
#[derive(Clone, Copy, Debug)]
pub struct Table<'a, 'p> {
    /// The counters.
    pub seats: &'a [Seat<'p>],
    /// Their cells.
    pub cells: &'a [Cell],
}

/// What the burst can do for a request.
#[derive(Clone, Copy, Debug, Default)]
struct Burst {
    allowance: Option<usize>,
    pool: Option<usize>,
    ceiling: bool,
}

impl Burst {
    fn of(seats: &[Seat<'_>]) -> Self {
        let mut burst = Self::default();
        for (place, seat) in seats.iter().enumerate() {
            match seat.rule.limit.role {
                Role::Allowance => burst.allowance = Some(place),
                Role::Pool => {
                    burst.pool = Some(place);
                    burst.ceiling = is_ceiling(seat);
                }
                Role::Plain | Role::Lifted => {}
            }
        }
        burst
    }

    /// The most that lifted limits may lack at `now`.
    fn head(&self, table: &Table<'_, '_>, now: Now) -> u64 {
        let (Some(allowance), Some(pool)) = (self.allowance, self.pool) else {
            return 0;
        };
        let allowance = free(table, allowance, now);
        if self.ceiling {
            allowance
        } else {
            allowance.min(free(table, pool, now))
        }
    }

    /// The most that lifted limits may ever lack.
    fn head_ever(&self, seats: &[Seat<'_>]) -> u64 {
        let (Some(allowance), Some(pool)) = (self.allowance, self.pool) else {
            return 0;
        };
        let allowance = seats[allowance].rule.limit.capacity;
        if self.ceiling {
            allowance
        } else {
            allowance.min(seats[pool].rule.limit.capacity)
        }
    }
}

/// Whether a pool caps its org.
pub(crate) fn is_ceiling(seat: &Seat<'_>) -> bool {
    matches!(
        seat.rule.limit.algorithm,
        Algorithm::Pool {
            mode: PoolMode::Ceiling,
            ..
        }
    )
}

fn free(table: &Table<'_, '_>, place: usize, now: Now) -> u64 {
    table.cells[place].free(&table.seats[place].rule, now)
}

/// The place of a counter as an index. Places are below [`COUNTERS_PER_REQUEST_MAX`].
#[must_use]
pub fn index(place: usize) -> CounterIndex {
    CounterIndex(u8::try_from(place).unwrap_or(u8::MAX).min(31))
}

/// What one counter is charged for: the amount of its meter, or one call.
#[must_use]
pub fn cost_of(counts: Counts, role: Role, amounts: &Amounts) -> u64 {
    match (role, counts) {
        (Role::Allowance | Role::Pool, _) => amounts.0[0],
        (_, Counts::Calls) => 1,
        (_, Counts::Units(MeterId(meter))) => amounts.0.get(usize::from(meter)).copied().unwrap_or(0),
    }
}

/// Looks at every counter at `now`. Writes nothing.
#[must_use]
pub fn evaluate(table: &Table<'_, '_>, now: Now) -> Evaluation {
    let burst = Burst::of(table.seats);
    let mut found = Evaluation::default();
    let mut head = None;
    let mut head = || *head.get_or_insert_with(|| burst.head(table, now));
    for (place, seat) in table.seats.iter().enumerate() {
        if !seat.own() || !seat.meets() {
            continue;
        }
        let short = seat.cost.saturating_sub(free(table, place, now));
        if short == 0 && seat.rule.limit.capacity > 0 {
            continue;
        }
        let lent = seat.liftable() && short <= head();
        match (seat.enforced(), lent) {
            (true, true) => found.short = found.short.max(short),
            (true, false) => found.failed.add(index(place)),
            (false, true) => {}
            (false, false) => found.shadowed.add(index(place)),
        }
    }
    found.draw = found.short;
    if let Some(pool) = burst.pool.filter(|_| burst.ceiling) {
        found.draw = table.seats[pool].cost;
        if found.draw > free(table, pool, now) {
            let marks = if table.seats[pool].enforced() {
                &mut found.failed
            } else {
                &mut found.shadowed
            };
            marks.add(index(pool));
        }
    }
    found
}

/// Whether the counter at `place` can pass its cost at some instant from `now` on, under the factors known now.
#[must_use]
pub fn can_ever_pass(seats: &[Seat<'_>], place: usize, now: Now) -> bool {
    let seat = &seats[place];
    let head = if seat.liftable() {
        Burst::of(seats).head_ever(seats)
    } else {
        0
    };
    seat.rule.limit.capacity > 0 && seat.cost <= seat.rule.capacity_ever(now.instant).saturating_add(head)
}

/// Charges what [`evaluate`] found at `now`, and says which counters it charged. `mode` says what is charged of a
/// request that does not pass.
pub fn commit(seats: &[Seat<'_>], cells: &mut [Cell], found: &Evaluation, mode: ChargeMode, now: Now) -> Marks {
    let mut charged = Marks::default();
    let passes = found.passes();
    if !passes && mode == ChargeMode::AllOrNone {
        return charged;
    }
    for (place, seat) in seats.iter().enumerate() {
        let units = match seat.rule.limit.role {
            // As if it were enforced: what it would have denied is not charged to it.
            _ if mode == ChargeMode::AllOrNone && found.shadowed.has(index(place)) => 0,
            Role::Plain => seat.cost,
            Role::Lifted if !passes => seat.cost,
            Role::Lifted => {
                let own = seat.cost - found.short.min(seat.cost);
                if seat.enforced() {
                    own
                } else {
                    own.min(cells[place].free(&seat.rule, now))
                }
            }
            Role::Allowance if passes => found.short,
            Role::Pool if passes => found.draw,
            Role::Pool if is_ceiling(seat) => seat.cost,
            Role::Allowance | Role::Pool => 0,
        };
        if units > 0 {
            cells[place].admit(&seat.rule, units, now);
            charged.add(index(place));
        }
    }
    charged
}

/// Gives the cost back to every counter: to allowance and pool first what the key drew, to its own limits the rest.
/// Says which counters it changed.
pub fn refund(seats: &[Seat<'_>], cells: &mut [Cell], now: Now) -> Marks {
    let burst = Burst::of(seats);
    let borrowed = burst.allowance.map_or(0, |place| {
        let seat = &seats[place];
        seat.cost.min(cells[place].used(&seat.rule, now))
    });
    let mut changed = Marks::default();
    for (place, seat) in seats.iter().enumerate() {
        let units = match seat.rule.limit.role {
            Role::Plain => seat.cost,
            Role::Lifted => seat.cost - borrowed.min(seat.cost),
            Role::Allowance => borrowed,
            Role::Pool if is_ceiling(seat) => seat.cost,
            Role::Pool => borrowed,
        };
        if units > 0 {
            cells[place].refund(&seat.rule, units, now);
            changed.add(index(place));
        }
    }
    changed
}

/// What could still be lent beyond a key's own limits: the smaller of the allowance left and the pool's level.
#[must_use]
pub fn burst_remaining(table: &Table<'_, '_>, now: Now) -> u64 {
    let burst = Burst::of(table.seats);
    let (Some(allowance), Some(pool)) = (burst.allowance, burst.pool) else {
        return 0;
    };
    free(table, allowance, now).min(free(table, pool, now))
}

/// The seats of one request.
pub type Seats<'p> = arrayvec::ArrayVec<Seat<'p>, COUNTERS_PER_REQUEST_MAX>;
