//! Never more than the promise, never much less.

use proptest::prelude::*;

use super::history::{Deed, EVERYTHING, Moment, histories};
use crate::time::Instant;
use crate::window::exact::cases;

/// Units admitted in the window that ends with this admission, it included.
fn units_of_window(moment: &Moment<'_>, cost: u64) -> u128 {
    moment.exact.within(moment.tick.window().nanos(), moment.now) + u128::from(cost)
}

/// A denial says that the window, a tick longer, is full but for what a group may hide.
fn denied_for_good_reason(moment: &Moment<'_>, cost: u64) -> Result<(), TestCaseError> {
    let length = moment.tick.window().nanos() + moment.tick.nanos();
    let units = moment.exact.within(length, moment.now);
    let hidden = u128::from(moment.group - 1);
    prop_assert!(
        units + u128::from(cost) + hidden > u128::from(moment.limit),
        "{units} units in a window and a tick, cost {cost} denied at limit {} with groups of up to {}",
        moment.limit,
        moment.group
    );
    Ok(())
}

proptest! {
    #![proptest_config(cases(1_500))]

    #[test]
    fn every_window_holds_at_most_the_limit_at_its_last_admission(
        history in prop_oneof![histories(1..=12, EVERYTHING), histories(13..=400, EVERYTHING)],
    ) {
        history.replay(false, |moment| {
            if let (Deed::Ask(cost @ 1..), true) = (moment.deed, moment.done) {
                let units = units_of_window(moment, cost);
                prop_assert!(units <= u128::from(moment.limit), "{units} units at limit {}", moment.limit);
            }
            Ok(())
        })?;
    }

    #[test]
    fn a_denial_means_a_full_window(
        history in prop_oneof![histories(1..=12, EVERYTHING), histories(13..=400, EVERYTHING)],
    ) {
        history.replay(false, |moment| match (moment.deed, moment.done) {
            (Deed::Ask(cost), false) => denied_for_good_reason(moment, cost),
            _ => Ok(()),
        })?;
    }

    #[test]
    fn a_cost_fits_at_the_promised_instant_and_not_a_nanosecond_before(
        history in prop_oneof![histories(1..=12, EVERYTHING), histories(13..=400, EVERYTHING)],
        cost in 0_u64..400,
    ) {
        history.replay(false, |moment| {
            let fits = |at| moment.after.used(&moment.tick, at) + cost <= moment.limit;
            match moment.after.fits_at(&moment.tick, cost, moment.limit, moment.now) {
                None => prop_assert!(cost > moment.limit),
                // Beyond the end of time nothing can be told.
                Some(Instant::MAX) => {}
                Some(at) => {
                    prop_assert!(cost <= moment.limit);
                    prop_assert!(fits(at), "does not fit when promised");
                    prop_assert!(at == moment.now || at > moment.now && !fits(Instant(at.0 - 1)), "fits earlier");
                }
            }
            Ok(())
        })?;
    }

    #[test]
    fn the_window_is_whole_when_promised_and_not_a_nanosecond_before(history in histories(1..=40, EVERYTHING)) {
        history.replay(false, |moment| {
            let used = |at| moment.after.used(&moment.tick, at);
            match moment.after.whole_at(&moment.tick, moment.now) {
                None => prop_assert_eq!(used(moment.now), 0),
                Some(Instant::MAX) => {}
                Some(at) => {
                    prop_assert_eq!(used(at), 0);
                    prop_assert!(used(Instant(at.0 - 1)) > 0 || moment.after.is_empty());
                }
            }
            Ok(())
        })?;
    }

    #[test]
    fn an_earlier_look_finds_no_fewer_units(history in histories(1..=40, EVERYTHING), back in 0_u64..2_000) {
        history.replay(false, |moment| {
            let earlier = Instant(moment.now.0.saturating_sub(moment.tick.window().nanos() / 1_000 * back));
            prop_assert!(moment.after.used(&moment.tick, earlier) >= moment.used_after());
            Ok(())
        })?;
    }
}
