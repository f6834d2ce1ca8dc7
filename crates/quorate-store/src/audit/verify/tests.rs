//! Chains that hold, and every way in which one does not.

use std::sync::Arc;

use super::*;

const A: HolderId = HolderId(10);
const B: HolderId = HolderId(20);

const fn place(writer: HolderId, sequence: u64) -> AuditPlace {
    AuditPlace { writer, sequence }
}

fn chain(writer: HolderId, kinds: &[AuditKind]) -> Vec<AuditRecord> {
    let mut before = [0; 32];
    let mut chain = Vec::new();
    for (sequence, kind) in (1..).zip(kinds) {
        let body: Arc<str> = format!("{{\"n\": {sequence}}}").into();
        let record = AuditRecord::chained(&before, place(writer, sequence), 100 + sequence, *kind, body);
        before = record.hash;
        chain.push(record);
    }
    chain
}

fn findings(records: &[AuditRecord]) -> Vec<Finding> {
    verify(records).findings
}

#[test]
fn a_chain_that_holds_has_no_findings() {
    let records = chain(
        A,
        &[
            AuditKind::Event,
            AuditKind::Intent,
            AuditKind::Intent,
            AuditKind::Outcome(place(A, 3)),
            AuditKind::Outcome(place(A, 2)),
        ],
    );
    let report = verify(&records);
    assert_eq!(report.findings, []);
    assert_eq!(report.records, 5);
    assert_eq!(report.ends, [(A, (5, records[4].hash))].into());
    assert_eq!(verify(&[]), Report::default());
}

/// These bytes are hashed for good: a log of today is verified in ten years.
#[test]
fn the_hash_is_this() {
    let record = AuditRecord::chained(
        &[0; 32],
        place(HolderId(1), 1),
        2,
        AuditKind::Outcome(place(HolderId(3), 4)),
        "{}".into(),
    );
    let mut bytes = vec![0; 32];
    bytes.extend(1_u128.to_be_bytes());
    bytes.extend(1_u64.to_be_bytes());
    bytes.extend(2_u64.to_be_bytes());
    bytes.push(2);
    bytes.extend(3_u128.to_be_bytes());
    bytes.extend(4_u64.to_be_bytes());
    bytes.extend(b"{}");
    assert_eq!(record.hash, *blake3::hash(&bytes).as_bytes());
    let event = AuditRecord::chained(&record.hash, place(HolderId(1), 2), 2, AuditKind::Event, "{}".into());
    let mut bytes = record.hash.to_vec();
    bytes.extend(1_u128.to_be_bytes());
    bytes.extend(2_u64.to_be_bytes());
    bytes.extend(2_u64.to_be_bytes());
    bytes.extend([0; 25]);
    bytes.extend(b"{}");
    assert_eq!(event.hash, *blake3::hash(&bytes).as_bytes());
}

#[test]
fn any_change_of_a_record_is_found_once() {
    let changes: [fn(&mut AuditRecord); 5] = [
        |record| record.body = "{}".into(),
        |record| record.at_ns += 1,
        |record| record.kind = AuditKind::Outcome(place(A, 1)),
        |record| record.hash[31] ^= 1,
        |record| record.hash[0] ^= 0x80,
    ];
    for (n, change) in changes.iter().enumerate() {
        let mut records = chain(A, &[AuditKind::Intent, AuditKind::Event, AuditKind::Event]);
        records.push(AuditRecord::chained(
            &records[2].hash,
            place(A, 4),
            9,
            AuditKind::Outcome(place(A, 1)),
            "".into(),
        ));
        change(&mut records[1]);
        let broken: Vec<_> = findings(&records)
            .into_iter()
            .filter(|finding| matches!(finding, Finding::Broken(_)))
            .collect();
        // A changed hash breaks the record itself and the next, which was made over the right one.
        let expected = if n >= 3 {
            vec![Finding::Broken(place(A, 2)), Finding::Broken(place(A, 3))]
        } else {
            vec![Finding::Broken(place(A, 2))]
        };
        assert_eq!(broken, expected, "change {n}");
    }
}

#[test]
fn a_record_of_another_writer_does_not_fit() {
    let mut records = chain(A, &[AuditKind::Event, AuditKind::Event]);
    let other = chain(B, &[AuditKind::Event, AuditKind::Event]);
    records[1] = AuditRecord {
        writer: A,
        ..other[1].clone()
    };
    assert_eq!(findings(&records), [Finding::Broken(place(A, 2))]);
}

#[test]
fn what_is_left_out_is_found() {
    let records = chain(A, &[AuditKind::Event; 5]);
    let missing = |from, found| {
        vec![Finding::Missing {
            from: place(A, from),
            found,
        }]
    };
    assert_eq!(findings(&records[1..]), missing(1, 2));
    assert_eq!(findings(&[records[0].clone(), records[3].clone()]), missing(2, 4));
    assert_eq!(
        findings(&[records[0].clone(), records[0].clone()]),
        missing(2, 1),
        "the same twice"
    );
    assert_eq!(findings(&records[..4]), [], "the end is for others to keep");
}

#[test]
fn open_intents_are_found() {
    let records = chain(
        A,
        &[
            AuditKind::Intent,
            AuditKind::Intent,
            AuditKind::Outcome(place(A, 1)),
            AuditKind::Intent,
        ],
    );
    let open = |sequence| Finding::OpenIntent {
        intent: place(A, sequence),
        at_ns: 100 + sequence,
    };
    assert_eq!(findings(&records), [open(2), open(4)]);
}

#[test]
fn another_writer_may_tell_the_outcome() {
    let died = chain(A, &[AuditKind::Intent]);
    let settled = chain(B, &[AuditKind::Outcome(place(A, 1))]);
    assert_eq!(findings(&[died.clone(), settled.clone()].concat()), []);
    assert_eq!(findings(&[settled, died].concat()), []);
}

#[test]
fn outcomes_of_nothing_are_found() {
    let no_intent = |outcome, of| Finding::NoIntent {
        outcome: place(A, outcome),
        of: place(A, of),
    };
    let of_event = chain(A, &[AuditKind::Event, AuditKind::Outcome(place(A, 1))]);
    assert_eq!(findings(&of_event), [no_intent(2, 1)]);
    let again = AuditKind::Outcome(place(A, 1));
    let twice = chain(A, &[AuditKind::Intent, again, again]);
    assert_eq!(findings(&twice), [no_intent(3, 1)]);
    let thrice = chain(A, &[AuditKind::Intent, again, again, again]);
    assert_eq!(findings(&thrice), [no_intent(3, 1), no_intent(4, 1)]);
}

#[test]
fn findings_are_bounded() {
    let records = chain(A, &vec![AuditKind::Intent; FINDINGS_MAX + 7]);
    let report = verify(&records);
    assert_eq!((report.findings.len(), report.more), (FINDINGS_MAX, 7));
}
