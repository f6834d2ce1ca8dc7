//! The checked content of a policy: everything said, defaults filled in, names resolved, and nothing of how it was
//! written. Equal policies have equal models, and so equal hashes.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{HeaderProfile, QuotaPeriod};

/// A whole policy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Model {
    pub(crate) default_plan: Option<String>,
    pub(crate) unknown_org: Unknown,
    pub(crate) unknown_key: Unknown,
    pub(crate) headers: Vec<HeaderProfile>,
    pub(crate) incident_factor_hundredths: u32,
    pub(crate) environments: Vec<String>,
    /// All meters, `requests` first.
    pub(crate) meters: Vec<String>,
    pub(crate) plans: BTreeMap<String, Plan>,
    /// By what they match.
    pub(crate) endpoints: BTreeMap<String, Endpoint>,
    pub(crate) orgs: BTreeMap<String, Org>,
    pub(crate) keys: BTreeMap<String, Key>,
}

/// What to do with an org or key that nothing declares.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) enum Unknown {
    /// Keys only: deny for an org that declares any key.
    Auto,
    #[default]
    DefaultPlan,
    Deny,
}

/// What the orgs on it may use.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Plan {
    pub(crate) limits: Vec<Limit>,
    pub(crate) burst: Option<Burst>,
    pub(crate) pool: Option<Pool>,
    pub(crate) slots: BTreeMap<String, Slot>,
    pub(crate) quotas: Vec<Quota>,
    pub(crate) shadow: bool,
}

/// A rate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Limit {
    pub(crate) name: String,
    pub(crate) per: Per,
    pub(crate) algorithm: Algorithm,
    pub(crate) capacity: u64,
    pub(crate) count: Count,
    pub(crate) shadow: bool,
    pub(crate) warn_at: Option<u8>,
    pub(crate) on_unavailable: OnUnavailable,
    /// The plan's burst lifts it.
    pub(crate) lifted: bool,
}

/// What one counter belongs to, within the org.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
pub(crate) struct Per {
    pub(crate) key: bool,
    pub(crate) endpoint: bool,
    /// Sorted.
    pub(crate) attributes: Vec<String>,
}

/// How a limit counts; durations in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) enum Algorithm {
    SlidingWindow { window: u64, high: bool },
    TokenBucket { refill: u64, every: u64 },
    FixedWindow { window: u64 },
}

/// What a limit counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) enum Count {
    Units(String),
    Calls,
}

/// What happens when whoever decides is away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub enum OnUnavailable {
    /// Let it through, marked as degraded.
    Allow,
    /// Deny it.
    Deny,
    /// Decide on this server's share, marked as degraded.
    #[default]
    LocalShare,
}

/// What a key may draw from the pool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Burst {
    pub(crate) allowance: u64,
    pub(crate) window: u64,
}

/// The org's burst pool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Pool {
    pub(crate) capacity: u64,
    pub(crate) refill: u64,
    pub(crate) every: u64,
    pub(crate) ceiling: bool,
}

/// How many calls of one key may be under way at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Slot {
    pub(crate) depth: u32,
    pub(crate) ttl: u64,
}

/// An amount per calendar period.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Quota {
    pub(crate) name: String,
    pub(crate) per: Per,
    pub(crate) meter: String,
    pub(crate) limit: u64,
    pub(crate) period: QuotaPeriod,
    pub(crate) hard: bool,
    /// Sorted.
    pub(crate) warn_at: Vec<u8>,
    /// Sorted.
    pub(crate) alert_at: Vec<u8>,
    pub(crate) status: u16,
    pub(crate) shadow: bool,
    /// `None` for a hard quota, which never lets through what it cannot count.
    pub(crate) on_unavailable: Option<OnUnavailable>,
}

/// One entry of the catalogue.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Endpoint {
    pub(crate) cost_factor: u64,
    pub(crate) amounts: BTreeMap<String, u64>,
    pub(crate) limits: Vec<Limit>,
    pub(crate) slot: Option<String>,
    /// Sorted.
    pub(crate) scopes_any: Vec<String>,
    /// Sorted.
    pub(crate) scopes_all: Vec<String>,
    /// Sorted; empty for all.
    pub(crate) environments: Vec<String>,
    pub(crate) forbid: bool,
    pub(crate) exempt: bool,
}

/// A tenant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Org {
    pub(crate) plan: String,
    pub(crate) time_zone: String,
    pub(crate) shadow: bool,
    pub(crate) state: State,
    pub(crate) boosts: Vec<Boost>,
    pub(crate) incidents: Vec<Incident>,
    pub(crate) quotas: Vec<Quota>,
    /// Left out of the hash where there is none, so that policies from before it was known hash as they did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) overage: Option<Agreement>,
}

/// An org's agreement to use more than a soft quota holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Agreement {
    pub(crate) agreed_by: String,
    /// In nanoseconds since the Unix epoch.
    pub(crate) agreed_at: u64,
    pub(crate) reason: Option<String>,
}

/// Whether an org or key is served.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) enum State {
    #[default]
    Active,
    Paused,
    Suspended,
    Revoked,
    Banned,
}

/// A factor for a stated time, in nanoseconds since the Unix epoch; the end is not included.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Boost {
    pub(crate) factor_hundredths: u32,
    pub(crate) from: u64,
    pub(crate) until: u64,
    /// Sorted; empty for all.
    pub(crate) keys: Vec<String>,
    /// Sorted; empty for all.
    pub(crate) endpoints: Vec<String>,
    pub(crate) requested_by: String,
    pub(crate) approved_by: Option<String>,
    pub(crate) reason: String,
}

/// A breach response.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Incident {
    pub(crate) from: u64,
    pub(crate) until: u64,
    pub(crate) opened_by: String,
    pub(crate) reason: String,
}

/// An API key, agent or workload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Key {
    pub(crate) org: String,
    pub(crate) environment: Option<String>,
    /// Sorted.
    pub(crate) scopes: Vec<String>,
    pub(crate) state: State,
    pub(crate) expires: Option<u64>,
    pub(crate) credential_hash: Option<[u8; 32]>,
}

/// How many bytes of the hash a content hash shows.
const CONTENT_HASH_BYTES: usize = 16;

impl Model {
    /// A hash of the content, in hex.
    pub(crate) fn content_hash(&self) -> String {
        let mut hasher = blake3::Hasher::new_derive_key("quorate policy content, version 1");
        serde_json::to_writer(&mut hasher, self)
            .expect("a model has only names as keys, and a hasher takes everything");
        let hex = hasher.finalize().to_hex();
        hex[..CONTENT_HASH_BYTES * 2].to_owned()
    }
}
