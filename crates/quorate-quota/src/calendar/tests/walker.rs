//! A naive calendar: it walks from second to second and looks at nothing but what the zone's clock shows.

use jiff::Timestamp;
use jiff::civil::{Date, Weekday};
use jiff::tz::{TimeZone, TimeZoneDatabase};

use super::super::CalendarKind;

pub(super) struct Walker {
    kind: CalendarKind,
    anchor: i8,
    zone: TimeZone,
}

impl Walker {
    pub(super) fn new(kind: CalendarKind, anchor: i8, zone: &str) -> Self {
        Self {
            kind,
            anchor,
            zone: TimeZoneDatabase::bundled().get(zone).unwrap(),
        }
    }

    /// Seconds of the epoch, in `from..to`, at which a period begins, when it looks every `step` seconds.
    pub(super) fn beginnings(&self, from: i64, to: i64, step: usize) -> Vec<i64> {
        // The latest date that the clock has shown: a day once begun is not left again. Two days of run-up are enough,
        // since no clock is set back by more.
        let days = (from - 2 * 86_400..from - 7_200).step_by(600);
        let hours = (from - 7_200..from).step_by(10).chain([from - 1]);
        let mut latest = days.chain(hours).map(|second| self.date(second)).max().unwrap();
        let mut found = Vec::new();
        for second in (from..to).step_by(step) {
            let date = self.date(second);
            let begins = match self.kind {
                CalendarKind::Hour => self.hour_begins(second),
                CalendarKind::Lifetime => false,
                _ => date > latest && self.holds_a_first(latest, date),
            };
            latest = latest.max(date);
            if begins {
                found.push(second);
            }
        }
        found
    }

    /// The clock shows a full hour, or its minutes jumped.
    fn hour_begins(&self, second: i64) -> bool {
        let shown = self.shown(second);
        let before = self.shown(second - 1);
        let expected = (before.1 + 1) % 60 == shown.1;
        let minutes = if shown.1 == 0 { (before.0 + 1) % 60 } else { before.0 };
        shown == (0, 0) || !expected || shown.0 != minutes
    }

    /// Whether one of the dates after `latest`, to `date`, is the first of a period.
    fn holds_a_first(&self, latest: Date, date: Date) -> bool {
        let mut day = latest;
        while day < date {
            day = day.tomorrow().unwrap();
            let is_first = match self.kind {
                CalendarKind::Week => day.weekday() == Weekday::Monday,
                CalendarKind::Month => day.day() == self.anchor.min(day.days_in_month()),
                CalendarKind::Year => day.day_of_year() == 1,
                _ => true,
            };
            if is_first {
                return true;
            }
        }
        false
    }

    fn date(&self, second: i64) -> Date {
        self.zone.to_datetime(Timestamp::from_second(second).unwrap()).date()
    }

    /// Minute and second.
    fn shown(&self, second: i64) -> (i8, i8) {
        let shown = self.zone.to_datetime(Timestamp::from_second(second).unwrap());
        (shown.minute(), shown.second())
    }
}
