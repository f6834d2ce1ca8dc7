//! Whether a request as a whole is denied, by what came of its descriptors.

use crate::charge::Outcome;
use crate::plan::{Item, Plan};

/// How one descriptor bears on the whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bears {
    /// Not at all: uncounted by rule, or no matter of rules.
    Not,
    /// It is within its limit, has none, or is in shadow mode.
    Passes,
    /// It is over a limit that denies for itself.
    Denies,
}

/// Whether a descriptor is over its limit and not in shadow mode.
pub(crate) fn bears(item: &Item<'_>, outcome: Option<&Outcome>) -> Bears {
    match (item, outcome) {
        (Item::Unlimited(_) | Item::Native, _) => Bears::Not,
        (Item::Counted(counted), Some(outcome)) if outcome.over && !counted.matched.shadow_mode() => Bears::Denies,
        (Item::Free | Item::Counted(_), _) => Bears::Passes,
    }
}

/// Whether a descriptor is one of the request's quotas. With quota mode for all, those without a limit are too, as in the
/// reference: they are quotas that never run out.
pub(crate) fn is_quota(item: &Item<'_>, quota_mode: bool) -> bool {
    match item {
        Item::Unlimited(_) | Item::Native => false,
        Item::Free => quota_mode,
        Item::Counted(counted) => quota_mode || counted.matched.quota_mode(),
    }
}

/// Denied is a request of which a limit is over, or every quota if it has any.
pub(crate) fn denies(plan: &Plan<'_, '_>, outcomes: &[Option<Outcome>], quota_mode: bool) -> bool {
    let (mut quotas, mut exhausted, mut limits) = (0_usize, 0_usize, 0_usize);
    for (item, outcome) in plan.items.iter().zip(outcomes) {
        let over = bears(item, outcome.as_ref()) == Bears::Denies;
        if is_quota(item, quota_mode) {
            quotas += 1;
            exhausted += usize::from(over);
        } else {
            limits += usize::from(over);
        }
    }
    limits > 0 || quotas > 0 && quotas == exhausted
}
