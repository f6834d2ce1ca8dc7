//! The driver: shards behind locks, the one clock, the policy in force, and the small steps of housekeeping. It feeds
//! the pure crates and hands on what they say; it opens no socket and knows no wire type.
//!
//! The way of a request: [`Node::should_allow`] asks the policy what applies, takes the lock of the org's shard,
//! lets the core decide, and hands the answer on outside the lock. Nothing waits for anything but that lock.

mod all;
mod clock;
mod config;
mod decide;
mod envoy;
mod held;
mod in_force;
mod operation;
pub mod pools;
pub mod quotas;
mod sitting;
#[cfg(test)]
mod tests;
pub mod usage;
pub mod windows;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use quorate_core::accounts::Report as AccountReport;
use quorate_core::answer::DecisionId;
use quorate_core::shard::Shard;
use quorate_core::snapshot::{PieceWriter, Which};
use quorate_core::state::fingerprint::{HashKey, OrgHash};
use quorate_core::state::layout::Layouts;
use quorate_core::state::memory::Memory;
use quorate_core::state::table::Place;
use quorate_core::time::Now;
use quorate_core::usage::Row as UsageRow;
use quorate_envoy::counters::Groups;
use quorate_policy::{Checked, PolicySet, Report};
use tokio::sync::Notify;

pub use config::{NodeConfig, Reloaded, Stats, Wanted};
pub use sitting::{Decided, Sitting};

/// How many shards a node has: orgs on different shards never wait for each other.
const SHARDS: usize = 64;

/// Shards that one step of housekeeping visits: all within 80 ms.
const SHARDS_PER_STEP: usize = 8;

/// Steps of housekeeping between two readings of wall time: one a second.
const STEPS_PER_WALL_READING: usize = 100;

/// One server's decisions. Shared by all data-plane threads.
#[derive(Debug)]
pub struct Node {
    config: NodeConfig,
    clock: Clock,
    hash_key: HashKey,
    /// Tells the decisions of this process from those of others.
    incarnation: u32,
    decisions: AtomicU64,
    shards: Box<[Mutex<Shard>]>,
    memory: Arc<Memory>,
    in_force: ArcSwap<InForce>,
    /// The windows of Envoy's rules.
    windows: Groups,
    reloading: Mutex<()>,
    /// Something of a quota cannot wait for the driver's next round.
    stirred: Notify,
    /// Something of a pool cannot wait for its keeper's next round.
    pools_stirred: Notify,
    parking: Parking,
    pool_counters: PoolCounters,
    quota_counters: Arc<QuotaCounters>,
    window_counters: Arc<WindowCounters>,
    steps: AtomicUsize,
}

use clock::Clock;
use in_force::InForce;
use pools::PoolCounters;
use quotas::{Parked, Parking, Patience, QuotaCounters};
use windows::WindowCounters;

impl Node {
    /// How often housekeeping is due, in milliseconds.
    pub const HOUSEKEEPING_MS: u64 = 10;

    /// Starts a node with a policy in force.
    ///
    /// # Errors
    /// What the policy's compilation found.
    pub fn start(config: NodeConfig, checked: &Checked) -> Result<Arc<Self>, Report> {
        let mut layouts = Layouts::default();
        let windows = Groups::intern(&mut layouts).expect("there is room for the first layouts");
        let policy = PolicySet::compile(checked, 1, &mut layouts)?;
        let in_force = InForce {
            generation: 0,
            policy: Arc::new(policy),
            layouts: Arc::new(layouts),
        };
        Ok(Self::over(config, rand::random(), Arc::new(in_force), windows))
    }

    /// The same node, with nothing counted, whose counters are found by another key. For a node that takes over what
    /// another has kept, before anything is decided.
    #[must_use]
    pub fn keyed(&self, hash_key: HashKey) -> Arc<Self> {
        let windows = self.windows.clone();
        Self::over(self.config.clone(), hash_key, self.in_force.load_full(), windows)
    }

    fn over(config: NodeConfig, hash_key: HashKey, in_force: Arc<InForce>, windows: Groups) -> Arc<Self> {
        let memory = Arc::new(Memory::new(config.memory_max_bytes));
        let shard = || Mutex::new(Shard::new(hash_key, Arc::clone(&memory), config.org_memory_max_bytes));
        Arc::new(Self {
            clock: Clock::start(),
            hash_key,
            incarnation: rand::random(),
            decisions: AtomicU64::new(0),
            shards: (0..SHARDS).map(|_| shard()).collect(),
            memory,
            in_force: ArcSwap::new(in_force),
            windows,
            reloading: Mutex::new(()),
            stirred: Notify::new(),
            pools_stirred: Notify::new(),
            parking: Parking::new(SHARDS),
            pool_counters: PoolCounters::default(),
            quota_counters: Arc::default(),
            window_counters: Arc::default(),
            steps: AtomicUsize::new(0),
            config,
        })
    }

    /// The configuration.
    #[must_use]
    pub const fn config(&self) -> &NodeConfig {
        &self.config
    }

    /// Gives a slot back; whether it was held.
    pub fn release_slot(&self, org: &str, decision: DecisionId) -> bool {
        self.shard_of(org).lock().release_slot(org, decision, self.clock.now())
    }

    /// Starts a held slot's time to live anew: its length in nanoseconds, or `None` if it is not held.
    pub fn extend_slot(&self, org: &str, decision: DecisionId) -> Option<u64> {
        self.shard_of(org).lock().extend_slot(org, decision, self.clock.now())
    }

    /// One small step of housekeeping; to be called every [`Node::HOUSEKEEPING_MS`] milliseconds.
    pub fn housekeep(&self) {
        let step = self.steps.fetch_add(1, Ordering::Relaxed);
        if step.is_multiple_of(STEPS_PER_WALL_READING) {
            self.clock.read_wall();
        }
        for turn in 0..SHARDS_PER_STEP {
            let shard = &self.shards[(step * SHARDS_PER_STEP + turn) % SHARDS];
            let mut shard = shard.lock();
            shard.housekeep(&self.in_force.load().layouts, self.clock.now());
        }
    }

    /// What the node holds now.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let mut stats = Stats {
            bytes: self.memory.taken(),
            ..Stats::default()
        };
        let wide = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        for shard in &self.shards {
            let shard = shard.lock();
            let (operations, evicted) = shard.remembered();
            let table = shard.table_stats();
            stats.entries += wide(shard.size().0);
            stats.reclaimed += table.reclaimed;
            stats.overflowed += table.overflowed;
            stats.coarsened += table.coarsened;
            stats.slots += wide(shard.slots().len());
            stats.slots_bounded += shard.slots().bounded();
            stats.operations += wide(operations);
            stats.operations_evicted += evicted;
        }
        stats
    }

    /// Now, in nanoseconds since the Unix epoch, on the clock that decisions use.
    #[must_use]
    pub fn unix_ns(&self) -> u64 {
        self.clock.now().instant.0
    }

    /// A place to wait for units of an org's quotas or pool; `None` when there is no patience left, or too many wait.
    pub(crate) fn park(&self, org: &str, patience: Patience) -> Option<Parked> {
        self.parking.enter(self.shard_number(org), patience)
    }

    /// What the driver of quotas has done.
    #[must_use]
    pub const fn quota_counters(&self) -> &Arc<QuotaCounters> {
        &self.quota_counters
    }

    /// What the keeper of windows has done.
    #[must_use]
    pub const fn window_counters(&self) -> &Arc<WindowCounters> {
        &self.window_counters
    }

    /// How many shards it has.
    #[must_use]
    pub fn shards(&self) -> u8 {
        u8::try_from(SHARDS).expect("few shards")
    }

    /// Writes entries of a shard into a piece of a snapshot: one small step. Where to go on; `None` after the last. An
    /// entry counts as written from then on: not to be called beside a keeper that runs.
    pub fn collect(&self, shard: u8, which: Which, from: Place, piece: &mut PieceWriter) -> Option<Place> {
        let mut locked = self.shards[usize::from(shard)].lock();
        // Under the lock: whatever an entry names is known then.
        locked.collect(
            &self.in_force.load().layouts,
            self.clock.now(),
            (shard, which),
            from,
            piece,
        )
    }

    /// Has every shard looked into when changed entries are next collected.
    pub(crate) fn look_again(&self) {
        for shard in &self.shards {
            shard.lock().look_again();
        }
    }

    pub(crate) fn now(&self) -> Now {
        self.clock.now()
    }

    pub(crate) async fn quotas_stirred(&self) {
        self.stirred.notified().await;
    }

    pub(crate) fn quotas_arrived(&self, org: &str) {
        self.parking.arrived(self.shard_number(org));
    }

    /// Denies what quotas have to pass, from now on: nobody fills their balances.
    pub(crate) fn abandon_quotas(&self) {
        for (number, shard) in self.shards.iter().enumerate() {
            shard.lock().accounts().abandon();
            self.parking.arrived(number);
        }
    }

    /// What happened to all accounts since the last time.
    pub(crate) fn quota_reports(&self, reports: &mut Vec<AccountReport>) {
        for shard in &self.shards {
            shard.lock().accounts().report(reports);
        }
    }

    /// Counts what is used from now on.
    pub(crate) fn count_usage(&self) {
        for shard in &self.shards {
            shard.lock().usage().enable();
        }
    }

    /// What was used since the last time: the rows of the `number`-th shard; whether there is such a shard.
    pub(crate) fn usage_rows(&self, number: usize, rows: &mut Vec<UsageRow>) -> bool {
        let shard = self.shards.get(number);
        if let Some(shard) = shard {
            shard.lock().usage().take_changed(rows);
        }
        shard.is_some()
    }

    /// Lets the driver hear at once of what cannot wait. To be called after decisions, under the shard's lock.
    pub(crate) fn stir(&self, shard: &mut Shard) {
        if shard.accounts().take_urgent() {
            self.stirred.notify_one();
        }
        if shard.pools().take_urgent() {
            self.pools_stirred.notify_one();
        }
    }

    pub(crate) fn shard_of(&self, org: &str) -> &Mutex<Shard> {
        self.shard_by(self.org_hash(org))
    }

    pub(crate) fn shard_by(&self, org: OrgHash) -> &Mutex<Shard> {
        &self.shards[org.shard(SHARDS)]
    }

    pub(crate) fn org_hash(&self, org: &str) -> OrgHash {
        OrgHash::of(&self.hash_key, org)
    }

    fn shard_number(&self, org: &str) -> usize {
        self.org_hash(org).shard(SHARDS)
    }

    fn next_decision(&self, now: Now) -> DecisionId {
        let count = u128::from(self.decisions.fetch_add(1, Ordering::Relaxed)) & 0xFFFF_FFFF;
        DecisionId(u128::from(now.instant.0) << 64 | u128::from(self.incarnation) << 32 | count)
    }
}
