//! Rules of orgs, keys, boosts and incidents.

use expect_test::{Expect, expect};

use super::{indented, said, says};

fn policy(rest: &str) -> String {
    format!(
        "version: 1\ndefaults: {{ plan: p }}\nplans: {{ p: {{}} }}\nenvironments: [prod, staging]\nendpoints: [{{ match: GET /a }}]\n{rest}"
    )
}

fn org(fields: &str) -> String {
    policy(&format!(
        "orgs:\n  acme:\n{}\nkeys: {{ k: {{ org: acme }} }}\n",
        indented(fields, 4)
    ))
}

#[test]
fn orgs() {
    says(
        &org("plan: p\ntime_zone: Europe/Berlin\nmode: shadow\nstate: paused"),
        &expect![[""]],
    );
    says(
        &org("plan: pp\ntime_zone: Europe/Berln\nmode: dry\nstate: suspended"),
        &expect![[r#"
            p.yaml:8:11: unknown plan `pp`; known: `p`
            p.yaml:9:16: `time_zone`: `Europe/Berln` is not a time zone of the IANA database; did you mean `Europe/Berlin`?
            p.yaml:10:11: `mode`: `dry` is not a known value; known: `enforce`, `shadow`
            p.yaml:11:12: `state`: `suspended` is not a known value; known: `active`, `paused`, `banned`
        "#]],
    );
    says(
        &org("quotas: [{ name: q, per: key, limit: 5, period: day }]"),
        &expect![[""]],
    );
    says(
        "version: 1\ndefaults: { unknown_org: deny }\norgs: { acme: {} }\n",
        &expect![[r#"
            p.yaml:3:9: org `acme` has no plan, and there is no default; name its `plan`
        "#]],
    );
    says(
        &policy("orgs: { '': {}, \"a\\nb\": {} }\n"),
        &expect![[r#"
            p.yaml:6:9: `orgs`: `` is empty; expected an id of at most 256 bytes
            p.yaml:6:17: `orgs`: `a\nb` has control characters; expected an id of at most 256 bytes
        "#]],
    );
}

#[test]
fn keys() {
    let hash = "ab".repeat(32);
    says(
        &policy(&format!(
            "orgs: {{ acme: {{}} }}\nkeys:\n  k: {{ org: acme, environment: prod, scopes: [soc2], state: revoked, expires: 2027-01-01T00:00:00Z, credential_hash: {hash} }}\n"
        )),
        &expect![[""]],
    );
    says(
        &policy(
            "\
orgs: { acme: {} }
keys:
  k: { org: acm, environment: prd, scopes: soc2, state: dead, expires: 2027, credential_hash: secret }
  l: {}
",
        ),
        &expect![[r#"
            p.yaml:8:13: unknown org `acm`; did you mean `acme`?
            p.yaml:8:31: unknown environment `prd`; did you mean `prod`?
            p.yaml:8:44: `scopes`: `soc2` is one value; expected a list; each item is a name of at most 64 letters, digits, `-`, `_` and `.`
            p.yaml:8:57: `state`: `dead` is not a known value; known: `active`, `paused`, `suspended`, `revoked`, `banned`
            p.yaml:8:72: `expires`: `2027` is not an instant; expected an instant like `2026-01-31T08:00:00Z`
            p.yaml:8:95: `credential_hash`: `secret` is not a hash of 64 hex digits (0-9, a-f); expected a hash of 64 hex digits
            p.yaml:9:6: a key lacks the field `org`; `org`: an id of at most 256 bytes
        "#]],
    );
    says(
        &policy(&format!(
            "orgs: {{ acme: {{}} }}\nkeys:\n  k: {{ org: acme, credential_hash: {hash} }}\n  l: {{ org: acme, credential_hash: {hash} }}\n"
        )),
        &expect![[r#"
            p.yaml:9:36: two keys have the same credential (first given here at p.yaml:8:36)
        "#]],
    );
}

/// A policy with one boost: two times for a day, unless `fields` say otherwise; what is empty is left out.
fn boost(fields: &[(&str, &str)]) -> String {
    let mut all = vec![
        ("factor", "2"),
        ("from", "2026-01-01T00:00:00Z"),
        ("for", "24h"),
        ("requested_by", "ann"),
        ("approved_by", "bob"),
        ("reason", "migration"),
    ];
    for (name, value) in fields {
        all.retain(|(known, _)| known != name);
        if !value.is_empty() {
            all.push((name, value));
        }
    }
    let all: Vec<String> = all.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    org(&format!("boosts: [{{ {} }}]", all.join(", ")))
}

fn boosts(fields: &[(&str, &str)], expected: &Expect) {
    says(&boost(fields), expected);
}

#[test]
fn boosts_stay_within_bounds() {
    for fits in [
        ("factor", "2"),
        ("factor", "5"),
        ("factor", "2.5"),
        ("for", "24h"),
        ("for", "72h"),
        ("for", "3d"),
    ] {
        assert_eq!(said(&boost(&[fits])), "", "{fits:?}");
    }
    boosts(
        &[("factor", "1.9")],
        &expect![[r#"
        p.yaml:8:118: `factor`: 1.9 is outside the allowed range; `boosts` allows 2 to 5
    "#]],
    );
    boosts(
        &[("factor", "5.1")],
        &expect![[r#"
        p.yaml:8:118: `factor`: 5.1 is outside the allowed range; `boosts` allows 2 to 5
    "#]],
    );
    boosts(
        &[("for", "23h")],
        &expect![[r#"
        p.yaml:8:116: `for`: 23h is outside the allowed range; `boosts` allows 1d to 3d
    "#]],
    );
    boosts(
        &[("for", "73h")],
        &expect![[r#"
        p.yaml:8:116: `for`: 73h is outside the allowed range; `boosts` allows 1d to 3d
    "#]],
    );
    boosts(
        &[("factor", "x"), ("for", "1"), ("from", "now")],
        &expect![[r#"
            p.yaml:8:80: `factor`: `x` is not a factor; expected a factor like `2` or `2.5`
            p.yaml:8:88: `for`: `1` is not a duration; expected a duration like `100ms`, `30s`, `1m`, `1h` or `7d`, from 1s to 400d
            p.yaml:8:97: `from`: `now` is not an instant; expected an instant like `2026-01-31T08:00:00Z`
        "#]],
    );
}

#[test]
fn boosts_want_two_people_and_a_reason() {
    boosts(
        &[("approved_by", "")],
        &expect![[r#"
        p.yaml:8:14: a boost lacks the field `approved_by`; `boosts` asks for two approvals: the requester and another person
    "#]],
    );
    boosts(
        &[("approved_by", "' Ann'")],
        &expect![[r#"
        p.yaml:8:116: who asks for a boost does not approve it (requested by the same person at p.yaml:8:79); `boosts` asks for two approvals: the requester and another person
    "#]],
    );
    boosts(
        &[("requested_by", "")],
        &expect![[r#"
        p.yaml:8:14: a boost lacks the field `requested_by`; `requested_by`: some text
    "#]],
    );
    boosts(
        &[("reason", "")],
        &expect![[r#"
        p.yaml:8:14: a boost lacks the field `reason`; `reason`: some text
    "#]],
    );
    boosts(
        &[("reason", "''")],
        &expect![[r#"
            p.yaml:8:110: `reason`: `` is empty; expected some text
        "#]],
    );
    let alone = format!("{}boosts: {{ approvals: 1 }}\n", boost(&[("approved_by", "")]));
    assert_eq!(said(&alone), "");
}

#[test]
fn boosts_name_what_there_is() {
    assert_eq!(said(&boost(&[("keys", "[k]")])), "");
    assert_eq!(said(&boost(&[("endpoints", "[GET /a]")])), "");
    boosts(
        &[("keys", "[kk]")],
        &expect![[r#"
        p.yaml:8:128: unknown key `kk`; known: `k`
    "#]],
    );
    boosts(
        &[("endpoints", "[GET /b]")],
        &expect![[r#"
        p.yaml:8:133: unknown endpoint `GET /b`; did you mean `GET /a`?
    "#]],
    );
    boosts(
        &[("keys", "[k]"), ("endpoints", "[GET /a]")],
        &expect![[r#"
        p.yaml:8:132: a boost names keys or endpoints, not both (`keys` are named here at p.yaml:8:121); write two boosts
    "#]],
    );
    let theirs =
        boost(&[("keys", "[l]")]).replace("keys: { k: { org: acme } }", "  beta: {}\nkeys: { l: { org: beta } }");
    says(
        &theirs,
        &expect![[r#"
        p.yaml:8:128: key `l` is not of org `acme`
    "#]],
    );
}

#[test]
fn incidents_are_bounded() {
    let incident = |fields: &str| {
        said(&org(&format!(
            "incidents: [{{ from: 2026-01-01T00:00:00Z, opened_by: ann, reason: breach, {fields} }}]"
        )))
    };
    for fits in ["", "for: 72h", "until: 2026-01-04T00:00:00Z"] {
        assert_eq!(incident(fits), "", "{fits}");
    }
    for (wrong, expected) in [
        (
            "for: 73h",
            expect![[r#"
            p.yaml:8:84: an incident is open for more than 3d; `incidents` sets this maximum
        "#]],
        ),
        (
            "until: 2026-01-04T00:00:01Z",
            expect![[r#"
            p.yaml:8:86: an incident is open for more than 3d; `incidents` sets this maximum
        "#]],
        ),
        (
            "until: 2026-01-01T00:00:00Z",
            expect![[r#"
            p.yaml:8:86: an incident ends before it begins
        "#]],
        ),
        (
            "for: 1h, until: 2026-01-01T01:00:00Z",
            expect![[r#"
            p.yaml:8:88: an incident states `for` or `until`, not both (`for` is stated here at p.yaml:8:79)
        "#]],
        ),
    ] {
        expected.assert_eq(&incident(wrong));
    }
}
