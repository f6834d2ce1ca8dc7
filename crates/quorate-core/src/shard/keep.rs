//! What a shard gives to a snapshot, and takes from one. Slots and operation ids are not kept.

use super::Shard;
use crate::limit::LayoutId;
use crate::snapshot::{Kept, PieceWriter, Scope, Shift, Which};
use crate::state::layout::Layouts;
use crate::state::table::{Place, Restored};
use crate::time::{Instant, Now};

/// Slots that one step looks at: a tenth of a millisecond at most, under the lock.
const SLOTS_PER_STEP: usize = 256;

/// As what a piece is restored.
#[derive(Clone, Copy, Debug)]
pub struct Restoring {
    /// Which of its windows count.
    pub scope: Scope,
    /// Its instant, on the clock that wrote it.
    pub from: Instant,
    /// How long that lies back: never more than in truth.
    pub age_ns: u64,
    /// Now.
    pub now: Now,
}

impl Shard {
    /// Writes entries into a piece: one small step, from `from` on. `shard` is this shard's number. Where to go on;
    /// `None` after the last. If the piece is full, a new one is due.
    pub fn collect(
        &mut self,
        layouts: &Layouts,
        now: Now,
        (shard, which): (u8, Which),
        from: Place,
        piece: &mut PieceWriter,
    ) -> Option<Place> {
        let now = self.not_before_latest(now);
        self.table
            .collect(layouts, now, (shard, which), from, SLOTS_PER_STEP, piece)
    }

    /// Has everything looked into when changed entries are next collected. To be called when a collection was broken off.
    pub fn look_again(&mut self) {
        self.table.look_again();
    }

    /// Takes an entry of a piece, in place of the one of its fingerprint. `layout` is what its layout is called here.
    pub fn restore(&mut self, layouts: &Layouts, layout: LayoutId, kept: &Kept, as_what: &Restoring) -> Restored {
        let shift = Shift {
            from: as_what.from,
            to: Instant(as_what.now.instant.0.saturating_sub(as_what.age_ns)),
        };
        self.table
            .restore(layouts, layout, kept, (as_what.scope, shift), as_what.now)
    }
}
