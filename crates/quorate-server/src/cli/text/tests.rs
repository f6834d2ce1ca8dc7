//! Values as they read.

use std::time::Duration;

use super::{Count, Span, duration};

#[test]
fn spans_read_in_the_largest_exact_unit() {
    let cases = [
        (0, "0s"),
        (1, "1ns"),
        (41_999, "41µs"),
        (3_250_000, "3.2ms"),
        (1_000_000_000, "1s"),
        (1_250_000_000, "1.250s"),
        (59_000_000_000, "59s"),
        (60_000_000_000, "1m"),
        (90_000_000_000, "90s"),
        (3_600_000_000_000, "1h"),
        (86_400_000_000_000, "1d"),
    ];
    for (nanos, expected) in cases {
        assert_eq!(Span(Duration::from_nanos(nanos)).to_string(), expected);
    }
}

#[test]
fn counts_have_their_thousands_apart() {
    let cases = [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")];
    for (count, expected) in cases {
        assert_eq!(Count(count).to_string(), expected);
    }
}

#[test]
fn durations_are_read_as_policies_write_them() {
    assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
    assert_eq!(duration("2m"), Ok(Duration::from_secs(120)));
    assert_eq!(duration("1d"), Ok(Duration::from_secs(86_400)));
    for text in [
        "",
        "1",
        "s",
        "1.5s",
        "-1s",
        "1w",
        "99999999999999999999s",
        "18446744073709551615d",
    ] {
        assert!(duration(text).is_err(), "{text}");
    }
}
