//! The audit log: kept in order, and never changed.

use std::sync::Arc;

use futures_util::future::join_all;
use quorate_core::grant::{GRANT_MAX, HolderId};

use super::Subject;
use super::subject::again;
use crate::StoreError;
use crate::audit::{AUDIT_BODY_BYTES_MAX, AuditKind, AuditPlace, AuditRecord};

pub(super) async fn records_come_back_in_order(subject: Subject) {
    let writer = subject.holder(1);
    let records = chain(writer, 12);
    // Whatever the order in which they arrive.
    for record in records.iter().rev() {
        subject.append(record).await;
    }
    for max in [1, 2, 5, 11, 12, 13, 1_000] {
        assert_eq!(subject.log(writer, max).await, records, "in pages of {max}");
    }
    let after = again(|| subject.store.audit(writer, 7, 2)).await;
    assert_eq!(after, Ok(records[7..9].to_vec()));
    for end in [12, 13, GRANT_MAX] {
        assert_eq!(again(|| subject.store.audit(writer, end, 2)).await, Ok(Vec::new()));
    }
}

pub(super) async fn a_record_is_never_replaced(subject: Subject) {
    let records = chain(subject.holder(1), 2);
    for record in &records {
        subject.append(record).await;
        subject.append(record).await;
    }
    let right = &records[1];
    let others = [
        AuditRecord {
            body: "{}".into(),
            ..right.clone()
        },
        AuditRecord {
            at_ns: right.at_ns + 1,
            ..right.clone()
        },
        AuditRecord {
            kind: AuditKind::Outcome(records[0].place()),
            ..right.clone()
        },
        AuditRecord {
            hash: [7; 32],
            ..right.clone()
        },
    ];
    for other in &others {
        let appended = again(|| subject.store.append_audit(other)).await;
        assert!(matches!(appended, Err(StoreError::Exists(_))), "{appended:?}");
    }
    assert_eq!(subject.log(subject.holder(1), 100).await, records);
}

pub(super) async fn of_many_records_in_one_place_one_is_kept(subject: Subject) {
    let place = AuditPlace {
        writer: subject.holder(1),
        sequence: 1,
    };
    let appended = join_all((0..16).map(|n| {
        let record = AuditRecord::chained(&[0; 32], place, n, AuditKind::Event, format!("{{\"n\": {n}}}").into());
        let store = &subject.store;
        async move { (again(|| store.append_audit(&record)).await, record) }
    }))
    .await;
    let kept = subject.log(place.writer, 10).await;
    assert_eq!(kept.len(), 1);
    for (result, record) in appended {
        match result {
            Ok(()) => assert_eq!(kept, [record], "another one was kept"),
            Err(StoreError::Exists(_)) => assert_ne!(kept, [record], "refused, and kept all the same"),
            Err(error) => panic!("answered {error:?}"),
        }
    }
}

pub(super) async fn writers_are_known_and_apart(subject: Subject) {
    let writers = [subject.holder(1), subject.holder(2), subject.holder(u16::MAX)];
    for writer in writers {
        for record in chain(writer, 3) {
            subject.append(&record).await;
        }
    }
    let known = again(|| subject.store.audit_writers()).await.expect("the writers");
    for writer in writers {
        assert_eq!(known.iter().filter(|other| **other == writer).count(), 1);
        assert_eq!(subject.log(writer, 2).await, chain(writer, 3));
    }
    assert_eq!(subject.log(subject.holder(3), 10).await, []);
}

pub(super) async fn records_hold_what_they_may(subject: Subject) {
    let writer = subject.holder(1);
    let most: Arc<str> = "ü".repeat(AUDIT_BODY_BYTES_MAX / 2).into();
    let of = AuditPlace {
        writer: HolderId(u128::MAX),
        sequence: GRANT_MAX,
    };
    let bodies = [
        (AuditKind::Event, Arc::from("")),
        (AuditKind::Intent, Arc::from("\0\u{FFFF}🦀")),
        (AuditKind::Outcome(of), most),
    ];
    let mut records = Vec::new();
    for (sequence, (kind, body)) in [1, 2, GRANT_MAX].into_iter().zip(bodies) {
        let record = AuditRecord {
            writer,
            sequence,
            at_ns: GRANT_MAX,
            kind,
            body,
            hash: [0xFF; 32],
        };
        subject.append(&record).await;
        records.push(record);
    }
    assert_eq!(subject.log(writer, 10).await, records);

    let right = records.swap_remove(0);
    let beyond = [
        AuditRecord {
            sequence: GRANT_MAX + 1,
            ..right.clone()
        },
        AuditRecord {
            at_ns: u64::MAX,
            ..right.clone()
        },
        AuditRecord {
            body: "x".repeat(AUDIT_BODY_BYTES_MAX + 1).into(),
            ..right
        },
    ];
    for record in &beyond {
        let appended = subject.store.append_audit(record).await;
        assert!(matches!(appended, Err(StoreError::Refused(_))), "{appended:?}");
    }
    assert_eq!(subject.log(writer, 10).await.len(), 3);
}

/// A chain as a writer makes it: each intent has its outcome.
fn chain(writer: HolderId, records: u64) -> Vec<AuditRecord> {
    let mut chain: Vec<AuditRecord> = Vec::new();
    for sequence in 1..=records {
        let place = AuditPlace { writer, sequence };
        let kind = match (sequence % 3, chain.last()) {
            (2, _) => AuditKind::Intent,
            (0, Some(intent)) => AuditKind::Outcome(intent.place()),
            _ => AuditKind::Event,
        };
        let before = chain.last().map_or([0; 32], |record| record.hash);
        let body = format!("{{\"record\": {sequence}}}");
        chain.push(AuditRecord::chained(
            &before,
            place,
            1_000 + sequence,
            kind,
            body.into(),
        ));
    }
    chain
}

impl Subject {
    async fn append(&self, record: &AuditRecord) {
        again(|| self.store.append_audit(record)).await.expect("an append");
    }

    /// A writer's records, read in pages.
    async fn log(&self, writer: HolderId, max: usize) -> Vec<AuditRecord> {
        let mut log: Vec<AuditRecord> = Vec::new();
        loop {
            let after = log.last().map_or(0, |record| record.sequence);
            let page = again(|| self.store.audit(writer, after, max)).await.expect("a page");
            assert!(page.len() <= max, "a page of {} where {max} were asked for", page.len());
            if page.is_empty() {
                return log;
            }
            log.extend(page);
        }
    }
}
