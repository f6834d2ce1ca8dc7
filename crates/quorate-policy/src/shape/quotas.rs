//! The fields of quotas, and of an org's agreement to use more than a soft one holds.

use super::limits::{MODES, ON_UNAVAILABLE};
use super::{Kind, Object, Word, optional, required, word};

/// The most units of a quota: every JSON reader takes it exactly.
pub(crate) const QUOTA_MAX: u64 = 1 << 53;

const PERIODS: &[Word] = &[
    word("hour", "By the clock."),
    word("day", "From midnight in the org's time zone."),
    word("week", "From Monday."),
    word("month", "From the first, or from `anchor_day`."),
    word("year", "From the first of January."),
    word("lifetime", "Once."),
];

const QUOTA_KINDS: &[Word] = &[
    word("hard", "Never overspent."),
    word(
        "soft",
        "Allowed beyond, and told how much: for orgs with an `overage` agreement. For all others it is hard.",
    ),
];

const STATUSES: &[Word] = &[word("402", "Payment Required."), word("429", "Too Many Requests.")];

pub(crate) const QUOTA: Object = Object {
    name: "a quota",
    doc: "An amount per calendar period, or once. Durable: what is used stays used, whatever restarts.",
    fields: &[
        required(
            "name",
            Kind::Name,
            "Its name in answers and metrics. No limit or quota that may meet the same request has it, too.",
        ),
        required(
            "per",
            Kind::Per,
            "What one account belongs to, within the org. A quota per attributes, at most 8, applies to requests that carry them.",
        ),
        required("limit", Kind::Integer(1, QUOTA_MAX), "How many units."),
        required(
            "period",
            Kind::Word(PERIODS),
            "Per which calendar period, in the org's time zone.",
        ),
        optional(
            "anchor_day",
            Kind::Integer(1, 31),
            "`1`",
            "The day on which a month begins; in shorter months their last day.",
        ),
        optional("meter", Kind::Name, "`requests`", "Units of which meter."),
        optional("kind", Kind::Word(QUOTA_KINDS), "`hard`", "What happens at its end."),
        optional(
            "warn_at",
            Kind::OneOrMany(&Kind::Percent),
            "`defaults.warn_at`",
            "At which uses answers carry a warning; at most 8, none for an empty list.",
        ),
        optional(
            "alert_at",
            Kind::OneOrMany(&Kind::Percent),
            "`[50%, 80%, 90%, 100%]`",
            "At which uses operators are told, in metrics and the log; at most 8, none for an empty list.",
        ),
        optional("status", Kind::Word(STATUSES), "`429`", "The HTTP status of a denial."),
        optional("mode", Kind::Word(MODES), "`enforce`", "Whether it denies."),
        optional(
            "on_unavailable",
            Kind::Word(ON_UNAVAILABLE),
            "soft quotas: `defaults.on_unavailable`",
            "What happens when the store is away. Refused on a hard quota.",
        ),
    ],
};

pub(crate) const AGREEMENT: Object = Object {
    name: "an agreement",
    doc: "An org's agreement to use more than a soft quota holds, and to have it counted as overage.",
    fields: &[
        required("agreed_by", Kind::Text, "Who agreed for the org."),
        required(
            "agreed_at",
            Kind::Timestamp,
            "When. A record: the agreement holds from when the policy is in force.",
        ),
        optional("reason", Kind::Text, "none", "What for, or where it is written."),
    ],
};
