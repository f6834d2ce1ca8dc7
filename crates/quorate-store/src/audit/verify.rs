//! Whether the chains of the audit log hold: nothing left out, nothing changed, every intent followed by its outcome.
//!
//! What this cannot see is the end of a chain that was cut off, for nothing comes after it. Whoever fears for that keeps
//! the last hash of each writer elsewhere.

use std::collections::BTreeMap;
use std::fmt;

use quorate_core::grant::HolderId;

use super::{Audit, AuditKind, AuditPlace, AuditRecord};
use crate::StoreError;

/// The most findings that are listed. Whoever has as many has seen enough; the rest are counted.
pub const FINDINGS_MAX: usize = 1_000;

/// Records read at once while a whole log is verified.
const PAGE: usize = 500;

/// Something that is wrong with a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// Records are missing before this one: the chain went on there.
    Missing {
        /// The first that is missing.
        from: AuditPlace,
        /// The sequence of the one that was found instead.
        found: u64,
    },
    /// The record is not what its hash was made over, or the one before it is not.
    Broken(AuditPlace),
    /// An intent without an outcome: nobody recorded whether the change was made.
    OpenIntent {
        /// The intent.
        intent: AuditPlace,
        /// When, in nanoseconds since the Unix epoch.
        at_ns: u64,
    },
    /// An outcome of what is no intent, or of one that has an outcome already.
    NoIntent {
        /// The outcome.
        outcome: AuditPlace,
        /// What it says it is an outcome of.
        of: AuditPlace,
    },
}

/// What came of a verification.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Records that were looked at.
    pub records: u64,
    /// Where each chain ends: the last sequence of each writer, and its hash.
    pub ends: BTreeMap<HolderId, (u64, [u8; 32])>,
    /// What is wrong.
    pub findings: Vec<Finding>,
    /// Findings beyond [`FINDINGS_MAX`].
    pub more: u64,
}

/// Takes records one by one, those of one writer in order, and judges at the end. Keeps the ends of the chains and the
/// open intents, not the records.
#[derive(Debug, Default)]
pub struct Verifier {
    report: Report,
    /// Intents without an outcome so far, and when they were recorded.
    open: BTreeMap<AuditPlace, u64>,
    /// Outcomes of intents that were not seen yet: those of other writers may come later.
    ahead: BTreeMap<AuditPlace, AuditPlace>,
}

/// Verifies records, those of one writer in order.
pub fn verify<'a>(records: impl IntoIterator<Item = &'a AuditRecord>) -> Report {
    let mut verifier = Verifier::default();
    for record in records {
        verifier.take(record);
    }
    verifier.finish()
}

/// Verifies all that a store has.
///
/// # Errors
/// The store is away.
pub async fn verify_store<S: Audit + ?Sized>(store: &S) -> Result<Report, StoreError> {
    let mut verifier = Verifier::default();
    for writer in store.audit_writers().await? {
        let mut after = 0;
        loop {
            let page = store.audit(writer, after, PAGE).await?;
            let Some(last) = page.last() else {
                break;
            };
            after = last.sequence;
            for record in &page {
                verifier.take(record);
            }
        }
    }
    Ok(verifier.finish())
}

impl Verifier {
    /// The next record.
    pub fn take(&mut self, record: &AuditRecord) {
        self.report.records = self.report.records.saturating_add(1);
        let end = self.report.ends.get(&record.writer).copied();
        let (last, before) = end.unwrap_or((0, [0; 32]));
        let place = record.place();
        if last.checked_add(1) != Some(record.sequence) {
            let from = AuditPlace {
                sequence: last.saturating_add(1),
                ..place
            };
            let found = record.sequence;
            self.find(Finding::Missing { from, found });
        } else if record.hash_after(&before) != record.hash {
            self.find(Finding::Broken(place));
        }
        // The chain goes on from what is there, so that one change is found once.
        self.report.ends.insert(record.writer, (record.sequence, record.hash));
        match record.kind {
            AuditKind::Event => {}
            AuditKind::Intent => {
                if self.ahead.remove(&place).is_none() {
                    self.open.insert(place, record.at_ns);
                }
            }
            AuditKind::Outcome(of) => {
                if self.open.remove(&of).is_none()
                    && let Some(outcome) = self.ahead.insert(of, place)
                {
                    self.find(Finding::NoIntent { outcome, of });
                }
            }
        }
    }

    /// The judgement.
    #[must_use]
    pub fn finish(mut self) -> Report {
        for (intent, at_ns) in std::mem::take(&mut self.open) {
            self.find(Finding::OpenIntent { intent, at_ns });
        }
        for (of, outcome) in std::mem::take(&mut self.ahead) {
            self.find(Finding::NoIntent { outcome, of });
        }
        self.report
    }

    fn find(&mut self, finding: Finding) {
        if self.report.findings.len() < FINDINGS_MAX {
            self.report.findings.push(finding);
        } else {
            self.report.more = self.report.more.saturating_add(1);
        }
    }
}

impl fmt::Display for AuditPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "record {} of writer {}", self.sequence, self.writer)
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { from, found } => write!(f, "{from} is missing: the chain goes on at {found}"),
            Self::Broken(place) => write!(f, "{place} is not what was recorded, or the one before it is not"),
            Self::OpenIntent { intent, .. } => write!(f, "{intent} announces a change, and none tells its outcome"),
            Self::NoIntent { outcome, of } => {
                write!(f, "{outcome} tells the outcome of {of}, which is no open intent")
            }
        }
    }
}

#[cfg(test)]
mod tests;
