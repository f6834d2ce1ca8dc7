//! Accounts: who has one, what is reported, how one period follows another.

use super::{ACCOUNTS_MAX, Accounts, Declared, INVENTED_MAX, INVENTED_PER_ORG_MAX, account_id};
use crate::balance::{Balance, LeaseId, Standing};
use crate::grant;
use crate::limit::{MeterId, Mode, Per};
use crate::quota::Quota;
use crate::state::fingerprint::{Account, Owner};
use crate::time::Instant;

const KEY: [u8; 16] = [9; 16];
const DECLARED: Declared = Declared { key: true, org: true };
const UNDECLARED: Declared = Declared { key: false, org: false };

fn quota(per: Per) -> Quota {
    Quota {
        name: "monthly".into(),
        per,
        meter: MeterId::REQUESTS,
        meter_name: "requests".into(),
        limit: 100,
        hard: true,
        mode: Mode::Enforce,
        warn_at: Box::default(),
        payment_required: false,
        order: 0,
    }
}

fn per_key() -> Per {
    Per {
        key: true,
        ..Per::default()
    }
}

fn owner<'a>(org: &'a str, key: &'a str, attributes: &'a [(&'a str, &'a str)]) -> Owner<'a> {
    Owner {
        org,
        account: Account::of(&KEY, org),
        key,
        endpoint: "GET /",
        attributes,
    }
}

fn period(lease: u64, begins: u64, ends: u64, units: u64) -> Balance {
    Balance {
        lease: LeaseId(lease),
        begins: Instant(begins),
        ends: Instant(ends),
        units,
        ..Balance::default()
    }
}

#[test]
fn an_account_belongs_to_what_the_quota_names() {
    let of = |per, owner| account_id(&KEY, &quota(per), &owner);
    let org = Per::default();
    assert_eq!(of(org.clone(), owner("o", "a", &[])), of(org, owner("o", "b", &[])));
    assert_ne!(of(per_key(), owner("o", "a", &[])), of(per_key(), owner("o", "b", &[])));
    assert_ne!(of(per_key(), owner("o", "a", &[])), of(per_key(), owner("p", "a", &[])));
    let team = Per {
        attributes: ["team".into()].into(),
        ..Per::default()
    };
    assert_eq!(of(team.clone(), owner("o", "a", &[])), None, "it lacks the attribute");
    assert!(of(team, owner("o", "a", &[("team", "x")])).is_some());
}

#[test]
fn rows_are_named_by_what_accounts_belong_to() {
    let both = Per {
        key: true,
        attributes: ["team".into()].into(),
        ..Per::default()
    };
    let mut accounts = Accounts::default();
    for (per, wanted) in [
        (Per::default(), grant::Account::Org),
        (per_key(), grant::Account::Key("a".into())),
        (
            both,
            grant::Account::Each([("key".into(), "a".into()), ("attribute.team".into(), "x".into())].into()),
        ),
    ] {
        let (quota, owner) = (quota(per), owner("o", "a", &[("team", "x")]));
        let id = account_id(&KEY, &quota, &owner).expect("it has all attributes");
        accounts
            .load(id, &quota, &owner, DECLARED, Instant(5))
            .expect("there is room");
        accounts.need(id, 1, 1);
        let mut reports = Vec::new();
        accounts.report(&mut reports);
        assert_eq!(reports[0].name.account, wanted);
    }
}

#[test]
fn a_period_follows_the_other_and_both_are_told() {
    let (quota, owner) = (quota(Per::default()), owner("o", "a", &[]));
    let id = account_id(&KEY, &quota, &owner).expect("it needs no attributes");
    let mut accounts = Accounts::default();
    let load = |accounts: &mut Accounts, wall| {
        accounts
            .load(id, &quota, &owner, DECLARED, Instant(wall))
            .expect("room")
    };
    load(&mut accounts, 5);
    assert!(accounts.open(id, period(1, 0, 10, 7)));
    assert!(accounts.open(id, period(2, 10, 20, 9)));
    assert!(!accounts.open(id, period(3, 20, 30, 9)), "the next one is known");
    let mut spent = load(&mut accounts, 9);
    assert_eq!(spent.units, 7);
    spent.spend(3);
    accounts.store(id, spent);
    let now = load(&mut accounts, 10);
    assert_eq!((now.lease, now.units), (LeaseId(2), 9));
    accounts.store(id, spent);
    assert_eq!(
        load(&mut accounts, 10),
        now,
        "what was spent from another period changes nothing"
    );
    let mut reports = Vec::new();
    accounts.report(&mut reports);
    assert_eq!(reports.len(), 1, "each account once");
    assert_eq!(reports[0].ended.map(|ended| ended.spent), Some(3));
    let unknown = load(&mut accounts, 20);
    assert_eq!(unknown.lease, LeaseId::default(), "nothing is known of the third");
}

#[test]
fn units_are_withdrawn_once() {
    let (quota, owner) = (quota(Per::default()), owner("o", "a", &[]));
    let id = account_id(&KEY, &quota, &owner).expect("it needs no attributes");
    let mut accounts = Accounts::default();
    accounts.load(id, &quota, &owner, DECLARED, Instant(5)).expect("room");
    accounts.open(id, period(1, 0, 10, 7));
    assert_eq!(accounts.withdraw(id, LeaseId(1), 5), 5);
    assert_eq!(accounts.withdraw(id, LeaseId(1), 5), 2);
    assert_eq!(accounts.withdraw(id, LeaseId(2), 5), 0, "no such lease");
}

#[test]
fn invented_keys_take_no_account_from_declared_ones() {
    let quota = quota(per_key());
    let mut accounts = Accounts::default();
    let load = |accounts: &mut Accounts, key: &str, declared| {
        let owner = owner("o", key, &[]);
        let id = account_id(&KEY, &quota, &owner).expect("it needs no attributes");
        let declared = Declared {
            key: declared,
            org: true,
        };
        (id, accounts.load(id, &quota, &owner, declared, Instant(5)).is_some())
    };
    for key in 0..INVENTED_PER_ORG_MAX {
        assert!(load(&mut accounts, &key.to_string(), false).1);
    }
    assert!(!load(&mut accounts, "surplus", false).1);
    assert!(load(&mut accounts, "declared", true).1);
    let (first, _) = load(&mut accounts, "0", false);
    assert_eq!(accounts.size().1, 1);
    accounts.forget(first);
    assert!(load(&mut accounts, "surplus", false).1, "one went");
}

#[test]
fn values_of_attributes_are_invented_whoever_the_org_is() {
    let quota = quota(Per {
        attributes: ["team".into()].into(),
        ..Per::default()
    });
    let mut accounts = Accounts::default();
    let mut load = |org: &str, team: &str| {
        let attributes = [("team", team)];
        let owner = owner(org, "k", &attributes);
        let id = account_id(&KEY, &quota, &owner).expect("it has the attribute");
        accounts.load(id, &quota, &owner, DECLARED, Instant(5)).is_some()
    };
    for team in 0..INVENTED_PER_ORG_MAX {
        assert!(load("o", &team.to_string()));
    }
    assert!(!load("o", "surplus"));
    // Many such orgs leave room for what is declared.
    let mut made = INVENTED_PER_ORG_MAX;
    for number in 0..ACCOUNTS_MAX {
        made += usize::from(load(
            &format!("p{}", number / INVENTED_PER_ORG_MAX),
            &number.to_string(),
        ));
    }
    assert_eq!(made, INVENTED_MAX);
    const { assert!(INVENTED_MAX < ACCOUNTS_MAX) };
}

#[test]
fn undeclared_orgs_are_as_one() {
    let quota = quota(Per::default());
    let mut accounts = Accounts::default();
    let mut load = |org: &str, declared| {
        let owner = owner(org, "k", &[]);
        let id = account_id(&KEY, &quota, &owner).expect("it needs no attributes");
        accounts.load(id, &quota, &owner, declared, Instant(5)).is_some()
    };
    for org in 0..INVENTED_PER_ORG_MAX {
        assert!(load(&format!("o{org}"), UNDECLARED));
    }
    assert!(!load("surplus", UNDECLARED));
    assert!(load("declared", Declared { key: false, org: true }));
}

#[test]
fn what_cannot_wait_is_said_once() {
    let (quota, owner) = (quota(Per::default()), owner("o", "a", &[]));
    let id = account_id(&KEY, &quota, &owner).expect("it needs no attributes");
    let mut accounts = Accounts::default();
    accounts.load(id, &quota, &owner, DECLARED, Instant(5)).expect("room");
    accounts.open(
        id,
        Balance {
            report_at: 3,
            ..period(1, 0, 10, 7)
        },
    );
    let mut spend = |cost| {
        let mut balance = accounts.load(id, &quota, &owner, DECLARED, Instant(5)).expect("room");
        balance.spend(cost);
        accounts.store(id, balance);
        (accounts.take_urgent(), accounts.take_urgent())
    };
    assert_eq!(spend(3), (false, false));
    assert_eq!(spend(1), (true, false));
    accounts.need(id, 2, 2);
    accounts.need(id, 5, 5);
    assert!(accounts.take_urgent());
    let mut reports = Vec::new();
    accounts.report(&mut reports);
    assert_eq!((reports[0].needed, reports[0].queued), (5, 7));
    accounts.need(id, 9, 0);
    accounts.need(id, 3, 3);
    reports.clear();
    accounts.report(&mut reports);
    assert_eq!((reports[0].needed, reports[0].queued), (9, 3), "a look spends nothing");
    accounts.need(id, 5, 5);
    assert!(accounts.credit(id, LeaseId(1), 5, 0));
    reports.clear();
    accounts.report(&mut reports);
    assert_eq!((reports[0].needed, reports[0].queued), (0, 0), "who waits asks anew");
}

#[test]
fn an_ended_balance_is_spent_no_more() {
    let (quota, owner) = (quota(Per::default()), owner("o", "a", &[]));
    let id = account_id(&KEY, &quota, &owner).expect("it needs no attributes");
    let mut accounts = Accounts::default();
    let load = |accounts: &mut Accounts, wall| {
        accounts
            .load(id, &quota, &owner, DECLARED, Instant(wall))
            .expect("room")
    };
    load(&mut accounts, 5);
    accounts.open(id, period(1, 0, 10, 7));
    accounts.open(id, period(2, 10, 20, 9));
    let held = load(&mut accounts, 5);
    let before = accounts.turn(id, LeaseId(2), None, (Instant(10), Instant(20)));
    assert_eq!(
        before.map(|balance| balance.map(|balance| balance.units)),
        [None, Some(7)]
    );
    accounts.store(id, held);
    let early = load(&mut accounts, 5);
    assert_eq!(early, Balance::default(), "the next period has not begun");
    let now = load(&mut accounts, 10);
    assert_eq!(
        (now.lease, now.units),
        (LeaseId(2), 9),
        "the copy of the ended one was not stored"
    );
    let again = accounts.turn(id, LeaseId(2), None, (Instant(10), Instant(30)));
    assert_eq!(again, [None, None]);
    assert_eq!(
        load(&mut accounts, 25).ends,
        Instant(30),
        "a zone that changed moves the end"
    );
    let third = accounts.turn(id, LeaseId(3), Some(period(3, 25, 40, 4)), (Instant(25), Instant(40)));
    assert_eq!(
        third.map(|balance| balance.map(|balance| balance.lease)),
        [None, Some(LeaseId(2))]
    );
    assert_eq!(load(&mut accounts, 26).units, 4);
}

#[test]
fn an_account_with_units_beyond_its_limit_is_not_forgotten() {
    let (mut accounts, quota, owner) = (Accounts::default(), quota(per_key()), owner("o", "a", &[]));
    let id = account_id(&KEY, &quota, &owner).expect("it has one");
    accounts.load(id, &quota, &owner, DECLARED, Instant(1));
    let beyond = Balance {
        beyond: 1,
        ..period(1, 0, 10, 0)
    };
    assert!(accounts.open(id, beyond));
    assert!(!accounts.forget_settled(id));
    assert_eq!(accounts.withdraw(id, LeaseId(1), 1), 1);
    assert!(accounts.forget_settled(id));
}

#[test]
fn what_is_abandoned_has_nothing_and_says_so() {
    let (mut accounts, quota, owner) = (Accounts::default(), quota(per_key()), owner("o", "a", &[]));
    let id = account_id(&KEY, &quota, &owner).expect("it has one");
    accounts.load(id, &quota, &owner, DECLARED, Instant(1));
    assert!(accounts.open(id, period(1, 0, 10, 5)));
    accounts.abandon();
    let left = accounts
        .load(id, &quota, &owner, DECLARED, Instant(1))
        .expect("an answer");
    assert_eq!((left.units, left.standing), (0, Standing::Away));
    accounts.need(id, 1, 1);
    let mut reports = Vec::new();
    accounts.report(&mut reports);
    assert_eq!(
        (reports.len(), accounts.size().0),
        (0, 0),
        "nobody listens, so nothing grows"
    );
}

#[test]
fn what_is_recorded_before_there_is_a_lease_is_not_forgotten() {
    let (quota, owner) = (quota(Per::default()), owner("o", "a", &[]));
    let id = account_id(&KEY, &quota, &owner).expect("it needs no attributes");
    let mut accounts = Accounts::default();
    let record = |accounts: &mut Accounts, wall, units| {
        let mut balance = accounts
            .load(id, &quota, &owner, DECLARED, Instant(wall))
            .expect("room");
        balance.record(units);
        accounts.store(id, balance);
    };
    let current = |accounts: &mut Accounts, wall| {
        accounts
            .load(id, &quota, &owner, DECLARED, Instant(wall))
            .expect("room")
    };
    record(&mut accounts, 5, 30);
    record(&mut accounts, 5, 20);
    let mut reports = Vec::new();
    assert!(accounts.take_urgent());
    accounts.report(&mut reports);
    assert_eq!(reports[0].balance.owed, 50);
    assert!(accounts.open(id, period(1, 0, 10, 0)));
    let opened = current(&mut accounts, 6);
    assert_eq!((opened.lease, opened.spent, opened.owed), (LeaseId(1), 50, 50));
    assert!(accounts.credit(id, LeaseId(1), 60, 0));
    assert_eq!(current(&mut accounts, 6).units, 10);
    // Over the end of a period that nothing is known after.
    record(&mut accounts, 12, 7);
    record(&mut accounts, 12, 1);
    let turned = accounts.turn(id, LeaseId(2), Some(period(2, 10, 20, 0)), (Instant(10), Instant(20)));
    assert_eq!(turned[0].map(|ended| ended.spent), Some(50));
    assert_eq!(current(&mut accounts, 12).owed, 8);
    assert!(!accounts.forget_settled(id));
    // By a clock that is a little behind the lease's.
    record(&mut accounts, 9, 2);
    assert_eq!(current(&mut accounts, 12).owed, 10);
}
