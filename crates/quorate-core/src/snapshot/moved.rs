//! State that goes from one process's clock to another's. What it knows of time is how long ago things were: it keeps
//! that, and rounds towards later where the clocks do not agree to a tick.

use crate::state::cell::Cell;
use crate::state::layout::Kind;
use crate::time::Instant;
use crate::window::sliding::Log;
use crate::window::token_bucket::TokenBucket;

/// Where an instant of the clock that state was written by lies on the clock that it is read by. It may lie later than
/// in truth, never earlier: then no time that is moved is earlier than in truth either.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shift {
    /// An instant of the old clock, no recorded time being later.
    pub from: Instant,
    /// The same on the new clock.
    pub to: Instant,
}

impl Cell {
    /// The same state on another clock. Fixed windows follow wall time, which both clocks mean the same by; a pool is
    /// not moved.
    pub(crate) fn moved(&self, kind: &Kind, shift: Shift) -> Option<Self> {
        match (self, kind) {
            (Self::Log(log), Kind::Log(tick)) => {
                let nanos = i128::from(shift.to.0) - i128::from(shift.from.0);
                // Rounded up, whatever the sign.
                let ticks = -(-nanos).div_euclid(i128::from(tick.nanos()));
                let (top, exponent, partial, stamps) = log.parts();
                let moved = u64::try_from(i128::from(top) + ticks).unwrap_or(0);
                let by = low(moved).wrapping_sub(low(top));
                let mut later = [0; crate::window::sliding::STAMPS_MAX];
                for (later, stamp) in later.iter_mut().zip(stamps) {
                    *later = stamp.wrapping_add(by);
                }
                Some(Self::Log(Log::from_parts(
                    moved,
                    exponent,
                    partial,
                    &later[..stamps.len()],
                )))
            }
            (Self::TokenBucket(bucket), _) => Some(Self::TokenBucket(TokenBucket {
                whole_at: shift.to.after(bucket.whole_at.since(shift.from)),
            })),
            (Self::FixedWindow(fixed), _) => Some(Self::FixedWindow(*fixed)),
            _ => None,
        }
    }
}

fn low(tick: u64) -> u16 {
    u16::try_from(tick & 0xFFFF).unwrap_or_default()
}
