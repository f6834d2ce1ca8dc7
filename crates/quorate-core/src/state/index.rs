//! Finds entries by fingerprint: many small hash tables, of which one at a time is split when the whole has grown
//! (linear hashing), so that growing never moves more than a thousand references at once.
//!
//! Source: W. Litwin, "Linear hashing: a new tool for file and table addressing", VLDB 1980.

#[cfg(test)]
mod tests;

use hashbrown::HashTable;

use super::slab::SlotRef;

/// A segment is split when segments hold this many references on average. A table of 1,024 buckets takes 896.
const SEGMENT_TARGET: usize = 800;

/// The references of a table, by hash.
#[derive(Debug)]
pub struct Index {
    segments: Vec<HashTable<SlotRef>>,
    len: usize,
    bytes: usize,
}

impl Default for Index {
    fn default() -> Self {
        Self {
            segments: vec![HashTable::new()],
            len: 0,
            bytes: 0,
        }
    }
}

impl Index {
    /// How many references it holds.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Bytes of all segments.
    pub fn bytes(&self) -> u64 {
        let own = self.segments.len() * size_of::<HashTable<SlotRef>>();
        u64::try_from(self.bytes + own).unwrap_or(u64::MAX)
    }

    /// The reference with that hash for which `is_it` holds.
    pub fn find(&self, hash: u64, mut is_it: impl FnMut(SlotRef) -> bool) -> Option<SlotRef> {
        self.segments[self.segment_of(hash)]
            .find(hash, |at| is_it(*at))
            .copied()
    }

    /// Adds a reference. `hash_of` tells the hash of those that have to move.
    pub fn insert(&mut self, hash: u64, at: SlotRef, hash_of: impl Fn(SlotRef) -> u64) {
        if self.len >= self.segments.len() * SEGMENT_TARGET {
            self.split(&hash_of);
        }
        let number = self.segment_of(hash);
        let segment = &mut self.segments[number];
        let before = segment.allocation_size();
        segment.insert_unique(hash, at, |at| hash_of(*at));
        self.bytes = self.bytes - before + segment.allocation_size();
        self.len += 1;
    }

    /// Puts `to` in the place of `from`.
    pub fn replace(&mut self, hash: u64, from: SlotRef, to: SlotRef) {
        let number = self.segment_of(hash);
        if let Some(place) = self.segments[number].find_mut(hash, |at| *at == from) {
            *place = to;
        }
    }

    /// Removes a reference, and gives room back that a segment no longer needs.
    pub fn remove(&mut self, hash: u64, at: SlotRef, hash_of: impl Fn(SlotRef) -> u64) {
        let number = self.segment_of(hash);
        let segment = &mut self.segments[number];
        if let Ok(found) = segment.find_entry(hash, |known| *known == at) {
            found.remove();
            self.len -= 1;
        }
        if segment.len() * 4 < segment.capacity() {
            let before = segment.allocation_size();
            segment.shrink_to(segment.len() * 2, |at| hash_of(*at));
            self.bytes = self.bytes - before + segment.allocation_size();
        }
    }

    /// Segments 0 to `round` have been split this round when there are `round + 2^level` of them.
    fn segment_of(&self, hash: u64) -> usize {
        let count = self.segments.len();
        let upper = count.next_power_of_two();
        // hashbrown takes the lowest bits and the topmost seven; these are others.
        let bits = usize::try_from(hash >> 24 & 0xFFFF_FFFF).unwrap_or_default();
        let number = bits & (upper - 1);
        if number < count { number } else { bits & (upper / 2 - 1) }
    }

    fn split(&mut self, hash_of: &impl Fn(SlotRef) -> u64) {
        let fresh = self.segments.len();
        let old = fresh - (fresh + 1).next_power_of_two() / 2;
        let all = core::mem::take(&mut self.segments[old]);
        self.bytes -= all.allocation_size();
        self.segments.push(HashTable::new());
        let staying = all.iter().filter(|at| self.segment_of(hash_of(**at)) == old).count();
        let mut parts = [
            HashTable::with_capacity(staying),
            HashTable::with_capacity(all.len() - staying),
        ];
        for at in all {
            let hash = hash_of(at);
            let part = usize::from(self.segment_of(hash) != old);
            parts[part].insert_unique(hash, at, |at| hash_of(*at));
        }
        self.bytes += parts.iter().map(HashTable::allocation_size).sum::<usize>();
        let [staying, moving] = parts;
        self.segments[old] = staying;
        self.segments[fresh] = moving;
    }
}
