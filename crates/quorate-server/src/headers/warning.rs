//! The profile `warning`: the `Warning` field of RFC 7234 §5.5 with the code 299 (miscellaneous, persistent). Obsolete
//! since RFC 9111 and still what some clients log.

use quorate_core::answer::Answer;

use super::{Field, text};

/// One field for each limit at or beyond its warning threshold.
pub(super) fn push(fields: &mut Vec<Field>, answer: &Answer<'_>) {
    for warning in answer.warnings.iter() {
        let name = text::quoted(warning.name);
        let value = format!("299 - \"{}% of {name} consumed\"", warning.used_percent);
        fields.push(("warning", value));
    }
}
