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
                head.put(top & BITS_48, 3);
                let len = u64::try_from(stamps.len()).unwrap_or_default();
                head.put(u64::from(exponent) << 8 | len, 1);
                head.put(partial, 3);
                let (mine, rest) = tail.split_at_mut(stamps.len());
                mine.copy_from_slice(stamps);
                tail = rest;
            }
            Cell::TokenBucket(bucket) => head.put(bucket.whole_at.0, 4),
            Cell::FixedWindow(fixed) => {
                head.put(fixed.index.min(BITS_48), 3);
                head.put(fixed.count, 4);
            }
            Cell::Pool(pool) => {
                head.put(pool.missing, 4);
                head.put(pool.shares, 4);
                head.put(pool.at.0, 4);
            }
        }
    }
}

/// Reads the counters of an entry, in the order of its layout, and hands each to `visit` with its place.
pub fn decode(words: &[u16], layout: &Layout, now: Now, mut visit: impl FnMut(usize, Cell)) {
    let (heads, mut tail) = words[PREFIX_WORDS..].split_at(layout.head_words());
    let mut head = Reader { words: heads };
    for (place, counter) in layout.counters().iter().enumerate() {
        let cell = match counter.kind {
            Kind::Log(tick) => {
                let top = whole(head.take(3), &tick, now.instant);
                let shape = head.take(1);
                let partial = head.take(3);
                let len = usize::try_from(shape & 0xFF).unwrap_or_default();
                let (mine, rest) = tail.split_at(len);
                tail = rest;
                Cell::Log(Log::from_parts(
                    top,
                    u8::try_from(shape >> 8).unwrap_or_default(),
                    partial,
                    mine,
                ))
            }
            Kind::TokenBucket(..) => Cell::TokenBucket(TokenBucket {
                whole_at: Instant(head.take(4)),
            }),
            Kind::FixedWindow(_) => {
                let index = head.take(3);
                Cell::FixedWindow(FixedWindow {
                    index,
                    count: head.take(4),
                })
            }
            Kind::Pool(..) => {
                let missing = head.take(4);
                let shares = head.take(4);
                Cell::Pool(Pool {
                    missing,
                    shares,
                    at: Instant(head.take(4)),
                })
            }
        };
        visit(place, cell);
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
    /// Writes the low `count` words of `value`, the lowest first.
    fn put(&mut self, value: u64, count: usize) {
        let (mine, rest) = core::mem::take(&mut self.words).split_at_mut(count);
        for (place, word) in mine.iter_mut().enumerate() {
            *word = u16::try_from(value >> (16 * place) & 0xFFFF).unwrap_or_default();
        }
        self.words = rest;
    }
}

struct Reader<'w> {
    words: &'w [u16],
}

impl Reader<'_> {
    fn take(&mut self, count: usize) -> u64 {
        let (mine, rest) = self.words.split_at(count);
        self.words = rest;
        mine.iter().rev().fold(0, |value, word| value << 16 | u64::from(*word))
    }
}
