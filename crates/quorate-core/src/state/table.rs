//! The table of counters: loads the entries that a request meets, stores what was decided, and gives idle entries back
//! in small steps.
//!
//! Memory is bounded in bytes, and the bound never lets anyone through: a log that may not grow gets coarser, and a new
//! key that may not have an entry shares its org's overflow entry.

mod keep;
mod room;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use self::keep::Keeping;
pub use self::keep::{Place, Restored};
use self::room::{slot_bytes, smallest_class};
use super::cell::{Cell, Rule};
use super::cells::Cells;
use super::entry;
use super::fingerprint::{ACCOUNTS, Account, Fingerprint, HashKey, Owner, Shared};
use super::index::Index;
use super::layout::{Kind, Layout, Layouts};
use super::memory::{Claim, Memory};
use super::slab::{Slab, SlotRef};
use crate::factor::Factors;
use crate::limit::{Group, LayoutId};
use crate::time::Now;

/// What an entry counts for in its org's account beside its slot: its share of the index.
const INDEX_ENTRY_BYTES: u64 = 10;

/// Slots that each new entry makes the table look at for idle ones: more than one, so that idle entries are found
/// faster than new ones come.
const SWEEP_PER_INSERT: usize = 4;

/// What happened to a table since its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TableStats {
    /// Idle entries given back.
    pub reclaimed: u64,
    /// Loads that met an overflow entry.
    pub overflowed: u64,
    /// Logs that got coarser because memory was short.
    pub coarsened: u64,
}

/// Where the cells of one group were loaded from.
#[derive(Clone, Copy, Debug)]
pub struct Loaded {
    fingerprint: Fingerprint,
    slot: Option<SlotRef>,
    layout: LayoutId,
    claim: Claim,
    /// The first of its cells.
    pub first: usize,
    /// How many cells it has.
    pub len: usize,
}

impl Loaded {
    /// The fingerprint of the entry: the group's own, or an overflow entry's.
    #[must_use]
    pub const fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }
}

/// A table of counters. One lock guards it.
#[derive(Debug)]
pub struct Table {
    hash_key: HashKey,
    index: Index,
    slab: Slab,
    memory: Arc<Memory>,
    org_bytes_max: u64,
    /// Bytes of each account's entries.
    accounts: Box<[u64]>,
    /// Where the next sweep goes on.
    cursor: SlotRef,
    /// Slots that new entries made the table owe a look at.
    owed: usize,
    /// Overflow entries that live.
    overflows: usize,
    /// Bytes of the index that memory was asked for.
    index_bytes: u64,
    stats: TableStats,
    /// The cells of an entry in another layout, while they are carried over.
    carrying: Cells,
    keeping: Keeping,
}

impl Table {
    /// An empty table that takes its memory from `memory`, at most `org_bytes_max` of it for keys that an org did not
    /// declare.
    #[must_use]
    pub fn new(hash_key: HashKey, memory: Arc<Memory>, org_bytes_max: u64) -> Self {
        let mut table = Self {
            hash_key,
            index: Index::default(),
            slab: Slab::default(),
            memory,
            org_bytes_max,
            accounts: vec![0; ACCOUNTS].into_boxed_slice(),
            cursor: SlotRef(0),
            owed: 0,
            overflows: 0,
            index_bytes: 0,
            stats: TableStats::default(),
            carrying: Cells::default(),
            keeping: Keeping::default(),
        };
        table.index_memory();
        table
    }

    /// Entries that live.
    #[must_use]
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of pages and index.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.slab.bytes() + self.index.bytes()
    }

    /// What happened since the start.
    #[must_use]
    pub const fn stats(&self) -> TableStats {
        self.stats
    }

    /// The account of an org.
    #[must_use]
    pub fn account(&self, org: &str) -> Account {
        Account::of(&self.hash_key, org)
    }

    /// The fingerprint of a request's own entry for `group`; `None` when the request lacks an attribute that the group
    /// is kept per.
    #[must_use]
    pub fn fingerprint(&self, request: &Meeting<'_, '_>, group: &Group) -> Option<Fingerprint> {
        Fingerprint::of(&self.hash_key, &request.owner, group)
    }

    /// Loads the cells of `group` behind those already in `cells`. `pending` entries were loaded for the same request
    /// and are not stored yet. `None` when the request lacks an attribute that the group is kept per.
    pub fn load(
        &mut self,
        layouts: &Layouts,
        request: &Meeting<'_, '_>,
        group: &Group,
        pending: usize,
        cells: &mut Cells,
    ) -> Option<Loaded> {
        let own = self.fingerprint(request, group)?;
        let layout = layouts.get(group.layout)?;
        let mut loaded = Loaded {
            fingerprint: own,
            slot: self.find(own),
            layout: group.layout,
            claim: request.claim(group),
            first: cells.len(),
            len: group.limits.len(),
        };
        let mut like = loaded.slot;
        if loaded.slot.is_none() {
            like = if self.may_insert(layout, own, loaded.claim, pending) {
                self.shared_so_far(layouts, request, group)
            } else {
                self.overflow(layouts, request, group, &mut loaded, pending)
            };
        }
        match like {
            Some(slot) => self.unpack(layouts, request, group, slot, cells),
            None => cells.extend(layout.counters().iter().map(|counter| Cell::fresh(&counter.kind))),
        }
        Some(loaded)
    }

    /// Stores the cells of a group where they were loaded from. [`Table::settle`] follows, when all are stored.
    pub fn store(&mut self, layouts: &Layouts, loaded: &Loaded, cells: &mut [Cell]) {
        let Some(layout) = layouts.get(loaded.layout) else {
            return;
        };
        let slot = match loaded.slot {
            Some(slot) => self.resize(layout, loaded, slot, cells),
            None => {
                self.owed += SWEEP_PER_INSERT;
                let slot = self.insert(layout, loaded, cells);
                self.index_memory();
                slot
            }
        };
        let changed = layout.has_long();
        let words = self.slab.words_to_write(slot, changed);
        entry::encode(words, loaded.fingerprint, loaded.layout, layout.head_words(), cells);
        entry::mark(words, changed);
    }

    /// Ends the storing of what was loaded together: looks for as many idle entries as the new ones call for. Not
    /// before, because it may take away what is loaded and not stored yet.
    pub fn settle(&mut self, layouts: &Layouts, now: Now) {
        let owed = core::mem::take(&mut self.owed);
        self.sweep(layouts, now, owed);
    }

    /// Looks at up to `budget` slots and gives back the entries that can no longer change a decision.
    pub fn sweep(&mut self, layouts: &Layouts, now: Now, mut budget: usize) {
        if budget == 0 {
            return;
        }
        while budget > 0 {
            let (found, next) = self.slab.scan(self.cursor, &mut budget);
            self.cursor = next.unwrap_or(SlotRef(0));
            if let Some(slot) = found
                && self.is_spent(layouts, slot, now)
            {
                self.remove(slot);
                self.stats.reclaimed += 1;
            }
            if next.is_none() {
                break;
            }
        }
        self.index_memory();
    }

    fn find(&self, fingerprint: Fingerprint) -> Option<SlotRef> {
        self.index.find(fingerprint.hash(), |at| {
            self.slab.words(at).first_chunk() == Some(&fingerprint.0)
        })
    }

    /// Whether another entry of this layout may exist; reserves its slot.
    fn may_insert(&mut self, layout: &Layout, fingerprint: Fingerprint, claim: Claim, pending: usize) -> bool {
        let class = smallest_class(layout);
        let booked = self.accounts[fingerprint.account().place()];
        let fits = claim != Claim::Invented || booked + slot_bytes(class) <= self.org_bytes_max;
        fits && self.slab.reserve(class, pending + 1, &self.memory, claim)
    }

    /// Turns to the overflow entry: the org's own, or, when the org is not declared and the node has no room for
    /// another entry, the one of all such orgs. Returns the entry whose cells it has, or is to start with.
    fn overflow(
        &mut self,
        layouts: &Layouts,
        request: &Meeting<'_, '_>,
        group: &Group,
        loaded: &mut Loaded,
        pending: usize,
    ) -> Option<SlotRef> {
        self.stats.overflowed += 1;
        let declared = loaded.claim == Claim::Declared;
        let (own, all) = self.shared_with(request, group, declared);
        let own_slot = self.find(own);
        let own_may = own_slot.is_some() || request.org_declared || {
            // An org that anybody can invent: its overflow entry counts like a key's.
            let class = layouts.get(group.layout).map_or(0, smallest_class);
            self.slab.reserve(class, pending + 1, &self.memory, Claim::Invented)
        };
        loaded.claim = Claim::Unconditional;
        loaded.fingerprint = if own_may { own } else { all };
        loaded.slot = if own_may { own_slot } else { self.find(all) };
        loaded.slot.or_else(|| self.live(layouts, all, request.now))
    }

    /// The overflow entry that a key may have been charged on before it could have an entry of its own. Its own starts
    /// as a copy of that: what the key was charged there is not forgotten.
    fn shared_so_far(&self, layouts: &Layouts, request: &Meeting<'_, '_>, group: &Group) -> Option<SlotRef> {
        if self.overflows == 0 {
            return None;
        }
        let declared = request.claim(group) == Claim::Declared;
        let (org, all) = self.shared_with(request, group, declared);
        self.live(layouts, org, request.now)
            .or_else(|| self.live(layouts, all, request.now))
    }

    /// The overflow entries of the request's org and of all undeclared orgs.
    fn shared_with(&self, request: &Meeting<'_, '_>, group: &Group, declared: bool) -> (Fingerprint, Fingerprint) {
        let owner = &request.owner;
        let of = |org| {
            let shared = Shared {
                org,
                endpoint: owner.endpoint,
                declared,
            };
            Fingerprint::of_overflow(&self.hash_key, shared, group)
        };
        (of(Some(owner.org)), of(None))
    }

    /// The entry of that fingerprint, unless it is idle.
    fn live(&self, layouts: &Layouts, fingerprint: Fingerprint, now: Now) -> Option<SlotRef> {
        self.find(fingerprint)
            .filter(|slot| !self.is_spent(layouts, *slot, now))
    }

    /// Decodes an entry, carrying it over if it was written under another layout.
    fn unpack(
        &mut self,
        layouts: &Layouts,
        request: &Meeting<'_, '_>,
        group: &Group,
        slot: SlotRef,
        cells: &mut Cells,
    ) {
        let words = self.slab.words(slot);
        let id = entry::layout_id(words);
        let Some(layout) = layouts.get(id) else { return };
        if id == group.layout {
            entry::decode_into(words, layout, request.now, cells);
            return;
        }
        self.carrying.clear();
        entry::decode_into(words, layout, request.now, &mut self.carrying);
        for limit in &group.limits {
            let kind = Kind::of(&limit.algorithm);
            let known = layout
                .counters()
                .iter()
                .zip(&*self.carrying)
                .find(|(counter, _)| counter.name == limit.name && counter.meter == limit.meter);
            let cell = known.map_or(Cell::fresh(&kind), |(counter, old)| {
                let rule = Rule::new(limit, request.factors, group.bearing());
                old.carried(&counter.kind, &kind, request.now)
                    .unwrap_or_else(|| old.restarted(&counter.kind, &rule, request.now))
            });
            cells.push(cell);
        }
    }

    fn is_spent(&self, layouts: &Layouts, slot: SlotRef, now: Now) -> bool {
        let words = self.slab.words(slot);
        let id = entry::layout_id(words);
        let Some(layout) = layouts.get(id) else {
            return false;
        };
        let mut spent = true;
        entry::decode(words, layout, now, |place, cell| {
            spent &= cell.is_spent(&layout.counters()[place].kind, layouts.kept_for(id)[place], now);
        });
        spent
    }

    /// Accounts for what the index has grown by; it is a fraction of the pages, which are asked for beforehand.
    fn index_memory(&mut self) {
        let bytes = self.index.bytes();
        if bytes == self.index_bytes {
            return;
        }
        if bytes > self.index_bytes {
            self.memory.take(bytes - self.index_bytes, Claim::Unconditional);
        } else {
            self.memory.give(self.index_bytes - bytes);
        }
        self.index_bytes = bytes;
    }
}

/// What a request brings to every group that it meets.
#[derive(Clone, Copy, Debug)]
pub struct Meeting<'a, 'p> {
    /// Whom the counters belong to.
    pub owner: Owner<'a>,
    /// The key is declared by the policy.
    pub declared: bool,
    /// The org is declared by the policy.
    pub org_declared: bool,
    /// The factors that bear on the request.
    pub factors: Factors<'p>,
    /// The moment of the decision.
    pub now: Now,
}

impl Meeting<'_, '_> {
    /// For whom an entry of `group` takes memory. Those that belong to a key are the key's; those that belong to the
    /// org or an endpoint, of which there are few, the org's; what an attribute's value names anybody can invent.
    fn claim(&self, group: &Group) -> Claim {
        let owner = if group.per.key {
            self.declared
        } else {
            self.org_declared
        };
        let declared = owner && group.per.attributes.is_empty();
        if declared { Claim::Declared } else { Claim::Invented }
    }
}
