//! A store under test, with names that nobody else uses, and calls that settle what a slow store leaves open.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use quorate_core::grant::{Account, Grant, GrantKey, GrantOperation, GrantOutcome, HolderId};

use crate::document::{Changed, DocumentKey};
use crate::{Store, StoreError};

/// How often a call is made again that the store was too slow for. With a time limit of a few seconds each, minutes.
const TRIES_MAX: usize = 100;

/// A store, and a label that makes names unique.
#[derive(Clone)]
pub struct Subject {
    /// The store.
    pub store: Arc<dyn Store>,
    label: Arc<str>,
    seed: u128,
}

impl Subject {
    /// A subject for the case `name`.
    #[must_use]
    pub fn new(name: &str, store: Arc<dyn Store>) -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        // Time, process and count: no two subjects on one store are alike, whichever process they are in.
        let process = u128::from(std::process::id()) & 0xFF_FFFF;
        let seed = ((elapsed.as_nanos() << 48) | (process << 24) | u128::from(count)) & (u128::MAX >> 16);
        Self {
            store,
            label: format!("{name}-{seed:x}").into(),
            seed,
        }
    }

    /// A name of this case's own: of an org, a kind of documents, a lock.
    #[must_use]
    pub fn own(&self, name: &str) -> Arc<str> {
        format!("{}/{name}", self.label).into()
    }

    /// A holder of this case's own.
    #[must_use]
    pub fn holder(&self, number: u16) -> HolderId {
        HolderId((u128::from(number) << 112) | self.seed)
    }

    /// The row of the org's own account.
    #[must_use]
    pub fn row_key(&self, org: &str) -> GrantKey {
        GrantKey {
            org: self.own(org),
            quota: "monthly".into(),
            account: Account::Org,
            period: "month/2026-11-01".into(),
        }
    }

    /// A document's name, with a kind of this case's own.
    #[must_use]
    pub fn document_key(&self, kind: &str, org: &str, id: &str) -> DocumentKey {
        DocumentKey {
            kind: self.own(kind),
            org: org.into(),
            id: id.into(),
        }
    }

    /// A row as it is, holdings of 0 left out.
    ///
    /// # Panics
    /// The store stays away, or answers with something else.
    pub async fn row(&self, key: &GrantKey) -> Option<Grant> {
        for _ in 0..TRIES_MAX {
            match self.store.grant(key, GrantOperation::Read).await {
                GrantOutcome::Row(row) => {
                    return row.map(|mut row| {
                        row.holdings.retain(|_, units| *units > 0);
                        row
                    });
                }
                GrantOutcome::Unknown | GrantOutcome::NotTried => {}
                other => panic!("a read was answered {other:?}"),
            }
        }
        panic!("the store stayed away");
    }

    /// Does a change on a row that nobody else changes now, and says whether it applied. What is unknown is tried again;
    /// if it is then refused, the row tells whether the first try had applied.
    ///
    /// # Panics
    /// The store stays away, or answers with something else.
    pub async fn change(&self, key: &GrantKey, operation: GrantOperation) -> bool {
        let mut unknown = false;
        for _ in 0..TRIES_MAX {
            match self.store.grant(key, operation).await {
                GrantOutcome::Applied => return true,
                GrantOutcome::Refused if unknown => return self.shows(key, operation).await,
                GrantOutcome::Refused => return false,
                GrantOutcome::Unknown => unknown = true,
                GrantOutcome::NotTried => {}
                row @ GrantOutcome::Row(_) => panic!("a change was answered {row:?}"),
            }
        }
        panic!("the store stayed away");
    }

    /// Whether a row is as this change leaves it.
    async fn shows(&self, key: &GrantKey, operation: GrantOperation) -> bool {
        let Some(row) = self.row(key).await else {
            return false;
        };
        match operation {
            GrantOperation::Read => false,
            GrantOperation::Create { limit } => row.version == 0 && row.limit == limit,
            GrantOperation::Move(to) => {
                row.version == to.version + 1 && row.granted == to.granted && row.holding(to.holder) == to.holding
            }
            GrantOperation::Cap(to) => row.version == to.version + 1 && row.limit == to.limit,
            GrantOperation::Fold(to) => {
                row.version == to.version + 1 && row.holding(to.gone) == 0 && row.holding(HolderId::FOLDED) == to.folded
            }
        }
    }

    /// Writes a document that nobody else writes now.
    ///
    /// # Errors
    /// Any but that the store is away.
    ///
    /// # Panics
    /// The store stays away.
    pub async fn put(
        &self,
        key: &DocumentKey,
        expected: Option<u64>,
        body: Option<&str>,
    ) -> Result<Changed, StoreError> {
        let made = expected.unwrap_or(0).saturating_add(1);
        let mut unknown = false;
        for _ in 0..TRIES_MAX {
            match self.store.put_document(key, expected, body).await {
                Err(StoreError::Unavailable(_)) => unknown = true,
                Ok(Changed::Conflict(Some(version))) if unknown && version == made => {
                    return Ok(Changed::Applied(made));
                }
                other => return other,
            }
        }
        panic!("the store stayed away");
    }
}

/// Makes a call until the store is not away. For calls that may be repeated.
///
/// # Errors
/// Any but that the store is away.
///
/// # Panics
/// The store stays away.
pub async fn again<T, C, F>(mut call: C) -> Result<T, StoreError>
where
    C: FnMut() -> F,
    F: Future<Output = Result<T, StoreError>>,
{
    for _ in 0..TRIES_MAX {
        match call().await {
            Err(StoreError::Unavailable(_)) => {}
            other => return other,
        }
    }
    panic!("the store stayed away");
}
