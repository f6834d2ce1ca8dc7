//! Decisions by example: what each mode, shadow limits, meters, slots, refunds, boosts and batches do.

use super::fixture::{Org, START, Shape};
use crate::answer::{DecisionId, Reason, Retry};
use crate::factor::{Factor, Factors};
use crate::limit::PoolMode;
use crate::request::ChargeMode;
use crate::shard::{Ask, Batch};
use crate::terms::{Amounts, SlotTerms, Terms};
use crate::time::{Instant, Now, SECOND};

const SLOT: SlotTerms<'static> = SlotTerms {
    name: "async",
    depth: 2,
    ttl_ns: 900 * SECOND,
    shadow: false,
};

fn no_burst() -> Shape {
    Shape {
        minute: 10,
        allowance: None,
        pool: None,
        calls: 1_000,
        ..Shape::default()
    }
}

#[test]
fn twelve_scans_of_its_own_two_from_the_pool_and_no_fifteenth() {
    let mut org = Org::new(Shape::default());
    for scan in 1..=14 {
        let decision = org.ask("k", 5, START);
        assert_eq!(decision.reason, Reason::Ok, "scan {scan}");
        assert_eq!(decision.drawn, if scan > 12 { 5 } else { 0 }, "scan {scan}");
    }
    let denied = org.ask("k", 5, START);
    assert_eq!(
        (denied.reason, denied.binding.unwrap().name),
        (Reason::RateLimited, "per-minute")
    );
}

#[test]
fn two_left_cost_five_takes_two_from_the_key_and_three_from_the_pool() {
    let mut org = Org::new(Shape {
        minute: 7,
        ..Shape::default()
    });
    org.ask("k", 5, START);
    let decision = org.ask("k", 5, START);
    assert_eq!(
        (decision.reason, decision.drawn, decision.burst_remaining),
        (Reason::Ok, 3, 7)
    );
}

#[test]
fn one_key_cannot_use_up_another_ones_own_limit_in_overflow_mode() {
    let mut org = Org::new(Shape {
        pool: Some((3, 1, PoolMode::Overflow)),
        minute: 5,
        ..Shape::default()
    });
    assert_eq!(org.ask("greedy", 8, START).reason, Reason::Ok);
    assert_eq!(org.ask("greedy", 1, START).reason, Reason::RateLimited);
    assert_eq!(org.ask("modest", 5, START).reason, Reason::Ok);
    assert_eq!(org.ask("modest", 1, START).reason, Reason::RateLimited);
}

#[test]
fn a_pool_in_ceiling_mode_caps_the_org() {
    let mut org = Org::new(Shape {
        pool: Some((8, 3_600, PoolMode::Ceiling)),
        minute: 5,
        ..Shape::default()
    });
    assert_eq!(org.ask("a", 5, START).drawn, 5);
    assert_eq!(org.ask("b", 3, START).drawn, 3);
    let denied = org.ask("c", 1, START);
    assert_eq!(
        (denied.reason, denied.binding.unwrap().name),
        (Reason::PoolExhausted, "pool")
    );
    assert_eq!(denied.retry, Retry::After(SECOND));
    assert_eq!(org.ask("c", 1, START + SECOND).reason, Reason::Ok);
}

#[test]
fn a_cost_that_never_fits_says_so_and_one_that_a_scheduled_boost_will_fit_waits_for_it() {
    let mut org = Org::new(no_burst());
    let denied = org.ask("k", 11, START);
    assert_eq!((denied.reason, denied.retry), (Reason::CostExceedsLimit, Retry::Never));
    let from = Instant(START + 30 * SECOND);
    org.shape.factors = vec![Factor {
        hundredths: 200,
        from,
        until: from.after(60 * SECOND),
    }];
    let denied = org.ask("k", 11, START);
    assert_eq!(
        (denied.reason, denied.retry),
        (Reason::RateLimited, Retry::After(30 * SECOND))
    );
}

#[test]
fn a_limit_of_nothing_forbids_also_with_a_burst() {
    let mut org = Org::new(Shape {
        minute: 0,
        ..Shape::default()
    });
    let denied = org.ask("k", 1, START);
    assert_eq!((denied.reason, denied.retry), (Reason::PolicyForbids, Retry::Never));
}

#[test]
fn a_limit_of_nothing_forbids_whatever_the_cost() {
    let mut org = Org::new(Shape {
        minute: 0,
        ..no_burst()
    });
    let denied = org.ask_as("k", [0, 5], |_| {}, START);
    assert_eq!((denied.reason, denied.retry), (Reason::PolicyForbids, Retry::Never));
}

#[test]
fn a_meter_that_may_not_be_used_forbids_those_who_use_it() {
    let mut org = Org::new(Shape {
        tokens: 0,
        ..no_burst()
    });
    assert_eq!(org.ask("k", 1, START).reason, Reason::Ok);
    assert_eq!(org.ask_as("k", [1, 1], |_| {}, START).reason, Reason::PolicyForbids);
}

#[test]
fn a_boost_starts_and_ends_exactly_and_forgives_nothing() {
    let (from, until) = (Instant(START + SECOND), Instant(START + 2 * SECOND));
    let mut org = Org::new(Shape {
        factors: vec![Factor {
            hundredths: 500,
            from,
            until,
        }],
        ..no_burst()
    });
    assert_eq!(org.ask("k", 10, START).reason, Reason::Ok);
    assert_eq!(org.ask("k", 1, from.0 - 1).reason, Reason::RateLimited);
    let boosted = org.ask("k", 40, from.0);
    assert_eq!(
        (
            boosted.reason,
            boosted.binding.unwrap().limit,
            boosted.binding.unwrap().remaining
        ),
        (Reason::Ok, 50, 0)
    );
    let after = org.ask("k", 1, until.0);
    assert_eq!(
        (after.binding.unwrap().limit, after.binding.unwrap().remaining),
        (10, 0)
    );
    // The ten of the start have aged out, the forty of the boost still stand against ten.
    assert_eq!(org.ask("k", 1, START + 61 * SECOND).reason, Reason::RateLimited);
}

#[test]
fn a_second_meter_is_charged_for_itself_and_denies_all() {
    let mut org = Org::new(no_burst());
    assert_eq!(org.ask_as("k", [1, 990], |_| {}, START).reason, Reason::Ok);
    let denied = org.ask_as("k", [1, 11], |_| {}, START);
    assert_eq!(denied.binding.unwrap().name, "tokens");
    let left = org.ask_as("k", [1, 10], |_| {}, START);
    assert_eq!((left.reason, left.binding.unwrap().name), (Reason::Ok, "tokens"));
    assert_eq!(
        org.ask("k", 8, START).reason,
        Reason::Ok,
        "the denied request charged none of its limits"
    );
}

#[test]
fn the_binding_limit_is_the_one_that_fewest_more_requests_fit() {
    let mut org = Org::new(Shape {
        minute: 60,
        calls: 20,
        ..Shape::default()
    });
    let decision = org.ask("k", 5, START);
    // 19 calls are left, but 55 units are 11 scans.
    let binding = decision.binding.unwrap();
    assert_eq!((binding.name, binding.remaining), ("per-minute", 55));
}

#[test]
fn warnings_come_with_the_response_that_crosses() {
    let mut org = Org::new(no_burst());
    assert!(org.ask("k", 7, START).warnings.is_empty());
    let crossing = org.ask("k", 1, START);
    let warnings: Vec<_> = crossing
        .warnings
        .iter()
        .map(|warning| (warning.name, warning.used_percent))
        .collect();
    assert_eq!(warnings, [("per-minute", 80)]);
}

#[test]
fn a_shadow_limit_never_denies_is_counted_as_if_it_did_and_keeps_none_from_being_charged() {
    let mut org = Org::new(Shape {
        shadow_minute: true,
        five: 12,
        ..no_burst()
    });
    for _ in 0..10 {
        assert!(org.ask("k", 1, START).shadow_denied.is_empty());
    }
    let beyond = org.ask("k", 2, START);
    assert_eq!(
        (beyond.reason, beyond.shadow_denied.iter().next()),
        (Reason::Ok, Some("per-minute"))
    );
    let denied = org.ask("k", 1, START);
    assert_eq!(
        (denied.reason, denied.binding.unwrap().name),
        (Reason::RateLimited, "per-five")
    );
    // The ten that it would have allowed age out together: the two that it would have denied are not in it.
    let later = org.ask_as("k", [10, 0], |ask| ask.look = true, START + 61 * SECOND);
    assert!(later.shadow_denied.is_empty());
}

#[test]
fn each_charges_every_limit_even_when_one_denies() {
    let mut org = Org::new(Shape { calls: 2, ..no_burst() });
    for reason in [Reason::Ok, Reason::Ok, Reason::RateLimited] {
        assert_eq!(
            org.ask_as("k", [1, 0], |ask| ask.mode = ChargeMode::Each, START).reason,
            reason
        );
    }
    // Three units are gone from the minute although the third request was denied: seven are left, not eight.
    let wait = 60 * SECOND;
    org.shape.calls = 0;
    let look = org.ask_as("k", [8, 0], |ask| ask.look = true, START + wait / 2);
    assert_eq!(look.reason, Reason::RateLimited);
}

#[test]
fn record_allows_and_exceeds() {
    let mut org = Org::new(no_burst());
    let recorded = org.ask_as("k", [25, 0], |ask| ask.mode = ChargeMode::Record, START);
    assert_eq!((recorded.reason, recorded.binding.unwrap().remaining), (Reason::Ok, 0));
    assert_eq!(recorded.warnings.iter().next().unwrap().used_percent, 250);
    assert_eq!(org.ask("k", 1, START + 59 * SECOND).reason, Reason::RateLimited);
}

#[test]
fn a_refund_gives_the_pool_its_units_first() {
    let mut org = Org::new(Shape {
        minute: 5,
        ..Shape::default()
    });
    assert_eq!(org.ask("k", 8, START).drawn, 3);
    let refund = org.ask_as("k", [4, 0], |ask| ask.refund = true, START);
    assert_eq!(
        (refund.reason, refund.binding.unwrap().remaining, refund.burst_remaining),
        (Reason::Ok, 1, 10)
    );
    let more = org.ask_as("k", [100, 0], |ask| ask.refund = true, START);
    assert_eq!(more.binding.unwrap().remaining, 5, "not below nothing used");
}

#[test]
fn slots_are_held_by_allowed_calls_and_come_back() {
    let mut org = Org::new(no_burst());
    let take = |org: &mut Org, now| {
        let decision = org.ask_slot("k", [1, 0], Some(SLOT), |_| {}, now);
        (decision.reason, decision.slot_held)
    };
    assert_eq!(take(&mut org, START), (Reason::Ok, true));
    assert_eq!(take(&mut org, START), (Reason::Ok, true));
    let third = org.ask_slot("k", [1, 0], Some(SLOT), |_| {}, START);
    assert_eq!(
        (third.reason, third.retry, third.slot_held),
        (Reason::ConcurrencyExceeded, Retry::Later, false)
    );
    assert_eq!(third.binding.unwrap().name, "async");
    let look = org.ask_slot("other", [1, 0], Some(SLOT), |ask| ask.look = true, START);
    assert_eq!((look.reason, look.slot_held), (Reason::Ok, false));
    assert!(org.shard.release_slot("acme", DecisionId(1), Now::at(START)));
    assert!(
        !org.shard.release_slot("acme", DecisionId(1), Now::at(START)),
        "a second release does nothing"
    );
    assert!(
        !org.shard.release_slot("other", DecisionId(2), Now::at(START)),
        "another org's slot is not given back"
    );
    assert_eq!(take(&mut org, START), (Reason::Ok, true));
    let end = START + 900 * SECOND;
    assert_eq!(
        org.shard.extend_slot("acme", DecisionId(2), Now::at(end - 1)),
        Some(900 * SECOND)
    );
    assert_eq!(
        org.shard.extend_slot("acme", DecisionId(5), Now::at(end)),
        None,
        "its time ended"
    );
    assert_eq!(take(&mut org, end), (Reason::Ok, true));
    assert_eq!(take(&mut org, end).0, Reason::ConcurrencyExceeded);
}

#[test]
fn a_full_slot_charges_no_limit() {
    let mut org = Org::new(no_burst());
    let slot = SlotTerms { depth: 0, ..SLOT };
    assert_eq!(
        org.ask_slot("k", [9, 0], Some(slot), |_| {}, START).reason,
        Reason::ConcurrencyExceeded
    );
    assert_eq!(org.ask("k", 10, START).reason, Reason::Ok);
}

#[test]
fn time_that_goes_back_is_a_stopped_clock() {
    let mut org = Org::new(no_burst());
    assert_eq!(org.ask("k", 10, START + 30 * SECOND).reason, Reason::Ok);
    let denied = org.ask("k", 1, START);
    assert!(matches!(denied.retry, Retry::After(nanos) if (60 * SECOND..60 * SECOND + 2_000_000).contains(&nanos)));
}

/// A batch of `costs` of one key.
pub(super) fn batch(org: &mut Org, costs: &[u64]) -> (Vec<Reason>, bool) {
    let mut batch = Batch::default();
    let now = Now::at(START);
    let reasons = costs.iter().map(|cost| {
        let mut amounts = Amounts::default();
        amounts.0[0] = *cost;
        let terms = Terms {
            plan_groups: &org.plan,
            endpoint_groups: &org.endpoint,
            plan_quotas: &org.quotas,
            org_quotas: &[],
            factors: Factors::default(),
            slot: None,
            amounts,
            declared: false,
            org_declared: true,
        };
        let ask = Ask {
            org: "acme",
            account: crate::state::fingerprint::Account::default(),
            key: "k",
            endpoint: "POST /scan",
            attributes: &[],
            terms: &terms,
            mode: ChargeMode::AllOrNone,
            look: false,
            refund: false,
            decision_id: DecisionId(0),
        };
        org.shard.decide_next(&mut batch, &org.layouts, &ask, now, None).reason
    });
    let reasons = reasons.collect();
    (reasons, org.shard.finish(batch, &org.layouts, now))
}

#[test]
fn a_batch_is_charged_whole_or_not_at_all_and_sees_its_own_charges() {
    let mut org = Org::new(no_burst());
    assert_eq!(
        batch(&mut org, &[4, 4, 4]),
        (vec![Reason::Ok, Reason::Ok, Reason::RateLimited], false)
    );
    assert_eq!(batch(&mut org, &[4, 4, 2]), (vec![Reason::Ok; 3], true));
    assert_eq!(org.ask("k", 1, START).reason, Reason::RateLimited);
}
