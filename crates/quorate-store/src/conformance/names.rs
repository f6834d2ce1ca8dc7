//! Names that an engine could confuse: with separators, quotes, zero bytes, prefixes of each other, in many scripts.

use std::sync::Arc;

use crate::bound::NAME_BYTES_MAX;

/// Odd names, none alike. The empty one first.
pub fn odd_names() -> Vec<Arc<str>> {
    let mut names: Vec<Arc<str>> = [
        "",
        " ",
        "\0",
        "\0\0",
        "\u{1}",
        "\0\u{1}",
        "a",
        "A",
        "a\0",
        "a\0b",
        "a\u{1}b",
        "ab",
        "a_b",
        "a/b",
        "a:b",
        "a,b",
        "a|b",
        "a'b",
        "a''b",
        "a\"b",
        "a\\b",
        "a\nb",
        "a b",
        "%61",
        "'; DROP TABLE grants; --",
        "null",
        "ä",
        // The same letter as the one before, made of two characters: another name.
        "a\u{308}",
        "東京",
        "🦀",
        "\u{7F}",
        "\u{80}",
        "\u{FFFF}",
        "\u{10FFFF}",
    ]
    .map(Into::into)
    .into();
    names.push("x".repeat(NAME_BYTES_MAX).into());
    names.push(format!("{}y", "x".repeat(NAME_BYTES_MAX - 1)).into());
    names
}

/// A name of one byte more than a store keeps.
pub fn too_long() -> Arc<str> {
    "x".repeat(NAME_BYTES_MAX + 1).into()
}
