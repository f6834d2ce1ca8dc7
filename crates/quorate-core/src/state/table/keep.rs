//! What a table gives to a snapshot, and takes from one.

use super::room::smallest_class;
use super::{Loaded, Table};
use crate::limit::LayoutId;
use crate::snapshot::{Kept, PieceWriter, Scope, Shift, Which, WriterEntry};
use crate::state::cell::Cell;
use crate::state::entry;
use crate::state::fingerprint::Fingerprint;
use crate::state::layout::{Kind, Layouts};
use crate::state::memory::Claim;
use crate::state::slab::SlotRef;
use crate::time::Now;

/// The most entries that are noted as gone: what was charged and wholly given back within one round of writing, in one
/// shard. That further ones were given back is forgotten in a crash.
const GONE_MAX: usize = 1_024;

/// What a snapshot needs beside the entries.
#[derive(Debug, Default)]
pub(super) struct Keeping {
    /// The cells of an entry while it is written, with whether each still counts.
    cells: Vec<(Cell, bool)>,
    /// Entries that were changed, and went before that was collected: given back as a whole.
    gone: Vec<(Fingerprint, LayoutId)>,
}

impl Keeping {
    /// Notes an entry that goes, changed and not collected.
    pub(super) fn went(&mut self, fingerprint: Fingerprint, layout: LayoutId) {
        if self.gone.len() < GONE_MAX {
            self.gone.push((fingerprint, layout));
        }
    }
}

/// How far a table has been collected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place(SlotRef);

impl Place {
    /// The beginning.
    pub const START: Self = Self(SlotRef(0));
}

/// What became of an entry that was kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restored {
    /// It is in the table.
    Entry,
    /// Nothing of it counts any more.
    Nothing,
    /// There is no memory for it.
    NoRoom,
}

impl Table {
    /// Writes entries into a piece, from `from` on, looking at about `budget` slots and until the piece is full. Where
    /// to go on; `None` after the last.
    pub(crate) fn collect(
        &mut self,
        layouts: &Layouts,
        now: Now,
        (shard, which): (u8, Which),
        from: Place,
        mut budget: usize,
        piece: &mut PieceWriter,
    ) -> Option<Place> {
        if which == Which::Changed && from == Place::START {
            self.put_gone(layouts, now, shard, piece);
        }
        let mut at = from.0;
        // A page that is begun is looked into, for its mark is gone by then; the page itself costs one.
        while budget > 1 && !piece.is_full() {
            if which == Which::Changed {
                at = self.slab.next_changed(at)?;
            }
            let (found, next) = self.slab.scan_page(at, &mut budget);
            if let Some(slot) = found {
                self.put(layouts, now, (shard, which), slot, piece);
            }
            at = next?;
        }
        Some(Place(at))
    }

    fn put(
        &mut self,
        layouts: &Layouts,
        now: Now,
        (shard, which): (u8, Which),
        slot: SlotRef,
        piece: &mut PieceWriter,
    ) {
        let changed = self.slab.is_marked(slot);
        let words = self.slab.words(slot);
        let id = entry::layout_id(words);
        let Some(layout) = layouts.get(id) else { return };
        let wanted = match which {
            Which::Changed => changed,
            Which::Long => layout.has_long(),
            Which::All => true,
        };
        if !wanted {
            return;
        }
        let mut cells = core::mem::take(&mut self.keeping.cells);
        cells.clear();
        let kept_for = layouts.kept_for(id);
        entry::decode(words, layout, now, |place, cell| {
            let kind = &layout.counters()[place].kind;
            let live = is_kept(kind, piece.scope()) && !cell.is_spent(kind, kept_for[place], now);
            cells.push((cell, live));
        });
        // One that was changed to nothing hides what is told of it in an older piece.
        if changed || cells.iter().any(|(_, live)| *live) {
            let kept = WriterEntry {
                fingerprint: entry::fingerprint(words),
                id,
                layout,
                cells: &cells,
            };
            piece.put(shard, kept, now.instant);
        }
        self.keeping.cells = cells;
        if changed {
            self.slab.mark(slot, false);
        }
    }

    /// Has every page looked into when next collected: what was begun and not ended may have left entries behind.
    pub(crate) fn look_again(&mut self) {
        self.slab.suspect_all();
    }

    /// Writes that entries are gone, so that older pieces do not bring them back.
    fn put_gone(&mut self, layouts: &Layouts, now: Now, shard: u8, piece: &mut PieceWriter) {
        let mut gone = core::mem::take(&mut self.keeping.gone);
        // What finds no room comes with the next piece: this is called again until the piece is not full.
        while !piece.is_full() {
            let Some((fingerprint, id)) = gone.pop() else { break };
            // One that is back tells of itself.
            if let (Some(layout), None) = (layouts.get(id), self.find(fingerprint)) {
                let entry = WriterEntry {
                    fingerprint,
                    id,
                    layout,
                    cells: &[],
                };
                piece.put(shard, entry, now.instant);
            }
        }
        self.keeping.gone = gone;
    }

    /// Takes an entry that was kept in place of the one of its fingerprint. `scope` says which of its windows count,
    /// `shift` when they were; `id` is the layout that it has here.
    pub(crate) fn restore(
        &mut self,
        layouts: &Layouts,
        id: LayoutId,
        kept: &Kept,
        (scope, shift): (Scope, Shift),
        now: Now,
    ) -> Restored {
        let slot = self.find(kept.fingerprint);
        let Some(layout) = layouts.get(id) else {
            return Restored::Nothing;
        };
        let mut cells = core::mem::take(&mut self.carrying);
        cells.clear();
        cells.extend(layout.counters().iter().map(|counter| Cell::fresh(&counter.kind)));
        let mut lives = false;
        for (place, cell) in &kept.cells {
            let kind = &layout.counters()[*place].kind;
            let moved = cell.moved(kind, shift).filter(|_| is_kept(kind, scope));
            if let Some(moved) = moved.filter(|moved| !moved.is_spent(kind, layouts.kept_for(id)[*place], now)) {
                cells[*place] = moved;
                lives = true;
            }
        }
        let loaded = Loaded {
            fingerprint: kept.fingerprint,
            slot,
            layout: id,
            claim: Claim::Declared,
            first: 0,
            len: cells.len(),
        };
        let least = smallest_class(layout);
        let restored = match slot {
            _ if !lives => {
                slot.into_iter().for_each(|slot| self.remove(slot));
                Restored::Nothing
            }
            // More than the bound on memory that is set now: it stands above what a mistaken caller may use.
            None if !self.slab.reserve(least, 1, &self.memory, Claim::Declared) => Restored::NoRoom,
            _ => {
                self.store(layouts, &loaded, &mut cells);
                self.owed = 0;
                Restored::Entry
            }
        };
        self.carrying = cells;
        restored
    }
}

/// Whether a counter is one that snapshots of this scope keep.
fn is_kept(kind: &Kind, scope: Scope) -> bool {
    !matches!(kind, Kind::Pool(..)) && (scope == Scope::All || kind.is_long())
}
