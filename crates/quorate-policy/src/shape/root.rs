//! The fields of the document itself, and of its settings.

use super::limits::{ON_UNAVAILABLE, PLAN};
use super::subjects::{ENDPOINT, KEY, ORG, STRETCH};
use super::{Kind, Object, Word, optional, required, word};

const UNKNOWN_ORG: &[Word] = &[
    word("default_plan", "It is on `defaults.plan`."),
    word("deny", "Its requests are denied `POLICY_FORBIDS`."),
];

const UNKNOWN_KEY: &[Word] = &[
    word("auto", "`deny` for an org that declares any key, else `default_plan`."),
    word(
        "default_plan",
        "It is a key of the org that the request names, on the org's plan.",
    ),
    word("deny", "Its requests are denied `KEY_UNKNOWN`."),
];

/// Headers that answers may carry.
pub(crate) const HEADERS: &[Word] = &[
    word(
        "x-ratelimit-unix",
        "`X-RateLimit-Limit`, `-Remaining`, `-Reset` in Unix seconds, and `-Window: sliding_60s`.",
    ),
    word(
        "x-ratelimit-draft03",
        "The same names with seconds from now, as Envoy writes them.",
    ),
    word("ietf", "`RateLimit` and `RateLimit-Policy`."),
    word("warning", "`Warning: 299`, for clients that still read it."),
];

const DEFAULTS: Object = Object {
    name: "`defaults`",
    doc: "What holds where nothing else is said.",
    fields: &[
        optional(
            "plan",
            Kind::Name,
            "required, unless `unknown_org` is `deny`",
            "The plan of an org that nothing declares.",
        ),
        optional(
            "unknown_org",
            Kind::Word(UNKNOWN_ORG),
            "`default_plan`",
            "What to do with an org that nothing declares.",
        ),
        optional(
            "unknown_key",
            Kind::Word(UNKNOWN_KEY),
            "`auto`",
            "What to do with a key that nothing declares.",
        ),
        optional(
            "warn_at",
            Kind::PercentOrNever,
            "`80%`",
            "From which use of a limit answers carry a warning.",
        ),
        optional(
            "on_unavailable",
            Kind::Word(ON_UNAVAILABLE),
            "`local_share`",
            "What happens when whoever decides is away.",
        ),
    ],
};

const BOOSTS: Object = Object {
    name: "`boosts`",
    doc: "The bounds of every boost.",
    fields: &[
        optional(
            "factor",
            Kind::Range(&Kind::Factor),
            "`[2, 5]`",
            "The smallest and the largest factor.",
        ),
        optional(
            "duration",
            Kind::Range(&STRETCH),
            "`[24h, 72h]`",
            "The shortest and the longest duration.",
        ),
        optional(
            "approvals",
            Kind::Integer(1, 2),
            "`2`",
            "How many people it takes: 2 are the requester and another person.",
        ),
    ],
};

const INCIDENTS: Object = Object {
    name: "`incidents`",
    doc: "What an open incident does.",
    fields: &[
        optional(
            "factor",
            Kind::Factor,
            "`5`",
            "What the org's rate limits are multiplied by.",
        ),
        optional("max", STRETCH, "`72h`", "How long one may be open."),
    ],
};

pub(crate) const DOCUMENT: Object = Object {
    name: "the document",
    doc: "A policy of quorate.",
    fields: &[
        required("version", Kind::Version, "The version of this language: 1."),
        optional(
            "defaults",
            Kind::Object(&DEFAULTS),
            "as stated there",
            "What holds where nothing else is said.",
        ),
        optional(
            "headers",
            Kind::List(&Kind::Word(HEADERS)),
            "none",
            "HTTP headers that answers carry, by profile.",
        ),
        optional(
            "boosts",
            Kind::Object(&BOOSTS),
            "as stated there",
            "The bounds of every boost.",
        ),
        optional(
            "incidents",
            Kind::Object(&INCIDENTS),
            "as stated there",
            "What an open incident does.",
        ),
        optional(
            "environments",
            Kind::List(&Kind::Name),
            "none",
            "The environments that keys and endpoints may name.",
        ),
        optional(
            "meters",
            Kind::List(&Kind::Name),
            "none",
            "Meters beside `requests`, `tokens`, `compute_cost`, `usd_micros` and `bytes`, which are always there.",
        ),
        optional(
            "plans",
            Kind::Named(&Kind::Name, &Kind::Object(&PLAN)),
            "none",
            "What orgs may use, by name.",
        ),
        optional(
            "endpoints",
            Kind::List(&Kind::Object(&ENDPOINT)),
            "none",
            "The catalogue.",
        ),
        optional(
            "orgs",
            Kind::Named(&Kind::Id, &Kind::Object(&ORG)),
            "none",
            "Tenants, by id.",
        ),
        optional(
            "keys",
            Kind::Named(&Kind::Id, &Kind::Object(&KEY)),
            "none",
            "Keys, by id.",
        ),
    ],
};
