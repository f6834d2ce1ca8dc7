//! How an entry is written in 16-bit words:
//!
//! ```text
//! fingerprint (6) · layout (1) · the fixed part of each counter, in order · the stamps of each log, in order
//! log          top (3, the low 48 bits) · exponent and number of stamps (1) · partial (3)
//! token bucket instant at which it is whole (4)
//! fixed window index (3) · count (4)
//! pool         missing (4) · shares (4) · at (4)
//! ```
//!
//! A log's `top` is cut to 48 bits and told whole again by its nearness to now.

#[cfg(test)]
mod tests;

use super::cell::Cell;
use super::cells::Cells;
use super::fingerprint::Fingerprint;
use super::layout::{Kind, Layout};
use crate::limit::LayoutId;
use crate::time::{Instant, Now};
use crate::window::fixed_window::FixedWindow;
use crate::window::pool::Pool;
use crate::window::sliding::{Log, Tick};
use crate::window::token_bucket::TokenBucket;

/// Words before the first counter.
pub const PREFIX_WORDS: usize = 7;

/// The place of the layout's number.
pub const LAYOUT_WORD: usize = 6;

/// Set in the layout's word: the entry was changed since it was last written behind. In the entry, so that it costs no
/// byte and moves with it; layouts have numbers of 15 bits.
pub const CHANGED: u16 = 0x8000;

const BITS_48: u64 = (1 << 48) - 1;

/// How far ahead of now a log's newest tick may lie: a carry-over from a long window's tick to a short one's moves it
/// by up to 2³⁰ ticks.
const AHEAD_TICKS_MAX: u64 = 1 << 40;

/// The words that cells of a layout take.
pub fn words_for(layout: &Layout, cells: &[Cell]) -> usize {
    PREFIX_WORDS + layout.head_words() + stamps(cells)
}

/// The stamps that cells keep now.
pub fn stamps(cells: &[Cell]) -> usize {
    cells
        .iter()
        .map(|cell| if let Cell::Log(log) = cell { log.len() } else { 0 })
        .sum()
}

/// The fingerprint of an entry.
pub fn fingerprint(words: &[u16]) -> Fingerprint {
    let mut prefix = [0; 6];
    prefix.copy_from_slice(&words[..LAYOUT_WORD]);
    Fingerprint(prefix)
}

/// The layout that an entry names.
pub fn layout_id(words: &[u16]) -> LayoutId {
    LayoutId(words[LAYOUT_WORD] & !CHANGED)
}

/// Marks an entry as changed, or not.
pub fn mark(words: &mut [u16], changed: bool) {
    let word = &mut words[LAYOUT_WORD];
    *word = if changed { *word | CHANGED } else { *word & !CHANGED };
}

/// Writes cells as an entry. `words` has room for [`words_for`] them.
pub fn encode(words: &mut [u16], fingerprint: Fingerprint, layout: LayoutId, head_words: usize, cells: &[Cell]) {
    words[..LAYOUT_WORD].copy_from_slice(&fingerprint.0);
    words[LAYOUT_WORD] = layout.0;
    let (heads, mut tail) = words[PREFIX_WORDS..].split_at_mut(head_words);
    let mut head = Writer { words: heads };
    for cell in cells {
        match cell {
            Cell::Log(log) => {
                let (top, exponent, partial, stamps) = log.parts();
                head.put::<3>(top & BITS_48);
                let len = u64::try_from(stamps.len()).unwrap_or_default();
                head.put::<1>(u64::from(exponent) << 8 | len);
                head.put::<3>(partial);
                let (mine, rest) = tail.split_at_mut(stamps.len());
                mine.copy_from_slice(stamps);
                tail = rest;
            }
            Cell::TokenBucket(bucket) => head.put::<4>(bucket.whole_at.0),
            Cell::FixedWindow(fixed) => {
                head.put::<3>(fixed.index.min(BITS_48));
                head.put::<4>(fixed.count);
            }
            Cell::Pool(pool) => {
                head.put::<4>(pool.missing);
                head.put::<4>(pool.shares);
                head.put::<4>(pool.at.0);
            }
        }
    }
}

/// Reads the counters of an entry, in the order of its layout, and hands each to `visit` with its place.
pub fn decode(words: &[u16], layout: &Layout, now: Now, mut visit: impl FnMut(usize, Cell)) {
    let mut cell = Cell::Log(Log::default());
    let mut reader = Reader::of(words, layout);
    for (place, counter) in layout.counters().iter().enumerate() {
        reader.read(&counter.kind, now, &mut cell);
        visit(place, cell);
    }
}

/// Reads the counters of an entry, in the order of its layout, behind `cells`.
pub fn decode_into(words: &[u16], layout: &Layout, now: Now, cells: &mut Cells) {
    let mut reader = Reader::of(words, layout);
    for counter in layout.counters() {
        reader.read(&counter.kind, now, cells.next_place());
    }
}

/// The whole number of a tick of which the low 48 bits are known: the latest that is not far ahead of now.
fn whole(cut: u64, tick: &Tick, now: Instant) -> u64 {
    let latest = tick.ceil(now) + AHEAD_TICKS_MAX;
    latest.saturating_sub(latest.wrapping_sub(cut) & BITS_48)
}

struct Writer<'w> {
    words: &'w mut [u16],
}

impl Writer<'_> {
    /// Writes the low `COUNT` words of `value`, the lowest first.
    fn put<const COUNT: usize>(&mut self, value: u64) {
        let (mine, rest) = core::mem::take(&mut self.words)
            .split_first_chunk_mut::<COUNT>()
            .expect("a layout knows the words of its counters");
        for (place, word) in mine.iter_mut().enumerate() {
            *word = u16::try_from(value >> (16 * place) & 0xFFFF).unwrap_or_default();
        }
        self.words = rest;
    }
}

/// Reads the fixed parts of counters, and the stamps behind them.
struct Reader<'w> {
    heads: &'w [u16],
    stamps: &'w [u16],
}

impl<'w> Reader<'w> {
    fn of(words: &'w [u16], layout: &Layout) -> Self {
        let (heads, stamps) = words[PREFIX_WORDS..].split_at(layout.head_words());
        Self { heads, stamps }
    }

    fn take<const COUNT: usize>(&mut self) -> u64 {
        let (mine, rest) = self
            .heads
            .split_first_chunk::<COUNT>()
            .expect("a layout knows the words of its counters");
        self.heads = rest;
        mine.iter().rev().fold(0, |value, word| value << 16 | u64::from(*word))
    }

    /// Reads the next counter over `cell`.
    fn read(&mut self, kind: &Kind, now: Now, cell: &mut Cell) {
        match *kind {
            Kind::Log(tick) => {
                let top = whole(self.take::<3>(), &tick, now.instant);
                let shape = self.take::<1>();
                let partial = self.take::<3>();
                let len = usize::try_from(shape & 0xFF).unwrap_or_default();
                let (stamps, rest) = self.stamps.split_at(len);
                self.stamps = rest;
                let exponent = u8::try_from(shape >> 8).unwrap_or_default();
                if let Cell::Log(log) = cell {
                    log.set_parts(top, exponent, partial, stamps);
                } else {
                    *cell = Cell::Log(Log::from_parts(top, exponent, partial, stamps));
                }
            }
            Kind::TokenBucket(..) => {
                let whole_at = Instant(self.take::<4>());
                *cell = Cell::TokenBucket(TokenBucket { whole_at });
            }
            Kind::FixedWindow(_) => {
                let index = self.take::<3>();
                let count = self.take::<4>();
                *cell = Cell::FixedWindow(FixedWindow { index, count });
            }
            Kind::Pool(..) => {
                let missing = self.take::<4>();
                let shares = self.take::<4>();
                let at = Instant(self.take::<4>());
                *cell = Cell::Pool(Pool { missing, shares, at });
            }
        }
    }
}
