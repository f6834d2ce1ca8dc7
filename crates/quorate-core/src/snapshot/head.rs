//! The head: by which key the pieces are read, who wrote them last, when, and whether it stopped in good order.

use super::bytes::{seal, unseal};
use super::{FORMAT, ReadError, Scope};
use crate::state::fingerprint::HashKey;
use crate::time::{Instant, SECOND};

/// Names a boot of a machine: clocks that count from it agree within it.
pub type BootId = [u8; 16];

/// How far the wall clocks of two boots, or of two machines, may be apart without freeing anything early: a day. Clocks
/// that were set to the wrong time zone, or not yet set, lie within it or behind.
const WALL_DOUBT_NS: u64 = 24 * 3_600 * SECOND;

/// What the clocks of a machine say at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Clocks {
    /// Wall time, in nanoseconds since the Unix epoch.
    pub wall_ns: u64,
    /// The boot, and nanoseconds since it; unknown on some machines.
    pub boot: Option<(BootId, u64)>,
}

impl Clocks {
    /// How long after `earlier` this is: never more than in truth, and 0 if nobody knows. Within one boot it is what
    /// both clocks say at least; otherwise the wall clock is believed as to days only.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> u64 {
        let by_wall = self.wall_ns.saturating_sub(earlier.wall_ns);
        match (self.boot, earlier.boot) {
            (Some((boot, now)), Some((earlier, then))) if boot == earlier => by_wall.min(now.saturating_sub(then)),
            _ => by_wall.saturating_sub(WALL_DOUBT_NS),
        }
    }
}

/// The head.
#[derive(Clone, PartialEq, Eq)]
pub struct Head {
    /// The key that fingerprints are made with. A secret: who knows it can make keys that share a counter.
    pub hash_key: HashKey,
    /// The life of the process that wrote the head. Pieces of others are older.
    pub incarnation: u64,
    /// That process stopped in good order, and what it wrote last is all there was.
    pub stopped: bool,
    /// The first number of a piece that counts: all that smaller ones tell is told again by later ones.
    pub valid_from: u64,
    /// When the head was written, on the clock of that process.
    pub instant: Instant,
    /// What the machine's clocks said no earlier than at that instant.
    pub clocks: Clocks,
}

impl core::fmt::Debug for Head {
    /// Without the key.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Head")
            .field("incarnation", &self.incarnation)
            .field("stopped", &self.stopped)
            .field("valid_from", &self.valid_from)
            .field("instant", &self.instant)
            .field("clocks", &self.clocks)
            .finish_non_exhaustive()
    }
}

impl Head {
    /// The head as bytes.
    #[must_use]
    pub fn write(&self) -> Vec<u8> {
        let mut bytes = vec![FORMAT];
        bytes.extend_from_slice(&self.hash_key);
        bytes.extend_from_slice(&self.incarnation.to_le_bytes());
        bytes.push(u8::from(self.stopped));
        bytes.extend_from_slice(&self.valid_from.to_le_bytes());
        bytes.extend_from_slice(&self.instant.0.to_le_bytes());
        bytes.extend_from_slice(&self.clocks.wall_ns.to_le_bytes());
        bytes.push(u8::from(self.clocks.boot.is_some()));
        if let Some((boot, since_ns)) = self.clocks.boot {
            bytes.extend_from_slice(&boot);
            bytes.extend_from_slice(&since_ns.to_le_bytes());
        }
        seal(&mut bytes, &self.hash_key);
        bytes
    }

    /// Reads a head.
    ///
    /// # Errors
    /// [`ReadError`]: without it no piece is worth anything.
    pub fn read(bytes: &[u8]) -> Result<Self, ReadError> {
        let key = match bytes.split_first() {
            Some((&FORMAT, rest)) => rest.first_chunk().ok_or(ReadError::Damaged)?,
            Some((other, _)) => return Err(ReadError::Format(*other)),
            None => return Err(ReadError::Damaged),
        };
        let mut bytes = unseal(bytes, key)?;
        let head = Self {
            hash_key: bytes.array()?,
            incarnation: bytes.wide()?,
            stopped: bytes.byte()? != 0,
            valid_from: bytes.wide()?,
            instant: Instant(bytes.wide()?),
            clocks: Clocks {
                wall_ns: bytes.wide()?,
                boot: match bytes.byte()? {
                    0 => None,
                    _ => Some((bytes.array()?, bytes.wide()?)),
                },
            },
        };
        if bytes.is_empty() {
            Ok(head)
        } else {
            Err(ReadError::Damaged)
        }
    }

    /// Which windows of a piece count, if any. Short ones do only when the process that wrote the piece stopped in good
    /// order, and no other has started since.
    #[must_use]
    pub fn scope_of(&self, title: &super::PieceTitle) -> Option<Scope> {
        let last = self.stopped && title.incarnation == self.incarnation;
        let scope = if last { title.scope } else { Scope::Long };
        (title.number >= self.valid_from).then_some(scope)
    }

    /// How long a piece lies back, at least, when `elapsed` nanoseconds have passed at least since this head.
    #[must_use]
    pub fn age_of(&self, piece: &super::Piece, elapsed: u64) -> u64 {
        if piece.title.incarnation == self.incarnation {
            self.instant.after(elapsed).since(piece.instant)
        } else {
            elapsed
        }
    }
}
