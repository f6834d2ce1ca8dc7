//! The bounds of the lease machine, and why each is what it is.

use quorate_core::time::SECOND;

/// For how long a chunk should last at the present rate. A busy account costs the store about one write per minute.
pub const HORIZON_NS: u64 = 60 * SECOND;

/// A chunk is at most this share of the limit, unless a cost asks for more: so many chunks may be stranded before a
/// thousandth of the quota is.
pub const CHUNK_SHARE: u64 = 1_000;

/// The first chunk of a new process is at most this share of the limit; chunks double from there. A process that
/// crashes again and again strands little.
pub const FIRST_CHUNK_SHARE: u64 = 100_000;

/// What waits together is served by a take of at most this share of the limit, or by what one of them costs: all of it
/// may turn out to be denied by something else, and other servers want units too.
pub const CROWD_SHARE: u64 = 32;

/// A balance above two of the largest chunks for so long is more than this process needs: the surplus goes back.
pub const AMPLE_NS: u64 = 60 * SECOND;

/// For how long a row that showed a cost not to fit goes on saying so without being read again: one read per second
/// and account is the price of a caller that asks in a loop.
pub const FRESH_NS: u64 = SECOND;

/// A row that units are spent from is read again when nothing was heard of it for so long.
pub const REFRESH_NS: u64 = 60 * SECOND;

/// Units that nobody spent for so long go back, so that others may have them.
pub const IDLE_NS: u64 = 600 * SECOND;

/// The first wait after a failure of the store.
pub const RETRY_NS_MIN: u64 = 50_000_000;

/// The longest wait after failures of the store: a sixth of the minute in which a lease recovers by itself.
pub const RETRY_NS_MAX: u64 = 10 * SECOND;

/// The first wait after losing a race for a row twice in a row; about one write of a database.
pub const RACE_NS_MIN: u64 = 2_000_000;

/// The longest wait after losing races.
pub const RACE_NS_MAX: u64 = SECOND / 2;

/// An operation without an outcome for so long counts as unknown. Its driver owes an outcome far earlier; this is for
/// one that broke that promise.
pub const OUTCOME_NS_MAX: u64 = 30 * SECOND;

/// An operation without an outcome for so long means, to a soft quota, that the store is away.
pub const AWAY_NS: u64 = SECOND / 4;

/// What an operation is taken to last at least: the estimate of a store that has answered quickly so far.
pub const LATENCY_NS_MIN: u64 = 5_000_000;

/// What an operation is taken to last at most.
pub const LATENCY_NS_MAX: u64 = 5 * SECOND;

/// Reports of what was spent are added up for so long before they change the estimate of the rate.
pub const RATE_WINDOW_NS: u64 = SECOND;

/// A row that lists more holders than this is tidied. Read whole with every read: 64 are about two kilobytes.
pub const HOLDERS_MAX: usize = 64;

/// A holder whose holding did not change for so long is folded. Far longer than [`IDLE_NS`], after which a living one
/// has returned what it could.
pub const FOLD_NS: u64 = 3_600 * SECOND;

/// How many holders are watched for folding at once: bounds the memory of the watch.
pub const WATCHED_MAX: usize = 32;

/// Unspent units of an ended period go back within so long, spread, since every account's month ends at once.
pub const ENDS_SPREAD_NS: u64 = 60 * SECOND;

/// The first chunk of the next period is taken at most so long ahead of it. Less than [`IDLE_NS`], or it would go back
/// before its time.
pub const AHEAD_NS_MAX: u64 = 300 * SECOND;

/// It is taken at most this share of the period ahead.
pub const AHEAD_SHARE: u64 = 10;

/// While the store is away a soft quota lets through this share of its limit per holder, when the policy says no other
/// number.
pub const OVERDRAFT_SHARE: u64 = 100;

/// So many ended periods of one account are remembered until their units are returned. Then the oldest is given up: its
/// units are stranded, which nobody misses any more.
pub const ENDING_MAX: usize = 2;

/// So many more are, of those that owe units, until they are booked: the hours of a weekend without the store.
pub const ENDING_OWING_MAX: usize = 64;
