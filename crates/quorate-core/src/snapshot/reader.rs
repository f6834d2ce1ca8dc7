//! Reads a piece. Its hash says that it is what was written; what it says is looked at all the same, so that no piece,
//! however made, can make a table that the rest of the program does not expect.

use super::bytes::{Bytes, unseal};
use super::{PieceTitle, ReadError, Scope};
use crate::limit::{COUNTERS_PER_REQUEST_MAX, WINDOW_MAX_NS, WINDOW_MIN_NS};
use crate::state::cell::Cell;
use crate::state::fingerprint::{Fingerprint, HashKey};
use crate::state::layout::{Counter, Kind};
use crate::time::{Instant, Period};
use crate::window::fixed_window::FixedWindow;
use crate::window::sliding::{EXPONENT_MAX, Log, STAMPS_MAX, Tick};
use crate::window::token_bucket::TokenBucket;

/// A piece, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// What it says of itself.
    pub title: PieceTitle,
    /// As of when, on the clock of that process: no time in it is later, but for what is to come.
    pub instant: Instant,
    /// The layouts that its entries name.
    pub layouts: Vec<Box<[Counter]>>,
    /// The entries. Of several with one fingerprint, here or in other pieces, the last stands.
    pub entries: Vec<Kept>,
}

/// An entry that was kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The shard that it belongs to.
    pub shard: u8,
    /// What it is found by.
    pub fingerprint: Fingerprint,
    /// Its layout, by its place in the piece.
    pub layout: usize,
    /// The counters that held something, with their places in the layout.
    pub(crate) cells: Vec<(usize, Cell)>,
}

impl Piece {
    /// Reads a piece.
    ///
    /// # Errors
    /// [`ReadError`]: it cannot be taken, not even in part.
    pub fn read(bytes: &[u8], key: &HashKey) -> Result<Self, ReadError> {
        let mut bytes = unseal(bytes, key)?;
        let scope = match bytes.byte()? {
            0 => Scope::All,
            1 => Scope::Long,
            _ => return Err(ReadError::Damaged),
        };
        let mut piece = Self {
            title: PieceTitle {
                scope,
                shards: bytes.byte()?,
                incarnation: bytes.wide()?,
                number: bytes.wide()?,
            },
            instant: Instant(bytes.wide()?),
            layouts: Vec::new(),
            entries: Vec::new(),
        };
        while !bytes.is_empty() {
            match bytes.count()?.checked_sub(1) {
                None => piece.layouts.push(layout(&mut bytes)?),
                Some(number) => {
                    let layout = piece.layouts.get(number).ok_or(ReadError::Damaged)?;
                    let entry = entry(&mut bytes, number, layout, piece.title.shards)?;
                    piece.entries.push(entry);
                }
            }
        }
        Ok(piece)
    }
}

fn layout(bytes: &mut Bytes<'_>) -> Result<Box<[Counter]>, ReadError> {
    let count = bytes.count()?;
    if count > COUNTERS_PER_REQUEST_MAX {
        return Err(ReadError::Damaged);
    }
    let counter = |_| {
        Ok(Counter {
            name: bytes.text()?.into(),
            meter: bytes.text()?.into(),
            kind: kind(bytes)?,
        })
    };
    (0..count).map(counter).collect()
}

fn kind(bytes: &mut Bytes<'_>) -> Result<Kind, ReadError> {
    let (tag, units) = (bytes.byte()?, bytes.number()?);
    let period = Period::from_nanos(bytes.number()?).ok_or(ReadError::Damaged)?;
    let window = || {
        let fits = (WINDOW_MIN_NS..=WINDOW_MAX_NS).contains(&period.nanos());
        fits.then_some(period).ok_or(ReadError::Damaged)
    };
    Ok(match tag {
        0 => Kind::Log(Tick::of(window()?)),
        1 => Kind::TokenBucket(units, period),
        2 => Kind::FixedWindow(window()?),
        3 => Kind::Pool(units, period),
        _ => return Err(ReadError::Damaged),
    })
}

fn entry(bytes: &mut Bytes<'_>, number: usize, layout: &[Counter], shards: u8) -> Result<Kept, ReadError> {
    let shard = u8::try_from(bytes.number()?).ok().filter(|shard| *shard < shards);
    let mut fingerprint = Fingerprint([0; 6]);
    for word in &mut fingerprint.0 {
        *word = u16::from_le_bytes(bytes.array()?);
    }
    let bits = bytes.number()?;
    if bits >> layout.len() != 0 {
        return Err(ReadError::Damaged);
    }
    let mut cells = Vec::new();
    for (place, counter) in layout.iter().enumerate().filter(|(place, _)| bits >> place & 1 != 0) {
        cells.push((place, cell(bytes, &counter.kind)?));
    }
    Ok(Kept {
        shard: shard.ok_or(ReadError::Damaged)?,
        fingerprint,
        layout: number,
        cells,
    })
}

fn cell(bytes: &mut Bytes<'_>, kind: &Kind) -> Result<Cell, ReadError> {
    match kind {
        Kind::Log(tick) => {
            let (top, exponent, partial) = (bytes.number()?, bytes.byte()?, bytes.number()?);
            let len = usize::from(bytes.byte()?);
            let fits = exponent <= EXPONENT_MAX
                && partial >> exponent == 0
                && len <= STAMPS_MAX
                && top <= u64::MAX / tick.nanos();
            if !fits {
                return Err(ReadError::Damaged);
            }
            let mut stamps = [0; STAMPS_MAX];
            for stamp in &mut stamps[..len] {
                *stamp = u16::from_le_bytes(bytes.array()?);
            }
            Ok(Cell::Log(Log::from_parts(top, exponent, partial, &stamps[..len])))
        }
        Kind::TokenBucket(..) => Ok(Cell::TokenBucket(TokenBucket {
            whole_at: Instant(bytes.number()?),
        })),
        Kind::FixedWindow(_) => Ok(Cell::FixedWindow(FixedWindow {
            index: bytes.number()?,
            count: bytes.number()?,
        })),
        Kind::Pool(..) => Err(ReadError::Damaged),
    }
}
