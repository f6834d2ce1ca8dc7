//! Rows of usage on their way to the store, named as the store names them.

use std::collections::BTreeMap;
use std::sync::Arc;

use quorate_core::grant::HolderId;
use quorate_core::usage::{OTHER, Row};
use quorate_store::usage::{Span, UsageKey, Used};

/// The most rows that wait while the store is away. About 40 MB.
const WAITING_MAX: usize = 100_000;

/// How long what shards have counted together is remembered: until no row of that hour can come any more.
const SHARED_S: u64 = 3 * 3_600;

/// Rows that wait.
#[derive(Debug)]
pub(super) struct Waiting {
    writer: HolderId,
    rows: BTreeMap<HolderId, BTreeMap<UsageKey, Used>>,
    /// What each shard has counted in the rows that they share.
    shared: BTreeMap<(HolderId, UsageKey), BTreeMap<usize, Used>>,
}

impl Waiting {
    pub(super) const fn new(writer: HolderId) -> Self {
        Self {
            writer,
            rows: BTreeMap::new(),
            shared: BTreeMap::new(),
        }
    }

    /// Notes what a shard has counted in a row, by meter. Calls stand with `requests`.
    pub(super) fn note(&mut self, shard: usize, row: &Row) {
        // Rows replace what their writer wrote before. Under another naming they begin anew: that is another writer's.
        let writer = HolderId(self.writer.0.wrapping_add(u128::from(row.naming)));
        for ((number, units), meter) in row.units.into_iter().enumerate().zip(row.meters.iter()) {
            if units == 0 && number > 0 {
                continue;
            }
            let key = UsageKey {
                org: Arc::clone(&row.org),
                span: Span::Hour,
                start_s: row.hour_s,
                key: Arc::clone(&row.key),
                endpoint: Arc::clone(&row.endpoint),
                meter: Arc::clone(meter),
            };
            let calls = row.calls;
            let used = self.with_other_shards(writer, shard, &key, Used { calls, units });
            self.rows.entry(writer).or_default().insert(key, used);
        }
    }

    /// An org is of one shard; only orgs for which there was no room share a row over all of them.
    fn with_other_shards(&mut self, writer: HolderId, shard: usize, key: &UsageKey, used: Used) -> Used {
        if &*key.org != OTHER {
            return used;
        }
        let shards = self.shared.entry((writer, key.clone())).or_default();
        shards.insert(shard, used);
        shards.values().fold(Used::default(), |sum, used| Used {
            calls: sum.calls.saturating_add(used.calls),
            units: sum.units.saturating_add(used.units),
        })
    }

    /// Forgets of shared rows what nobody adds to any more.
    pub(super) fn forget_shared_before(&mut self, now_s: u64) {
        self.shared
            .retain(|(_, key), _| key.start_s.saturating_add(SHARED_S) > now_s);
    }

    /// The rows of one writer, which stay until they are written; `None` when nothing waits.
    pub(super) fn next(&self) -> Option<(HolderId, Vec<(UsageKey, Used)>)> {
        let (writer, rows) = self.rows.first_key_value()?;
        Some((*writer, rows.iter().map(|(key, used)| (key.clone(), *used)).collect()))
    }

    /// The rows that [`Waiting::next`] gave are written.
    pub(super) fn written(&mut self, writer: HolderId) {
        self.rows.remove(&writer);
    }

    /// Gives up what is too much to keep; how many rows.
    pub(super) fn bound(&mut self) -> u64 {
        let mut given_up = 0;
        while self.rows.values().map(BTreeMap::len).sum::<usize>() > WAITING_MAX {
            let Some(mut rows) = self.rows.first_entry() else {
                break;
            };
            rows.get_mut().pop_first();
            if rows.get().is_empty() {
                rows.remove();
            }
            given_up += 1;
        }
        given_up
    }
}
