//! The feed: whoever follows it hears of the last version of every document.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::{join, join_all};

use super::Subject;
use super::subject::again;
use crate::document::{Change, Changed, Cursor, Document, DocumentKey};

pub(super) async fn it_tells_of_every_change(subject: Subject) {
    let mut follower = Follower::at_the_end_of(&subject).await;
    let plan = subject.document_key("plan", "acme", "gold");
    let ban = subject.document_key("ban", "", "10.0.0.1");
    let steps = [
        (&plan, None, Some("one"), 1),
        (&ban, None, Some("x"), 1),
        (&plan, Some(1), Some("two"), 2),
        (&plan, Some(2), None, 3),
        (&ban, Some(1), Some("y"), 2),
    ];
    for (key, expected, body, version) in steps {
        assert_eq!(subject.put(key, expected, body).await, Ok(Changed::Applied(version)));
        follower.follow(&subject, 1_000).await;
        assert_eq!(follower.heard.get(key), Some(&version));
    }
    let imported = subject.document_key("plan", "acme", "imported");
    let document = Document {
        version: 41,
        body: None,
    };
    again(|| subject.store.import_document(&imported, &document))
        .await
        .expect("an import into an empty place");
    follower.follow(&subject, 1_000).await;
    assert_eq!(follower.heard.get(&imported), Some(&41));
}

pub(super) async fn who_comes_late_hears_the_last_version(subject: Subject) {
    let before = Follower::at_the_end_of(&subject).await.cursor;
    let keys: Vec<_> = (0..5)
        .map(|n| subject.document_key("plan", "acme", &format!("p{n}")))
        .collect();
    for version in 1..=3 {
        for key in &keys {
            let expected = (version > 1).then(|| version - 1);
            assert_eq!(
                subject.put(key, expected, Some("x")).await,
                Ok(Changed::Applied(version))
            );
        }
    }
    for max in [1, 2, 4, 5, 6, 14, 15, 16, 1_000] {
        for from in [before, Cursor::default()] {
            // From the very beginning there may be a lot of others: not one by one.
            let max = if from == before { max } else { 1_000 };
            let mut late = Follower {
                cursor: from,
                heard: BTreeMap::new(),
            };
            late.follow(&subject, max).await;
            for key in &keys {
                assert_eq!(late.heard.get(key), Some(&3), "in pages of {max}");
            }
        }
    }
}

pub(super) async fn it_leaves_out_nothing_while_many_write(subject: Subject) {
    const WRITERS: u64 = 8;
    const CHANGES_EACH: u64 = 6;
    let mut follower = Follower::at_the_end_of(&subject).await;
    let done = AtomicBool::new(false);
    let writing = async {
        join_all((0..WRITERS).map(|writer| {
            let subject = &subject;
            async move {
                let key = subject.document_key("plan", "acme", &format!("p{writer}"));
                for version in 1..=CHANGES_EACH {
                    let expected = (version > 1).then(|| version - 1);
                    let body = format!("{version}");
                    assert_eq!(
                        subject.put(&key, expected, Some(&body)).await,
                        Ok(Changed::Applied(version))
                    );
                }
            }
        }))
        .await;
        done.store(true, Ordering::Release);
    };
    let following = async {
        loop {
            // Read before the feed, so that a last round follows the last change.
            let last_round = done.load(Ordering::Acquire);
            follower.follow(&subject, 3).await;
            if last_round {
                return follower;
            }
        }
    };
    let ((), follower) = join(writing, following).await;
    for writer in 0..WRITERS {
        let key = subject.document_key("plan", "acme", &format!("p{writer}"));
        assert_eq!(follower.heard.get(&key), Some(&CHANGES_EACH), "{key:?}");
    }
}

/// Who follows the feed, and the latest version of each document that they heard of.
struct Follower {
    cursor: Cursor,
    heard: BTreeMap<DocumentKey, u64>,
}

impl Follower {
    /// One who has heard everything up to now.
    async fn at_the_end_of(subject: &Subject) -> Self {
        let mut follower = Self {
            cursor: Cursor::default(),
            heard: BTreeMap::new(),
        };
        follower.follow(subject, 1_000).await;
        follower
    }

    /// Follows to the end of the feed.
    async fn follow(&mut self, subject: &Subject, max: usize) {
        loop {
            let page = again(|| subject.store.changes(self.cursor, max)).await.expect("a page");
            assert!(page.len() <= max, "a page of {} where {max} were asked for", page.len());
            if page.is_empty() {
                return;
            }
            for Change { cursor, key, version } in page {
                assert!(cursor > self.cursor, "the feed goes back");
                self.cursor = cursor;
                // An entry comes before its change, and a change that was not made may have one: then the version is
                // made by another later, and has an entry too.
                let heard = self.heard.entry(key).or_default();
                *heard = version.max(*heard);
            }
        }
    }
}
