//! Locks: one holder at a time, until the time is over or the lock is given back.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use quorate_core::grant::HolderId;

use super::Subject;
use super::names::{odd_names, too_long};
use super::subject::again;
use crate::StoreError;
use crate::lock::{Held, LOCK_TTL_S_MAX};

/// Far longer than a case runs.
const LONG_S: u32 = 3_600;

/// How long a case waits for a lock to end that ends after a second or two.
const WAIT_MAX: Duration = Duration::from_secs(60);

pub(super) async fn one_holder_at_a_time(subject: Subject) {
    let (name, one, two) = (subject.own("windows"), subject.holder(1), subject.holder(2));
    assert_eq!(subject.locks(&name, one, LONG_S).await, None);
    assert_eq!(subject.locks(&name, one, LONG_S).await, None, "renewed");
    assert_eq!(subject.locks(&name, two, LONG_S).await, Some(one));
    subject.unlocks(&name, two).await;
    assert_eq!(
        subject.locks(&name, two, LONG_S).await,
        Some(one),
        "given back by another"
    );
    subject.unlocks(&name, one).await;
    assert_eq!(subject.locks(&name, two, LONG_S).await, None);
    subject.unlocks(&name, one).await;
    assert_eq!(subject.locks(&name, one, LONG_S).await, Some(two));
    subject.unlocks(&name, two).await;
    subject.unlocks(&name, two).await;
    subject.unlocks(&subject.own("never taken"), two).await;
}

pub(super) async fn it_ends_after_its_time(subject: Subject) {
    let (name, one, two) = (subject.own("windows"), subject.holder(1), subject.holder(2));
    assert_eq!(subject.locks(&name, one, 1).await, None);
    subject.until_free(&name, two).await;
    assert_eq!(subject.locks(&name, one, 1).await, Some(two));
}

pub(super) async fn no_time_at_all_counts_as_the_shortest(subject: Subject) {
    let (name, one, two) = (subject.own("windows"), subject.holder(1), subject.holder(2));
    assert_eq!(subject.locks(&name, one, 0).await, None);
    subject.until_free(&name, two).await;
}

pub(super) async fn a_renewal_counts_from_when_it_is_made(subject: Subject) {
    let (renewed, witness) = (subject.own("renewed"), subject.own("witness"));
    let (one, two) = (subject.holder(1), subject.holder(2));
    assert_eq!(subject.locks(&renewed, one, 2).await, None);
    assert_eq!(subject.locks(&renewed, one, LONG_S).await, None);
    // When a lock of the first one's time, taken later, has ended, the first time is over.
    assert_eq!(subject.locks(&witness, one, 2).await, None);
    subject.until_free(&witness, two).await;
    assert_eq!(subject.locks(&renewed, two, LONG_S).await, Some(one));
}

pub(super) async fn the_longest_time_is_bounded(subject: Subject) {
    let (one, two) = (subject.holder(1), subject.holder(2));
    for ttl_s in [LOCK_TTL_S_MAX, LOCK_TTL_S_MAX + 1, u32::MAX] {
        let name = subject.own(&format!("windows{ttl_s}"));
        assert_eq!(subject.locks(&name, one, ttl_s).await, None);
        assert_eq!(subject.locks(&name, two, ttl_s).await, Some(one));
    }
}

pub(super) async fn one_of_many_gets_it(subject: Subject) {
    let name = subject.own("windows");
    let answers = join_all((1..=32).map(|n| {
        let (subject, name) = (&subject, &name);
        async move { (subject.holder(n), subject.locks(name, subject.holder(n), LONG_S).await) }
    }))
    .await;
    let winners: Vec<_> = answers.iter().filter(|(_, other)| other.is_none()).collect();
    assert_eq!(winners.len(), 1, "{winners:?}");
    let (winner, _) = winners[0];
    for (holder, other) in &answers {
        assert!(holder == winner || *other == Some(*winner));
    }
}

pub(super) async fn names_are_not_confused(subject: Subject) {
    let names: Vec<String> = odd_names()
        .into_iter()
        .map(|name| format!("{}{name}", subject.own("")))
        .filter(|name| name.len() <= crate::bound::NAME_BYTES_MAX)
        .collect();
    for (n, name) in (1..).zip(&names) {
        assert_eq!(subject.locks(name, subject.holder(n), LONG_S).await, None, "{name:?}");
    }
    for (n, name) in (1..).zip(&names) {
        let other = subject.locks(name, subject.holder(999), LONG_S).await;
        assert_eq!(other, Some(subject.holder(n)), "{name:?}");
    }
    let long = too_long();
    for (name, by) in [("", "me"), (&*long, "me"), ("me", &*long)] {
        let locked = subject.store.lock(name, subject.holder(1), by, 1).await;
        assert!(matches!(locked, Err(StoreError::Refused(_))), "{locked:?}");
    }
}

impl Subject {
    /// Asks for a lock; who else holds it.
    async fn locks(&self, name: &str, holder: HolderId, ttl_s: u32) -> Option<HolderId> {
        let by = format!("host '{holder}'\0\"é\"");
        let held = again(|| self.store.lock(name, holder, &by, ttl_s))
            .await
            .expect("an answer");
        held.map(|Held { holder: other, by }| {
            assert_eq!(by, format!("host '{other}'\0\"é\""));
            assert_ne!(other, holder, "a lock is not refused to its holder");
            other
        })
    }

    async fn unlocks(&self, name: &str, holder: HolderId) {
        again(|| self.store.unlock(name, holder)).await.expect("an answer");
    }

    /// Asks for a lock until it is free, and keeps it.
    async fn until_free(&self, name: &str, holder: HolderId) {
        let deadline = Instant::now() + WAIT_MAX;
        while self.locks(name, holder, LONG_S).await.is_some() {
            assert!(Instant::now() < deadline, "the lock {name:?} does not end");
        }
    }
}
