//! The fields of limits, bursts, pools, slots and plans.

use quorate_core::limit::{CAPACITY_MAX, WINDOW_MAX_NS, WINDOW_MIN_NS};

use super::quotas::QUOTA;
use super::{Field, Kind, Object, Word, optional, required, word};

/// The window of a limit.
const WINDOW: Kind = Kind::Duration(WINDOW_MIN_NS, WINDOW_MAX_NS);
/// The most slots of one key: more is better said by leaving the slot out.
pub(crate) const DEPTH_MAX: u64 = 1_000_000;
/// The shortest time to live of a slot.
const SLOT_TTL_MIN_NS: u64 = 1_000_000_000;
/// The longest: what is held longer than a week was forgotten.
const SLOT_TTL_MAX_NS: u64 = 7 * 86_400 * 1_000_000_000;

/// Whether something denies.
pub(crate) const MODES: &[Word] = &[
    word("enforce", "It denies."),
    word("shadow", "It is evaluated and counted as if it did, and never denies."),
];

/// What happens when whoever decides is away.
pub(crate) const ON_UNAVAILABLE: &[Word] = &[
    word("allow", "Let it through, marked as degraded."),
    word("deny", "Deny it as `UNAVAILABLE`."),
    word(
        "local_share",
        "Decide on this server's share of the limit, marked as degraded.",
    ),
];

const ALGORITHMS: &[Word] = &[
    word(
        "sliding_window",
        "No interval of the window's length ever holds more than the limit.",
    ),
    word(
        "token_bucket",
        "A bucket of `limit` units that refills steadily: smooth, and a window may hold up to twice as much.",
    ),
    word(
        "fixed_window",
        "Counts per window aligned to the Unix epoch, as Envoy's reference service does.",
    ),
];

const PRECISIONS: &[Word] = &[
    word(
        "standard",
        "Under saturation every window holds at least 96.9 % of the limit.",
    ),
    word("high", "At least 98.4 %, for more memory."),
];

const COUNTS: &[Word] = &[
    word("units", "What the request costs."),
    word("calls", "One per call, whatever it costs."),
];

pub(crate) const LIMIT: Object = Object {
    name: "a limit",
    doc: "A rate: so many units or calls per window.",
    fields: &[
        required(
            "name",
            Kind::Name,
            "Its name in answers, headers and metrics. Unique within the plan, and no endpoint limit has the name of another limit.",
        ),
        required(
            "per",
            Kind::Per,
            "What one counter belongs to, within the org. A limit per an attribute applies to requests that carry it.",
        ),
        optional(
            "limit",
            Kind::Integer(0, CAPACITY_MAX),
            "0 with `deny: true`, else required",
            "How many.",
        ),
        optional(
            "window",
            WINDOW,
            "required, unless `deny` or `refill` and `every` are given",
            "Per how long.",
        ),
        optional(
            "algorithm",
            Kind::Word(ALGORITHMS),
            "`sliding_window`",
            "How it counts.",
        ),
        optional(
            "precision",
            Kind::Word(PRECISIONS),
            "`standard`",
            "How many times a sliding window of more than 64 units keeps.",
        ),
        optional(
            "refill",
            Kind::Integer(1, CAPACITY_MAX),
            "`limit`",
            "Token bucket: how many units come back every `every`.",
        ),
        optional(
            "every",
            WINDOW,
            "`window`",
            "Token bucket: the time in which `refill` units come back.",
        ),
        optional(
            "count",
            Kind::Word(COUNTS),
            "`units` in a plan or with a `meter`, `calls` at an endpoint",
            "What it counts.",
        ),
        optional("meter", Kind::Name, "`requests`", "Of which meter it counts units."),
        optional("mode", Kind::Word(MODES), "`enforce`", "Whether it denies."),
        optional(
            "warn_at",
            Kind::PercentOrNever,
            "`defaults.warn_at`",
            "From which use answers carry a warning.",
        ),
        optional(
            "deny",
            Kind::Bool,
            "`false`",
            "Deny everything that meets it. A limit of 0 must say so.",
        ),
        optional(
            "on_unavailable",
            Kind::Word(ON_UNAVAILABLE),
            "`defaults.on_unavailable`",
            "What happens when whoever decides is away.",
        ),
    ],
};

const BURST: Object = Object {
    name: "a burst",
    doc: "What a key may draw from its org's pool once its own limit is exhausted.",
    fields: &[
        required(
            "allowance",
            Kind::Integer(1, CAPACITY_MAX),
            "How many units one key may draw per window.",
        ),
        required("window", WINDOW, "Per how long."),
        optional(
            "lifts",
            Kind::List(&Kind::Name),
            "the plan's `per: key` limits in units of `requests` whose window is not longer than the burst's",
            "Names of the limits that it lifts.",
        ),
    ],
};

const POOL_MODES: &[Word] = &[
    word(
        "overflow",
        "The pool only adds: when it is empty, every key still has its own limit.",
    ),
    word(
        "ceiling",
        "Every unit is drawn from the pool too, so that it caps the org.",
    ),
];

const POOL: Object = Object {
    name: "a pool",
    doc: "The org's burst pool: a bucket that starts full, refills, and lends units to keys beyond their own limit.",
    fields: &[
        required("capacity", Kind::Integer(1, CAPACITY_MAX), "How many units it holds."),
        required(
            "refill",
            Kind::Integer(1, CAPACITY_MAX),
            "How many come back every `every`.",
        ),
        required("every", WINDOW, "The time in which `refill` units come back."),
        optional(
            "mode",
            Kind::Word(POOL_MODES),
            "`overflow`",
            "What it does for keys within their own limit.",
        ),
    ],
};

const SLOT: Object = Object {
    name: "a slot",
    doc: "How many calls of one key may be under way at once.",
    fields: &[
        required("depth", Kind::Integer(1, DEPTH_MAX), "How many."),
        optional(
            "ttl",
            Kind::Duration(SLOT_TTL_MIN_NS, SLOT_TTL_MAX_NS),
            "`15m`",
            "How long one is held at most, unless extended.",
        ),
    ],
};

const PLAN_FIELDS: &[Field] = &[
    optional(
        "limits",
        Kind::List(&Kind::Object(&LIMIT)),
        "none",
        "The limits of every request of the plan's orgs, in the order in which ties are decided.",
    ),
    optional(
        "burst",
        Kind::Object(&BURST),
        "none",
        "What a key may draw from the pool.",
    ),
    optional("pool", Kind::Object(&POOL), "none", "The org's burst pool."),
    optional(
        "slots",
        Kind::Named(&Kind::Name, &Kind::Or(&Kind::Integer(1, DEPTH_MAX), &SLOT)),
        "unlimited",
        "How many calls of one key may be under way at once, by the name that endpoints ask for.",
    ),
    optional(
        "quotas",
        Kind::List(&Kind::Object(&QUOTA)),
        "none",
        "Amounts per calendar period.",
    ),
    optional(
        "mode",
        Kind::Word(MODES),
        "`enforce`",
        "Whether the plan's limits, slots and quotas deny.",
    ),
];

pub(crate) const PLAN: Object = Object {
    name: "a plan",
    doc: "What the orgs on it may use.",
    fields: PLAN_FIELDS,
};
