//! What is not imported, and what is said of it.

use std::io::{self, BufReader, Read, Write};

use super::*;

/// An export of the sample, line by line.
fn lines() -> Vec<String> {
    let text = include_str!("../../../fixtures/format-1/export.jsonl");
    text.lines().map(ToOwned::to_owned).collect()
}

/// What is said of an import, and whether the store is marked as half imported afterwards.
async fn refused(text: &str) -> (TransferError, bool) {
    let (store, _directory) = empty();
    let error = import(&store, text.as_bytes(), Life::FOR_EVER).await.unwrap_err();
    (error, unfinished(&store).await.unwrap())
}

#[tokio::test]
async fn an_export_that_was_cut_off_anywhere_is_refused() {
    let text = format!("{}\n", lines().join("\n"));
    // At every end of a line, and at some places within.
    let ends: Vec<_> = text.match_indices('\n').map(|(at, _)| at + 1).collect();
    let within = (0..text.len()).step_by(211);
    for at in ends[..ends.len() - 1].iter().copied().chain(within) {
        let Some(cut) = text.get(..at) else {
            continue;
        };
        let (error, marked) = refused(cut).await;
        match error {
            TransferError::CutOff { .. } => assert!(marked, "cut at {at}"),
            TransferError::NoExport => assert!(at <= ends[0], "cut at {at}"),
            other => panic!("cut at {at}: {other}"),
        }
    }
    // Without the last newline it is whole.
    let (store, _directory) = empty();
    import(&store, text.trim_end().as_bytes(), Life::FOR_EVER)
        .await
        .unwrap();
}

#[tokio::test]
async fn what_is_no_export_is_refused() {
    let record = lines().swap_remove(1);
    for text in ["", "\n", "{}", "hello\n", &record, "{\"export\": {}}\n"] {
        let (error, marked) = refused(text).await;
        assert!(matches!(error, TransferError::NoExport), "{text:?}: {error}");
        assert!(!marked, "nothing was imported");
    }
}

#[tokio::test]
async fn a_newer_format_is_refused_by_name() {
    let (error, marked) = refused("{\"export\":{\"format\":2,\"written_by\":\"9.9.9\"}}\n").await;
    assert_eq!(
        error.to_string(),
        "this export has format 2, written by quorate 9.9.9; this version reads format 1"
    );
    assert!(!marked);
}

#[tokio::test]
async fn lines_that_went_missing_are_noticed() {
    let all = lines();
    for (missing, kind) in [
        (1, "quotas"),
        (7, "documents"),
        (11, "rows of usage"),
        (15, "audit records"),
        (19, "pools"),
        (21, "pieces of snapshots"),
    ] {
        let mut left = all.clone();
        left.remove(missing);
        let (error, marked) = refused(&left.join("\n")).await;
        assert!(
            matches!(error, TransferError::Count { kind: other, .. } if other == kind),
            "{kind}: {error}"
        );
        assert!(marked);
    }
}

#[tokio::test]
async fn what_comes_after_the_end_is_refused() {
    let mut all = lines();
    let first = all[0].clone();
    all.push(first);
    let (error, marked) = refused(&all.join("\n")).await;
    assert!(matches!(error, TransferError::Line { line: 26, .. }), "{error}");
    assert!(marked);
}

#[tokio::test]
async fn a_line_that_is_no_record_is_named() {
    let wrong = [
        "",
        "nonsense",
        "{\"grnt\":{}}",
        "{\"pool\":{\"org\":\"a\",\"pool\":\"b\",\"missing\":1}}",
        "{\"pool\":{\"org\":\"a\",\"pool\":\"b\",\"missing\":-1,\"at_ns\":0}}",
        "{\"pool\":{\"org\":\"a\",\"pool\":\"b\",\"missing\":1,\"at_ns\":0,\"more\":0}}",
        "{\"document\":{\"kind\":\"a\",\"org\":\"b\",\"id\":\"c\",\"version\":1}}",
        "{\"piece\":{\"name\":\"a\",\"content\":\"abc\"}}",
        "{\"piece\":{\"name\":\"a\",\"content\":\"AB\"}}",
        &grant(7, "[[\"00000000000000000000000000000001\",6]]"),
        &grant(
            6,
            "[[\"00000000000000000000000000000001\",3],[\"00000000000000000000000000000001\",3]]",
        ),
        &grant(6, "[[\"1\",6]]"),
        &lines()[0],
    ];
    for line in wrong {
        let mut all = lines();
        all.insert(3, line.to_owned());
        let (error, marked) = refused(&all.join("\n")).await;
        assert!(matches!(error, TransferError::Line { line: 4, .. }), "{line}: {error}");
        assert!(marked);
    }
}

fn grant(granted: u64, holdings: &str) -> String {
    format!(
        "{{\"grant\":{{\"org\":\"a\",\"quota\":\"b\",\"account\":\"org\",\"period\":\"c\",\"limit\":9,\
         \"granted\":{granted},\"version\":1,\"holdings\":{holdings}}}}}"
    )
}

#[tokio::test]
async fn a_line_without_end_is_not_read_into_memory() {
    let begin = format!("{}\n{{\"piece\":{{\"name\":\"", lines()[0]);
    let endless = io::Cursor::new(begin).chain(io::repeat(b'a').take(1 << 40));
    let (store, _directory) = empty();
    let error = import(&store, BufReader::new(endless), Life::FOR_EVER)
        .await
        .unwrap_err();
    assert!(matches!(error, TransferError::Line { line: 2, .. }), "{error}");
}

#[tokio::test]
async fn what_a_store_does_not_take_is_said_with_its_line() {
    let mut all = lines();
    let long = "x".repeat(crate::bound::NAME_BYTES_MAX + 1);
    all.insert(
        3,
        format!("{{\"pool\":{{\"org\":\"{long}\",\"pool\":\"b\",\"missing\":1,\"at_ns\":0}}}}"),
    );
    let (error, marked) = refused(&all.join("\n")).await;
    assert!(
        matches!(
            error,
            TransferError::Record {
                reason: crate::StoreError::Refused(_),
                ..
            }
        ),
        "{error}"
    );
    assert!(marked);
    // The same row twice, with different content.
    let mut all = lines();
    let other = all[1].replace("\"version\":12", "\"version\":13");
    assert_ne!(other, all[1]);
    all.insert(2, other);
    let (error, _) = refused(&all.join("\n")).await;
    assert!(
        matches!(
            error,
            TransferError::Record {
                reason: crate::StoreError::Exists(_),
                ..
            }
        ),
        "{error}"
    );
}

#[tokio::test]
async fn a_store_that_holds_anything_is_left_alone() {
    let text = lines().join("\n");
    let (full, _full) = empty();
    import(&full, text.as_bytes(), Life::FOR_EVER).await.unwrap();
    let before = exported(&full).await;
    let again = import(&full, text.as_bytes(), Life::FOR_EVER).await.unwrap_err();
    assert!(matches!(again, TransferError::NotEmpty("quotas")), "{again}");
    assert_eq!(exported(&full).await, before);

    // One kind of record is enough.
    for (line, what) in [
        (1, "quotas"),
        (7, "documents"),
        (11, "usage"),
        (15, "audit records"),
        (19, "pools"),
        (21, "snapshots"),
    ] {
        let (store, _directory) = empty();
        only(&store, line).await;
        let error = import(&store, text.as_bytes(), Life::FOR_EVER).await.unwrap_err();
        assert!(
            matches!(error, TransferError::NotEmpty(other) if other == what),
            "{error}"
        );
        assert!(!unfinished(&store).await.unwrap());
    }
}

/// Imports one line of the sample alone.
async fn only(store: &Embedded, line: usize) {
    let all = lines();
    let counts = ["grants", "documents", "usage", "audit", "pools", "pieces"].map(|kind| {
        let name = kind.trim_end_matches('s');
        let is = all[line].starts_with(&format!("{{\"{name}\""));
        format!("\"{kind}\":{}", u8::from(is))
    });
    let text = format!("{}\n{}\n{{\"end\":{{{}}}}}\n", all[0], all[line], counts.join(","));
    import(store, text.as_bytes(), Life::FOR_EVER).await.unwrap();
}

#[tokio::test]
async fn a_half_imported_store_is_neither_imported_into_nor_exported() {
    let text = lines();
    let (store, _directory) = empty();
    import(&store, text[..5].join("\n").as_bytes(), Life::FOR_EVER)
        .await
        .unwrap_err();
    assert!(unfinished(&store).await.unwrap());
    let again = import(&store, text.join("\n").as_bytes(), Life::FOR_EVER)
        .await
        .unwrap_err();
    assert!(matches!(again, TransferError::Unfinished), "{again}");
    let exported = export(&store, Vec::new()).await.unwrap_err();
    assert!(matches!(exported, TransferError::Unfinished), "{exported}");
}

#[tokio::test]
async fn files_that_fail_are_errors() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::ErrorKind::ConnectionReset.into())
        }
    }
    let (store, _directory) = empty();
    let error = export(&store, Full).await.unwrap_err();
    assert!(matches!(error, TransferError::Write(_)), "{error}");
    let error = import(&store, BufReader::new(Broken), Life::FOR_EVER)
        .await
        .unwrap_err();
    assert!(matches!(error, TransferError::Read(_)), "{error}");
    let begun = io::Cursor::new(format!("{}\n", lines()[0])).chain(Broken);
    let error = import(&store, BufReader::new(begun), Life::FOR_EVER).await.unwrap_err();
    assert!(matches!(error, TransferError::Read(_)), "{error}");
}

#[tokio::test]
async fn what_the_target_does_not_hold_afterwards_is_not_taken_for_imported() {
    // A pool that is told of twice: the lines add up, and the store has one row less.
    let mut lines = lines();
    let pool = lines.iter().position(|line| line.starts_with("{\"pool\"")).unwrap();
    lines.insert(pool, lines[pool].clone());
    let last = lines.last_mut().unwrap();
    *last = last.replace("\"pools\":2", "\"pools\":3");
    let (error, marked) = refused(&lines.join("\n")).await;
    assert_eq!(
        error.to_string(),
        "3 pools were written, and the store to import into holds 2"
    );
    assert!(marked);
}
