//! What a limit is: its algorithm, what it counts, what one counter of it belongs to. Immutable, made by the policy.

use std::sync::Arc;

use crate::time::Period;

/// The most units a limit, an allowance or a pool may hold, factors included: about 1.1 × 10¹⁵, or a thousand million
/// dollars in micro-units. The sliding window's state can hold it in its four coarsest groups (see
/// [`crate::window::sliding`]), and it is an integer that every JSON reader takes exactly.
pub const CAPACITY_MAX: u64 = 1 << 50;

/// The shortest window of a limit, in nanoseconds: 100 ms.
pub const WINDOW_MIN_NS: u64 = 100_000_000;

/// The longest window of a limit, in nanoseconds: 400 days.
pub const WINDOW_MAX_NS: u64 = 400 * 24 * 3_600 * 1_000_000_000;

/// The most limits that one request may meet, burst allowance and pool not counted.
pub const LIMITS_PER_REQUEST_MAX: usize = 16;

/// The most counters one request may touch: its limits, the burst allowance and the pool.
pub const COUNTERS_PER_REQUEST_MAX: usize = LIMITS_PER_REQUEST_MAX + 2;

/// The most meters a deployment may name, `requests` included.
pub const METERS_MAX: usize = 16;

/// A meter, by its place in the policy's list. 0 is `requests`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MeterId(pub u8);

impl MeterId {
    /// The meter that every request counts on.
    pub const REQUESTS: Self = Self(0);
}

/// How a limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// No half-open interval of the window's length holds more than the limit.
    SlidingWindow {
        /// The window's length.
        window: Period,
        /// How many recorded times the state may keep.
        precision: Precision,
    },
    /// A bucket of `capacity` units that refills at a steady rate (GCRA).
    TokenBucket {
        /// Units that come back every `every`.
        refill: u64,
        /// The time in which `refill` units come back.
        every: Period,
    },
    /// Counts per window aligned to the Unix epoch on wall time.
    FixedWindow {
        /// The window's length.
        window: Period,
    },
    /// The org's burst pool: a bucket that starts full and lends units.
    Pool {
        /// Units that come back every `every`.
        refill: u64,
        /// The time in which `refill` units come back.
        every: Period,
        /// What the pool does for keys within their own limit.
        mode: PoolMode,
    },
}

impl Algorithm {
    /// The window in nanoseconds; for buckets, the time in which `capacity` units come back from nothing.
    #[must_use]
    pub fn window_ns(&self, capacity: u64) -> u64 {
        match *self {
            Self::SlidingWindow { window, .. } | Self::FixedWindow { window } => window.nanos(),
            Self::TokenBucket { refill, every } | Self::Pool { refill, every, .. } => {
                let nanos = u128::from(capacity) * u128::from(every.nanos());
                u64::try_from(nanos.div_ceil(u128::from(refill.max(1)))).unwrap_or(u64::MAX)
            }
        }
    }
}

/// How many times a sliding window's state keeps for a limit above 64.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Precision {
    /// 33 to 64 times: under saturation every window holds at least 96.9 % of the limit.
    #[default]
    Standard,
    /// 65 to 128 times: at least 98.4 %.
    High,
}

/// What the org's burst pool does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum PoolMode {
    /// It only adds: an empty pool never takes away a key's own limit.
    #[default]
    Overflow,
    /// Every unit is drawn from it too, so that it caps the org.
    Ceiling,
}

/// What a limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Counts {
    /// Units of a meter.
    Units(MeterId),
    /// One per call, whatever the cost.
    Calls,
}

/// Whether a limit denies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Mode {
    /// It denies.
    #[default]
    Enforce,
    /// It is evaluated and counted as if it did, and never denies.
    Shadow,
}

/// The part that a counter plays in a charge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// A limit charged the full cost.
    Plain,
    /// A key's own limit that the burst pool may lift.
    Lifted,
    /// The burst allowance: what one key may draw from the pool per burst window.
    Allowance,
    /// The org's burst pool.
    Pool,
}

/// One limit.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Limit {
    /// Its name, unique within what applies to one request.
    pub name: Arc<str>,
    /// The part it plays in a charge.
    pub role: Role,
    /// How it counts.
    pub algorithm: Algorithm,
    /// Its capacity before any factor; at most [`CAPACITY_MAX`]. 0 denies everything.
    pub capacity: u64,
    /// What it counts.
    pub counts: Counts,
    /// The name of what it counts: a meter's, or `calls`. Part of a counter's identity, where the meter's number is not.
    pub meter: Arc<str>,
    /// Whether it denies.
    pub mode: Mode,
    /// From which use, in whole percent, an answer carries a warning; `None` for never.
    pub warn_at: Option<u8>,
    /// Its place in the policy: ties between limits go to the smaller.
    pub order: u16,
}

/// Where a group of limits was declared. Part of a counter's identity: an endpoint's own limits belong to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// By the org's plan.
    Plan,
    /// By the endpoint.
    Endpoint,
    /// By a rule of a domain, whose counters are charged one by one (see [`crate::shard::Tally`]).
    Rule,
}

/// What one counter belongs to, within its org.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Per {
    /// The key.
    pub key: bool,
    /// The catalogue entry. Always set for limits that an endpoint declares.
    pub endpoint: bool,
    /// Attributes of the request, by name, sorted. A request that lacks one of them does not meet these limits.
    pub attributes: Box<[Arc<str>]>,
}

/// Limits whose counters belong to the same thing, and therefore share one entry of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Where they were declared.
    pub scope: Scope,
    /// What their counters belong to.
    pub per: Per,
    /// The limits, in policy order; allowance and pool last.
    pub limits: Box<[Limit]>,
    /// How an entry for them is laid out (see [`crate::state::layout`]).
    pub layout: LayoutId,
}

/// Names the layout of an entry: which counters it holds, in which order. Numbers are given once per process and
/// never taken back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LayoutId(pub u16);
