//! Documents: optimistic concurrency, tombstones, pages, imports.

use super::Subject;
use super::subject::again;
use crate::document::{Changed, Document};

pub(super) async fn a_document_goes_through_its_versions(subject: Subject) {
    let key = subject.document_key("plan", "acme", "gold");
    let store = &subject.store;
    assert_eq!(again(|| store.document(&key)).await, Ok(None));
    let steps = [
        (None, Some("one"), 1),
        (Some(1), Some("two"), 2),
        (Some(2), None, 3),
        (Some(3), Some("four"), 4),
    ];
    for (expected, body, version) in steps {
        assert_eq!(subject.put(&key, expected, body).await, Ok(Changed::Applied(version)));
        let document = Document {
            version,
            body: body.map(Into::into),
        };
        assert_eq!(again(|| store.document(&key)).await, Ok(Some(document)));
    }
}
