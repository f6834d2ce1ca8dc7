//! The fields of endpoints, orgs, keys, boosts and incidents.

use super::limits::{LIMIT, MODES};
use super::quotas::{AGREEMENT, QUOTA, QUOTA_MAX};
use super::{Kind, Object, Word, optional, required, word};

/// The largest cost factor: a call that costs more than a million is not a call.
const COST_FACTOR_MAX: u64 = 1_000_000;
/// The longest boost or incident: 400 days. Longer is a plan.
const STRETCH_MAX_NS: u64 = 400 * 86_400 * 1_000_000_000;
/// The length of a boost or incident; the settings state narrower bounds.
pub(crate) const STRETCH: Kind = Kind::Duration(1_000_000_000, STRETCH_MAX_NS);

const SCOPES: Kind = Kind::List(&Kind::Name);

pub(crate) const ENDPOINT: Object = Object {
    name: "an endpoint",
    doc: "One entry of the catalogue. The most specific entry that matches a request applies.",
    fields: &[
        required(
            "match",
            Kind::Template,
            "What it matches: a method and a path template (`{id}` is one segment, a final `*` is whatever follows), or a gRPC method.",
        ),
        optional(
            "cost_factor",
            Kind::Integer(0, COST_FACTOR_MAX),
            "`1`",
            "What the cost of a request is multiplied by.",
        ),
        optional(
            "amounts",
            Kind::Named(&Kind::Name, &Kind::Integer(0, QUOTA_MAX)),
            "none",
            "What one request costs on other meters. The caller may say otherwise.",
        ),
        optional(
            "limits",
            Kind::List(&Kind::Object(&LIMIT)),
            "none",
            "Limits of its own, beside the plan's. They count calls, unless they say otherwise.",
        ),
        optional(
            "slot",
            Kind::Name,
            "none",
            "The concurrency slot that an allowed call holds.",
        ),
        optional("scopes_any", SCOPES, "none", "Scopes of which a key needs one."),
        optional("scopes_all", SCOPES, "none", "Scopes that a key needs."),
        optional(
            "environments",
            Kind::List(&Kind::Name),
            "all",
            "Environments from which it may be called.",
        ),
        optional("forbid", Kind::Bool, "`false`", "Deny every request."),
        optional("exempt", Kind::Bool, "`false`", "Metered, never denied, whoever asks."),
    ],
};

const ORG_STATES: &[Word] = &[
    word("active", "It is served."),
    word("paused", "Every request is denied `PAUSED`."),
    word("banned", "Every request is denied `BANNED`."),
];

const KEY_STATES: &[Word] = &[
    word("active", "It is served."),
    word("paused", "Every request is denied `PAUSED`."),
    word("suspended", "Every request is denied `KEY_SUSPENDED`."),
    word("revoked", "Every request is denied `KEY_REVOKED`."),
    word("banned", "Every request is denied `BANNED`."),
];

const BOOST: Object = Object {
    name: "a boost",
    doc: "A factor on rate limits for a stated time. Overlapping boosts take the maximum.",
    fields: &[
        required(
            "factor",
            Kind::Factor,
            "What limits are multiplied by, within the bounds of the settings.",
        ),
        required("from", Kind::Timestamp, "Its first instant."),
        required(
            "for",
            STRETCH,
            "How long it is in force, within the bounds of the settings.",
        ),
        optional(
            "keys",
            Kind::List(&Kind::Id),
            "the whole org",
            "The keys whose limits it bears on.",
        ),
        optional(
            "endpoints",
            Kind::List(&Kind::Template),
            "the whole org",
            "The endpoints whose limits it bears on, as the catalogue writes them.",
        ),
        required("requested_by", Kind::Text, "Who asked for it."),
        optional(
            "approved_by",
            Kind::Text,
            "required with two approvals",
            "Who approved it: another person.",
        ),
        required("reason", Kind::Text, "What for."),
    ],
};

const INCIDENT: Object = Object {
    name: "an incident",
    doc: "A time during which the org's rate limits are multiplied by the factor of the settings.",
    fields: &[
        required("from", Kind::Timestamp, "Its first instant."),
        optional(
            "for",
            STRETCH,
            "the longest that the settings allow",
            "How long it is open.",
        ),
        optional("until", Kind::Timestamp, "`for`", "Its end, instead of `for`."),
        required("opened_by", Kind::Text, "Who opened it."),
        required("reason", Kind::Text, "What for."),
    ],
};

pub(crate) const ORG: Object = Object {
    name: "an org",
    doc: "A tenant.",
    fields: &[
        optional("plan", Kind::Name, "`defaults.plan`", "What it may use."),
        optional(
            "time_zone",
            Kind::TimeZone,
            "`UTC`",
            "Where its calendar periods begin.",
        ),
        optional(
            "mode",
            Kind::Word(MODES),
            "`enforce`",
            "Whether any limit, slot or quota denies its requests.",
        ),
        optional("state", Kind::Word(ORG_STATES), "`active`", "Whether it is served."),
        optional(
            "boosts",
            Kind::List(&Kind::Object(&BOOST)),
            "none",
            "Factors for a stated time.",
        ),
        optional(
            "incidents",
            Kind::List(&Kind::Object(&INCIDENT)),
            "none",
            "Breach responses.",
        ),
        optional(
            "quotas",
            Kind::List(&Kind::Object(&QUOTA)),
            "none",
            "Quotas of its own, beside the plan's.",
        ),
        optional(
            "overage",
            Kind::Object(&AGREEMENT),
            "none: soft quotas are hard",
            "Its agreement to overage.",
        ),
    ],
};

pub(crate) const KEY: Object = Object {
    name: "a key",
    doc: "An API key, agent or workload, by its id, never its secret.",
    fields: &[
        required("org", Kind::Id, "Whose it is."),
        optional("environment", Kind::Name, "any", "The environment that it is bound to."),
        optional("scopes", SCOPES, "none", "What it may do."),
        optional("state", Kind::Word(KEY_STATES), "`active`", "Whether it is served."),
        optional(
            "expires",
            Kind::Timestamp,
            "never",
            "The first instant at which it is denied `KEY_EXPIRED`.",
        ),
        optional(
            "credential_hash",
            Kind::Hash,
            "none",
            "The keyed hash of its secret, for callers that send the secret.",
        ),
    ],
};
