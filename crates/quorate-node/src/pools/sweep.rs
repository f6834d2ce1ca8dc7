//! Forgets the rows of pools that have been full for long: what the store says of such a pool is what it says of one that
//! was never met. It goes through all rows, a page at a time, also those that an earlier life of the process has left.
//!
//! No factor slows a refill, so what is full without factors is full with them. Whoever meets a pool while its row goes
//! has it read after that, since the keeper does one thing after the other, and finds it as full as it was.

use std::sync::Arc;
use std::time::Duration;

use quorate_core::time::{Instant, Now, SECOND};
use quorate_core::window::pool::Refill;
use quorate_policy::PolicySet;
use quorate_store::StoreError;
use quorate_store::pool::{PoolLevel, Pools};

use super::level;
use crate::Node;

/// For how long a pool must have been full. Longer than clocks of servers are apart, and than a clock that was stepped is
/// usually wrong by: a day that it is ahead forgets nothing that is missing.
const FULL_FOR_NS: u64 = 24 * 3_600 * SECOND;

/// Rows that one step looks at: what a database forgets well within the time of an operation.
pub(super) const PAGE: usize = 200;

/// The pause between two steps, and before the first: a million rows are gone through in an hour and a half.
const STEP_EVERY: Duration = Duration::from_secs(1);

/// The pause between two turns through all rows.
const TURN_EVERY: Duration = Duration::from_secs(3_600);

/// A turn through all rows of pools.
#[derive(Debug)]
pub(super) struct Sweep {
    after: Option<(Arc<str>, Arc<str>)>,
    due: tokio::time::Instant,
}

impl Sweep {
    /// Nothing was looked at yet.
    pub(super) fn new() -> Self {
        Self {
            after: None,
            due: tokio::time::Instant::now() + STEP_EVERY,
        }
    }

    /// When the next step is due.
    pub(super) const fn due(&self) -> tokio::time::Instant {
        self.due
    }

    /// Looks at a page of rows, and forgets those of pools that are full and not met; how many. To be called while no other
    /// operation on pools is under way.
    pub(super) async fn step(&mut self, node: &Node, store: &dyn Pools) -> Result<usize, StoreError> {
        // A store that fails is left alone for as long as one that has nothing left.
        self.due = tokio::time::Instant::now() + TURN_EVERY;
        let after = self.after.take();
        let after = after.as_ref().map(|(org, pool)| (&**org, &**pool));
        let mut page = store.pools(after, PAGE).await?;
        let last = page.last().map(|(org, pool, _)| (Arc::clone(org), Arc::clone(pool)));
        let (policy, now) = (node.policy(), node.now());
        page.retain(|(org, pool, level)| is_full(&policy, org, pool, *level, now) && !node.keeps_pool(org, pool));
        if !page.is_empty() {
            store.forget_pools(&page).await?;
        }
        if last.is_some() {
            self.due = tokio::time::Instant::now() + STEP_EVERY;
            self.after = last;
        }
        Ok(page.len())
    }
}

/// Whether a pool whose row says this has been full for so long. Of one that the policy does not have nobody knows.
fn is_full(policy: &PolicySet, org: &str, pool: &str, level: PoolLevel, now: Now) -> bool {
    let (Some((units, every)), row) = (policy.pool_refill(org, pool), level::row(level, now)) else {
        return false;
    };
    let then = Instant(now.instant.0.saturating_sub(FULL_FOR_NS));
    row.at <= then && row.at(&Refill::steady(units, every), then).missing == 0
}
