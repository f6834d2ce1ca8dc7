//! Levels of pools: the last write counts.

use std::collections::BTreeMap;
use std::sync::Arc;

use quorate_core::grant::GRANT_MAX;

use super::Subject;
use super::names::{odd_names, too_long};
use super::subject::again;
use crate::StoreError;
use crate::pool::PoolLevel;

type Named = (Arc<str>, Arc<str>, PoolLevel);

pub(super) async fn the_last_write_counts(subject: Subject) {
    let org = subject.own("acme");
    for (missing, at_ns) in [(5, 100), (0, 200), (7, 50), (GRANT_MAX, GRANT_MAX), (0, 0)] {
        let level = PoolLevel { missing, at_ns };
        let named = (Arc::clone(&org), "burst".into(), level);
        subject.writes_pools(std::slice::from_ref(&named)).await;
        subject.writes_pools(&[named]).await;
        assert_eq!(
            subject.levels(100).await.get(&(Arc::clone(&org), "burst".into())),
            Some(&level)
        );
        let names = [(Arc::clone(&org), "burst".into()), (Arc::clone(&org), "other".into())];
        assert_eq!(subject.levels_of(&names).await, [Some(level), None]);
    }
}

pub(super) async fn levels_are_read_by_name(subject: Subject) {
    let mut named: Vec<Named> = Vec::new();
    for (missing, name) in (1..).zip(odd_names()) {
        let level = PoolLevel { missing, at_ns: 7 };
        named.push((subject.own("acme"), name, level));
    }
    subject.writes_pools(&named).await;
    named.reverse();
    let names: Vec<_> = named
        .iter()
        .map(|(org, pool, _)| (Arc::clone(org), Arc::clone(pool)))
        .collect();
    let levels: Vec<_> = named.iter().map(|(.., level)| Some(*level)).collect();
    assert_eq!(subject.levels_of(&names).await, levels);
    assert_eq!(subject.levels_of(&[]).await, []);
    let never: Vec<_> = (0..1_500)
        .map(|n| (subject.own(&format!("never{n}")), "burst".into()))
        .collect();
    assert!(subject.levels_of(&never).await.iter().all(Option::is_none));
    let beyond = subject.store.levels(&[(too_long(), "burst".into())]).await;
    assert!(matches!(beyond, Err(StoreError::Refused(_))), "{beyond:?}");
}

pub(super) async fn pools_are_not_confused_and_pages_leave_none_out(subject: Subject) {
    let mut named: Vec<Named> = Vec::new();
    for (missing, name) in (1..).zip(odd_names()) {
        let level = PoolLevel {
            missing,
            at_ns: missing * 3,
        };
        named.push((subject.own("acme"), Arc::clone(&name), level));
        let org: Arc<str> = format!("{}{name}", subject.own("org")).into();
        if org.len() <= crate::bound::NAME_BYTES_MAX {
            named.push((org, "".into(), level));
        }
    }
    subject.writes_pools(&named).await;
    for max in [3, 10, 1_000] {
        let levels = subject.levels(max).await;
        for (org, pool, level) in &named {
            assert_eq!(
                levels.get(&(Arc::clone(org), Arc::clone(pool))),
                Some(level),
                "{pool:?} of {org:?} in pages of {max}"
            );
        }
    }
}

pub(super) async fn many_are_written_at_once(subject: Subject) {
    const POOLS: u64 = 2_500;
    let named: Vec<Named> = (0..POOLS)
        .map(|n| {
            let level = PoolLevel { missing: n, at_ns: n };
            (subject.own(&format!("org{n}")), "burst".into(), level)
        })
        .collect();
    subject.writes_pools(&named).await;
    let levels = subject.levels(1_000).await;
    for (org, pool, level) in named {
        assert_eq!(levels.get(&(org, pool)), Some(&level));
    }
    subject.writes_pools(&[]).await;
}

pub(super) async fn one_beyond_a_bound_refuses_all(subject: Subject) {
    let fine: Named = (subject.own("acme"), "burst".into(), PoolLevel::default());
    let beyond: [Named; 4] = [
        (too_long(), "burst".into(), PoolLevel::default()),
        (subject.own("acme"), too_long(), PoolLevel::default()),
        (
            subject.own("acme"),
            "burst".into(),
            PoolLevel {
                missing: u64::MAX,
                at_ns: 0,
            },
        ),
        (
            subject.own("acme"),
            "burst".into(),
            PoolLevel {
                missing: 0,
                at_ns: u64::MAX,
            },
        ),
    ];
    for named in beyond {
        let written = subject.store.write_pools(&[fine.clone(), named]).await;
        assert!(matches!(written, Err(StoreError::Refused(_))), "{written:?}");
    }
    assert_eq!(subject.levels(1_000).await.get(&(fine.0, fine.1)), None);
}

pub(super) async fn one_is_forgotten_only_as_it_is_known(subject: Subject) {
    let named = |missing, name: &str| -> Named {
        let level = PoolLevel { missing, at_ns: 100 };
        (subject.own("acme"), name.into(), level)
    };
    let written = [named(5, "gone"), named(6, "changed"), named(7, "other")];
    subject.writes_pools(&written).await;
    subject.writes_pools(&[named(8, "changed")]).await;
    // Somebody who has read it before forgets it, twice.
    for _ in 0..2 {
        subject
            .forgets_pools(&[named(5, "gone"), named(6, "changed"), named(7, "never")])
            .await;
    }
    let names: Vec<_> = ["gone", "changed", "other", "never"]
        .map(|name| (subject.own("acme"), Arc::from(name)))
        .into();
    let left = subject.levels_of(&names).await;
    let missing: Vec<_> = left.iter().map(|level| level.map(|level| level.missing)).collect();
    assert_eq!(missing, [None, Some(8), Some(7), None]);
    assert_eq!(subject.levels(2).await.get(&names[0]), None, "pages leave it out too");
    // It comes back as what it is written as.
    subject.writes_pools(&[named(1, "gone")]).await;
    assert_eq!(subject.levels_of(&names[..1]).await, [Some(named(1, "gone").2)]);
    let beyond = (too_long(), "burst".into(), PoolLevel::default());
    let refused = subject.store.forget_pools(&[named(1, "gone"), beyond]).await;
    assert!(matches!(refused, Err(StoreError::Refused(_))), "{refused:?}");
    assert_eq!(subject.levels_of(&names[..1]).await, [Some(named(1, "gone").2)]);
    subject.forgets_pools(&[]).await;
}

impl Subject {
    async fn forgets_pools(&self, named: &[Named]) {
        again(|| self.store.forget_pools(named)).await.expect("it forgets");
    }

    async fn writes_pools(&self, named: &[Named]) {
        again(|| self.store.write_pools(named)).await.expect("a write");
    }

    async fn levels_of(&self, names: &[(Arc<str>, Arc<str>)]) -> Vec<Option<PoolLevel>> {
        again(|| self.store.levels(names)).await.expect("levels")
    }

    /// All levels of the store, read in pages.
    async fn levels(&self, max: usize) -> BTreeMap<(Arc<str>, Arc<str>), PoolLevel> {
        let mut levels = BTreeMap::new();
        let mut after: Option<(Arc<str>, Arc<str>)> = None;
        loop {
            let page = again(|| {
                let after = after.as_ref().map(|(org, pool)| (&**org, &**pool));
                self.store.pools(after, max)
            })
            .await
            .expect("a page");
            assert!(page.len() <= max, "a page of {} where {max} were asked for", page.len());
            let Some((org, pool, _)) = page.last() else {
                return levels;
            };
            after = Some((Arc::clone(org), Arc::clone(pool)));
            for (org, pool, level) in page {
                let before = levels.insert((org, Arc::clone(&pool)), level);
                assert_eq!(before, None, "{pool:?} is on two pages");
            }
        }
    }
}
