//! One way to write each thing.

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::{
    boolean, credential_hash, duration, factor, id, integer, name, percent, text, time_zone, timestamp,
    written_duration, written_factor,
};

fn check<'t, T: std::fmt::Debug>(
    meaning: impl Fn(&'t str) -> Result<T, String>,
    inputs: &[&'t str],
    expected: &Expect,
) {
    let lines: Vec<String> = inputs
        .iter()
        .map(|input| match meaning(input) {
            Ok(value) => format!("{} = {value:?}\n", input.escape_debug()),
            Err(problem) => format!("{} {problem}\n", input.escape_debug()),
        })
        .collect();
    expected.assert_eq(&lines.concat());
}

#[test]
fn integers() {
    let inputs = [
        "0",
        "7",
        "1000",
        "1_000",
        "5_000_000",
        "18446744073709551615",
        "18446744073709551616",
        "00",
        "012",
        "0_1",
        "",
        "_",
        "1_",
        "_1",
        "1__0",
        "-1",
        "+1",
        "1.0",
        "0x10",
        "1e3",
        "١",
        " 1",
    ];
    check(
        integer,
        &inputs,
        &expect![[r#"
        0 = 0
        7 = 7
        1000 = 1000
        1_000 = 1000
        5_000_000 = 5000000
        18446744073709551615 = 18446744073709551615
        18446744073709551616 is too large
        00 has a leading zero
        012 has a leading zero
        0_1 has a leading zero
         is not a whole number
        _ is not a whole number
        1_ is not a whole number
        _1 is not a whole number
        1__0 is not a whole number
        -1 is not a whole number
        +1 is not a whole number
        1.0 is not a whole number
        0x10 is not a whole number
        1e3 is not a whole number
        ١ is not a whole number
         1 is not a whole number
    "#]],
    );
}

#[test]
fn durations() {
    let inputs = [
        "100ms",
        "1s",
        "1m",
        "1h",
        "7d",
        "1_000ms",
        "0s",
        "01s",
        "1",
        "s",
        "1 s",
        "1w",
        "1M",
        "1.5h",
        "1h30m",
        "-1s",
        "999999999d",
        "１s",
    ];
    check(
        duration,
        &inputs,
        &expect![[r#"
        100ms = 100000000
        1s = 1000000000
        1m = 60000000000
        1h = 3600000000000
        7d = 604800000000000
        1_000ms = 1000000000
        0s = 0
        01s is not a duration: `01` has a leading zero
        1 is not a duration
        s is not a duration
        1 s is not a duration
        1w is not a duration
        1M is not a duration
        1.5h is not a duration
        1h30m is not a duration
        -1s is not a duration
        999999999d is too long
        １s is not a duration
    "#]],
    );
}

#[test]
fn percentages() {
    check(
        percent,
        &["1%", "80%", "100%", "0%", "101%", "080%", "80", "80.5%", "%", "-1%"],
        &expect![[r#"
            1% = 1
            80% = 80
            100% = 100
            0% is not between 1% and 100%
            101% is not between 1% and 100%
            080% is not a percentage: `080` has a leading zero
            80 is not a percentage
            80.5% is not a percentage: `80.5` is not a whole number
            % is not a percentage: `` is not a whole number
            -1% is not a percentage: `-1` is not a whole number
        "#]],
    );
}

#[test]
fn factors() {
    let inputs = [
        "1", "2", "2.5", "1.25", "0.01", "1000", "1000.01", "0", "0.00", "2.", ".5", "1.255", "02", "-2", "2.-5",
        "1e1", "1.+5", "2,5",
    ];
    check(
        factor,
        &inputs,
        &expect![[r#"
        1 = 100
        2 = 200
        2.5 = 250
        1.25 = 125
        0.01 = 1
        1000 = 100000
        1000.01 is not between 0.01 and 1000
        0 is not between 0.01 and 1000
        0.00 is not between 0.01 and 1000
        2. is not a factor
        .5 is not a factor
        1.255 is not a factor
        02 is not a factor
        -2 is not a factor
        2.-5 is not a factor
        1e1 is not a factor
        1.+5 is not a factor
        2,5 is not a factor
    "#]],
    );
}

#[test]
fn instants() {
    let inputs = [
        "2026-01-31T08:00:00Z",
        "2026-01-31T08:00:00.5+02:00",
        "2026-01-31",
        "2026-02-30T00:00:00Z",
        "1969-12-31T23:59:59Z",
        "2555-01-01T00:00:00Z",
        "tomorrow",
    ];
    check(
        timestamp,
        &inputs,
        &expect![[r#"
        2026-01-31T08:00:00Z = 1769846400000000000
        2026-01-31T08:00:00.5+02:00 = 1769839200500000000
        2026-01-31 is not an instant
        2026-02-30T00:00:00Z is not an instant
        1969-12-31T23:59:59Z is not between the years 1970 and 2554
        2555-01-01T00:00:00Z is not between the years 1970 and 2554
        tomorrow is not an instant
    "#]],
    );
}

#[test]
fn names_and_ids() {
    let long = "x".repeat(65);
    check(
        name,
        &["per-minute", "a.b_C9", "", "a b", "ü", &long],
        &expect![[r#"
        per-minute = "per-minute"
        a.b_C9 = "a.b_C9"
         is not a name
        a b is not a name
        ü is not a name
        xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx is longer than 64 bytes
    "#]],
    );
    let long = "x".repeat(257);
    check(
        id,
        &["acme", "Müller & Söhne", "", "a\u{7f}", "a\u{85}", &long],
        &expect![[r#"
            acme = "acme"
            Müller & Söhne = "Müller & Söhne"
             is empty
            a\u{7f} has control characters
            a\u{85} has control characters
            xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx is longer than 256 bytes
        "#]],
    );
    check(
        text,
        &["why not", "  ", ""],
        &expect![[r#"
        why not = "why not"
           is empty
         is empty
    "#]],
    );
    check(
        boolean,
        &["true", "false", "yes", "True", "1"],
        &expect![[r#"
        true = true
        false = false
        yes is neither `true` nor `false`
        True is neither `true` nor `false`
        1 is neither `true` nor `false`
    "#]],
    );
}

#[test]
fn time_zones_and_hashes() {
    check(
        time_zone,
        &["UTC", "Europe/Berlin", "europe/berlin", "Berlin", "CET", "+02:00"],
        &expect![[r#"
            UTC = "UTC"
            Europe/Berlin = "Europe/Berlin"
            europe/berlin is not a time zone of the IANA database
            Berlin is not a time zone of the IANA database
            CET = "CET"
            +02:00 is not a time zone of the IANA database
        "#]],
    );
    let good = "0123456789abcdef".repeat(4);
    assert_eq!(credential_hash(&good).map(|hash| hash[1]), Ok(0x23));
    for bad in [&good[1..], &good.to_uppercase(), &good.replace('0', "g"), ""] {
        assert!(credential_hash(bad).is_err(), "{bad}");
    }
}

proptest! {
    #[test]
    fn what_is_written_reads_the_same(nanos in (1..=1_000_000_u64).prop_map(|ms| ms * 1_000_000), hundredths in 1..=100_000_u32) {
        prop_assert_eq!(duration(&written_duration(nanos)), Ok(nanos));
        prop_assert_eq!(factor(&written_factor(hundredths)), Ok(hundredths));
    }

    #[test]
    fn no_text_makes_any_of_them_panic(input in ".{0,40}") {
        let _ = (integer(&input), duration(&input), percent(&input), factor(&input), timestamp(&input));
        let _ = (name(&input), id(&input), text(&input), time_zone(&input), credential_hash(&input), boolean(&input));
    }
}
