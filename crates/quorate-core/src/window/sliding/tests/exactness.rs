//! Limits of at most 64 units are an exact log, to a tick.

use proptest::prelude::*;

use super::history::{Deed, PLAIN, histories};
use crate::time::Instant;
use crate::window::exact::{Exact, cases};

proptest! {
    #![proptest_config(cases(1_500))]

    #[test]
    fn on_ticks_every_decision_is_the_exact_logs(
        history in prop_oneof![histories(1..=8, PLAIN), histories(9..=64, PLAIN)],
    ) {
        let mut own = Exact::default();
        history.replay(true, |moment| {
            let window = moment.tick.window().nanos();
            match moment.deed {
                Deed::Ask(cost) => {
                    let fits = own.within(window, moment.now) + u128::from(cost) <= u128::from(moment.limit);
                    prop_assert_eq!(moment.done, fits);
                    if fits {
                        own.admit(cost, moment.now, 0);
                    }
                }
                Deed::Refund(units) => {
                    let used = u64::try_from(own.within(window, moment.now)).unwrap_or(u64::MAX);
                    own.refund(units.min(used));
                }
                _ => {}
            }
            prop_assert_eq!(u128::from(moment.used_after()), own.within(window, moment.now));
            Ok(())
        })?;
    }

    #[test]
    fn never_early_and_less_than_a_tick_late(
        history in prop_oneof![histories(1..=8, PLAIN), histories(9..=64, PLAIN)],
    ) {
        history.replay(false, |moment| {
            let window = moment.tick.window().nanos();
            let used = u128::from(moment.used_before());
            prop_assert!(used >= moment.exact.within(window, moment.now), "freed early");
            // A unit is late by less than a tick: one admitted a whole tick before the window no longer counts.
            let horizon = moment.now.0.checked_sub(window + moment.tick.nanos() - 1);
            prop_assert!(used <= moment.exact.after(horizon.map(Instant)), "freed a tick late");
            Ok(())
        })?;
    }

    #[test]
    fn every_unit_keeps_its_own_time(history in histories(1..=64, PLAIN)) {
        history.replay(false, |moment| {
            let log = moment.before;
            prop_assert_eq!(log.group(), 1);
            let times = (0..log.len()).map(|place| log.tick_of(place));
            let live: Vec<u64> = times.filter(|time| log.is_live(*time, &moment.tick, moment.now)).collect();
            let units = moment.exact.admissions().iter().flat_map(|admission| {
                let count = usize::try_from(admission.units).unwrap_or(usize::MAX);
                core::iter::repeat_n(moment.tick.ceil(admission.at), count)
            });
            let units: Vec<u64> = units.collect();
            prop_assert_eq!(&live[..], &units[units.len() - live.len()..]);
            Ok(())
        })?;
    }
}
