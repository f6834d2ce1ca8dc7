//! Header values of answers made by hand, as golden texts.

use std::fmt::Write as _;

use expect_test::{Expect, expect};
use quorate_core::answer::{Answer, Binding, DecidedBy, DecisionId, Reason, Retry, Status, StatusKind, Warning};
use quorate_core::limit::{Algorithm, PoolMode, Precision};
use quorate_core::time::{Period, SECOND};
use quorate_policy::HeaderProfile;

use super::{render, text};
use crate::edge::bare;

const ALL: [HeaderProfile; 4] = [
    HeaderProfile::XRateLimitUnix,
    HeaderProfile::XRateLimitDraft03,
    HeaderProfile::Ietf,
    HeaderProfile::Warning,
];

/// 2023-11-14T22:13:20Z.
const NOW: u64 = 1_700_000_000 * SECOND;

const PER_MINUTE: Binding<'_> = Binding {
    name: "per-minute",
    limit: 60,
    remaining: 50,
    window_ns: 60 * SECOND,
    reset_after_ns: 29 * SECOND + 1,
};

fn allowed(binding: Option<Binding<'_>>) -> Answer<'_> {
    Answer {
        binding,
        burst_remaining: 10,
        decision_id: DecisionId(1),
        by: DecidedBy {
            sequence: 1,
            content_hash: "abcd",
            plan: "developer",
            endpoint: "other",
            org: "acme",
        },
        ..bare(Reason::Ok, Retry::Passed)
    }
}

fn status(name: &str, kind: StatusKind, limit: u64, window_ns: u64) -> Status<'_> {
    Status {
        name,
        kind,
        meter: "requests",
        limit,
        used: 0,
        remaining: limit,
        window_ns,
        reset_after_ns: 0,
        retry_after_ns: 0,
        shadow: false,
        denied: false,
        factor_hundredths: 100,
    }
}

fn seconds(seconds: u64) -> Period {
    Period::from_secs(seconds).expect("not zero")
}

fn sliding(window: u64) -> StatusKind {
    StatusKind::Limit(Algorithm::SlidingWindow {
        window: seconds(window),
        precision: Precision::Standard,
    })
}

fn check(profiles: &[HeaderProfile], answer: &Answer<'_>, expected: Expect) {
    let mut text = String::new();
    for (name, value) in render(profiles, answer, NOW) {
        assert!(value.bytes().all(|byte| (0x20..0x7f).contains(&byte)), "{value:?}");
        writeln!(text, "{name}: {value}").expect("strings grow");
    }
    expected.assert_eq(&text);
}

#[test]
fn every_profile_describes_the_binding_limit() {
    check(
        &ALL,
        &allowed(Some(PER_MINUTE)),
        expect![[r#"
            x-ratelimit-limit: 60
            x-ratelimit-remaining: 50
            x-ratelimit-reset: 1700000030
            x-ratelimit-window: sliding_60s
            x-ratelimit-limit: 60, 60;w=60;name="per-minute"
            x-ratelimit-remaining: 50
            x-ratelimit-reset: 30
            ratelimit-policy: "per-minute";q=60;w=60
            ratelimit: "per-minute";r=50;t=30
        "#]],
    );
}

#[test]
fn a_denial_says_when_to_come_back_whatever_the_profiles() {
    let mut answer = allowed(Some(Binding {
        remaining: 0,
        ..PER_MINUTE
    }));
    answer.reason = Reason::RateLimited;
    answer.retry = Retry::After(11 * SECOND + 1);
    check(&[], &answer, expect!["retry-after: 12\n"]);
    check(
        &[HeaderProfile::Ietf],
        &answer,
        expect![[r#"
            ratelimit-policy: "per-minute";q=60;w=60
            ratelimit: "per-minute";r=0;t=30
            retry-after: 12
        "#]],
    );
}

#[test]
fn retry_after_is_at_least_one_and_only_for_what_may_pass_later() {
    let mut answer = allowed(None);
    answer.reason = Reason::Overloaded;
    for (retry, expected) in [
        (Retry::After(1), expect!["retry-after: 1\n"]),
        (Retry::After(SECOND), expect!["retry-after: 1\n"]),
        (Retry::After(SECOND + 1), expect!["retry-after: 2\n"]),
        (Retry::After(u64::MAX), expect!["retry-after: 18446744074\n"]),
        (Retry::Later, expect!["retry-after: 1\n"]),
        (Retry::Never, expect![""]),
    ] {
        answer.retry = retry;
        check(&ALL, &answer, expected);
    }
}

#[test]
fn what_was_decided_without_a_limit_has_no_fields() {
    let mut answer = allowed(None);
    check(&ALL, &answer, expect![""]);
    answer.reason = Reason::KeyUnknown;
    answer.retry = Retry::Never;
    check(&ALL, &answer, expect![""]);
}

#[test]
fn warnings_are_one_field_each() {
    let mut answer = allowed(Some(PER_MINUTE));
    for (name, used_percent) in [("per-minute", 85), ("per-hour", 130)] {
        answer.warnings.push(Warning { name, used_percent });
    }
    check(
        &[HeaderProfile::Warning],
        &answer,
        expect![[r#"
            warning: 299 - "85% of per-minute consumed"
            warning: 299 - "130% of per-hour consumed"
        "#]],
    );
}

#[test]
fn statuses_are_listed_but_for_what_never_denies() {
    let pool = Algorithm::Pool {
        refill: 200,
        every: seconds(3_600),
        mode: PoolMode::Overflow,
    };
    let mut shadow = status("trial", sliding(60), 10, 60 * SECOND);
    shadow.shadow = true;
    let statuses = [
        status("per-minute", sliding(60), 60, 60 * SECOND),
        status("per-hour", sliding(3_600), 1_000, 3_600 * SECOND),
        status("burst", StatusKind::Allowance, 10, 60 * SECOND),
        status("pool", StatusKind::Limit(pool), 200, 3_600 * SECOND),
        status("async", StatusKind::Slots, 50, 0),
        shadow,
    ];
    let mut answer = allowed(Some(PER_MINUTE));
    answer.statuses = &statuses;
    check(
        &[HeaderProfile::XRateLimitDraft03, HeaderProfile::Ietf],
        &answer,
        expect![[r#"
            x-ratelimit-limit: 60, 60;w=60;name="per-minute", 1000;w=3600;name="per-hour"
            x-ratelimit-remaining: 50
            x-ratelimit-reset: 30
            ratelimit-policy: "per-minute";q=60;w=60, "per-hour";q=1000;w=3600, "async";q=50;qu="concurrent-requests"
            ratelimit: "per-minute";r=50;t=30
        "#]],
    );
}

#[test]
fn a_pool_that_denied_is_listed() {
    let pool = Algorithm::Pool {
        refill: 200,
        every: seconds(3_600),
        mode: PoolMode::Ceiling,
    };
    let statuses = [
        status("per-minute", sliding(60), 60, 60 * SECOND),
        status("pool", StatusKind::Limit(pool), 200, 3_600 * SECOND),
    ];
    let mut answer = allowed(Some(Binding {
        name: "pool",
        limit: 200,
        remaining: 0,
        window_ns: 3_600 * SECOND,
        reset_after_ns: 3_600 * SECOND,
    }));
    answer.statuses = &statuses;
    answer.reason = Reason::PoolExhausted;
    answer.retry = Retry::After(18 * SECOND);
    check(
        &[HeaderProfile::XRateLimitUnix, HeaderProfile::Ietf],
        &answer,
        expect![[r#"
            x-ratelimit-limit: 200
            x-ratelimit-remaining: 0
            x-ratelimit-reset: 1700003600
            x-ratelimit-window: bucket_3600s
            ratelimit-policy: "per-minute";q=60;w=60, "pool";q=200;w=3600
            ratelimit: "pool";r=0;t=3600
            retry-after: 18
        "#]],
    );
}

#[test]
fn windows_say_how_they_go() {
    let fixed = StatusKind::Limit(Algorithm::FixedWindow { window: seconds(1) });
    let bucket = StatusKind::Limit(Algorithm::TokenBucket {
        refill: 1,
        every: seconds(1),
    });
    for (kind, window_ns, expected) in [
        (fixed, 60 * SECOND, "fixed_60s"),
        (bucket, 60 * SECOND, "bucket_60s"),
        (sliding(1), 100_000_000, "sliding_100ms"),
        (sliding(1), 1_500_000_000, "sliding_1500ms"),
        (sliding(1), 3_600 * SECOND, "sliding_3600s"),
    ] {
        let statuses = [status("per-minute", kind, 60, window_ns)];
        let mut answer = allowed(Some(Binding {
            window_ns,
            ..PER_MINUTE
        }));
        answer.statuses = &statuses;
        let fields = render(&[HeaderProfile::XRateLimitUnix], &answer, NOW);
        assert!(
            fields.contains(&("x-ratelimit-window", expected.to_owned())),
            "{fields:?}"
        );
    }
}

#[test]
fn a_slot_has_no_window_and_no_reset() {
    let statuses = [status("async", StatusKind::Slots, 50, 0)];
    let mut answer = allowed(Some(Binding {
        name: "async",
        limit: 50,
        remaining: 0,
        window_ns: 0,
        reset_after_ns: 0,
    }));
    answer.statuses = &statuses;
    answer.reason = Reason::ConcurrencyExceeded;
    answer.retry = Retry::Later;
    check(
        &ALL,
        &answer,
        expect![[r#"
            x-ratelimit-limit: 50
            x-ratelimit-remaining: 0
            x-ratelimit-reset: 1700000000
            x-ratelimit-limit: 50
            x-ratelimit-remaining: 0
            x-ratelimit-reset: 0
            ratelimit-policy: "async";q=50;qu="concurrent-requests"
            ratelimit: "async";r=0
            retry-after: 1
        "#]],
    );
}

#[test]
fn names_that_a_field_cannot_carry_are_escaped() {
    let name = "a\"b\\c\r\nx: é%";
    let mut answer = allowed(Some(Binding { name, ..PER_MINUTE }));
    answer.warnings.push(Warning { name, used_percent: 80 });
    check(
        &[
            HeaderProfile::XRateLimitDraft03,
            HeaderProfile::Ietf,
            HeaderProfile::Warning,
        ],
        &answer,
        expect![[r#"
            x-ratelimit-limit: 60, 60;w=60;name="a\"b\\c%0D%0Ax: %C3%A9%25"
            x-ratelimit-remaining: 50
            x-ratelimit-reset: 30
            ratelimit-policy: "a\"b\\c%0D%0Ax: %C3%A9%25";q=60;w=60
            ratelimit: "a\"b\\c%0D%0Ax: %C3%A9%25";r=50;t=30
            warning: 299 - "80% of a\"b\\c%0D%0Ax: %C3%A9%25 consumed"
        "#]],
    );
    assert_eq!(text::ascii("per-minute"), "per-minute");
}

#[test]
fn numbers_beyond_a_structured_field_are_the_largest_it_has() {
    let answer = allowed(Some(Binding {
        limit: u64::MAX,
        remaining: 1 << 53,
        window_ns: u64::MAX,
        reset_after_ns: u64::MAX,
        ..PER_MINUTE
    }));
    check(
        &[HeaderProfile::XRateLimitUnix, HeaderProfile::Ietf],
        &answer,
        expect![[r#"
            x-ratelimit-limit: 18446744073709551615
            x-ratelimit-remaining: 9007199254740992
            x-ratelimit-reset: 18446744074
            x-ratelimit-window: sliding_18446744074s
            ratelimit-policy: "per-minute";q=999999999999999;w=18446744074
            ratelimit: "per-minute";r=999999999999999;t=18446744074
        "#]],
    );
}
