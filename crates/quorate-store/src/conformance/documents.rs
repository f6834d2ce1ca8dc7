//! Documents: optimistic concurrency, tombstones, pages, imports.

use std::sync::Arc;

use futures_util::future::join_all;
use quorate_core::grant::GRANT_MAX;

use super::Subject;
use super::names::{odd_names, too_long};
use super::subject::again;
use crate::StoreError;
use crate::document::{Changed, DOCUMENT_BYTES_MAX, Document, DocumentKey};

pub(super) async fn a_document_goes_through_its_versions(subject: Subject) {
    let key = subject.document_key("plan", "acme", "gold");
    assert_eq!(subject.document(&key).await, None);
    let steps = [
        (None, Some("one"), 1),
        (Some(1), Some("two"), 2),
        (Some(2), None, 3),
        (Some(3), None, 4),
        (Some(4), Some(""), 5),
        (Some(5), Some("six"), 6),
    ];
    for (expected, body, version) in steps {
        assert_eq!(subject.put(&key, expected, body).await, Ok(Changed::Applied(version)));
        assert_eq!(subject.document(&key).await, Some(document(version, body)));
    }
}

pub(super) async fn what_was_never_there_can_be_deleted(subject: Subject) {
    let key = subject.document_key("key", "acme", "k1");
    assert_eq!(subject.put(&key, None, None).await, Ok(Changed::Applied(1)));
    assert_eq!(subject.document(&key).await, Some(document(1, None)));
    let again = subject.store.put_document(&key, None, Some("x")).await;
    assert_ne!(
        again,
        Ok(Changed::Applied(1)),
        "the id of a tombstone was given away again"
    );
}

pub(super) async fn an_unexpected_version_changes_nothing(subject: Subject) {
    let key = subject.document_key("plan", "acme", "gold");
    let conflict = |expected, found| {
        let (subject, key) = (&subject, &key);
        async move {
            let put = subject.put(key, expected, Some("wrong")).await;
            assert_eq!(put, Ok(Changed::Conflict(found)), "where {expected:?} was expected");
        }
    };
    for expected in [0, 1, 7, u64::MAX] {
        conflict(Some(expected), None).await;
    }
    assert_eq!(subject.document(&key).await, None);
    assert_eq!(subject.put(&key, None, Some("one")).await, Ok(Changed::Applied(1)));
    assert_eq!(subject.put(&key, Some(1), Some("two")).await, Ok(Changed::Applied(2)));
    for expected in [None, Some(0), Some(1), Some(3), Some(u64::MAX)] {
        conflict(expected, Some(2)).await;
    }
    assert_eq!(subject.document(&key).await, Some(document(2, Some("two"))));
    assert_eq!(subject.put(&key, Some(2), None).await, Ok(Changed::Applied(3)));
    for expected in [None, Some(2), Some(4)] {
        conflict(expected, Some(3)).await;
    }
    assert_eq!(subject.document(&key).await, Some(document(3, None)));
}

pub(super) async fn a_change_sent_again_says_what_it_made(subject: Subject) {
    let key = subject.document_key("plan", "acme", "gold");
    for (expected, version) in [(None, 1), (Some(1), 2)] {
        assert_eq!(
            subject.put(&key, expected, Some("same")).await,
            Ok(Changed::Applied(version))
        );
        assert_eq!(
            subject.put(&key, expected, Some("same")).await,
            Ok(Changed::Conflict(Some(version)))
        );
    }
}

pub(super) async fn documents_are_not_confused(subject: Subject) {
    let base = subject.document_key("kind", "acme", "id");
    let mut keys = vec![base.clone()];
    for name in odd_names() {
        let kind: Arc<str> = format!("{}{name}", subject.own("kind")).into();
        if kind.len() <= crate::bound::NAME_BYTES_MAX && !name.is_empty() {
            keys.push(DocumentKey { kind, ..base.clone() });
        }
        keys.push(DocumentKey {
            org: Arc::clone(&name),
            ..base.clone()
        });
        keys.push(DocumentKey {
            id: name,
            ..base.clone()
        });
    }
    for key in &keys {
        let body = format!("{key:?}");
        assert_eq!(
            subject.put(key, None, Some(&body)).await,
            Ok(Changed::Applied(1)),
            "there is one of another name: {key:?}"
        );
    }
    for key in &keys {
        assert_eq!(
            subject.document(key).await,
            Some(document(1, Some(&format!("{key:?}"))))
        );
    }
    let mut expected: Vec<_> = keys.into_iter().filter(|key| key.kind == base.kind).collect();
    expected.sort();
    assert_eq!(subject.documents_listed(&base.kind, 7).await, expected);
}

pub(super) async fn bodies_may_be_of_any_text_up_to_the_most(subject: Subject) {
    let key = subject.document_key("plan", "acme", "gold");
    let most = "ü".repeat(DOCUMENT_BYTES_MAX / 2);
    for (version, body) in (1..).zip(["", "\0", "\u{FFFF}🦀", "{\"a\": 1}", &most]) {
        let expected = (version > 1).then(|| version - 1);
        assert_eq!(
            subject.put(&key, expected, Some(body)).await,
            Ok(Changed::Applied(version))
        );
        assert_eq!(subject.document(&key).await, Some(document(version, Some(body))));
    }
    let over = format!("{most}x");
    let refused = subject.put(&key, Some(5), Some(&over)).await;
    assert!(matches!(refused, Err(StoreError::Refused(_))), "{refused:?}");
    assert_eq!(subject.document(&key).await.map(|found| found.version), Some(5));
}

pub(super) async fn a_name_that_is_too_long_is_refused(subject: Subject) {
    let base = subject.document_key("plan", "acme", "gold");
    let keys = [
        DocumentKey {
            kind: too_long(),
            ..base.clone()
        },
        DocumentKey {
            org: too_long(),
            ..base.clone()
        },
        DocumentKey { id: too_long(), ..base },
    ];
    for key in keys {
        let put = subject.store.put_document(&key, None, Some("x")).await;
        assert!(matches!(put, Err(StoreError::Refused(_))), "{put:?}");
        let import = subject.store.import_document(&key, &document(1, None)).await;
        assert!(matches!(import, Err(StoreError::Refused(_))), "{import:?}");
    }
}

pub(super) async fn pages_are_in_order_with_tombstones(subject: Subject) {
    let mut keys: Vec<_> = (0..4)
        .flat_map(|org| (0..3).map(move |id| (org, id)))
        .map(|(org, id)| subject.document_key("boost", &format!("org{org}"), &format!("b{id}")))
        .collect();
    // Neighbours of the kind, whose documents are none of its own.
    let neighbours = ["boos", "boost\0", "boost0", "boosu"].map(|kind| subject.document_key(kind, "org0", "b0"));
    for key in keys.iter().rev().chain(&neighbours) {
        assert_eq!(subject.put(key, None, Some("x")).await, Ok(Changed::Applied(1)));
    }
    for key in keys.iter().step_by(5) {
        assert_eq!(subject.put(key, Some(1), None).await, Ok(Changed::Applied(2)));
    }
    keys.sort();
    for max in [1, 2, 5, 11, 12, 13, 1_000] {
        assert_eq!(
            subject.documents_listed(&keys[0].kind, max).await,
            keys,
            "in pages of {max}"
        );
    }
    let all = again(|| subject.store.documents(&keys[0].kind, None, 1_000))
        .await
        .expect("a page");
    for (key, found) in all {
        let at = keys
            .iter()
            .position(|other| *other == key)
            .expect("one of the case's own");
        let expected = if at % 5 == 0 {
            document(2, None)
        } else {
            document(1, Some("x"))
        };
        assert_eq!(found, expected, "{key:?}");
    }
    let unused = subject.own("unused");
    let nothing = again(|| subject.store.documents(&unused, None, 10)).await;
    assert_eq!(nothing, Ok(Vec::new()));
    // A page may begin after a name that is not there.
    let between = DocumentKey {
        id: "b0x".into(),
        ..keys[0].clone()
    };
    let after = again(|| subject.store.documents(&keys[0].kind, Some(&between), 1)).await;
    assert_eq!(after.expect("a page")[0].0, keys[1]);
}

pub(super) async fn kinds_are_known(subject: Subject) {
    let kinds = ["plan", "plan\0", "plans", "", "東京"].map(|kind| subject.own(kind));
    for kind in &kinds {
        for id in ["a", "b"] {
            let key = DocumentKey {
                kind: Arc::clone(kind),
                org: "acme".into(),
                id: id.into(),
            };
            assert_eq!(subject.put(&key, None, None).await, Ok(Changed::Applied(1)));
        }
    }
    let known = again(|| subject.store.document_kinds()).await.expect("the kinds");
    for kind in &kinds {
        let times = known.iter().filter(|other| *other == kind).count();
        assert_eq!(times, 1, "{kind:?}");
    }
}

pub(super) async fn many_hands_make_each_version_once(subject: Subject) {
    const HANDS: u64 = 16;
    const CHANGES_EACH: u64 = 4;
    let key = subject.document_key("plan", "acme", "gold");
    // Each change adds its tag to the body that it found, so the last body tells which change made which version.
    let answered = join_all((0..HANDS).map(|hand| {
        let (subject, key) = (&subject, &key);
        async move {
            let mut answered = Vec::new();
            for change in 0..CHANGES_EACH {
                let tag = format!("({hand}.{change});");
                let version = subject.tagged(key, &tag).await;
                answered.push((tag, version));
            }
            answered
        }
    }))
    .await;
    let last = subject.document(&key).await.expect("changes were made");
    let body = last.body.expect("nobody deleted it");
    let tags: Vec<_> = body.split_inclusive(';').collect();
    assert_eq!(last.version, HANDS * CHANGES_EACH);
    assert_eq!(
        tags.len(),
        usize::try_from(last.version).expect("a small number"),
        "{body}"
    );
    for (tag, version) in answered.iter().flatten() {
        let at = tags.iter().position(|other| other == tag);
        let at = at.unwrap_or_else(|| panic!("the change {tag} was lost: {body}"));
        if let Some(version) = version {
            assert_eq!(u64::try_from(at).ok(), version.checked_sub(1), "{tag} in {body}");
        }
    }
}

pub(super) async fn an_import_is_taken_as_it_is(subject: Subject) {
    let import = |key: DocumentKey, imported: Document| {
        let store = &subject.store;
        async move { again(|| store.import_document(&key, &imported)).await }
    };
    let key = |id: &str| subject.document_key("plan", "acme", id);
    for (id, imported) in [
        ("first", document(1, Some("one"))),
        ("later", document(77, Some(""))),
        ("gone", document(3, None)),
        ("last", document(GRANT_MAX, Some("x"))),
    ] {
        assert_eq!(import(key(id), imported.clone()).await, Ok(()));
        assert_eq!(import(key(id), imported.clone()).await, Ok(()), "the same again");
        assert_eq!(subject.document(&key(id)).await, Some(imported.clone()));
        for other in [
            document(imported.version, Some("other")),
            document(2, imported.body.as_deref()),
        ] {
            assert!(matches!(import(key(id), other).await, Err(StoreError::Exists(_))));
        }
        assert_eq!(subject.document(&key(id)).await, Some(imported));
    }
    assert_eq!(
        subject.put(&key("later"), Some(77), Some("next")).await,
        Ok(Changed::Applied(78))
    );
    for imported in [document(0, None), document(GRANT_MAX + 1, None)] {
        assert!(matches!(import(key("no"), imported).await, Err(StoreError::Refused(_))));
    }
    let last = subject.put(&key("last"), Some(GRANT_MAX), Some("y")).await;
    assert!(matches!(last, Err(StoreError::Refused(_))), "{last:?}");
    assert_eq!(subject.document(&key("no")).await, None);
}

fn document(version: u64, body: Option<&str>) -> Document {
    Document {
        version,
        body: body.map(Into::into),
    }
}

impl Subject {
    /// A document as it is.
    pub(super) async fn document(&self, key: &DocumentKey) -> Option<Document> {
        again(|| self.store.document(key)).await.expect("a document")
    }

    /// The names of all documents of a kind, read in pages.
    async fn documents_listed(&self, kind: &str, max: usize) -> Vec<DocumentKey> {
        let mut listed: Vec<DocumentKey> = Vec::new();
        loop {
            let after = listed.last();
            let page = again(|| self.store.documents(kind, after, max)).await.expect("a page");
            assert!(page.len() <= max, "a page of {} where {max} were asked for", page.len());
            if page.is_empty() {
                return listed;
            }
            listed.extend(page.into_iter().map(|(key, _)| key));
        }
    }

    /// Adds a tag to a document's body; the version that this made, if the store said so.
    async fn tagged(&self, key: &DocumentKey, tag: &str) -> Option<u64> {
        for _ in 0..100_000 {
            let before = self.document(key).await;
            let expected = before.as_ref().map(|found| found.version);
            let mut body = before
                .and_then(|found| found.body)
                .map_or_else(String::new, |body| body.to_string());
            if body.contains(tag) {
                return None;
            }
            body.push_str(tag);
            match self.store.put_document(key, expected, Some(&body)).await {
                Ok(Changed::Applied(version)) => return Some(version),
                // Nobody knows, or another one was first: the next body tells.
                Err(StoreError::Unavailable(_)) | Ok(Changed::Conflict(_)) => {}
                Err(error) => panic!("a change was answered {error:?}"),
            }
        }
        panic!("the change was never made");
    }
}
