//! A model of the row in a database with lightweight transactions: each operation applies at one moment or never, and
//! only to the row that it expects. Keeps the books that the machine does not: what every holder truly took.

use std::collections::BTreeMap;

use quorate_core::grant::{Grant, GrantOperation, GrantOutcome, HolderId};

use super::world::UNSOUND;

#[derive(Default)]
pub(super) struct Store {
    pub(super) row: Option<Grant>,
    /// Takes less returns that applied, by holder, whatever was folded.
    pub(super) taken: BTreeMap<HolderId, u64>,
    /// The largest cap that was ever in force.
    pub(super) limit_max: u64,
    pub(super) is_soft: bool,
    /// A broken machine may break the row as well: only what clients see is looked at.
    pub(super) is_lenient: bool,
    /// Who was folded.
    pub(super) folded: Vec<HolderId>,
}

impl Store {
    pub(super) fn granted(&self) -> u64 {
        self.row.as_ref().map_or(0, |row| row.granted)
    }

    pub(super) fn ungranted(&self) -> Option<u64> {
        self.row.as_ref().map(Grant::ungranted)
    }

    pub(super) fn taken(&self, holder: HolderId) -> u64 {
        self.taken.get(&holder).copied().unwrap_or(0)
    }

    /// Applies an operation; an error when that breaks what every row keeps.
    pub(super) fn apply(&mut self, operation: &GrantOperation) -> Result<GrantOutcome, String> {
        let Some(row) = &mut self.row else {
            return Ok(match operation {
                GrantOperation::Read => GrantOutcome::Row(None),
                GrantOperation::Create { limit } => {
                    self.row = Some(Grant {
                        limit: *limit,
                        ..Grant::default()
                    });
                    self.limit_max = *limit;
                    GrantOutcome::Applied
                }
                _ => GrantOutcome::Refused,
            });
        };
        match operation {
            GrantOperation::Read => return Ok(GrantOutcome::Row(Some(row.clone()))),
            GrantOperation::Create { .. } => return Ok(GrantOutcome::Refused),
            GrantOperation::Move(change) => {
                if (row.version, row.limit, row.granted) != (change.version, change.limit, change.granted_before) {
                    return Ok(GrantOutcome::Refused);
                }
                if change.granted > row.granted && change.granted > row.limit && !self.is_soft && !self.is_lenient {
                    return Err(format!("{UNSOUND}: granted beyond the limit: {change:?}"));
                }
                let taken = self.taken.entry(change.holder).or_default();
                let after = (*taken + change.granted).checked_sub(row.granted);
                if after.is_none() && !self.is_lenient {
                    return Err(format!("{UNSOUND}: returned what was never taken: {change:?}"));
                }
                *taken = after.unwrap_or(0);
                row.granted = change.granted;
                row.holdings.insert(change.holder, change.holding);
            }
            GrantOperation::Cap(cap) => {
                if row.version != cap.version {
                    return Ok(GrantOutcome::Refused);
                }
                row.limit = cap.limit;
                self.limit_max = self.limit_max.max(cap.limit);
            }
            GrantOperation::Fold(fold) => {
                if row.version != fold.version {
                    return Ok(GrantOutcome::Refused);
                }
                row.holdings.remove(&fold.gone);
                row.holdings.insert(HolderId::FOLDED, fold.folded);
                self.folded.push(fold.gone);
            }
        }
        row.version += 1;
        let sum: u64 = row.holdings.values().sum();
        if sum != row.granted && !self.is_lenient {
            return Err(format!(
                "{UNSOUND}: granted is not the sum of holdings after {operation:?}: {row:?}"
            ));
        }
        Ok(GrantOutcome::Applied)
    }
}
