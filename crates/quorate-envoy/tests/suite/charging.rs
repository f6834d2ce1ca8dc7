//! Laws of charging: what a request that passes or is denied leaves behind, in each way of charging.

use proptest::prelude::*;
use quorate_core::time::SECOND;
use quorate_envoy::{Charge, Code, Descriptor, Hits, Options, Override, Refused, Request, Rules, Settings, Source};

use crate::counters::Sums;

const START: u64 = 1_800_000_000 * SECOND;

fn load(text: &str) -> Rules {
    let source = Source {
        name: "rules.yaml".to_owned(),
        text: text.to_owned(),
    };
    Rules::load(&[source], Options::default())
        .expect("the rules are right")
        .0
}

fn rules() -> Rules {
    load(
        "
domain: d
descriptors:
  - { key: a, rate_limit: { unit: hour, requests_per_unit: 3 } }
  - { key: b, rate_limit: { unit: hour, requests_per_unit: 5 } }
  - { key: s, rate_limit: { unit: hour, requests_per_unit: 2 }, shadow_mode: true }
  - { key: q, rate_limit: { unit: hour, requests_per_unit: 2 }, quota_mode: true }
  - { key: r, rate_limit: { unit: hour, requests_per_unit: 4 }, quota_mode: true }
  - { key: w, rate_limit: { unit: hour, requests_per_unit: 3, algorithm: sliding_window } }
",
    )
}

fn hits(key: &'static str, hits: u64) -> (&'static str, u64, bool) {
    (key, hits, false)
}

/// Asks, and says what was answered: the whole, and per descriptor the code and what remains.
fn ask(
    rules: &Rules,
    sums: &mut Sums,
    charge: Charge,
    asked: &[(&'static str, u64, bool)],
) -> (Code, Vec<(Code, u32)>) {
    let entries: Vec<[(&str, &str); 1]> = asked.iter().map(|(key, ..)| [(*key, "v")]).collect();
    let descriptors: Vec<Descriptor<'_>> = asked
        .iter()
        .zip(&entries)
        .map(|((_, hits, back), entries)| Descriptor {
            entries,
            hits_addend: Some(*hits),
            is_negative_hits: *back,
            ..Descriptor::default()
        })
        .collect();
    let request = Request {
        domain: "d",
        descriptors: &descriptors,
        hits_addend: 0,
    };
    let settings = Settings {
        charge,
        ..Settings::default()
    };
    let response = rules.plan(request).expect("it is a request").decide(&settings, sums);
    let statuses = response
        .statuses
        .iter()
        .map(|status| (status.code, status.limit_remaining));
    (response.overall, statuses.collect())
}

fn sums() -> Sums {
    Sums {
        now: START,
        ..Sums::default()
    }
}

use Code::{Ok as Passes, OverLimit as Over};

#[test]
fn all_charges_even_what_is_denied() {
    let (rules, mut sums) = (rules(), sums());
    let answer = ask(&rules, &mut sums, Charge::All, &[hits("a", 4), hits("b", 2)]);
    assert_eq!(answer, (Over, vec![(Over, 0), (Passes, 3)]));
    let answer = ask(&rules, &mut sums, Charge::All, &[hits("a", 0), hits("b", 0)]);
    assert_eq!(answer, (Over, vec![(Over, 0), (Passes, 3)]));
}

#[test]
fn stopping_charges_only_what_denies() {
    let (rules, mut sums) = (rules(), sums());
    let answer = ask(&rules, &mut sums, Charge::StopWhenOver, &[hits("a", 4), hits("b", 2)]);
    assert_eq!(answer, (Over, vec![(Over, 0), (Passes, 5)]));
    // What denied has counted.
    assert_eq!(ask(&rules, &mut sums, Charge::All, &[hits("a", 0)]).0, Over);
}

#[test]
fn stopping_looks_at_all_before_it_charges_any() {
    let (rules, mut sums) = (rules(), sums());
    let answer = ask(&rules, &mut sums, Charge::StopWhenOver, &[hits("a", 2), hits("a", 2)]);
    assert_eq!(answer, (Over, vec![(Passes, 1), (Over, 0)]));
}

#[test]
fn stopping_tells_what_is_not_charged_the_count_at_its_turn() {
    let (rules, mut sums) = (rules(), sums());
    let mut stop = |asked: &[_]| ask(&rules, &mut sums, Charge::StopWhenOver, asked);
    // The first of one counter is over, and charged before the second is told how it stands.
    assert_eq!(stop(&[hits("a", 4), hits("a", 1)]), (Over, vec![(Over, 0), (Over, 0)]));
    // The other way round nothing was added yet.
    assert_eq!(
        stop(&[hits("b", 1), hits("b", 6)]),
        (Over, vec![(Passes, 5), (Over, 0)])
    );
}

#[test]
fn all_or_none_charges_nothing_when_denied() {
    let (rules, mut sums) = (rules(), sums());
    let answer = ask(&rules, &mut sums, Charge::AllOrNone, &[hits("a", 4), hits("b", 2)]);
    assert_eq!(answer, (Over, vec![(Over, 0), (Passes, 5)]));
    let answer = ask(&rules, &mut sums, Charge::AllOrNone, &[hits("a", 3), hits("b", 2)]);
    assert_eq!(answer, (Passes, vec![(Passes, 0), (Passes, 3)]));
}

#[test]
fn all_or_none_counts_what_the_same_request_adds_before() {
    let (rules, mut sums) = (rules(), sums());
    let answer = ask(&rules, &mut sums, Charge::AllOrNone, &[hits("a", 2), hits("a", 2)]);
    assert_eq!(answer, (Over, vec![(Passes, 3), (Over, 0)]));
    let answer = ask(&rules, &mut sums, Charge::AllOrNone, &[hits("a", 2), hits("a", 1)]);
    assert_eq!(answer, (Passes, vec![(Passes, 1), (Passes, 0)]));
}

#[test]
fn shadow_mode_keeps_nothing_from_being_charged() {
    let (rules, mut sums) = (rules(), sums());
    let answer = ask(&rules, &mut sums, Charge::AllOrNone, &[hits("s", 3), hits("b", 2)]);
    assert_eq!(answer, (Passes, vec![(Passes, 0), (Passes, 3)]));
    assert_eq!(ask(&rules, &mut sums, Charge::All, &[hits("s", 0)]).1, [(Passes, 2)]);
}

#[test]
fn one_quota_of_several_does_not_deny() {
    let (rules, mut sums) = (rules(), sums());
    for charge in [Charge::All, Charge::AllOrNone] {
        let answer = ask(&rules, &mut sums, charge, &[hits("q", 3), hits("r", 1)]);
        assert_eq!((answer.0, answer.1[0]), (Passes, (Over, 0)), "{charge:?}");
    }
    let answer = ask(&rules, &mut sums, Charge::All, &[hits("q", 3), hits("r", 9)]);
    assert_eq!(answer.0, Over);
}

#[test]
fn a_sliding_window_is_not_charged_what_it_denies() {
    let (rules, mut sums) = (rules(), sums());
    assert_eq!(ask(&rules, &mut sums, Charge::All, &[hits("w", 2)]).1, [(Passes, 1)]);
    assert_eq!(ask(&rules, &mut sums, Charge::All, &[hits("w", 2)]).1, [(Over, 0)]);
    assert_eq!(ask(&rules, &mut sums, Charge::All, &[hits("w", 1)]).1, [(Passes, 0)]);
}

#[test]
fn giving_back_passes_however_much_is_used() {
    let (rules, mut sums) = (rules(), sums());
    for charge in [Charge::All, Charge::StopWhenOver, Charge::AllOrNone] {
        ask(&rules, &mut sums, Charge::All, &[hits("a", 20)]);
        assert_eq!(
            ask(&rules, &mut sums, charge, &[("a", 1, true)]),
            (Passes, vec![(Passes, 0)])
        );
        assert_eq!(
            ask(&rules, &mut sums, charge, &[("a", u64::MAX, true)]),
            (Passes, vec![(Passes, 3)])
        );
    }
}

#[test]
fn hits_beyond_every_count_are_over_and_lose_nothing() {
    let (rules, mut sums) = (rules(), sums());
    let answer = ask(
        &rules,
        &mut sums,
        Charge::All,
        &[hits("a", u64::MAX), hits("b", 1), hits("a", u64::MAX)],
    );
    assert_eq!(answer, (Over, vec![(Over, 0), (Passes, 4), (Over, 0)]));
}

#[test]
fn an_override_needs_a_unit_and_a_known_domain() {
    let rules = rules();
    let ask = |domain, unit| {
        let limit = Some(Override {
            requests_per_unit: 1,
            unit,
        });
        let descriptors = [Descriptor {
            entries: &[("x", "v")],
            limit,
            ..Descriptor::default()
        }];
        let request = Request {
            domain,
            descriptors: &descriptors,
            hits_addend: 0,
        };
        rules.plan(request).map(|plan| plan.counts())
    };
    assert_eq!(ask("d", 7), Ok(true));
    assert_eq!(ask("unknown", 0), Ok(false));
    for unit in [0, 8, -1, i32::MAX] {
        assert_eq!(ask("d", unit), Err(Refused::OverrideUnit { descriptor: 0, unit }));
    }
}

#[test]
fn hits_of_a_request_are_for_descriptors_without_their_own() {
    let request = |hits_addend| Request {
        domain: "d",
        descriptors: &[],
        hits_addend,
    };
    let of = |hits_addend| Descriptor {
        hits_addend,
        ..Descriptor::default()
    };
    assert_eq!(request(0).hits_of(&of(None)), Hits::Add(1));
    assert_eq!(request(4).hits_of(&of(None)), Hits::Add(4));
    assert_eq!(request(4).hits_of(&of(Some(0))), Hits::Add(0));
}

type Asked = Vec<(&'static str, u64, bool)>;

fn asked() -> impl Strategy<Value = Asked> {
    let key = prop::sample::select(vec!["a", "b", "s", "q", "r", "w", "none"]);
    prop::collection::vec((key, 0_u64..4, prop::bool::weighted(0.1)), 1..5)
}

proptest! {
    #[test]
    fn a_request_that_all_or_none_denies_changes_no_later_answer(
        before in prop::collection::vec(asked(), 0..12),
        denied in asked(),
        after in asked(),
    ) {
        let rules = rules();
        let (mut one, mut other) = (sums(), sums());
        for asked in &before {
            ask(&rules, &mut one, Charge::AllOrNone, asked);
            ask(&rules, &mut other, Charge::AllOrNone, asked);
        }
        let (overall, _) = ask(&rules, &mut one, Charge::AllOrNone, &denied);
        if overall == Over {
            let look = |sums: &mut Sums| ask(&rules, sums, Charge::All, &after);
            prop_assert_eq!(look(&mut one), look(&mut other));
        }
    }

    #[test]
    fn all_or_none_lets_no_limit_be_exceeded(requests in prop::collection::vec(asked(), 1..40)) {
        let rules = rules();
        let mut sums = sums();
        let mut passed = std::collections::BTreeMap::new();
        for asked in &requests {
            let without_refunds: Asked = asked.iter().filter(|(.., back)| !back).copied().collect();
            if without_refunds.is_empty() {
                continue;
            }
            let (overall, statuses) = ask(&rules, &mut sums, Charge::AllOrNone, &without_refunds);
            for ((key, hits, _), (code, _)) in without_refunds.iter().zip(statuses) {
                if overall == Passes && code == Passes && *key != "s" {
                    *passed.entry(*key).or_insert(0) += hits;
                }
            }
        }
        for (key, limit) in [("a", 3), ("b", 5), ("q", 2), ("r", 4), ("w", 3)] {
            prop_assert!(passed.get(key).copied().unwrap_or(0) <= limit, "{}", key);
        }
    }
}
