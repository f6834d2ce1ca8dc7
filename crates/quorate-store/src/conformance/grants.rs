//! Rows of quotas: every operation does what it says, once, and expects what it says.

use quorate_core::grant::{
    GRANT_MAX, Grant, GrantCap, GrantFold, GrantKey, GrantMove, GrantOperation, GrantOutcome, HolderId,
};

use super::Subject;
use super::subject::again;
use crate::StoreError;

pub(super) async fn a_row_that_was_never_made_is_none(subject: Subject) {
    assert_eq!(subject.row(&subject.row_key("none")).await, None);
}

pub(super) async fn a_row_is_made_once(subject: Subject) {
    let key = subject.row_key("acme");
    assert!(subject.change(&key, GrantOperation::Create { limit: 100 }).await);
    assert!(!subject.change(&key, GrantOperation::Create { limit: 100 }).await);
    assert!(!subject.change(&key, GrantOperation::Create { limit: 7 }).await);
    assert_eq!(subject.row(&key).await, Some(row(100, 0, 0, &[])));
}

pub(super) async fn what_expects_a_row_is_refused_without_one(subject: Subject) {
    let (key, holder) = (subject.row_key("none"), subject.holder(1));
    let changes = [
        GrantOperation::Move(take(&row(100, 0, 0, &[]), holder, 0)),
        GrantOperation::Move(take(&row(100, 0, 0, &[]), holder, 5)),
        GrantOperation::Cap(GrantCap { version: 0, limit: 100 }),
        fold(0, holder, 0),
    ];
    for change in changes {
        assert!(!subject.change(&key, change).await, "applied: {change:?}");
    }
    assert_eq!(subject.row(&key).await, None);
}

pub(super) async fn a_move_applies_once(subject: Subject) {
    let (key, holder) = (subject.made("acme", 100).await, subject.holder(1));
    let first = GrantOperation::Move(take(&row(100, 0, 0, &[]), holder, 40));
    assert!(subject.change(&key, first).await);
    assert!(!subject.change(&key, first).await, "the same change applied again");
    assert_eq!(subject.row(&key).await, Some(row(100, 40, 1, &[(holder, 40)])));
}

pub(super) async fn a_move_expects_version_limit_and_granted(subject: Subject) {
    let (key, holder) = (subject.made("acme", 100).await, subject.holder(1));
    let right = take(&row(100, 0, 0, &[]), holder, 10);
    let wrong = [
        GrantMove { version: 1, ..right },
        GrantMove { limit: 99, ..right },
        GrantMove { limit: 101, ..right },
        GrantMove {
            granted_before: 1,
            ..right
        },
    ];
    for change in wrong {
        assert!(
            !subject.change(&key, GrantOperation::Move(change)).await,
            "applied: {change:?}"
        );
    }
    assert_eq!(subject.row(&key).await, Some(row(100, 0, 0, &[])));
    assert!(subject.change(&key, GrantOperation::Move(right)).await);
}

pub(super) async fn a_move_of_nothing_raises_the_version_alone(subject: Subject) {
    let (key, holder, other) = (subject.made("acme", 100).await, subject.holder(1), subject.holder(2));
    let mut now = row(100, 0, 0, &[]);
    for (who, units) in [(holder, 30), (holder, 0), (other, 0)] {
        subject.takes(&key, &mut now, who, units).await;
    }
    assert_eq!(now, row(100, 30, 3, &[(holder, 30)]));
    assert_eq!(subject.row(&key).await, Some(now));
}

pub(super) async fn holders_take_and_return(subject: Subject) {
    let (key, one, two) = (subject.made("acme", 100).await, subject.holder(1), subject.holder(2));
    let mut now = row(100, 0, 0, &[]);
    for (who, units) in [(one, 60), (two, 40), (one, -60), (two, -1), (one, 61)] {
        subject.takes(&key, &mut now, who, units).await;
        assert_eq!(subject.row(&key).await, Some(now.clone()));
    }
    assert_eq!(now, row(100, 100, 5, &[(one, 61), (two, 39)]));
}

pub(super) async fn a_cap_expects_the_version_alone(subject: Subject) {
    let (key, holder) = (subject.made("acme", 100).await, subject.holder(1));
    let mut now = row(100, 0, 0, &[]);
    subject.takes(&key, &mut now, holder, 80).await;
    let cap = |version, limit| GrantOperation::Cap(GrantCap { version, limit });
    assert!(!subject.change(&key, cap(0, 10)).await);
    assert!(!subject.change(&key, cap(2, 10)).await);
    assert!(subject.change(&key, cap(1, 10)).await, "below what is granted");
    assert!(!subject.change(&key, cap(1, 10)).await, "the same change applied again");
    assert_eq!(subject.row(&key).await, Some(row(10, 80, 2, &[(holder, 80)])));
    assert!(subject.change(&key, cap(2, GRANT_MAX)).await);
    assert!(subject.change(&key, cap(3, 0)).await);
    assert_eq!(subject.row(&key).await, Some(row(0, 80, 4, &[(holder, 80)])));
}

pub(super) async fn a_fold_keeps_the_sum(subject: Subject) {
    let (key, gone, also, stays) = (
        subject.made("acme", 100).await,
        subject.holder(1),
        subject.holder(2),
        subject.holder(3),
    );
    let mut now = row(100, 0, 0, &[]);
    for (who, units) in [(gone, 10), (also, 5), (stays, 1)] {
        subject.takes(&key, &mut now, who, units).await;
    }
    assert!(!subject.change(&key, fold(2, gone, 10)).await);
    assert!(subject.change(&key, fold(3, gone, 10)).await);
    assert!(
        !subject.change(&key, fold(3, gone, 10)).await,
        "the same change applied again"
    );
    let folded = HolderId::FOLDED;
    assert_eq!(
        subject.row(&key).await,
        Some(row(100, 16, 4, &[(folded, 10), (also, 5), (stays, 1)]))
    );
    assert!(subject.change(&key, fold(4, also, 15)).await);
    assert!(subject.change(&key, fold(5, subject.holder(4), 15)).await, "of nobody");
    assert_eq!(
        subject.row(&key).await,
        Some(row(100, 16, 6, &[(folded, 15), (stays, 1)]))
    );
    assert!(!subject.change(&key, fold(6, folded, 15)).await, "of what is folded");
    assert_eq!(subject.row(&key).await.map(|row| row.version), Some(6));
}

pub(super) async fn a_row_has_many_holders(subject: Subject) {
    const HOLDERS: u16 = 100;
    let key = subject.row_key("acme");
    let holdings: Vec<_> = (1..=HOLDERS).map(|n| (subject.holder(n), u64::from(n))).collect();
    let granted = holdings.iter().map(|(_, units)| units).sum();
    let mut now = row(1_000_000, granted, 7, &holdings);
    again(|| subject.store.import_grant(&key, &now))
        .await
        .expect("an import into an empty place");
    subject.takes(&key, &mut now, subject.holder(HOLDERS + 1), 3).await;
    subject.takes(&key, &mut now, subject.holder(5), -5).await;
    assert_eq!(subject.row(&key).await, Some(now));
}

pub(super) async fn numbers_reach_their_ends(subject: Subject) {
    let key = subject.made("acme", GRANT_MAX).await;
    let mut now = row(GRANT_MAX, 0, 0, &[]);
    let holder = HolderId(u128::MAX);
    now = subject.moved(&key, &now, holder, GRANT_MAX).await;
    assert_eq!(subject.row(&key).await, Some(now.clone()));
    now = subject.moved(&key, &now, holder, 0).await;
    now = subject.moved(&key, &now, HolderId(1), 1).await;
    assert_eq!(subject.row(&key).await, Some(now.clone()));

    let over = GRANT_MAX + 1;
    let right = take(&now, holder, 0);
    let beyond = [
        GrantOperation::Move(GrantMove { granted: over, ..right }),
        GrantOperation::Move(GrantMove { holding: over, ..right }),
        GrantOperation::Move(GrantMove {
            limit: u64::MAX,
            ..right
        }),
        GrantOperation::Move(GrantMove {
            version: u64::MAX,
            ..right
        }),
        GrantOperation::Cap(GrantCap {
            version: now.version,
            limit: over,
        }),
        fold(now.version, holder, u64::MAX),
    ];
    for change in beyond {
        assert!(!subject.change(&key, change).await, "applied: {change:?}");
    }
    assert_eq!(subject.row(&key).await, Some(now));
    let other = subject.row_key("other");
    assert!(!subject.change(&other, GrantOperation::Create { limit: over }).await);
    assert_eq!(subject.row(&other).await, None);
}

pub(super) async fn the_last_version_is_the_last(subject: Subject) {
    let (key, holder) = (subject.row_key("acme"), subject.holder(1));
    let mut now = row(10, 0, GRANT_MAX - 1, &[]);
    again(|| subject.store.import_grant(&key, &now))
        .await
        .expect("an import into an empty place");
    subject.takes(&key, &mut now, holder, 1).await;
    assert_eq!(now.version, GRANT_MAX);
    assert!(!subject.change(&key, GrantOperation::Move(take(&now, holder, 1))).await);
    assert_eq!(subject.row(&key).await, Some(now));
}

pub(super) async fn an_import_does_not_overwrite(subject: Subject) {
    let key = subject.row_key("acme");
    let held = row(50, 30, 12, &[(subject.holder(1), 10), (HolderId::FOLDED, 20)]);
    let import = |grant| {
        let (store, key) = (&subject.store, &key);
        async move { again(|| store.import_grant(key, grant)).await }
    };
    assert_eq!(import(&held).await, Ok(()));
    assert_eq!(import(&held).await, Ok(()), "the same again");
    let others = [
        row(51, 30, 12, &[(subject.holder(1), 10), (HolderId::FOLDED, 20)]),
        row(50, 30, 13, &[(subject.holder(1), 10), (HolderId::FOLDED, 20)]),
        row(50, 30, 12, &[(subject.holder(2), 10), (HolderId::FOLDED, 20)]),
    ];
    for other in &others {
        assert!(matches!(import(other).await, Err(StoreError::Exists(_))));
    }
    assert_eq!(subject.row(&key).await, Some(held.clone()));
    let made = subject.made("made", 50).await;
    assert!(matches!(
        again(|| subject.store.import_grant(&made, &held)).await,
        Err(StoreError::Exists(_))
    ));
    let over = row(GRANT_MAX + 1, 0, 0, &[]);
    let free = subject.row_key("free");
    assert!(matches!(
        again(|| subject.store.import_grant(&free, &over)).await,
        Err(StoreError::Refused(_))
    ));
    assert_eq!(subject.row(&free).await, None);
}

pub(super) async fn a_name_that_is_too_long_is_not_tried(subject: Subject) {
    let long = super::names::too_long();
    let key = subject.row_key("acme");
    let keys = [
        GrantKey {
            org: long.clone(),
            ..key.clone()
        },
        GrantKey {
            quota: long.clone(),
            ..key.clone()
        },
        GrantKey {
            period: long.clone(),
            ..key.clone()
        },
        GrantKey {
            account: quorate_core::grant::Account::Key(long),
            ..key
        },
    ];
    for key in keys {
        for operation in [GrantOperation::Read, GrantOperation::Create { limit: 1 }] {
            assert_eq!(subject.store.grant(&key, operation).await, GrantOutcome::NotTried);
        }
        assert!(matches!(
            subject.store.import_grant(&key, &Grant::default()).await,
            Err(StoreError::Refused(_))
        ));
    }
}

/// A row.
pub(super) fn row(limit: u64, granted: u64, version: u64, holdings: &[(HolderId, u64)]) -> Grant {
    Grant {
        limit,
        granted,
        version,
        holdings: holdings.iter().copied().collect(),
    }
}

/// The move of `units` to a holder, from a row as it is.
pub(super) fn take(row: &Grant, holder: HolderId, units: i64) -> GrantMove {
    let after = |before: u64| before.checked_add_signed(units).expect("a case stays within its units");
    GrantMove {
        version: row.version,
        limit: row.limit,
        granted_before: row.granted,
        granted: after(row.granted),
        holder,
        holding: after(row.holding(holder)),
    }
}

fn fold(version: u64, gone: HolderId, folded: u64) -> GrantOperation {
    GrantOperation::Fold(GrantFold { version, gone, folded })
}

impl Subject {
    /// A new row of this limit.
    async fn made(&self, org: &str, limit: u64) -> GrantKey {
        let key = self.row_key(org);
        assert!(self.change(&key, GrantOperation::Create { limit }).await);
        key
    }

    /// Moves units to a holder, or back, in the row and in what is known of it.
    async fn takes(&self, key: &GrantKey, row: &mut Grant, holder: HolderId, units: i64) {
        let to = take(row, holder, units);
        *row = self.moved(key, row, holder, to.holding).await;
    }

    /// Moves so that a holder holds just so much; the row afterwards.
    async fn moved(&self, key: &GrantKey, row: &Grant, holder: HolderId, holding: u64) -> Grant {
        let granted = row.granted - row.holding(holder) + holding;
        let change = GrantMove {
            version: row.version,
            limit: row.limit,
            granted_before: row.granted,
            granted,
            holder,
            holding,
        };
        assert!(
            self.change(key, GrantOperation::Move(change)).await,
            "refused: {change:?}"
        );
        let mut after = row.clone();
        after.version += 1;
        after.granted = granted;
        after.holdings.insert(holder, holding);
        after.holdings.retain(|_, units| *units > 0);
        after
    }
}
