//! The bounds of what a store keeps: the same for every engine, so that what one takes, any other takes when a
//! deployment moves. Engines check before they touch anything.

use quorate_core::grant::{Account, GRANT_MAX, Grant, GrantKey, GrantOperation};

use crate::StoreError;
use crate::audit::AuditRecord;
use crate::document::{DOCUMENT_BYTES_MAX, Document, DocumentKey};
use crate::pool::PoolLevel;
use crate::snapshot::PIECE_BYTES_MAX;
use crate::usage::{UsageKey, Used};

/// The most bytes of one text that names something. Twice the longest that a caller can choose, which is an endpoint's
/// path.
pub const NAME_BYTES_MAX: usize = 4_096;

/// The most bytes of all names of an account together. With three other names below the 64 KiB of a partition key in
/// Cassandra.
pub const ACCOUNT_BYTES_MAX: usize = 16 * 1_024;

/// The largest number that a store keeps: that of a signed 64-bit integer.
pub const NUMBER_MAX: u64 = GRANT_MAX;

/// Checks what names a quota's row.
///
/// # Errors
/// [`StoreError::Refused`]; what the outcome of an operation has no word for is `GrantOutcome::NotTried`.
pub fn check_grant_key(key: &GrantKey) -> Result<(), StoreError> {
    check_name("an org", &key.org)?;
    check_name("a quota's name", &key.quota)?;
    check_name("a period", &key.period)?;
    let bytes = match &key.account {
        Account::Org => 0,
        Account::Key(name) | Account::Endpoint(name) => {
            check_name("an account", name)?;
            name.len()
        }
        Account::Each(pairs) => {
            for (name, value) in pairs.iter() {
                check_name("an account", name)?;
                check_name("an account", value)?;
            }
            // Two bytes for each name, so that many empty ones are bounded too.
            pairs.iter().map(|(name, value)| name.len() + value.len() + 4).sum()
        }
    };
    within("the names of an account", bytes, ACCOUNT_BYTES_MAX)
}

/// Whether a change writes only what a row can hold. One that does not is `GrantOutcome::Refused` whatever the row is.
#[must_use]
pub fn grant_fits(operation: &GrantOperation) -> bool {
    let fits = |value: u64| value <= NUMBER_MAX;
    // A version is counted up by the change.
    let version_fits = |version: u64| version < NUMBER_MAX;
    match operation {
        GrantOperation::Read => true,
        GrantOperation::Create { limit } => fits(*limit),
        GrantOperation::Move(to) => version_fits(to.version) && fits(to.limit) && fits(to.granted) && fits(to.holding),
        GrantOperation::Cap(to) => version_fits(to.version) && fits(to.limit),
        GrantOperation::Fold(to) => {
            version_fits(to.version) && fits(to.folded) && to.gone != quorate_core::grant::HolderId::FOLDED
        }
    }
}

/// Checks a row that is imported.
///
/// # Errors
/// [`StoreError::Refused`].
pub fn check_grant(grant: &Grant) -> Result<(), StoreError> {
    check_number("a limit", grant.limit)?;
    check_number("a number of granted units", grant.granted)?;
    check_number("a version", grant.version)?;
    grant
        .holdings
        .values()
        .try_for_each(|units| check_number("a holding", *units))
}

/// Checks a document that is imported.
///
/// # Errors
/// [`StoreError::Refused`].
pub fn check_document(document: &Document) -> Result<(), StoreError> {
    check_number("a version", document.version)?;
    if document.version == 0 {
        return Err(StoreError::Refused(
            "the versions of a document begin with 1".to_owned(),
        ));
    }
    check_document_body(document.body.as_deref())
}

/// Checks what names a document.
///
/// # Errors
/// [`StoreError::Refused`].
pub fn check_document_key(key: &DocumentKey) -> Result<(), StoreError> {
    check_name("a document's kind", &key.kind)?;
    check_name("an org", &key.org)?;
    check_name("a document's id", &key.id)
}

/// Checks a document's content.
///
/// # Errors
/// [`StoreError::Refused`].
pub fn check_document_body(body: Option<&str>) -> Result<(), StoreError> {
    within("a document", body.map_or(0, str::len), DOCUMENT_BYTES_MAX)
}

/// Checks a row of usage.
///
/// # Errors
/// [`StoreError::Refused`].
pub fn check_usage(key: &UsageKey, used: &Used) -> Result<(), StoreError> {
    check_name("an org", &key.org)?;
    check_name("a key", &key.key)?;
    check_name("an endpoint", &key.endpoint)?;
    check_name("a meter", &key.meter)?;
    check_number("the start of a period", key.start_s)?;
    check_number("a number of calls", used.calls)?;
    check_number("a number of units", used.units)
}

/// Checks a record of the audit log.
///
/// # Errors
/// [`StoreError::Refused`].
pub fn check_audit(record: &AuditRecord) -> Result<(), StoreError> {
    check_number("a sequence", record.sequence)?;
    check_number("a time", record.at_ns)?;
    if let crate::audit::AuditKind::Outcome(of) = record.kind {
        check_number("a sequence", of.sequence)?;
    }
    within("an audit record", record.body.len(), crate::audit::AUDIT_BODY_BYTES_MAX)
}

/// Checks what names a pool.
///
/// # Errors
/// [`StoreError::Refused`].
pub fn check_pool_name(org: &str, pool: &str) -> Result<(), StoreError> {
    check_name("an org", org)?;
    check_name("a pool's name", pool)
}

/// Checks a pool's level.
///
/// # Errors
/// [`StoreError::Refused`].
pub fn check_pool(org: &str, pool: &str, level: &PoolLevel) -> Result<(), StoreError> {
    check_pool_name(org, pool)?;
    check_number("a number of units", level.missing)?;
    check_number("a time", level.at_ns)
}

/// Checks a piece of a snapshot.
///
/// # Errors
/// [`StoreError::Refused`].
pub fn check_piece(name: &str, content: &[u8]) -> Result<(), StoreError> {
    check_name("a piece's name", name)?;
    check_not_empty("a piece's name", name)?;
    within("a piece of a snapshot", content.len(), PIECE_BYTES_MAX)
}

/// Checks the name of a lock and of who takes it.
///
/// # Errors
/// [`StoreError::Refused`].
pub fn check_lock(name: &str, by: &str) -> Result<(), StoreError> {
    check_name("a lock's name", name)?;
    check_not_empty("a lock's name", name)?;
    check_name("who takes a lock", by)
}

fn check_name(what: &str, name: &str) -> Result<(), StoreError> {
    within(what, name.len(), NAME_BYTES_MAX)
}

fn check_not_empty(what: &str, name: &str) -> Result<(), StoreError> {
    if name.is_empty() {
        return Err(StoreError::Refused(format!("{what} must not be empty")));
    }
    Ok(())
}

fn check_number(what: &str, value: u64) -> Result<(), StoreError> {
    if value > NUMBER_MAX {
        return Err(StoreError::Refused(format!(
            "{what} of {value} is over the largest that a store keeps, {NUMBER_MAX}"
        )));
    }
    Ok(())
}

fn within(what: &str, bytes: usize, bytes_max: usize) -> Result<(), StoreError> {
    if bytes > bytes_max {
        return Err(StoreError::Refused(format!(
            "{what} of {bytes} bytes is over the {bytes_max} that a store keeps"
        )));
    }
    Ok(())
}
