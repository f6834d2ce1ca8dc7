//! Laws of quotas beside limits: all are charged or none is, a balance is never spent below zero, and what was short is
//! asked for.

use proptest::prelude::*;

use super::fixture::{Org, START, Shape};
use crate::accounts::{AccountId, Report};
use crate::answer::{Reason, Retry};
use crate::balance::{Balance, LeaseId, Standing};
use crate::limit::{MeterId, Mode, Per};
use crate::quota::Quota;
use crate::request::ChargeMode;
use crate::time::{Instant, SECOND};

const LIMIT: u64 = 100;
const DAY: u64 = 86_400 * SECOND;
const LEASE: LeaseId = LeaseId(1);

fn quota(hard: bool) -> Quota {
    Quota {
        name: "daily".into(),
        per: Per::default(),
        meter: MeterId::REQUESTS,
        meter_name: "requests".into(),
        limit: LIMIT,
        hard,
        mode: Mode::Enforce,
        warn_at: [80].into(),
        payment_required: true,
        order: 40,
    }
}

/// A hard quota of so many units.
pub(super) fn quota_of(limit: u64) -> Quota {
    Quota { limit, ..quota(true) }
}

fn shape() -> Shape {
    Shape {
        allowance: None,
        pool: None,
        minute: 60,
        five: 1_000,
        calls: 1_000,
        ..Shape::default()
    }
}

fn reports(org: &mut Org) -> Vec<Report> {
    let mut reports = Vec::new();
    org.shard.accounts().report(&mut reports);
    reports
}

/// An org with a quota whose balance is opened with `balance`.
fn with(quota: Quota, balance: Balance) -> (Org, AccountId) {
    let mut org = Org::new(shape());
    org.quotas.push(quota);
    assert_ne!(
        org.ask("k", 1, START).reason,
        Reason::Ok,
        "nothing is known of the quota yet"
    );
    let reported = reports(&mut org);
    assert_eq!((reported.len(), reported[0].needed), (1, 1));
    let id = reported[0].id;
    let opened = Balance {
        lease: LEASE,
        begins: Instant(START - DAY / 2),
        ends: Instant(START + DAY / 2),
        limit: LIMIT,
        ..balance
    };
    assert!(org.shard.accounts().open(id, opened));
    (org, id)
}

fn open(units: u64) -> Balance {
    Balance {
        units,
        ungranted: LIMIT - units,
        standing: Standing::Open,
        ..Balance::default()
    }
}

fn balance(org: &mut Org, id: AccountId) -> Balance {
    let mut found = Balance::default();
    assert!(org.shard.accounts().with(id, LEASE, |balance| found = *balance));
    found
}

#[test]
fn a_quota_that_denies_charges_no_limit() {
    let (mut org, id) = with(quota(true), open(10));
    let denied = org.ask("k", 11, START);
    assert_eq!(denied.reason, Reason::QuotaPending);
    assert!(matches!(denied.retry, Retry::After(_)));
    assert_eq!(reports(&mut org)[0].needed, 11, "what was short is asked for");
    assert!(org.shard.accounts().with(id, LEASE, |balance| balance.units += 50));
    assert_eq!(org.ask("k", 60, START).reason, Reason::Ok, "the whole minute was free");
    assert_eq!(balance(&mut org, id).units, 0);
}

#[test]
fn a_batch_asks_for_all_that_it_needs() {
    let (mut org, _) = with(quota(true), open(5));
    let (reasons, charged) = super::cases::batch(&mut org, &[3, 1, 4]);
    assert_eq!((reasons[2], charged), (Reason::QuotaPending, false));
    assert_eq!(reports(&mut org)[0].needed, 8, "what earlier ones take is needed too");
}

#[test]
fn a_batch_asks_at_once_for_all_that_its_requests_lack() {
    let (mut org, id) = with(quota(true), open(5));
    let (reasons, charged) = super::cases::batch(&mut org, &[6, 7, 3, 8]);
    let pending = Reason::QuotaPending;
    assert_eq!((reasons, charged), (vec![pending, pending, Reason::Ok, pending], false));
    let told = reports(&mut org);
    assert_eq!((told[0].needed, told[0].queued), (24, 24));
    let short = |balance: &mut Balance| {
        (balance.standing, balance.short_until, balance.ungranted) = (Standing::Short, Instant(START + DAY), 15);
    };
    assert!(org.shard.accounts().with(id, LEASE, short));
    let (reasons, _) = super::cases::batch(&mut org, &[6, 7, 8]);
    assert_eq!(
        reasons,
        [pending, pending, Reason::QuotaExhausted],
        "each could be had, all of them not"
    );
}

#[test]
fn each_asks_for_units_though_another_quota_has_none() {
    let (mut org, _) = with(quota(true), open(0));
    org.quotas.insert(0, quota_of(1));
    (org.quotas[0].name, org.quotas[0].order) = ("tiny".into(), 41);
    let told = org.ask_as("k", [2, 0], |ask| ask.mode = ChargeMode::Each, START);
    assert_eq!(told.reason, Reason::CostExceedsLimit);
    let needed: Vec<_> = reports(&mut org)
        .into_iter()
        .filter(|report| report.needed > 0)
        .collect();
    assert_eq!(needed.len(), 1);
    assert_eq!(&*needed[0].name.quota, "daily");
}

#[test]
fn a_limit_that_denies_spends_no_quota() {
    let (mut org, id) = with(quota(true), open(90));
    assert_eq!(org.ask("k", 61, START).reason, Reason::CostExceedsLimit);
    assert_eq!(org.ask("k", 60, START).reason, Reason::Ok);
    assert_eq!(org.ask("k", 1, START).reason, Reason::RateLimited);
    assert_eq!(balance(&mut org, id).spent, 60);
}

#[test]
fn a_request_that_something_else_denies_asks_for_no_units() {
    let (mut org, _) = with(quota(true), open(60));
    assert_eq!(org.ask("k", 60, START).reason, Reason::Ok, "the whole minute");
    reports(&mut org);
    assert_eq!(org.ask("k", 5, START).reason, Reason::RateLimited);
    assert_eq!(reports(&mut org).len(), 0, "a limit denies it");
    let mut exhausted = quota(true);
    (exhausted.name, exhausted.order) = ("weekly".into(), 41);
    org.quotas.push(exhausted);
    let minute = START + 60 * SECOND;
    assert_eq!(org.ask("k", 5, minute).reason, Reason::QuotaPending);
    let other = reports(&mut org)
        .into_iter()
        .find(|report| &*report.name.quota == "weekly");
    let short = Balance {
        lease: LeaseId(2),
        begins: Instant(START - DAY / 2),
        ends: Instant(START + DAY / 2),
        limit: LIMIT,
        standing: Standing::Short,
        short_until: Instant(START + DAY),
        ..Balance::default()
    };
    assert!(org.shard.accounts().open(other.expect("it was short").id, short));
    assert_eq!(org.ask("k", 5, minute).reason, Reason::QuotaExhausted);
    assert_eq!(reports(&mut org).len(), 0, "another quota denies it");
}

#[test]
fn a_look_asks_whether_units_can_be_had_and_for_none() {
    let (mut org, id) = with(quota(true), open(10));
    assert_eq!(
        org.ask_as("k", [11, 0], |ask| ask.look = true, START).reason,
        Reason::QuotaPending,
        "what is known is old"
    );
    let asked = reports(&mut org);
    assert_eq!((asked[0].needed, asked[0].queued), (11, 0));
    let known = |balance: &mut Balance| balance.known_until = Instant(START);
    assert!(org.shard.accounts().with(id, LEASE, known));
    assert_eq!(
        org.ask_as("k", [11, 0], |ask| ask.look = true, START).reason,
        Reason::Ok,
        "the row has them"
    );
    assert_eq!(reports(&mut org).len(), 0);
    assert_eq!(
        org.ask("k", 11, START).reason,
        Reason::QuotaPending,
        "but they are not here"
    );
    assert_eq!(reports(&mut org)[0].queued, 11);
}

#[test]
fn exhausted_is_terminal_until_the_period_ends() {
    let short = Balance {
        ungranted: 3,
        standing: Standing::Short,
        short_until: Instant(START + DAY),
        ..open(5)
    };
    let (mut org, _) = with(quota(true), short);
    assert_eq!(
        org.ask("k", 8, START).reason,
        Reason::QuotaPending,
        "another may give it back"
    );
    let denied = org.ask("k", 9, START);
    assert_eq!((denied.reason, denied.retry), (Reason::QuotaExhausted, Retry::Never));
    assert!(denied.bound_by_quota && denied.payment_required);
    let binding = denied.binding.expect("the quota binds");
    assert_eq!((binding.name, binding.limit, binding.remaining), ("daily", LIMIT, 8));
    assert_eq!(binding.reset_after_ns, DAY / 2);
}

#[test]
fn a_cost_above_a_hard_quota_never_passes() {
    let (mut org, _) = with(quota(true), open(10));
    let denied = org.ask_as("k", [LIMIT + 1, 0], |ask| ask.mode = ChargeMode::Each, START);
    assert_eq!((denied.reason, denied.retry), (Reason::CostExceedsLimit, Retry::Never));
}

#[test]
fn each_spends_only_what_fits() {
    let (mut org, id) = with(quota(true), open(10));
    let denied = org.ask_as("k", [11, 0], |ask| ask.mode = ChargeMode::Each, START);
    assert_eq!(denied.reason, Reason::QuotaPending);
    assert_eq!(balance(&mut org, id).spent, 0);
    assert_eq!(
        org.ask("k", 60, START).reason,
        Reason::RateLimited,
        "the limits were charged"
    );
}

#[test]
fn what_is_recorded_is_counted_in_full() {
    let (mut org, id) = with(quota(true), open(10));
    let recorded = org.ask_as("k", [25, 0], |ask| ask.mode = ChargeMode::Record, START);
    assert_eq!(recorded.reason, Reason::Ok);
    let after = balance(&mut org, id);
    assert_eq!((after.units, after.spent, after.owed), (0, 25, 15));
    let told = reports(&mut org);
    assert_eq!(
        (told[0].needed, told[0].balance.spent),
        (0, 25),
        "it is owed, and nobody waits"
    );
    assert_eq!(org.ask("k", 1, START).reason, Reason::QuotaPending);
}

#[test]
fn units_beyond_a_soft_quota_are_told_exactly() {
    let soft = Balance {
        beyond: 20,
        ungranted: 0,
        ..open(5)
    };
    let (mut org, _) = with(quota(false), soft);
    assert_eq!(org.ask("k", 3, START).overage, 0);
    assert_eq!(org.ask("k", 4, START).overage, 2);
    assert_eq!(org.ask("k", 4, START).overage, 4);
}

#[test]
fn while_the_store_is_away_the_balance_is_served_and_then_the_kind_decides() {
    let away = Balance {
        standing: Standing::Away,
        ..open(5)
    };
    let (mut org, _) = with(quota(true), away);
    let served = org.ask("k", 5, START);
    assert!(served.reason == Reason::Ok && served.degraded);
    let denied = org.ask("k", 1, START);
    assert!(denied.reason == Reason::Unavailable && denied.degraded);
    let overdraft = Balance { overdraft: 7, ..away };
    let (mut org, id) = with(quota(false), overdraft);
    assert_eq!(org.ask("k", 12, START).reason, Reason::Ok);
    assert_eq!(
        org.ask("k", 1, START).reason,
        Reason::Unavailable,
        "the overdraft is bounded"
    );
    assert_eq!(balance(&mut org, id).owed, 7);
}

#[test]
fn a_shadow_quota_never_denies() {
    let shadow = Quota {
        mode: Mode::Shadow,
        ..quota(true)
    };
    let mut org = Org::new(shape());
    org.quotas.push(shadow);
    assert_eq!(
        org.ask("k", 1, START).reason,
        Reason::Ok,
        "nothing is known of the quota yet"
    );
    let id = reports(&mut org)[0].id;
    let short = Balance {
        lease: LEASE,
        begins: Instant(START - DAY / 2),
        ends: Instant(START + DAY / 2),
        limit: LIMIT,
        standing: Standing::Short,
        short_until: Instant(START + DAY),
        ..Balance::default()
    };
    assert!(org.shard.accounts().open(id, short));
    let passed = org.ask("k", 9, START);
    assert_eq!(passed.reason, Reason::Ok);
    assert_eq!(passed.shadow_denied.iter().collect::<Vec<_>>(), ["daily"]);
}

#[test]
fn a_look_spends_nothing_and_a_refund_gives_back() {
    let (mut org, id) = with(quota(true), open(50));
    assert_eq!(
        org.ask_as("k", [20, 0], |ask| ask.look = true, START).reason,
        Reason::Ok
    );
    assert_eq!(balance(&mut org, id).spent, 0);
    assert_eq!(org.ask("k", 20, START).reason, Reason::Ok);
    assert_eq!(
        org.ask_as("k", [5, 0], |ask| ask.refund = true, START).reason,
        Reason::Ok
    );
    assert_eq!((balance(&mut org, id).spent, balance(&mut org, id).units), (15, 35));
}

#[test]
fn the_answer_that_crosses_a_threshold_warns() {
    let (mut org, _) = with(quota(true), open(LIMIT));
    assert!(
        org.ask("k", 40, START)
            .warnings
            .iter()
            .all(|warning| warning.name != "daily")
    );
    let later = START + 100 * SECOND;
    let warned = org.ask("k", 40, later);
    let warnings: Vec<_> = warned
        .warnings
        .iter()
        .map(|warning| (warning.name, warning.used_percent))
        .collect();
    assert_eq!(warnings, [("daily", 80)]);
}

#[test]
fn the_end_of_a_period_ends_its_balance() {
    let (mut org, id) = with(quota(true), open(50));
    let after = START + DAY;
    assert_eq!(org.ask("k", 1, after).reason, Reason::QuotaPending);
    let reported = reports(&mut org);
    assert_eq!((reported[0].id, reported[0].needed), (id, 1));
    assert_eq!(reported[0].ended.map(|ended| ended.lease), Some(LEASE));
}

proptest! {
    /// Against a naive model of one limit and one quota: both are charged or neither is, also in batches.
    #[test]
    fn all_or_none(
        units in 0_u64..80,
        steps in prop::collection::vec((prop::collection::vec(1_u64..30, 1..4), any::<bool>()), 1..12),
    ) {
        let (mut org, id) = with(quota(true), open(units));
        let (mut minute, mut left) = (60_u64, units);
        for (costs, batch) in steps {
            let costs = if batch { costs } else { costs[..1].to_vec() };
            let sum: u64 = costs.iter().sum();
            let passes = sum <= minute && sum <= left;
            let passed = if batch {
                super::cases::batch(&mut org, &costs).1
            } else {
                org.ask("k", sum, START).reason == Reason::Ok
            };
            prop_assert_eq!(passed, passes);
            if passes {
                minute -= sum;
                left -= sum;
            }
            prop_assert_eq!(balance(&mut org, id).units, left);
            prop_assert_eq!(org.ask_as("k", [minute.min(left).max(1), 0], |ask| ask.look = true, START).reason == Reason::Ok,
                minute.min(left) > 0);
        }
    }
}
