//! The most frequent of a stream in bounded space: Space-Saving (Metwally, Agrawal, El Abbadi, "Efficient Computation
//! of Frequent and Top-k Elements in Data Streams", ICDT 2005).
//!
//! With k places and n occurrences so far: a count is never too small, and too large by at most its stated error,
//! which is at most n / k; whatever occurred more than n / k times has a place.

use std::hash::BuildHasher;

use foldhash::quality::RandomState;
use hashbrown::HashTable;

/// One element that has a place. An element is a pair of texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Counted {
    /// The first text.
    pub(super) first: String,
    /// The second text.
    pub(super) second: String,
    /// How often it occurred, at most.
    pub(super) count: u64,
    /// How much of the count may belong to elements that had the place before.
    pub(super) error: u64,
}

/// The most frequent pairs of texts.
#[derive(Debug)]
pub(super) struct SpaceSaving {
    places: Vec<Place>,
    /// Places as a binary heap, the smallest count first.
    heap: Vec<usize>,
    /// Places by the hash of what they hold. Should somebody choose texts that meet in one place, a look costs at most
    /// a comparison for each place.
    by_hash: HashTable<usize>,
    capacity: usize,
    hasher: RandomState,
}

#[derive(Debug)]
struct Place {
    counted: Counted,
    hash: u64,
    /// Where in the heap the place is.
    at: usize,
}

impl Place {
    fn holds(&self, hash: u64, first: &str, second: &str) -> bool {
        self.hash == hash && self.counted.second == second && self.counted.first == first
    }
}

impl SpaceSaving {
    /// With room for `capacity` elements, at least 1. Room is taken as it is needed.
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            places: Vec::new(),
            heap: Vec::new(),
            by_hash: HashTable::new(),
            capacity: capacity.max(1),
            hasher: RandomState::default(),
        }
    }

    /// Counts one occurrence. Allocates while places are being taken, later only for texts longer than any before.
    pub(super) fn count(&mut self, first: &str, second: &str) {
        let hash = self.hasher.hash_one((first, second));
        let places = &self.places;
        let place = match self
            .by_hash
            .find(hash, |place| places[*place].holds(hash, first, second))
        {
            Some(place) => *place,
            None => self.take_place(hash, first, second),
        };
        self.places[place].counted.count += 1;
        self.sink(self.places[place].at);
    }

    /// The least count that an element without a place may have: 0 while there is room.
    pub(super) fn floor(&self) -> u64 {
        if self.places.len() < self.capacity {
            return 0;
        }
        self.heap.first().map_or(0, |place| self.places[*place].counted.count)
    }

    /// Everything that has a place, in no order.
    pub(super) fn counted(&self) -> impl Iterator<Item = &Counted> {
        self.places.iter().map(|place| &place.counted)
    }

    /// A free place, or that of the least frequent, which hands down its count as the error.
    fn take_place(&mut self, hash: u64, first: &str, second: &str) -> usize {
        if self.places.len() < self.capacity {
            return self.open_place(hash, first, second);
        }
        let place = self.heap[0];
        let taken = &mut self.places[place];
        if let Ok(entry) = self.by_hash.find_entry(taken.hash, |other| *other == place) {
            entry.remove();
        }
        taken.hash = hash;
        taken.counted.error = taken.counted.count;
        for (text, new) in [(&mut taken.counted.first, first), (&mut taken.counted.second, second)] {
            text.clear();
            text.push_str(new);
        }
        self.index(hash, place);
        place
    }

    fn open_place(&mut self, hash: u64, first: &str, second: &str) -> usize {
        let place = self.places.len();
        let counted = Counted {
            first: first.to_owned(),
            second: second.to_owned(),
            count: 0,
            error: 0,
        };
        let at = self.heap.len();
        self.places.push(Place { counted, hash, at });
        self.heap.push(place);
        self.index(hash, place);
        self.rise(at);
        place
    }

    fn index(&mut self, hash: u64, place: usize) {
        let places = &self.places;
        self.by_hash.insert_unique(hash, place, |place| places[*place].hash);
    }

    fn count_at(&self, at: usize) -> u64 {
        self.places[self.heap[at]].counted.count
    }

    fn swap(&mut self, one: usize, other: usize) {
        self.heap.swap(one, other);
        self.places[self.heap[one]].at = one;
        self.places[self.heap[other]].at = other;
    }

    /// Restores the heap after the count at `at` fell.
    fn rise(&mut self, mut at: usize) {
        while at > 0 {
            let parent = (at - 1) / 2;
            if self.count_at(parent) <= self.count_at(at) {
                return;
            }
            self.swap(parent, at);
            at = parent;
        }
    }

    /// Restores the heap after the count at `at` rose.
    fn sink(&mut self, mut at: usize) {
        loop {
            let children = [2 * at + 1, 2 * at + 2]
                .into_iter()
                .filter(|child| *child < self.heap.len());
            let Some(least) = children.min_by_key(|child| self.count_at(*child)) else {
                return;
            };
            if self.count_at(at) <= self.count_at(least) {
                return;
            }
            self.swap(at, least);
            at = least;
        }
    }
}

#[cfg(test)]
mod tests;
