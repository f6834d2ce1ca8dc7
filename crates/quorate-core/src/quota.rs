//! What a quota is to a decision: an amount per calendar period, of which this process holds a part. Immutable, made by
//! the policy. Calendars and leases are not here (`quorate-quota`), nor is the part that is held
//! ([`crate::balance`]).

use std::sync::Arc;

use crate::limit::{MeterId, Mode, Per};

/// The most quotas that one request may meet.
pub const QUOTAS_PER_REQUEST_MAX: usize = 8;

/// The most thresholds of use that one quota may warn at.
pub const THRESHOLDS_MAX: usize = 8;

/// One quota, as far as a decision needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Its name, unique among the limits and quotas of a plan and an org.
    pub name: Arc<str>,
    /// What one account belongs to, within the org. A request that lacks an attribute does not meet the quota.
    pub per: Per,
    /// Units of which meter.
    pub meter: MeterId,
    /// The meter's name.
    pub meter_name: Arc<str>,
    /// Units per period.
    pub limit: u64,
    /// Never overspent. Else units beyond it are allowed, and told as overage.
    pub hard: bool,
    /// Whether it denies.
    pub mode: Mode,
    /// At which uses, in whole percent, answers carry a warning; sorted.
    pub warn_at: Box<[u8]>,
    /// A denial is `402 Payment Required` over HTTP, not 429.
    pub payment_required: bool,
    /// Its place in the policy: ties go to the smaller.
    pub order: u16,
}
