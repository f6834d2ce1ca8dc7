//! What a reload means for quotas, in a sentence each.

use expect_test::{Expect, expect};

use super::quotas::POLICY;
use super::set;

fn changes(from: &str, to: &str, expected: &Expect) {
    let changed = POLICY.replacen(from, to, 1);
    assert_ne!(changed, POLICY, "{from}");
    let notes = set(&changed).changes_since(&set(POLICY));
    expected.assert_eq(&notes.join("\n"));
}

#[test]
fn of_quotas() {
    assert_eq!(set(POLICY).changes_since(&set(POLICY)), Vec::<String>::new());
    changes(
        "limit: 100, period: month",
        "limit: 101, period: month",
        &expect![
            "quota `month` of plan `p`: its limit changed from 100 to 101 and takes effect in the current period; what was used stays used"
        ],
    );
    changes(
        "limit: 100, period: month, anchor_day: 31",
        "limit: 1, period: day",
        &expect!["quota `month` of plan `p`: its period changed; new accounts begin, with nothing used"],
    );
    changes(
        "anchor_day: 31",
        "anchor_day: 30",
        &expect![
            "quota `month` of plan `p`: the day on which its months begin changed; new accounts begin, with nothing used"
        ],
    );
    changes(
        "{ name: each,",
        "{ name: each, meter: bytes,",
        &expect![
            "quota `each` of plan `p`: it counts bytes, no longer requests, on the same accounts; another name would begin with nothing used"
        ],
    );
    changes(
        "{ name: month, per: org, meter",
        "{ name: month, per: key, meter",
        &expect!["quota `month` of plan `p`: what it is kept per changed; new accounts begin, with nothing used"],
    );
    changes(
        "period: week, kind: soft, on_unavailable: allow",
        "period: week",
        &expect!["quota `each` of plan `p`: it is hard from now on; overage so far stays"],
    );
    changes(
        "limit: 8, period: day }",
        "limit: 8, period: day, kind: hard }",
        &expect![[""]],
    );
    changes(
        "limit: 9, period: year, kind: soft",
        "limit: 9, period: year",
        &expect!["quota `month` of plan `shade`: it is hard from now on; overage so far stays"],
    );
    changes(
        "period: month, anchor_day: 31",
        "period: month, anchor_day: 31, kind: soft",
        &expect!["quota `month` of plan `p`: it is soft from now on, for orgs that agreed to overage"],
    );
    changes(
        "limit: 7, period: lifetime",
        "limit: 6, period: lifetime",
        &expect![
            "quota `own` of org `agreed`: its limit changed from 7 to 6 and takes effect in the current period; what was used stays used"
        ],
    );
    changes("name: own, per: key", "name: another, per: key", &expect![[""]]);
}

#[test]
fn of_zones_and_agreements() {
    changes(
        "Asia/Tokyo",
        "Europe/Paris",
        &expect![
            "org `hard`: time zone changed from Asia/Tokyo to Europe/Paris; periods of its quotas end and begin by the new one, and what was used in them stays used"
        ],
    );
    changes(
        "hard: { time_zone: Asia/Tokyo, ",
        "hard: { time_zone: Asia/Tokyo, overage: { agreed_by: bob, agreed_at: 2026-01-31T08:00:00Z }, ",
        &expect!["org `hard`: it agreed to overage; soft quotas of its plan are soft from now on"],
    );
    changes(
        "mode: shadow, overage: { agreed_by: ann, agreed_at: 2026-01-31T08:00:00Z } }",
        "mode: shadow }",
        &expect!["org `shade-agreed`: its agreement to overage is gone; soft quotas of its plan are hard from now on"],
    );
}
