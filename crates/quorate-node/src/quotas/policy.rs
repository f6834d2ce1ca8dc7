//! What the policy says of a quota, in the words of calendars and leases.

use quorate_policy::{OnUnavailable, QuotaDefinition, QuotaPeriod};
use quorate_quota::calendar::{Calendar, CalendarError, CalendarKind};
use quorate_quota::lease::{Kind, Terms};

/// The terms of a quota's leases.
pub(super) fn terms(definition: &QuotaDefinition<'_>) -> Terms {
    let kind = match (definition.hard, definition.on_unavailable) {
        (true, _) => Kind::Hard,
        (false, Some(OnUnavailable::Deny)) => Kind::Soft { overdraft: 0 },
        (false, _) => Kind::soft(definition.limit),
    };
    Terms::new(definition.limit, kind, definition.alert_at.into())
}

/// The calendar of a quota.
pub(super) fn calendar(definition: &QuotaDefinition<'_>) -> Result<Calendar, CalendarError> {
    let (kind, anchor_day) = match definition.period {
        QuotaPeriod::Hour => (CalendarKind::Hour, 1),
        QuotaPeriod::Day => (CalendarKind::Day, 1),
        QuotaPeriod::Week => (CalendarKind::Week, 1),
        QuotaPeriod::Month { anchor_day } => (CalendarKind::Month, anchor_day),
        QuotaPeriod::Year => (CalendarKind::Year, 1),
        QuotaPeriod::Lifetime => (CalendarKind::Lifetime, 1),
    };
    Calendar::new(kind, anchor_day, definition.time_zone)
}
