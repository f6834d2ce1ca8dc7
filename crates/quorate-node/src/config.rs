//! What a node is told, what it is asked beyond a request, and what it says of itself.

/// What a node is told at its start.
#[derive(Clone)]
pub struct NodeConfig {
    /// The most memory that counters may take, in bytes. Slots and operation ids are bounded by number.
    pub memory_max_bytes: u64,
    /// The most of it that keys which one org never declared may take, in bytes.
    pub org_memory_max_bytes: u64,
    /// The largest cost or amount of one request.
    pub cost_max: u64,
    /// Hashes credentials (keyed BLAKE3); one per deployment.
    pub credential_key: [u8; 32],
}

impl core::fmt::Debug for NodeConfig {
    /// Without the credential key.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("NodeConfig")
            .field("memory_max_bytes", &self.memory_max_bytes)
            .field("org_memory_max_bytes", &self.org_memory_max_bytes)
            .field("cost_max", &self.cost_max)
            .finish_non_exhaustive()
    }
}

/// One GiB: about ten million live keys of a minute and an hour.
const MEMORY_MAX_BYTES: u64 = 1 << 30;

/// A trillion: a million dollars in micro-units; far beyond what one request costs.
const COST_MAX: u64 = 1_000_000_000_000;

impl Default for NodeConfig {
    fn default() -> Self {
        Self {
            memory_max_bytes: MEMORY_MAX_BYTES,
            org_memory_max_bytes: MEMORY_MAX_BYTES / 4,
            cost_max: COST_MAX,
            credential_key: [0; 32],
        }
    }
}

/// What an answer is to carry beyond its plain fields.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wanted {
    /// The status of every limit that applies.
    pub statuses: bool,
}

/// What a reload changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reloaded {
    /// Counts the policies put in force since the start, from 1.
    pub sequence: u64,
    /// The hash of the policy's content.
    pub content_hash: String,
    /// What a person should know of the change.
    pub notes: Vec<String>,
}

/// What a node holds now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Entries of counters that live.
    pub entries: u64,
    /// Bytes that counters take, tables included.
    pub bytes: u64,
    /// Entries that idled and were given back, since the start.
    pub reclaimed: u64,
    /// Loads that met an overflow entry because memory was short, since the start.
    pub overflowed: u64,
    /// Times that a window's log got coarser because memory was short, since the start.
    pub coarsened: u64,
    /// Concurrency slots held.
    pub slots: u64,
    /// Requests for a slot that met a bound on how many an org or all orgs may hold, since the start.
    pub slots_bounded: u64,
    /// Operation ids remembered.
    pub operations: u64,
    /// Operation ids forgotten early because an org had too many, since the start.
    pub operations_evicted: u64,
}
