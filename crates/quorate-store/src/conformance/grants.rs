//! Rows of quotas: every operation does what it says, once, on the row it names.

use quorate_core::grant::{Grant, GrantMove, GrantOperation};

use super::Subject;

pub(super) async fn a_row_that_was_never_made_is_none(subject: Subject) {
    assert_eq!(subject.row(&subject.row_key("none")).await, None);
}

pub(super) async fn a_row_is_made_once(subject: Subject) {
    let key = subject.row_key("acme");
    assert!(subject.change(&key, GrantOperation::Create { limit: 100 }).await);
    assert!(!subject.change(&key, GrantOperation::Create { limit: 100 }).await);
    assert!(!subject.change(&key, GrantOperation::Create { limit: 7 }).await);
    let made = Grant {
        limit: 100,
        ..Grant::default()
    };
    assert_eq!(subject.row(&key).await, Some(made));
}

pub(super) async fn a_move_applies_once(subject: Subject) {
    let (key, holder) = (subject.row_key("acme"), subject.holder(1));
    assert!(subject.change(&key, GrantOperation::Create { limit: 100 }).await);
    let take = GrantOperation::Move(GrantMove {
        version: 0,
        limit: 100,
        granted_before: 0,
        granted: 40,
        holder,
        holding: 40,
    });
    assert!(subject.change(&key, take).await);
    assert!(!subject.change(&key, take).await, "the same change applied again");
    let moved = Grant {
        limit: 100,
        granted: 40,
        version: 1,
        holdings: [(holder, 40)].into(),
    };
    assert_eq!(subject.row(&key).await, Some(moved));
}

pub(super) async fn a_move_expects_version_limit_and_granted(subject: Subject) {
    let (key, holder) = (subject.row_key("acme"), subject.holder(1));
    assert!(subject.change(&key, GrantOperation::Create { limit: 100 }).await);
    let right = GrantMove {
        version: 0,
        limit: 100,
        granted_before: 0,
        granted: 10,
        holder,
        holding: 10,
    };
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
    let untouched = Grant {
        limit: 100,
        ..Grant::default()
    };
    assert_eq!(subject.row(&key).await, Some(untouched));
    assert!(subject.change(&key, GrantOperation::Move(right)).await);
}
