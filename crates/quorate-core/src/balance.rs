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
    /// Units of a soft quota that may be spent before they are granted, while the store is away.
    pub overdraft: u64,
    /// Units spent in this period by this process.
    pub spent: u64,
    /// Of those, units beyond the limit.
    pub overage: u64,
    /// Of those spent, units that were not granted when they were.
    pub overdrawn: u64,
    /// The node is to hear of it at once when so few units are left.
    pub report_at: u64,
    /// The row's cap, as last read; 0 while nothing is known of it.
    pub limit: u64,
    /// Units of the row that nobody held, as last read.
    pub ungranted: u64,
    /// What is known of the row.
    pub standing: Standing,
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
        self.units.saturating_add(self.beyond).saturating_add(self.overdraft)
    }

    /// Units that are left of the quota, as far as is known: approximate, since others may hold some.
    #[must_use]
    pub const fn remaining(&self) -> u64 {
        self.units.saturating_add(self.ungranted)
    }

    /// Units that are used of the quota, as far as is known. Early by what others hold and have not spent, never late.
    #[must_use]
    pub const fn used(&self) -> u64 {
        self.limit.saturating_sub(self.remaining()).saturating_add(self.overage)
    }

    /// Why it does not pass `cost`; `None` when it does.
    #[must_use]
    pub fn shortfall(&self, quota: &Quota, cost: u64) -> Option<Shortfall> {
        if cost <= self.free() {
            return None;
        }
        if quota.hard && cost > quota.limit {
            return Some(Shortfall::Never);
        }
        Some(match self.standing {
            Standing::Asked | Standing::Open => Shortfall::Pending,
            Standing::Away => Shortfall::Away,
            Standing::Short if cost > self.free().saturating_add(self.ungranted) => Shortfall::Exhausted,
            Standing::Short => Shortfall::Pending,
        })
    }

    /// Spends `cost`, which fits; what does not fit is not spent. Returns the units beyond the quota's limit.
    pub fn spend(&mut self, cost: u64) -> u64 {
        let within = cost.min(self.units);
        let beyond = (cost - within).min(self.beyond);
        let overdrawn = (cost - within - beyond).min(self.overdraft);
        self.units -= within;
        self.beyond -= beyond;
        self.overdraft -= overdrawn;
        self.spent = self.spent.saturating_add(within + beyond + overdrawn);
        self.overage = self.overage.saturating_add(beyond);
        self.overdrawn = self.overdrawn.saturating_add(overdrawn);
        beyond
    }

    /// Adds `units` that the row granted, of which `beyond` lie beyond a soft quota's limit. What was spent before it was
    /// granted is paid first: it must not be spent twice.
    pub fn credit(&mut self, units: u64, beyond: u64) {
        let beyond = beyond.min(units);
        let within = units - beyond;
        let paid_within = within.min(self.overdrawn);
        let paid_beyond = beyond.min(self.overdrawn - paid_within);
        self.overdrawn -= paid_within + paid_beyond;
        self.overage = self.overage.saturating_add(paid_beyond);
        self.units = self.units.saturating_add(within - paid_within);
        self.beyond = self.beyond.saturating_add(beyond - paid_beyond);
        // They are not the row's to give any more. Until that is known they would count twice, and a threshold be told
        // late.
        self.ungranted = self.ungranted.saturating_sub(within);
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
        let overdrawn = cost.min(self.overdrawn);
        let beyond = (cost - overdrawn).min(self.overage);
        let spent_within = self.spent - self.overage - self.overdrawn;
        let within = (cost - overdrawn - beyond).min(spent_within);
        self.overdraft += overdrawn;
        self.overdrawn -= overdrawn;
        self.beyond += beyond;
        self.overage -= beyond;
        self.units += within;
        self.spent -= within + beyond + overdrawn;
    }
}
