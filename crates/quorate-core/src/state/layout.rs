//! Layouts: which counters an entry holds, in which order. An entry names its layout in two bytes, so that an entry
//! written under one policy can be carried over to the next one when it is met again.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use thiserror::Error;

use crate::limit::{Algorithm, LayoutId, Limit};
use crate::time::{Period, SECOND};
use crate::window::sliding::{STAMPS_MIN, Tick};

/// From this length on a window is long, in nanoseconds: an hour. What was counted in it is worth keeping over a crash.
const LONG_NS: u64 = 3_600 * SECOND;

/// What an algorithm keeps, with what a carry-over to other parameters needs to know. No capacity: that may change
/// with every decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A sliding window's log.
    Log(Tick),
    /// A token bucket: units that come back, and the time in which they do.
    TokenBucket(u64, Period),
    /// A fixed window.
    FixedWindow(Period),
    /// A burst pool: units that come back, and the time in which they do.
    Pool(u64, Period),
}

impl Kind {
    /// What a limit's algorithm keeps.
    #[must_use]
    pub fn of(algorithm: &Algorithm) -> Self {
        match *algorithm {
            Algorithm::SlidingWindow { window, .. } => Self::Log(Tick::of(window)),
            Algorithm::TokenBucket { refill, every } => Self::TokenBucket(refill, every),
            Algorithm::FixedWindow { window } => Self::FixedWindow(window),
            Algorithm::Pool { refill, every, .. } => Self::Pool(refill, every),
        }
    }

    /// The window, of what has one.
    #[must_use]
    pub const fn window(&self) -> Option<Period> {
        match self {
            Self::Log(tick) => Some(tick.window()),
            Self::FixedWindow(window) => Some(*window),
            Self::TokenBucket(..) | Self::Pool(..) => None,
        }
    }

    /// Whether it counts over an hour or more. What a bucket counts over is the time in which its refill comes.
    #[must_use]
    pub fn is_long(&self) -> bool {
        let over = match self {
            Self::TokenBucket(_, every) => Some(*every),
            _ => self.window(),
        };
        over.is_some_and(|over| over.nanos() >= LONG_NS)
    }

    /// How many 16-bit words the fixed part of its state takes in an entry.
    #[must_use]
    pub const fn head_words(&self) -> usize {
        match self {
            Self::Log(_) | Self::FixedWindow(_) => 7,
            Self::TokenBucket(..) => 4,
            Self::Pool(..) => 12,
        }
    }
}

/// One counter of a layout. Its identity within the entry is name and meter; a change of `kind` is carried over.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Counter {
    /// The limit's name.
    pub name: Arc<str>,
    /// What it counts.
    pub meter: Arc<str>,
    /// What its algorithm keeps.
    pub kind: Kind,
}

impl Counter {
    fn identity(&self) -> (Arc<str>, Arc<str>) {
        (Arc::clone(&self.name), Arc::clone(&self.meter))
    }
}

/// The counters of an entry, in order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Layout {
    counters: Box<[Counter]>,
    head_words: usize,
    has_long: bool,
}

impl Layout {
    /// The counters, in order.
    #[must_use]
    pub fn counters(&self) -> &[Counter] {
        &self.counters
    }

    /// Words of all fixed parts.
    #[must_use]
    pub const fn head_words(&self) -> usize {
        self.head_words
    }

    /// Whether a counter of it counts over an hour or more.
    #[must_use]
    pub const fn has_long(&self) -> bool {
        self.has_long
    }

    /// How many logs it has.
    #[must_use]
    pub fn logs(&self) -> usize {
        self.counters
            .iter()
            .filter(|counter| matches!(counter.kind, Kind::Log(_)))
            .count()
    }

    /// Stamps that its logs can always have.
    #[must_use]
    pub fn stamps_min(&self) -> usize {
        self.logs() * STAMPS_MIN
    }
}

/// No more layouts can be named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("more than 32,767 different sets of limits since the start: a restart forgets those no longer used")]
pub struct LayoutsFull;

/// All layouts that policies of this process have used. Only ever added to: an entry may name any of them.
#[derive(Clone, Debug, Default)]
pub struct Layouts {
    list: Vec<Arc<Layout>>,
    by_content: BTreeMap<Arc<Layout>, LayoutId>,
    /// The longest window that counters of a name and meter ever had.
    longest: BTreeMap<(Arc<str>, Arc<str>), Period>,
    /// The same, for the counters of each layout.
    kept_for: Vec<Box<[Option<Period>]>>,
}

impl Layouts {
    /// What marks a slot without an entry; no layout's number is so large, marked or not.
    pub(super) const NONE: u16 = u16::MAX;

    /// Numbers are smaller than this: the topmost bit of an entry's number says that the entry was changed.
    pub(super) const NUMBERS: u16 = 0x7FFF;

    /// The number of the layout for these limits: the same for equal names, meters and algorithms.
    ///
    /// # Errors
    /// [`LayoutsFull`] after 32,767 different ones.
    pub fn intern(&mut self, limits: &[Limit]) -> Result<LayoutId, LayoutsFull> {
        let counters = limits.iter().map(|limit| Counter {
            name: Arc::clone(&limit.name),
            meter: Arc::clone(&limit.meter),
            kind: Kind::of(&limit.algorithm),
        });
        self.intern_counters(counters.collect())
    }

    /// As [`Layouts::intern`], for counters.
    ///
    /// # Errors
    /// [`LayoutsFull`] after 32,767 different ones.
    pub fn intern_counters(&mut self, counters: Box<[Counter]>) -> Result<LayoutId, LayoutsFull> {
        let head_words = counters.iter().map(|counter| counter.kind.head_words()).sum();
        let has_long = counters.iter().any(|counter| counter.kind.is_long());
        let layout = Arc::new(Layout {
            counters,
            head_words,
            has_long,
        });
        if let Some(id) = self.by_content.get(&layout) {
            return Ok(*id);
        }
        let number = u16::try_from(self.list.len())
            .ok()
            .filter(|number| *number < Self::NUMBERS)
            .ok_or(LayoutsFull)?;
        self.list.push(Arc::clone(&layout));
        self.keep_for(&layout);
        self.by_content.insert(layout, LayoutId(number));
        Ok(LayoutId(number))
    }

    /// The layout of that number.
    #[must_use]
    pub fn get(&self, id: LayoutId) -> Option<&Layout> {
        self.list.get(usize::from(id.0)).map(Arc::as_ref)
    }

    /// For how long what each counter of a layout has counted may matter: its own window, or a longer one that a counter
    /// of its name has in another layout, to which it may yet be carried over. `None` for what has no window.
    #[must_use]
    pub fn kept_for(&self, id: LayoutId) -> &[Option<Period>] {
        self.kept_for.get(usize::from(id.0)).map_or(&[], |kept| kept)
    }

    fn keep_for(&mut self, layout: &Layout) {
        let mut grown = false;
        for counter in layout.counters() {
            let Some(window) = counter.kind.window() else { continue };
            let longest = self.longest.entry(counter.identity()).or_insert(window);
            grown |= window > *longest;
            *longest = window.max(*longest);
        }
        let first = if grown { 0 } else { self.kept_for.len() };
        self.kept_for.truncate(first);
        for layout in &self.list[first..] {
            let longest = layout.counters().iter().map(|counter| {
                let window = counter.kind.window()?;
                self.longest.get(&counter.identity()).copied().or(Some(window))
            });
            self.kept_for.push(longest.collect());
        }
    }
}
