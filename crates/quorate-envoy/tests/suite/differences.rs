//! Where quorate answers otherwise than the reference, on purpose. `docs/ENVOY.md` tells users.

const APART: &str = "keys and values are compared and counted apart; the reference joins them by `_`";
const SATURATES: &str = "a count that large stays at the largest number and is over; the reference fails";
const GIVES_BACK: &str = "negative hits are given back; the reference adds them";
const MISPLACED: &str = "a known key in the wrong place is refused; the reference ignores it";
const DOUBLED: &str = "a doubled YAML key is refused; the reference takes the last one";

/// Cases, all of them called quirks by the recording, that are answered otherwise; and why.
pub const DIFFERENCES: &[(&str, &str)] = &[
    ("hw-int-2-63", SATURATES),
    ("hw-int-part", SATURATES),
    ("hw-joined-counter", APART),
    ("hw-joined-domains", APART),
    ("hw-joined-empty", APART),
    ("hw-joined-match", APART),
    ("hw-negative", GIVES_BACK),
    ("hw-negative-default", GIVES_BACK),
    ("hw-negative-fresh", GIVES_BACK),
    ("hw-shadow-misplaced", MISPLACED),
    ("hw-shadow-misplaced-2", MISPLACED),
    ("hw-yaml-duplicate-key", DOUBLED),
    ("hw-metadata-detailed", "`detailed_metric` keeps the rule's metadata"),
    ("hw-metadata-leak", "merging metadata changes nothing that is loaded"),
];

/// The same of configurations that are judged otherwise.
pub const VERDICTS: &[(&str, &str)] = &[
    (
        "count-octal",
        "a leading zero is octal for some readers and not for others: refused",
    ),
    ("duplicate-joined-bare", APART),
    ("duplicate-yaml-key", DOUBLED),
    ("key-misplaced-limit", MISPLACED),
    (
        "two-documents-bad",
        "a second document is refused; the reference ignores it",
    ),
];
