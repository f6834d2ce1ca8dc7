//! Places for pieces in the store. Names are used again and again: a name per piece would leave a database one grave
//! for each.

use std::collections::{BTreeMap, BTreeSet};

use quorate_store::StoreError;
use quorate_store::snapshot::Snapshots;

/// The name of the head.
pub(super) const HEAD: &str = "windows/head";

/// What names of pieces begin with.
pub(super) const PIECES: &str = "windows/piece/";

/// Places that may lie idle however few are used.
const SPARE: usize = 16;

/// The places of pieces.
#[derive(Debug, Default)]
pub(super) struct Places {
    /// The number of the piece in each place that counts.
    used: BTreeMap<u64, u64>,
    /// Places whose pieces do not count any more.
    free: BTreeSet<u64>,
}

impl Places {
    /// Notes what is in the store.
    pub(super) fn note(&mut self, name: &str, number: Option<u64>) -> Option<u64> {
        let place = name.strip_prefix(PIECES)?.parse().ok()?;
        match number {
            Some(number) => {
                self.used.insert(place, number);
            }
            None => {
                self.free.insert(place);
            }
        }
        Some(place)
    }

    /// A place for a piece of this number.
    pub(super) fn take(&mut self, number: u64) -> String {
        let place = self.free.pop_first().unwrap_or_else(|| {
            let last = self.used.last_key_value();
            last.map_or(0, |(last, _)| last + 1)
        });
        self.used.insert(place, number);
        name(place)
    }

    /// Frees the places of pieces before this number. To be called when the store has it that they do not count.
    pub(super) fn free_before(&mut self, number: u64) {
        let free = &mut self.free;
        self.used.retain(|place, piece| {
            let stays = *piece >= number;
            if !stays {
                free.insert(*place);
            }
            stays
        });
    }

    /// Gives free places back to the store, if there are many more than a steady load needs.
    pub(super) async fn forget_surplus(&mut self, store: &dyn Snapshots) -> Result<(), StoreError> {
        if self.free.len() <= 2 * self.used.len() + SPARE {
            return Ok(());
        }
        self.forget_free(store).await
    }

    /// Gives free places back to the store.
    pub(super) async fn forget_free(&mut self, store: &dyn Snapshots) -> Result<(), StoreError> {
        let names: Vec<String> = self.free.iter().map(|place| name(*place)).collect();
        store.forget_pieces(&names).await?;
        self.free.clear();
        Ok(())
    }
}

fn name(place: u64) -> String {
    format!("{PIECES}{place:06}")
}
