//! Writes a piece, entry by entry.

use super::bytes::{put_number, put_text, seal};
use super::{FORMAT, Scope};
use crate::limit::LayoutId;
use crate::state::cell::Cell;
use crate::state::fingerprint::{Fingerprint, HashKey};
use crate::state::layout::{Kind, Layout};
use crate::time::{Instant, Period};

/// A piece with so many bytes takes no further entry. One entry more, with its layout, stays below the 512 KiB that a
/// store takes.
const FULL_BYTES: usize = 384 * 1_024;

/// The most bytes of a layout in a piece: eighteen counters with names of three and a half thousand bytes. The entries
/// of a larger one are not kept.
const LAYOUT_BYTES_MAX: usize = 64 * 1_024;

/// Where the instant stands.
const INSTANT_AT: usize = 19;

/// What a piece says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PieceTitle {
    /// Which windows it holds.
    pub scope: Scope,
    /// How many shards its entries are shared by.
    pub shards: u8,
    /// The life of the process that writes it.
    pub incarnation: u64,
    /// Its number: of two pieces that tell of one entry the one with the larger number is right.
    pub number: u64,
}

/// A piece in the making.
#[derive(Debug)]
pub struct PieceWriter {
    bytes: Vec<u8>,
    title: PieceTitle,
    /// The layouts that the piece names, in order.
    layouts: Vec<LayoutId>,
    entries: u64,
    /// The latest instant that an entry was written as of.
    latest: Instant,
}

/// An entry to be written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry<'e> {
    pub fingerprint: Fingerprint,
    pub id: LayoutId,
    pub layout: &'e Layout,
    /// The cells, in the order of the layout, with `false` where nothing is left that counts.
    pub cells: &'e [(Cell, bool)],
}

impl PieceWriter {
    /// An empty piece.
    #[must_use]
    pub fn new(title: PieceTitle) -> Self {
        let mut bytes = vec![FORMAT, u8::from(title.scope == Scope::Long), title.shards];
        bytes.extend_from_slice(&title.incarnation.to_le_bytes());
        bytes.extend_from_slice(&title.number.to_le_bytes());
        bytes.extend_from_slice(&[0; 8]);
        Self {
            bytes,
            title,
            layouts: Vec::new(),
            entries: 0,
            latest: Instant::default(),
        }
    }

    /// Its number.
    #[must_use]
    pub const fn number(&self) -> u64 {
        self.title.number
    }

    /// Entries so far.
    #[must_use]
    pub const fn entries(&self) -> u64 {
        self.entries
    }

    /// Bytes so far.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Whether it should be finished.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.bytes.len() >= FULL_BYTES
    }

    /// The piece as bytes, as of `now`: no time in it is later.
    #[must_use]
    pub fn finish(mut self, key: &HashKey, now: Instant) -> Vec<u8> {
        let instant = now.max(self.latest).0.to_le_bytes();
        self.bytes[INSTANT_AT..INSTANT_AT + instant.len()].copy_from_slice(&instant);
        seal(&mut self.bytes, key);
        self.bytes
    }

    /// Which windows it is to hold.
    pub(crate) const fn scope(&self) -> Scope {
        self.title.scope
    }

    /// Writes an entry as it is at `now`, one without counters too: it stands for nothing used.
    pub(crate) fn put(&mut self, shard: u8, entry: Entry<'_>, now: Instant) {
        let Some(layout) = self.layout(entry.id, entry.layout) else {
            return;
        };
        self.latest = self.latest.max(now);
        self.entries += 1;
        put_number(&mut self.bytes, layout + 1);
        put_number(&mut self.bytes, u64::from(shard));
        for word in entry.fingerprint.0 {
            self.bytes.extend_from_slice(&word.to_le_bytes());
        }
        let places = entry.cells.iter().enumerate().filter(|(_, (_, live))| *live);
        let bits = places.fold(0_u64, |bits, (place, _)| bits | 1 << place);
        put_number(&mut self.bytes, bits);
        for (cell, _) in entry.cells.iter().filter(|(_, live)| *live) {
            put_cell(&mut self.bytes, cell);
        }
    }

    /// The number of a layout in this piece; written when it is first met.
    fn layout(&mut self, id: LayoutId, layout: &Layout) -> Option<u64> {
        let known = self.layouts.iter().position(|known| *known == id);
        if let Some(number) = known {
            return u64::try_from(number).ok();
        }
        let before = self.bytes.len();
        put_number(&mut self.bytes, 0);
        put_number(&mut self.bytes, u64::try_from(layout.counters().len()).ok()?);
        for counter in layout.counters() {
            put_text(&mut self.bytes, &counter.name);
            put_text(&mut self.bytes, &counter.meter);
            let (tag, units, period) = kind(&counter.kind);
            self.bytes.push(tag);
            put_number(&mut self.bytes, units);
            put_number(&mut self.bytes, period.nanos());
        }
        if self.bytes.len() - before > LAYOUT_BYTES_MAX {
            self.bytes.truncate(before);
            return None;
        }
        self.layouts.push(id);
        u64::try_from(self.layouts.len() - 1).ok()
    }
}

fn kind(kind: &Kind) -> (u8, u64, Period) {
    match kind {
        Kind::Log(tick) => (0, 0, tick.window()),
        Kind::TokenBucket(units, every) => (1, *units, *every),
        Kind::FixedWindow(window) => (2, 0, *window),
        Kind::Pool(units, every) => (3, *units, *every),
    }
}

fn put_cell(bytes: &mut Vec<u8>, cell: &Cell) {
    match cell {
        Cell::Log(log) => {
            let (top, exponent, partial, stamps) = log.parts();
            put_number(bytes, top);
            bytes.push(exponent);
            put_number(bytes, partial);
            bytes.push(u8::try_from(stamps.len()).unwrap_or(u8::MAX));
            for stamp in stamps {
                bytes.extend_from_slice(&stamp.to_le_bytes());
            }
        }
        Cell::TokenBucket(bucket) => put_number(bytes, bucket.whole_at.0),
        Cell::FixedWindow(fixed) => {
            put_number(bytes, fixed.index);
            put_number(bytes, fixed.count);
        }
        // Not kept here.
        Cell::Pool(_) => {}
    }
}
