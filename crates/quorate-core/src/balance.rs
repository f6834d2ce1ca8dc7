//! The part of a durable quota that this process may spend: spending is one subtraction, never below zero.
//!
//! How units get here is not: they are leased from the quota's row (`quorate-quota`) by the node, which credits them
//! once they are known to be granted. A balance is copied, judged, and stored back if the request passed, as the cells
//! of limits are.

#[cfg(test)]
mod tests;

use crate::quota::Quota;
use crate::time::Instant;

/// Names the lease that a balance is filled from; given by the node, never twice. 0 is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LeaseId(pub u64);

/// What is known of the quota's row beyond the balance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Standing {
    /// Nothing yet: units were asked for.
    #[default]
    Asked,
    /// Units can be had.
    Open,
    /// A read of the row showed so many units that nobody holds: what costs more than those and the balance does not
    /// fit before the period ends.
    Short,
    /// The store does not answer.
    Away,
}

/// The local balance of one account in one period.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Balance {
    /// Where its units come from.
    pub lease: LeaseId,
    /// The period's first instant, on wall time.
    pub begins: Instant,
    /// The first instant after the period; 0 for a period that is not known.
    pub ends: Instant,
    /// Units that may be spent.
    pub units: u64,
    /// Units that may be spent after those and lie beyond a soft quota's limit.
    pub beyond: u64,
    /// Units of a soft quota that may be owed by requests, while the store is away: what is owed already counts.
    pub overdraft: u64,
    /// Units spent in this period by this process.
    pub spent: u64,
    /// Of those, units beyond the limit.
    pub overage: u64,
    /// Of those spent, units that are owed: they were let through or recorded, and are not granted yet. While there are
    /// any, nothing else is left.
    pub owed: u64,
    /// The node is to hear of it at once when so few units are left.
    pub report_at: u64,
    /// The row's cap, as last read; 0 while nothing is known of it.
    pub limit: u64,
    /// Units of the row that nobody held, as last read.
    pub ungranted: u64,
    /// What is known of the row.
    pub standing: Standing,
    /// A row that is too short may be told as such until then; later it has to be read again.
    pub short_until: Instant,
    /// A look may be told by what is known of the row until then.
    pub known_until: Instant,
}

/// Why a balance does not pass a cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shortfall {
    /// The cost is more than the whole quota.
    Never,
    /// The row has too few units, until the period ends.
    Exhausted,
    /// More units may be on their way.
    Pending,
    /// The store is away, and the balance is short.
    Away,
}

impl Balance {
    /// Whether `wall` lies in its period.
    #[must_use]
    pub fn covers(&self, wall: Instant) -> bool {
        self.begins <= wall && wall < self.ends
    }

    /// The largest cost that it passes now.
    #[must_use]
    pub const fn free(&self) -> u64 {
        let overdraft = self.overdraft.saturating_sub(self.owed);
        self.units.saturating_add(self.beyond).saturating_add(overdraft)
    }

    /// Units of the row that nobody holds, less those that are owed.
    const fn left(&self) -> u64 {
        self.ungranted.saturating_sub(self.owed)
    }

    /// Units that are left of the quota, as far as is known: approximate, since others may hold some.
    #[must_use]
    pub const fn remaining(&self) -> u64 {
        self.units.saturating_add(self.left())
    }

    /// Units that are used of the quota, as far as is known. Early by what others hold and have not spent, never late.
    #[must_use]
    pub const fn used(&self) -> u64 {
        let over = self.owed.saturating_sub(self.ungranted).saturating_add(self.overage);
        self.limit.saturating_sub(self.remaining()).saturating_add(over)
    }

    /// Why it does not pass `cost` at `now`; `None` when it does. A `look` passes by what the row has, too: it needs no
    /// units here.
    #[must_use]
    pub fn shortfall(&self, quota: &Quota, cost: u64, look: bool, now: Instant) -> Option<Shortfall> {
        if cost <= self.free() {
            return None;
        }
        if quota.hard && cost > quota.limit {
            return Some(Shortfall::Never);
        }
        let fits = cost <= self.free().saturating_add(self.left());
        match self.standing {
            Standing::Away => Some(Shortfall::Away),
            Standing::Asked => Some(Shortfall::Pending),
            _ if look && now <= self.known_until && (fits || !quota.hard) => None,
            Standing::Short if !fits && now <= self.short_until => Some(Shortfall::Exhausted),
            Standing::Open | Standing::Short => Some(Shortfall::Pending),
        }
    }

    /// Spends `cost`, which fits; what does not fit is not spent. Returns the units beyond the quota's limit.
    pub fn spend(&mut self, cost: u64) -> u64 {
        self.record(cost.min(self.free()))
    }

    /// Spends `cost` whether it fits or not: what is not here is owed. Returns the units beyond the quota's limit, as
    /// far as is known of it.
    pub fn record(&mut self, cost: u64) -> u64 {
        let within = cost.min(self.units);
        let beyond = (cost - within).min(self.beyond);
        let owed = cost - within - beyond;
        self.units -= within;
        self.beyond -= beyond;
        self.spent = self.spent.saturating_add(cost);
        self.overage = self.overage.saturating_add(beyond);
        let left = self.left();
        self.owed = self.owed.saturating_add(owed);
        // What is owed is overage of the balance when it is paid by such units. An account that nothing is known of has
        // a limit of 0.
        let over = if self.limit > 0 { owed.saturating_sub(left) } else { 0 };
        beyond.saturating_add(over)
    }

    /// Adds `units` that the row granted, of which `beyond` lie beyond a soft quota's limit. What is owed is paid first:
    /// it must not be spent twice.
    pub fn credit(&mut self, units: u64, beyond: u64) {
        let beyond = beyond.min(units);
        let within = units - beyond;
        let paid_within = within.min(self.owed);
        let paid_beyond = beyond.min(self.owed - paid_within);
        self.owed -= paid_within + paid_beyond;
        self.overage = self.overage.saturating_add(paid_beyond);
        self.units = self.units.saturating_add(within - paid_within);
        self.beyond = self.beyond.saturating_add(beyond - paid_beyond);
        // They are not the row's to give any more. Until that is known they would count twice, and a threshold be told
        // late.
        self.ungranted = self.ungranted.saturating_sub(within);
    }

    /// Takes over what was recorded in `before`, if that had no lease yet.
    pub fn take_over(&mut self, before: &Self) {
        if before.lease == LeaseId::default() {
            self.spent = self.spent.saturating_add(before.owed);
            self.owed = self.owed.saturating_add(before.owed);
        }
    }

    /// Takes up to `units` of what is not spent out of it; how many it took. What lies beyond the limit goes first.
    pub fn withdraw(&mut self, units: u64) -> u64 {
        let beyond = units.min(self.beyond);
        let within = (units - beyond).min(self.units);
        self.beyond -= beyond;
        self.units -= within;
        beyond + within
    }

    /// Takes back what was spent: the newest units first, never more than this process has spent in the period.
    pub fn refund(&mut self, cost: u64) {
        let owed = cost.min(self.owed);
        let beyond = (cost - owed).min(self.overage);
        let spent_within = self.spent - self.overage - self.owed;
        let within = (cost - owed - beyond).min(spent_within);
        self.owed -= owed;
        self.beyond += beyond;
        self.overage -= beyond;
        self.units += within;
        self.spent -= within + beyond + owed;
    }
}
