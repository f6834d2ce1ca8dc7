//! What was used, by org, key, endpoint and hour: counted here under the shard's lock, written behind by the node.
//! Reports, never enforcement: a crash loses what was not written, and where there is no room the key is not told apart.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use hashbrown::HashMap;

use crate::limit::METERS_MAX;
use crate::state::fingerprint::{HashKey, Hashed, keyed_hash};
use crate::terms::Amounts;
use crate::time::{Instant, SECOND};

/// The most rows that one shard tells apart in one hour: about 1 MB. Beyond it the further keys and endpoints of an org
/// share a row.
pub const ROWS_MAX: usize = 4_096;

/// The most rows that one shard counts at all. Beyond it further orgs share one too: an invented key is its own org.
pub const ROWS_IN_ALL_MAX: usize = 2 * ROWS_MAX;

/// How rows for which there was no room name their key and endpoint, and their org where it has none of its own.
pub const OTHER: &str = "(other)";

const HOUR_NS: u64 = 3_600 * SECOND;

/// What is counted in one hour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The org.
    pub org: Arc<str>,
    /// The key.
    pub key: Arc<str>,
    /// The catalogue entry.
    pub endpoint: Arc<str>,
    /// The hour's first second, on wall time since the Unix epoch.
    pub hour_s: u64,
    /// The names of the meters.
    pub meters: Arc<[Arc<str>]>,
    /// Counts the namings of meters before this one. Under another naming the same hour is counted anew, from 0: what
    /// was counted under the one before has to be kept beside it.
    pub naming: u64,
    /// Calls that were allowed.
    pub calls: u64,
    /// Units that were charged, by meter, less those given back.
    pub units: [u64; METERS_MAX],
}

#[derive(Debug)]
struct Counted {
    row: Row,
    /// It changed since it was last handed over.
    changed: bool,
}

/// All rows of one shard.
#[derive(Debug, Default)]
pub struct Usage {
    rows: HashMap<u128, Counted, Hashed>,
    changed: Vec<u128>,
    hour: u64,
    meters: Arc<[Arc<str>]>,
    naming: u64,
    enabled: bool,
}

/// Whose use is counted.
#[derive(Clone, Copy, Debug)]
pub struct Whose<'a> {
    /// The org.
    pub org: &'a str,
    /// The key.
    pub key: &'a str,
    /// The catalogue entry.
    pub endpoint: &'a str,
}

impl Usage {
    /// Counts from now on: somebody hands the rows over.
    pub fn enable(&mut self) {
        self.enabled = true;
    }

    /// Says what the meters of the policy in force are called, before anything is counted by it. A policy that numbers
    /// them otherwise begins new rows: what was counted is not to go to the meter that has the number now.
    pub fn name_meters(&mut self, meters: &Arc<[Arc<str>]>) {
        if Arc::ptr_eq(&self.meters, meters) {
            return;
        }
        if self.meters != *meters && !self.meters.is_empty() {
            self.naming += 1;
        }
        self.meters = Arc::clone(meters);
    }

    /// Counts one call that was allowed and charged.
    pub fn charge(&mut self, hash_key: &HashKey, whose: Whose<'_>, amounts: &Amounts, wall: Instant) {
        if let Some(row) = self.row(hash_key, whose, wall) {
            row.calls = row.calls.saturating_add(1);
            for (units, amount) in row.units.iter_mut().zip(amounts.0) {
                *units = units.saturating_add(amount);
            }
        }
    }

    /// Takes back units that were given back, as far as this hour has any.
    pub fn refund(&mut self, hash_key: &HashKey, whose: Whose<'_>, amounts: &Amounts, wall: Instant) {
        if let Some(row) = self.row(hash_key, whose, wall) {
            for (units, amount) in row.units.iter_mut().zip(amounts.0) {
                *units = units.saturating_sub(amount);
            }
        }
    }

    fn row(&mut self, hash_key: &HashKey, whose: Whose<'_>, wall: Instant) -> Option<&mut Row> {
        if !self.enabled {
            return None;
        }
        let hour = wall.0 / HOUR_NS;
        // Rows of an hour that is over stay until they are handed over: their ids differ by the hour.
        self.hour = self.hour.max(hour);
        let hour = self.hour;
        // One word for both: 32 bits of hours last for 490,000 years.
        let counted_in = hour | self.naming << 32;
        let id_of = |whose: Whose<'_>| {
            keyed_hash(
                hash_key,
                [
                    whose.org.as_bytes(),
                    whose.key.as_bytes(),
                    whose.endpoint.as_bytes(),
                    &counted_in.to_le_bytes(),
                ],
            )
        };
        let other = Whose {
            key: OTHER,
            endpoint: OTHER,
            ..whose
        };
        let mut own = (id_of(whose), whose);
        if self.rows.len() >= ROWS_MAX && !self.rows.contains_key(&own.0) {
            own = (id_of(other), other);
            if self.rows.len() >= ROWS_IN_ALL_MAX && !self.rows.contains_key(&own.0) {
                let anybody = Whose { org: OTHER, ..other };
                own = (id_of(anybody), anybody);
            }
        }
        let (id, whose) = own;
        let counted = self.rows.entry(id).or_insert_with(|| Counted {
            row: Row {
                org: whose.org.into(),
                key: whose.key.into(),
                endpoint: whose.endpoint.into(),
                hour_s: hour.saturating_mul(HOUR_NS / SECOND),
                meters: Arc::clone(&self.meters),
                naming: self.naming,
                calls: 0,
                units: [0; METERS_MAX],
            },
            changed: false,
        });
        if !counted.changed {
            counted.changed = true;
            self.changed.push(id);
        }
        Some(&mut counted.row)
    }

    /// Hands over the rows that changed since the last time, each as it stands, and forgets those of hours and namings
    /// that are over. A row holds all of its hour: written again it replaces what was written before. A write that failed is for whoever
    /// writes to keep.
    pub fn take_changed(&mut self, rows: &mut Vec<Row>) {
        let current = self.hour.saturating_mul(HOUR_NS / SECOND);
        for id in self.changed.drain(..) {
            let Some(counted) = self.rows.get_mut(&id) else {
                continue;
            };
            counted.changed = false;
            rows.push(counted.row.clone());
        }
        let naming = self.naming;
        self.rows
            .retain(|_, counted| counted.row.hour_s >= current && counted.row.naming == naming);
    }

    /// How many rows are counted now.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}
