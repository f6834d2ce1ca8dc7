//! Pieces of snapshots: replaced as a whole, found by prefix, in order.

use super::Subject;
use super::names::{odd_names, too_long};
use super::subject::again;
use crate::StoreError;
use crate::snapshot::PIECE_BYTES_MAX;

type Piece = (String, Vec<u8>);

pub(super) async fn a_piece_is_replaced_as_a_whole(subject: Subject) {
    let name = subject.piece("windows");
    for content in [vec![1, 2, 3], vec![], vec![0; 1_000], vec![255]] {
        subject.writes_pieces(&[(name.clone(), content.clone())]).await;
        subject.writes_pieces(&[(name.clone(), content.clone())]).await;
        assert_eq!(subject.pieces(&name, 10).await, [(name.clone(), content)]);
    }
}

pub(super) async fn the_largest_pieces_fit(subject: Subject) {
    let content = |seed: u8| -> Vec<u8> {
        (0..=u8::MAX)
            .map(|byte| byte ^ seed)
            .cycle()
            .take(PIECE_BYTES_MAX)
            .collect()
    };
    let pieces: Vec<Piece> = (0..12)
        .map(|n| (subject.piece(&format!("windows/{n:02}")), content(n)))
        .collect();
    subject.writes_pieces(&pieces).await;
    assert_eq!(subject.pieces(&subject.piece("windows/"), 100).await, pieces);

    let mut over = content(0);
    over.push(0);
    let fine = (subject.piece("fine"), vec![1]);
    for beyond in [
        (subject.piece("over"), over),
        (String::new(), vec![1]),
        (too_long().to_string(), vec![1]),
    ] {
        let written = subject.store.write_pieces(&[fine.clone(), beyond]).await;
        assert!(matches!(written, Err(StoreError::Refused(_))), "{written:?}");
    }
    assert_eq!(subject.pieces(&fine.0, 10).await, []);
}

pub(super) async fn pieces_are_found_by_prefix_in_order(subject: Subject) {
    let mut names: Vec<String> = [
        "",
        "/a",
        "/a/1",
        "/a/2",
        "/a\0",
        "/ab",
        "/b",
        "/ä",
        "0",
        "/a/1\u{10FFFF}",
    ]
    .map(|name| subject.piece(&format!("windows{name}")))
    .into();
    let pieces: Vec<Piece> = names
        .iter()
        .map(|name| (name.clone(), name.clone().into_bytes()))
        .collect();
    subject.writes_pieces(&pieces).await;
    names.sort();
    for prefix in [
        "windows",
        "windows/",
        "windows/a",
        "windows/a/",
        "windows/a/1",
        "windows/c",
        "window",
        "windows\0",
    ] {
        let prefix = subject.piece(prefix);
        let expected: Vec<Piece> = names
            .iter()
            .filter(|name| name.starts_with(&prefix))
            .map(|name| (name.clone(), name.clone().into_bytes()))
            .collect();
        for max in [1, 2, 3, 9, 10, 11] {
            assert_eq!(
                subject.pieces(&prefix, max).await,
                expected,
                "{prefix} in pages of {max}"
            );
        }
    }
}

pub(super) async fn odd_names_are_not_confused(subject: Subject) {
    let prefix = subject.piece("odd/");
    let mut pieces: Vec<Piece> = odd_names()
        .into_iter()
        .map(|name| format!("{prefix}{name}"))
        .filter(|name| name.len() <= crate::bound::NAME_BYTES_MAX)
        .map(|name| (name.clone(), name.into_bytes()))
        .collect();
    subject.writes_pieces(&pieces).await;
    pieces.sort();
    assert_eq!(subject.pieces(&prefix, 7).await, pieces);
}

pub(super) async fn what_is_forgotten_is_gone(subject: Subject) {
    let names: Vec<String> = (0..5).map(|n| subject.piece(&format!("windows/{n}"))).collect();
    let pieces: Vec<Piece> = names.iter().map(|name| (name.clone(), vec![1])).collect();
    subject.writes_pieces(&pieces).await;
    let gone = [names[1].clone(), names[3].clone(), subject.piece("never there")];
    for _ in 0..2 {
        again(|| subject.store.forget_pieces(&gone)).await.expect("forgotten");
        let left: Vec<String> = subject
            .pieces(&subject.piece("windows/"), 10)
            .await
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        assert_eq!(left, [names[0].clone(), names[2].clone(), names[4].clone()]);
    }
    subject.writes_pieces(&[(names[1].clone(), vec![2])]).await;
    assert_eq!(subject.pieces(&names[1], 10).await, [(names[1].clone(), vec![2])]);
    again(|| subject.store.forget_pieces(&[])).await.expect("forgotten");
}

impl Subject {
    fn piece(&self, name: &str) -> String {
        self.own(name).to_string()
    }

    async fn writes_pieces(&self, pieces: &[Piece]) {
        again(|| self.store.write_pieces(pieces)).await.expect("a write");
    }

    /// Pieces by prefix, read in pages.
    async fn pieces(&self, prefix: &str, max: usize) -> Vec<Piece> {
        let mut pieces: Vec<Piece> = Vec::new();
        loop {
            let after = pieces.last().map(|(name, _)| name.as_str());
            let page = again(|| self.store.pieces(prefix, after, max)).await.expect("a page");
            assert!(page.len() <= max, "a page of {} where {max} were asked for", page.len());
            if page.is_empty() {
                return pieces;
            }
            pieces.extend(page);
        }
    }
}
