//! What is asked, as it arrived: strings are borrowed from the decoded message, nothing is copied.

use thiserror::Error;

/// The longest key, in bytes. A longer one is a denial, not an error: an end user can choose it.
pub const KEY_BYTES_MAX: usize = 256;
/// The longest org, in bytes.
pub const ORG_BYTES_MAX: usize = 256;
/// The longest endpoint, in bytes: a request line of that length has a path no catalogue writes.
pub const ENDPOINT_BYTES_MAX: usize = 2_048;
/// The most attributes of one request.
pub const ATTRIBUTES_MAX: usize = 16;
/// The longest attribute name, in bytes.
pub const ATTRIBUTE_NAME_BYTES_MAX: usize = 64;
/// The longest attribute value, in bytes. A longer one is a denial, not an error: an end user can choose it.
pub const ATTRIBUTE_VALUE_BYTES_MAX: usize = 256;
/// The longest operation id, in bytes.
pub const OPERATION_ID_BYTES_MAX: usize = 64;
/// The most scopes of one request.
pub const SCOPES_MAX: usize = 64;
/// The most requests in one batch.
pub const BATCH_MAX: usize = 1_000;

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject<'a> {
    /// The id of a key, from a caller that has authenticated it.
    Key(&'a str),
    /// A secret, to be hashed at once and looked up.
    Credential(&'a str),
}

/// How the limits of a request are charged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ChargeMode {
    /// All limits or none.
    #[default]
    AllOrNone,
    /// Each limit for itself, also when another denies.
    Each,
    /// Every limit, possibly beyond it: the amounts are known only afterwards.
    Record,
}

/// One request, before the policy has looked at it.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// Who asks.
    pub subject: Subject<'a>,
    /// The tenant; empty for the key's own.
    pub org: &'a str,
    /// `METHOD /path` or a gRPC method; empty for none.
    pub endpoint: &'a str,
    /// Units of `requests` before the endpoint's factor; `None` for 1.
    pub cost: Option<u64>,
    /// Amounts of other meters, by name.
    pub amounts: &'a [(&'a str, u64)],
    /// Facts about the request, by name.
    pub attributes: &'a [(&'a str, &'a str)],
    /// Where the caller runs; empty for unstated.
    pub environment: &'a str,
    /// Scopes granted by the caller's own authorization.
    pub scopes: &'a [&'a str],
    /// Charge nothing.
    pub check_only: bool,
    /// Makes a retry safe; empty for none.
    pub operation_id: &'a str,
    /// How the limits are charged.
    pub charge_mode: ChargeMode,
    /// Give back instead of charging.
    pub refund: bool,
}

impl<'a> Request<'a> {
    /// A request of a key at an endpoint that says nothing else.
    #[must_use]
    pub const fn of(key: &'a str, endpoint: &'a str) -> Self {
        Self {
            subject: Subject::Key(key),
            org: "",
            endpoint,
            cost: None,
            amounts: &[],
            attributes: &[],
            environment: "",
            scopes: &[],
            check_only: false,
            operation_id: "",
            charge_mode: ChargeMode::AllOrNone,
            refund: false,
        }
    }
}

/// What is structurally wrong with a request. Nothing was charged. The names are those of the wire contract.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum InvalidRequest {
    /// Neither a key nor a credential.
    #[error("key: one of `key` and `credential` must be set")]
    SubjectMissing,
    /// A cost above the configured maximum.
    #[error("cost: {cost} is more than the maximum of {max}")]
    CostTooLarge {
        /// What was asked.
        cost: u64,
        /// What is allowed.
        max: u64,
    },
    /// An amount above the configured maximum.
    #[error("amounts[\"{meter}\"]: {amount} is more than the maximum of {max}")]
    AmountTooLarge {
        /// The meter.
        meter: String,
        /// What was asked.
        amount: u64,
        /// What is allowed.
        max: u64,
    },
    /// A meter that the policy does not name, or `requests`.
    #[error("amounts[\"{meter}\"]: {problem}")]
    Meter {
        /// The meter, shortened.
        meter: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// Too many of something.
    #[error("{field}: {count} are more than the maximum of {max}")]
    TooMany {
        /// The field.
        field: &'static str,
        /// How many there were.
        count: usize,
        /// What is allowed.
        max: usize,
    },
    /// Something is longer than its bound.
    #[error("{field}: {bytes} bytes are more than the maximum of {max}")]
    TooLong {
        /// The field.
        field: &'static str,
        /// Its length.
        bytes: usize,
        /// What is allowed.
        max: usize,
    },
    /// An operation id that was used with other content.
    #[error("operation_id: it was used before with another endpoint, cost or amounts")]
    OperationReused,
    /// Options that exclude each other.
    #[error("{field}: {problem}")]
    Conflict {
        /// The field.
        field: &'static str,
        /// What is wrong.
        problem: &'static str,
    },
    /// An item of a batch.
    #[error("requests[{index}].{source}")]
    Item {
        /// Its place, from 0.
        index: usize,
        /// What is wrong with it.
        source: Box<InvalidRequest>,
    },
}
