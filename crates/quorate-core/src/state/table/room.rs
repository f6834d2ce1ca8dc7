//! Where an entry's words lie: a slot large enough, the same or another, as far as memory allows.

use super::{INDEX_ENTRY_BYTES, Loaded, Table};
use crate::state::cell::Cell;
use crate::state::entry;
use crate::state::fingerprint::Fingerprint;
use crate::state::layout::Layout;
use crate::state::memory::Claim;
use crate::state::slab::{SlotRef, class_for, class_words};

impl Table {
    /// A slot that holds the cells, the same or another: larger if memory allows, else the cells get coarser.
    pub(super) fn resize(&mut self, layout: &Layout, loaded: &Loaded, slot: SlotRef, cells: &mut [Cell]) -> SlotRef {
        let has = self.slab.words(slot).len();
        let wants = entry::words_for(layout, cells).max(least_words(layout));
        if wants <= has && wants * 2 >= has {
            return slot;
        }
        let must = least_words(layout) > has;
        let class = class_for(wants).unwrap_or_else(|| smallest_class(layout));
        if class_words(class) == has {
            return slot;
        }
        match self.take(class, loaded, must && wants == least_words(layout)) {
            Some(larger) => self.relocate(loaded.fingerprint, slot, larger),
            None if must => {
                self.coarsen_to(cells, class_words(smallest_class(layout)), layout);
                let larger = self.take(smallest_class(layout), loaded, true);
                larger.map_or(slot, |larger| self.relocate(loaded.fingerprint, slot, larger))
            }
            None => {
                self.coarsen_to(cells, has, layout);
                slot
            }
        }
    }

    pub(super) fn insert(&mut self, layout: &Layout, loaded: &Loaded, cells: &mut [Cell]) -> SlotRef {
        let wants = entry::words_for(layout, cells).max(least_words(layout));
        let least = smallest_class(layout);
        let slot = class_for(wants).and_then(|class| self.take(class, loaded, false));
        let slot = slot.unwrap_or_else(|| {
            self.coarsen_to(cells, class_words(least), layout);
            self.take(least, loaded, true)
                .expect("an unconditional claim is never refused")
        });
        let slab = &self.slab;
        self.index.insert(loaded.fingerprint.hash(), slot, |at| {
            entry::fingerprint(slab.words(at)).hash()
        });
        self.accounts[loaded.fingerprint.account().place()] += self.booked_bytes(slot);
        self.overflows += usize::from(loaded.fingerprint.is_overflow());
        slot
    }

    fn take(&mut self, class: usize, loaded: &Loaded, must: bool) -> Option<SlotRef> {
        let booked = self.accounts[loaded.fingerprint.account().place()];
        let claim = if must { Claim::Unconditional } else { loaded.claim };
        // Overflow entries grow like any other: their number is bounded, their size need not be.
        let claim = if claim == Claim::Unconditional && !must {
            Claim::Declared
        } else {
            claim
        };
        let fits = claim != Claim::Invented || booked + slot_bytes(class) <= self.org_bytes_max;
        (fits && self.slab.reserve(class, 1, &self.memory, claim))
            .then(|| self.slab.take(class))
            .flatten()
    }

    fn relocate(&mut self, fingerprint: Fingerprint, from: SlotRef, to: SlotRef) -> SlotRef {
        let account = fingerprint.account().place();
        self.accounts[account] += self.booked_bytes(to);
        self.accounts[account] = self.accounts[account].saturating_sub(self.booked_bytes(from));
        self.index.replace(fingerprint.hash(), from, to);
        self.slab.give(from, &self.memory);
        to
    }

    pub(super) fn remove(&mut self, slot: SlotRef) {
        let fingerprint = entry::fingerprint(self.slab.words(slot));
        if self.slab.is_marked(slot) {
            self.keeping.went(fingerprint, entry::layout_id(self.slab.words(slot)));
        }
        let account = fingerprint.account().place();
        self.accounts[account] = self.accounts[account].saturating_sub(self.booked_bytes(slot));
        self.overflows -= usize::from(fingerprint.is_overflow());
        let slab = &self.slab;
        self.index
            .remove(fingerprint.hash(), slot, |at| entry::fingerprint(slab.words(at)).hash());
        self.slab.give(slot, &self.memory);
    }

    fn coarsen_to(&mut self, cells: &mut [Cell], words: usize, layout: &Layout) {
        let room = words - entry::PREFIX_WORDS - layout.head_words();
        while entry::stamps(cells) > room {
            let logs = cells
                .iter_mut()
                .filter_map(|cell| if let Cell::Log(log) = cell { Some(log) } else { None });
            let coarser = logs
                .max_by_key(|log| log.len())
                .is_some_and(crate::window::sliding::Log::coarsen);
            self.stats.coarsened += 1;
            assert!(
                coarser,
                "a log at its coarsest has at most the stamps that every entry has room for"
            );
        }
    }

    fn booked_bytes(&self, slot: SlotRef) -> u64 {
        let bytes = size_of_val(self.slab.words(slot));
        u64::try_from(bytes).unwrap_or(u64::MAX) + INDEX_ENTRY_BYTES
    }
}

fn least_words(layout: &Layout) -> usize {
    entry::PREFIX_WORDS + layout.head_words() + layout.stamps_min()
}

pub(super) fn smallest_class(layout: &Layout) -> usize {
    class_for(least_words(layout)).expect("a request's bound on counters keeps layouts below the largest class")
}

pub(super) fn slot_bytes(class: usize) -> u64 {
    u64::try_from(class_words(class) * size_of::<u16>()).unwrap_or(u64::MAX) + INDEX_ENTRY_BYTES
}
