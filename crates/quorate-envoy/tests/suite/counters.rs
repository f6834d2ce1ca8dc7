//! Counters that are plain sums in a map.

use std::collections::BTreeMap;

use quorate_core::time::SECOND;
use quorate_envoy::{Counter, Counters, Used};

/// The sums of every counter, by its name and the number of its window.
#[derive(Debug, Default)]
pub struct Sums {
    pub now: u64,
    pub sums: BTreeMap<(String, u64), u64>,
}

impl Sums {
    fn at(&mut self, counter: &Counter<'_>, change: impl FnOnce(u64) -> u64) -> Used {
        let length = counter.window.unit.seconds() * SECOND;
        let sum = self
            .sums
            .entry((counter.name.to_owned(), self.now / length))
            .or_default();
        *sum = change(*sum);
        Used {
            units: *sum,
            reset_after_ns: length - self.now % length,
        }
    }
}

impl Counters for Sums {
    fn look(&mut self, counter: &Counter<'_>) -> Used {
        self.at(counter, |sum| sum)
    }

    fn add(&mut self, counter: &Counter<'_>, units: u64) -> Used {
        self.at(counter, |sum| sum.saturating_add(units))
    }

    fn take_back(&mut self, counter: &Counter<'_>, units: u64) -> Used {
        self.at(counter, |sum| sum.saturating_sub(units))
    }
}
