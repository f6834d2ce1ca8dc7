//! The bound on memory, in bytes, shared by all tables of a node. Tables take and give pages, not entries, so that
//! the lock is met once for a few hundred new keys.

#[cfg(test)]
mod tests;

use std::sync::{Mutex, PoisonError};

/// The share of the bound that only declared keys may use, as 1 / this: they keep limits of their own when invented
/// keys have filled the rest.
const DECLARED_SHARE: u64 = 8;

/// For whom memory is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// A key that nobody declared: up to seven eighths of the bound.
    Invented,
    /// A key that the policy declares, or a log that is to grow: up to the bound.
    Declared,
    /// What must exist for the bound to hold (an overflow entry): always, and bounded by its own number.
    Unconditional,
}

/// A bound on memory and what is taken of it.
#[derive(Debug)]
pub struct Memory {
    max: u64,
    taken: Mutex<u64>,
}

impl Memory {
    /// A bound of `max` bytes.
    #[must_use]
    pub const fn new(max: u64) -> Self {
        Self {
            max,
            taken: Mutex::new(0),
        }
    }

    /// Takes `bytes` if the claim allows it.
    pub fn take(&self, bytes: u64, claim: Claim) -> bool {
        let bound = match claim {
            Claim::Invented => self.max - self.max / DECLARED_SHARE,
            Claim::Declared => self.max,
            Claim::Unconditional => u64::MAX,
        };
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let after = taken.saturating_add(bytes);
        if after > bound {
            return false;
        }
        *taken = after;
        true
    }

    /// Gives `bytes` back.
    pub fn give(&self, bytes: u64) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        *taken = taken.saturating_sub(bytes);
    }

    /// Bytes taken now.
    pub fn taken(&self) -> u64 {
        *self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
