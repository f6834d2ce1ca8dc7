//! Words as the reference's reader resolves them.

use super::{Word, resolve};

fn integer(magnitude: u64) -> Word {
    Word::Integer {
        negative: false,
        magnitude,
        leading_zero: false,
    }
}

#[test]
fn whole_numbers_have_signs_bases_and_groups() {
    for (text, value) in [
        ("0", 0),
        ("7", 7),
        ("+5", 5),
        ("1_000", 1_000),
        ("1__0_", 10),
        ("0x10", 16),
        ("0X1f", 31),
        ("0b101", 5),
        ("0o17", 15),
        ("9223372036854775807", 9_223_372_036_854_775_807),
    ] {
        assert_eq!(resolve(text, true), integer(value), "{text}");
    }
}

#[test]
fn a_sign_and_a_leading_zero_are_told() {
    let word = |negative, magnitude, leading_zero| Word::Integer {
        negative,
        magnitude,
        leading_zero,
    };
    assert_eq!(resolve("-3", true), word(true, 3, false));
    assert_eq!(resolve("010", true), word(false, 8, true));
    assert_eq!(resolve("-017", true), word(true, 15, true));
    assert_eq!(resolve("0_7", true), word(false, 7, true));
    assert_eq!(resolve("-9223372036854775808", true), word(true, 1 << 63, false));
}

#[test]
fn what_is_not_whole_or_too_large_is_a_fraction() {
    for text in [
        "1.5",
        "10.0",
        ".5",
        "1.",
        "1e3",
        "+1.5E-3",
        "-.5",
        ".inf",
        "-.INF",
        ".nan",
        "08",
        "09.5",
        "1_0.5",
        "9223372036854775808",
        "18446744073709551615",
        "18446744073709551616",
        "-9223372036854775809",
    ] {
        assert_eq!(resolve(text, true), Word::Fraction, "{text}");
    }
}

#[test]
fn everything_else_is_text() {
    for text in [
        "a",
        "tRUE",
        "yEs",
        "10.0.0.1",
        "2024-01-02",
        "12:30:45",
        "1h",
        "-",
        "+",
        ".",
        "..",
        "--1",
        "+-1",
        "0x",
        "0xg",
        "0b2",
        "0o8x",
        "1e",
        "e1",
        "_1",
        "1.2.3",
        "nil",
        "-x",
        "٣",
    ] {
        assert_eq!(resolve(text, true), Word::Text, "{text}");
    }
}

#[test]
fn words_for_yes_no_and_nothing() {
    for text in ["y", "Yes", "TRUE", "on", "ON", "true"] {
        assert_eq!(resolve(text, true), Word::Bool(true), "{text}");
    }
    for text in ["n", "NO", "False", "off", "false"] {
        assert_eq!(resolve(text, true), Word::Bool(false), "{text}");
    }
    for text in ["", "~", "null", "Null", "NULL"] {
        assert_eq!(resolve(text, true), Word::Null, "{text}");
    }
}

#[test]
fn in_quotes_everything_is_text() {
    for text in ["", "~", "1", "true", "1.5"] {
        assert_eq!(resolve(text, false), Word::Text, "{text}");
    }
}
