//! Rows of quotas beside each other: no two are confused, pages leave none out, and many hands on one row apply each
//! version once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures_util::future::join_all;
use quorate_core::grant::{Account, Grant, GrantCap, GrantKey, GrantOperation, GrantOutcome, HolderId};

use super::Subject;
use super::grants::{row, take};
use super::names::odd_names;
use super::subject::again;

/// Tasks on one row at once.
const HANDS: u16 = 32;

/// Moves of each of them.
const MOVES_EACH: usize = 4;

pub(super) async fn keys_are_not_confused(subject: Subject) {
    let names = odd_names();
    let base = subject.row_key("acme");
    let mut keys: Vec<GrantKey> = Vec::new();
    for name in &names {
        // The first part is the one that keeps cases apart, so the odd name is within it.
        let org: Arc<str> = format!("{}{name}", subject.own("")).into();
        if org.len() <= crate::bound::NAME_BYTES_MAX {
            keys.push(GrantKey { org, ..base.clone() });
        }
        keys.push(GrantKey {
            quota: Arc::clone(name),
            ..base.clone()
        });
        keys.push(GrantKey {
            period: Arc::clone(name),
            ..base.clone()
        });
        keys.extend(accounts(name).map(|account| GrantKey {
            account,
            ..base.clone()
        }));
    }
    keys.extend(shifted(&base));
    let distinct: BTreeSet<_> = keys.iter().collect();
    assert_eq!(distinct.len(), keys.len(), "the case itself names rows twice");
    for (limit, key) in (1..).zip(&keys) {
        let made = subject.change(key, GrantOperation::Create { limit }).await;
        assert!(made, "there is a row of another name: {key:?}");
    }
    for (limit, key) in (1..).zip(&keys) {
        assert_eq!(subject.row(key).await, Some(row(limit, 0, 0, &[])), "{key:?}");
    }
    let listed = subject.rows_listed(100).await;
    for (limit, key) in (1..).zip(&keys) {
        assert_eq!(listed.get(key).map(|grant| grant.limit), Some(limit), "{key:?}");
    }
}

pub(super) async fn pages_leave_nothing_out(subject: Subject) {
    const ROWS: u64 = 12;
    let keys: Vec<_> = (0..ROWS).map(|n| subject.row_key(&format!("org{n}"))).collect();
    for (limit, key) in (0..).zip(&keys) {
        let grant = row(limit, limit, limit, &[(subject.holder(1), limit)]);
        again(|| subject.store.import_grant(key, &grant))
            .await
            .expect("an import into an empty place");
    }
    for max in [1, 2, 5, 11, 12, 13, 1_000] {
        let listed = subject.rows_listed(max).await;
        for (limit, key) in (0..).zip(&keys) {
            let mut expected = row(limit, limit, limit, &[(subject.holder(1), limit)]);
            expected.holdings.retain(|_, units| *units > 0);
            assert_eq!(listed.get(key), Some(&expected), "in pages of {max}");
        }
    }
}

pub(super) async fn one_of_many_makes_the_row(subject: Subject) {
    let key = subject.row_key("acme");
    let made = join_all((1..=HANDS).map(|hand| {
        let (subject, key) = (&subject, &key);
        async move {
            let operation = GrantOperation::Create { limit: u64::from(hand) };
            (u64::from(hand), subject.store.grant(key, operation).await)
        }
    }))
    .await;
    let limit = subject.row(&key).await.map(|row| row.limit);
    let mut applied = 0;
    for (hand, outcome) in made {
        match outcome {
            GrantOutcome::Applied => {
                applied += 1;
                assert_eq!(limit, Some(hand), "another one's row");
            }
            GrantOutcome::Refused => assert_ne!(limit, Some(hand), "refused, and made all the same"),
            GrantOutcome::Unknown | GrantOutcome::NotTried => {}
            row @ GrantOutcome::Row(_) => panic!("a change was answered {row:?}"),
        }
    }
    assert!(applied <= 1, "{applied} made it");
    // On a store that was away for a moment, it may be that nobody did.
    if limit.is_none() {
        assert!(subject.change(&key, GrantOperation::Create { limit: 1 }).await);
    }
}

pub(super) async fn many_hands_apply_each_version_once(subject: Subject) {
    let key = subject.row_key("acme");
    let limit = 1_000_000;
    assert!(subject.change(&key, GrantOperation::Create { limit }).await);
    let versions = join_all((1..=HANDS).map(|hand| moves(&subject, &key, hand))).await;
    let mut versions: Vec<u64> = versions.into_iter().flatten().collect();
    versions.sort_unstable();
    let moves = u64::from(HANDS) * u64::try_from(MOVES_EACH).expect("a small number");
    assert_eq!(versions, (0..moves).collect::<Vec<_>>(), "each version is one change's");
    let holdings: BTreeMap<_, _> = (1..=HANDS)
        .map(|hand| (subject.holder(hand), u64::from(hand) * 4))
        .collect();
    let granted = holdings.values().sum();
    let expected = Grant {
        limit,
        granted,
        version: moves,
        holdings,
    };
    assert_eq!(subject.row(&key).await, Some(expected));
}

pub(super) async fn moves_and_caps_meet_in_one_order(subject: Subject) {
    let key = subject.row_key("acme");
    assert!(subject.change(&key, GrantOperation::Create { limit: 100 }).await);
    let caps = async {
        for limit in 101..=110 {
            subject
                .until_applied(&key, HolderId::FOLDED, |row| {
                    GrantOperation::Cap(GrantCap {
                        version: row.version,
                        limit,
                    })
                })
                .await;
        }
    };
    let holder = subject.holder(1);
    let takes = async {
        for _ in 0..10 {
            subject
                .until_applied(&key, holder, |row| GrantOperation::Move(take(row, holder, 1)))
                .await;
        }
    };
    futures_util::future::join(caps, takes).await;
    assert_eq!(subject.row(&key).await, Some(row(110, 10, 20, &[(holder, 10)])));
}

/// One hand's moves; the versions to which they applied.
async fn moves(subject: &Subject, key: &GrantKey, hand: u16) -> Vec<u64> {
    let holder = subject.holder(hand);
    let mut versions = Vec::new();
    for _ in 0..MOVES_EACH {
        let units = i64::from(hand);
        let version = subject
            .until_applied(key, holder, |row| GrantOperation::Move(take(row, holder, units)))
            .await;
        versions.push(version);
    }
    versions
}

/// Accounts that share a name.
fn accounts(name: &Arc<str>) -> impl Iterator<Item = Account> {
    let pair = |first: &str, second: &str| (Arc::<str>::from(first), Arc::<str>::from(second));
    [
        Account::Key(Arc::clone(name)),
        Account::Endpoint(Arc::clone(name)),
        Account::Each([pair("kind", name)].into()),
        Account::Each([pair(name, "value")].into()),
        Account::Each([pair("kind", name), pair("other", "value")].into()),
        Account::Each([pair("kind", "value"), pair("other", name)].into()),
    ]
    .into_iter()
}

/// Keys whose parts joined together would be the same.
fn shifted(base: &GrantKey) -> Vec<GrantKey> {
    let quota_period = |quota: &str, period: &str| GrantKey {
        quota: quota.into(),
        period: period.into(),
        ..base.clone()
    };
    let each = |pairs: &[(&str, &str)]| GrantKey {
        account: Account::Each(pairs.iter().map(|(a, b)| ((*a).into(), (*b).into())).collect()),
        ..base.clone()
    };
    vec![
        quota_period("shifted", "12"),
        quota_period("shifted1", "2"),
        quota_period("shifted12", ""),
        each(&[]),
        each(&[("p", "q"), ("r", "s")]),
        each(&[("pq", ""), ("r", "s")]),
        each(&[("p", "qr"), ("", "s")]),
        each(&[("r", "s"), ("p", "q")]),
    ]
}

impl Subject {
    /// All rows of the store, read in pages.
    async fn rows_listed(&self, max: usize) -> BTreeMap<GrantKey, Grant> {
        let mut listed = BTreeMap::new();
        let mut after: Option<GrantKey> = None;
        loop {
            let page = again(|| self.store.grants(after.as_ref(), max)).await.expect("a page");
            assert!(page.len() <= max, "a page of {} where {max} were asked for", page.len());
            let Some((last, _)) = page.last() else {
                return listed;
            };
            after = Some(last.clone());
            for (key, mut grant) in page {
                grant.holdings.retain(|_, units| *units > 0);
                let before = listed.insert(key.clone(), grant);
                assert_eq!(before, None, "{key:?} is on two pages");
            }
        }
    }

    /// Makes a change over and over, each time from the row as it is, until it has applied once. The version that it
    /// applied to. `holder` is whose holding it changes and nobody else's; nobody's for a cap.
    async fn until_applied(&self, key: &GrantKey, holder: HolderId, change: impl Fn(&Grant) -> GrantOperation) -> u64 {
        // Of all hands together one is applied each time, so a hand needs no more tries than there are changes, but for
        // those that a slow store leaves unknown.
        for _ in 0..100_000 {
            let before = self.row(key).await.expect("the row was made");
            let operation = change(&before);
            match self.store.grant(key, operation).await {
                GrantOutcome::Applied => return before.version,
                GrantOutcome::Refused | GrantOutcome::NotTried => {}
                GrantOutcome::Unknown => {
                    if self.settles(key, &before, operation, holder).await {
                        return before.version;
                    }
                }
                row @ GrantOutcome::Row(_) => panic!("a change was answered {row:?}"),
            }
        }
        panic!("the change was never applied");
    }

    /// Whether a change of which nobody knows has applied: it is sent again until the row has moved past it.
    async fn settles(&self, key: &GrantKey, before: &Grant, operation: GrantOperation, holder: HolderId) -> bool {
        loop {
            let now = self.row(key).await.expect("the row was made");
            if now.version > before.version {
                return match operation {
                    GrantOperation::Cap(to) => now.limit == to.limit,
                    _ => now.holding(holder) != before.holding(holder),
                };
            }
            if self.store.grant(key, operation).await == GrantOutcome::Applied {
                return true;
            }
        }
    }
}
