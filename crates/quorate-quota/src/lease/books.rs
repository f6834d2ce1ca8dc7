//! What a lease has taken, and where it is: with the local balance, spent, or on its way back.

/// The books of one lease.
///
/// Invariant: `credited + returning ≤ taken`. With `spent ≤ credited`, which the decision path keeps for hard quotas,
/// `spent + balance + returning ≤ taken`.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Books {
    /// Takes known to have applied, less returns known to have applied.
    taken: u64,
    /// Given to the local balance and not withdrawn.
    credited: u64,
    /// Spent of the local balance, in all.
    spent: u64,
    /// Withdrawn from the local balance, and not known to be back in the row.
    returning: u64,
}

impl Books {
    /// Units that may still be spent, as far as is known here.
    pub(super) const fn balance(&self) -> u64 {
        self.credited.saturating_sub(self.spent)
    }

    /// Units spent beyond what was credited.
    pub(super) const fn debt(&self) -> u64 {
        self.spent.saturating_sub(self.credited)
    }

    pub(super) const fn returning(&self) -> u64 {
        self.returning
    }

    pub(super) const fn spent(&self) -> u64 {
        self.spent
    }

    /// Learns what was spent in all; says whether that is news.
    pub(super) fn report(&mut self, spent: u64) -> bool {
        let is_news = spent != self.spent;
        self.spent = spent;
        is_news
    }

    /// Books a take that applied, and returns how much of it the local balance gets: all of it, or when the lease
    /// `closes` only what it owes.
    pub(super) fn take(&mut self, units: u64, closes: bool) -> u64 {
        let credit = if closes { self.debt().min(units) } else { units };
        self.taken = self.taken.saturating_add(units);
        self.credited = self.credited.saturating_add(credit);
        self.returning = self.returning.saturating_add(units - credit);
        self.check();
        credit
    }

    /// Books what the driver took out of the local balance.
    pub(super) fn withdraw(&mut self, units: u64) {
        let units = units.min(self.credited);
        self.credited -= units;
        self.returning = self.returning.saturating_add(units);
        self.check();
    }

    /// Books a return that applied.
    pub(super) fn give_back(&mut self, units: u64) {
        self.returning = self.returning.saturating_sub(units);
        self.taken = self.taken.saturating_sub(units);
        self.check();
    }

    /// Gives up on returning the rest, and returns how much of it the local balance gets again: all, unless the lease
    /// `closes`, which strands it.
    pub(super) fn keep(&mut self, closes: bool) -> u64 {
        let units = if closes { 0 } else { self.returning };
        self.returning = 0;
        self.credited = self.credited.saturating_add(units);
        self.check();
        units
    }

    fn check(&self) {
        debug_assert!(
            self.credited.saturating_add(self.returning) <= self.taken,
            "units appeared from nowhere: {self:?}"
        );
    }
}
