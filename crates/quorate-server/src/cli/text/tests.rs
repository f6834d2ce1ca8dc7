//! Values as they read.

use std::time::Duration;

use super::{Count, Span, duration, some_duration, units};

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
        "401d",
        "é",
    ] {
        assert!(duration(text).is_err(), "{text}");
    }
    assert!(duration("5").expect_err("no unit").contains("5s"));
    assert!(
        duration("99999999999999999999s")
            .expect_err("too long")
            .contains("400 days")
    );
    assert_eq!(duration("0s"), Ok(Duration::ZERO));
    assert!(some_duration("0s").is_err() && some_duration("1ms").is_ok());
}

#[test]
fn units_are_whole_and_may_have_their_digits_apart() {
    assert_eq!(units("1_000"), Ok(1_000));
    assert_eq!(units("0"), Ok(0));
    assert_eq!(units("18446744073709551615"), Ok(u64::MAX));
    for text in ["", "_", "_1", "1_", "-1", "+1", "1.5", "1e3", "18446744073709551616"] {
        assert!(units(text).is_err(), "{text}");
    }
}
