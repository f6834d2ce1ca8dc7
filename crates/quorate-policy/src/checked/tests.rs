//! Every rule of a policy, each shown to refuse what breaks it, with the place and what would be right.

use expect_test::{Expect, expect};

use crate::{Report, Source, check};

mod bursts;
mod endpoints;
mod hash;
mod limits;
pub(crate) mod mutations;
mod orgs;
mod quotas;

/// Sources from a fixture: one file, or several that each begin with a line `//- name`.
pub(super) fn sources(fixture: &str) -> Vec<Source> {
    let mut sources: Vec<Source> = Vec::new();
    for line in fixture.lines() {
        match line.strip_prefix("//- ") {
            Some(name) => sources.push(Source {
                name: name.to_owned(),
                text: String::new(),
            }),
            None if sources.is_empty() => sources.push(Source {
                name: "p.yaml".to_owned(),
                text: format!("{line}\n"),
            }),
            None => {
                let text = &mut sources.last_mut().expect("a source").text;
                text.push_str(line);
                text.push('\n');
            }
        }
    }
    sources
}

/// What is said of a policy: its problems, else its warnings, else nothing.
pub(super) fn said(fixture: &str) -> String {
    match check(&sources(fixture)) {
        Ok(checked) => checked.warnings().to_string(),
        Err(report) => {
            let report: Report = report;
            assert!(!report.is_empty(), "refused without a reason");
            report.to_string()
        }
    }
}

pub(super) fn says(fixture: &str, expected: &Expect) {
    expected.assert_eq(&said(fixture));
}

/// A policy of one plan, with limits or other fields of it.
pub(super) fn plan(fields: &str) -> String {
    format!(
        "version: 1\ndefaults: {{ plan: p }}\nplans:\n  p:\n{}\n",
        indented(fields, 4)
    )
}

/// A policy with endpoints.
pub(super) fn endpoints(items: &str) -> String {
    format!(
        "version: 1\ndefaults: {{ plan: p }}\nplans: {{ p: {{}} }}\nendpoints:\n{}\n",
        indented(items, 2)
    )
}

pub(super) fn indented(text: &str, by: usize) -> String {
    let lines = text.lines().map(|line| format!("{:by$}{line}", ""));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_smallest_policies() {
    says("version: 1\ndefaults: { unknown_org: deny }\n", &expect![[""]]);
    says(
        "version: 1\n",
        &expect![[r#"
        p.yaml:1:1: no plan is named for orgs that nothing declares; name it in `defaults: { plan: … }`, or deny such orgs with `unknown_org: deny`
    "#]],
    );
    says(
        "version: 2\nplans: {}\n",
        &expect![[r#"
            p.yaml:1:1: no plan is named for orgs that nothing declares; name it in `defaults: { plan: … }`, or deny such orgs with `unknown_org: deny`
            p.yaml:1:10: `version`: `2` is not a version of this language; expected `1`
        "#]],
    );
    says(
        "plans: {}\n",
        &expect![[r#"
        p.yaml:1:1: the document lacks the field `version`; `version`: `1`
        p.yaml:1:1: no plan is named for orgs that nothing declares; name it in `defaults: { plan: … }`, or deny such orgs with `unknown_org: deny`
    "#]],
    );
    says(
        "version: \"1\"\n",
        &expect![[r#"
        p.yaml:1:1: no plan is named for orgs that nothing declares; name it in `defaults: { plan: … }`, or deny such orgs with `unknown_org: deny`
        p.yaml:1:10: `version`: "1" is text; leave out the quotes
    "#]],
    );
    says(
        "version: 1_0\n",
        &expect![[r#"
            p.yaml:1:1: no plan is named for orgs that nothing declares; name it in `defaults: { plan: … }`, or deny such orgs with `unknown_org: deny`
            p.yaml:1:10: `version`: `1_0` is not a version of this language; expected `1`
        "#]],
    );
    says(
        "",
        &expect![[r#"
        no file of a policy is given
    "#]],
    );
    says(
        "# words only\n",
        &expect![[r#"
        p.yaml:1:1: the file is empty; a policy begins with `version: 1`
    "#]],
    );
    says(
        "just a word\n",
        &expect![[r#"
            p.yaml:1:1: `document`: `just a word` is one value; expected a mapping with version, defaults, headers, boosts, incidents, environments, meters, plans, endpoints, orgs, keys
        "#]],
    );
    says(
        "- version: 1\n",
        &expect![[r#"
            p.yaml:1:1: `document`: a list is given; expected a mapping with version, defaults, headers, boosts, incidents, environments, meters, plans, endpoints, orgs, keys
        "#]],
    );
    expect![[r#"
        no file of a policy is given
    "#]]
    .assert_eq(&check(&[]).expect_err("nothing").to_string());
}

#[test]
fn every_problem_at_once() {
    says(
        "\
version: 1
defualts: { plan: developer }
defaults: { plan: develper, warn_at: 80, unknown_key: maybe }
plans:
  developer:
    limits:
      - { name: per-minute, per: key, limit: 060, windw: 1m }
      - { name: per-minute, per: keys, limit: 0, window: 50ms }
      - { name: per hour, per: key, limit: 1000, window: 1hour, algorithm: sliding-window }
    pool: { capacity: 200, refill: 200, every: 1h, mode: ceilling }
endpoints:
  - match: post /api/v1/scan
  - match: POST /api/v1/scan
    cost_factor: -1
    slot: async
orgs:
  acme: { plan: enterprise, time_zone: Europe/Berln }
keys:
  k1: { org: acem, environment: prod }
",
        &expect![[r#"
            p.yaml:2:1: unknown field `defualts` in the document; did you mean `defaults`?
            p.yaml:3:19: unknown plan `develper`; did you mean `developer`?
            p.yaml:3:38: `warn_at`: `80` is not a percentage; expected a percentage like `80%`, or `never`
            p.yaml:3:55: `unknown_key`: `maybe` is not a known value; known: `auto`, `default_plan`, `deny`
            p.yaml:7:46: `limit`: `060` has a leading zero; expected a whole number from 0 to 1125899906842624
            p.yaml:7:51: unknown field `windw` in a limit; did you mean `window`?
            p.yaml:8:34: `per`: `keys` is nothing that a counter belongs to; expected `org`, `key`, `endpoint`, `attribute.<name>`, or a list of them
            p.yaml:8:47: a limit of 0 denies everything; say so with `deny: true`, or leave the limit out for no limit
            p.yaml:8:58: `window`: `50ms` is shorter than 100ms; expected a duration like `100ms`, `30s`, `1m`, `1h` or `7d`, from 100ms to 400d
            p.yaml:9:17: `name`: `per hour` is not a name; expected a name of at most 64 letters, digits, `-`, `_` and `.`
            p.yaml:9:58: `window`: `1hour` is not a duration; expected a duration like `100ms`, `30s`, `1m`, `1h` or `7d`, from 100ms to 400d
            p.yaml:9:76: `algorithm`: `sliding-window` is not a known value; did you mean `sliding_window`?
            p.yaml:10:58: `mode`: `ceilling` is not a known value; did you mean `ceiling`?
            p.yaml:12:12: `match`: `post /api/v1/scan` does not begin with an HTTP method in capitals; expected `METHOD /path/{parameter}`, `METHOD /path/*` or `/package.Service/Method`
            p.yaml:14:18: `cost_factor`: `-1` is not a whole number; expected a whole number from 0 to 1000000
            p.yaml:15:11: unknown slot `async`; no plan has `slots`
            p.yaml:17:17: unknown plan `enterprise`; known: `developer`
            p.yaml:17:40: `time_zone`: `Europe/Berln` is not a time zone of the IANA database; did you mean `Europe/Berlin`?
            p.yaml:19:14: unknown org `acem`; did you mean `acme`?
            p.yaml:19:33: unknown environment `prod`; no environment is declared
        "#]],
    );
}

#[test]
fn forms_are_checked() {
    says(
        "version: 1\nplans: [a]\nendpoints: { a: b }\nheaders: ietf\ndefaults:\n",
        &expect![[r#"
            p.yaml:2:8: `plans`: a list is given; expected a mapping of names, each with a mapping with limits, burst, pool, slots, quotas, mode
            p.yaml:3:12: `endpoints`: a mapping is given; expected a list; each item is a mapping with match, cost_factor, amounts, limits, slot, scopes_any, scopes_all, environments, forbid, exempt
            p.yaml:4:10: `headers`: `ietf` is one value; expected a list; each item is `x-ratelimit-unix` or `x-ratelimit-draft03` or `ietf` or `warning`
            p.yaml:5:9: `defaults`: nothing is given; expected a mapping with plan, unknown_org, unknown_key, warn_at, on_unavailable
        "#]],
    );
    says(
        "version: 1\ndefaults: { plan: [p], unknown_org: { a: b } }\nplans: { p: 5 }\n",
        &expect![[r#"
            p.yaml:2:19: `plan`: a list is given; expected a name of at most 64 letters, digits, `-`, `_` and `.`
            p.yaml:2:37: `unknown_org`: a mapping is given; expected `default_plan` or `deny`
            p.yaml:3:13: `p`: `5` is one value; expected a mapping with limits, burst, pool, slots, quotas, mode
        "#]],
    );
    says(
        &plan("slots: { async: '50', b: { depth: 5, tll: 5m }, c: { ttl: 1ms } }"),
        &expect![[r#"
            p.yaml:5:21: `async`: "50" is text; leave out the quotes
            p.yaml:5:42: unknown field `tll` in a slot; did you mean `ttl`?
            p.yaml:5:56: a slot lacks the field `depth`; `depth`: a whole number from 1 to 1000000
            p.yaml:5:63: `ttl`: `1ms` is shorter than 1s; expected a duration like `100ms`, `30s`, `1m`, `1h` or `7d`, from 1s to 7d
        "#]],
    );
}

#[test]
fn settings() {
    says(
        "version: 1\ndefaults: { unknown_org: deny, warn_at: never }\nheaders: [ietf, warning, x-ratelimit-unix, ietf, x]\n",
        &expect![[r#"
            p.yaml:3:44: header profile `ietf` is listed twice
            p.yaml:3:50: `headers`: `x` is not a known value; known: `x-ratelimit-unix`, `x-ratelimit-draft03`, `ietf`, `warning`
        "#]],
    );
    says(
        "version: 1\ndefaults: { unknown_org: deny }\nboosts: { factor: [5, 2], duration: [24h], approvals: 3 }\nincidents: { factor: 0.5, max: 500d }\n",
        &expect![[r#"
            p.yaml:3:20: `factor`: the smallest is larger than the largest
            p.yaml:3:37: `duration`: a list of 1 is given; expected `[smallest, largest]`, each a duration like `100ms`, `30s`, `1m`, `1h` or `7d`, from 1s to 400d
            p.yaml:3:55: `approvals`: `3` is more than 2; expected a whole number from 1 to 2
            p.yaml:4:22: `factor`: 0.5 would lower limits; expected a factor of at least 1
            p.yaml:4:32: `max`: `500d` is longer than 400d; expected a duration like `100ms`, `30s`, `1m`, `1h` or `7d`, from 1s to 400d
        "#]],
    );
    says(
        "version: 1\ndefaults: { unknown_org: deny }\nboosts: { factor: [0.5, 2], duration: [72h, 24h] }\n",
        &expect![[r#"
            p.yaml:3:20: `factor`: 0.5 would lower limits; expected a factor of at least 1
            p.yaml:3:40: `duration`: the smallest is larger than the largest
        "#]],
    );
    says(
        "version: 1\ndefaults: { unknown_org: default_plan }\n",
        &expect![[r#"
        p.yaml:2:1: no plan is named for orgs that nothing declares; name it in `defaults: { plan: … }`, or deny such orgs with `unknown_org: deny`
    "#]],
    );
    says(
        "version: 1\ndefaults: { unknown_org: deny }\nenvironments: [prod, prod, a b]\nmeters: [tokens, gpu_seconds, gpu_seconds]\n",
        &expect![[r#"
            p.yaml:3:22: environment `prod` is declared twice (first declared here at p.yaml:3:16)
            p.yaml:3:28: `environments`: `a b` is not a name; expected a name of at most 64 letters, digits, `-`, `_` and `.`
            p.yaml:4:10: meter `tokens` is always there; leave it out
            p.yaml:4:31: meter `gpu_seconds` is declared twice (first declared here at p.yaml:4:18)
        "#]],
    );
}

#[test]
fn meters_are_few() {
    let mine = |count: usize| {
        let names: Vec<String> = (0..count).map(|number| format!("m{number}")).collect();
        said(&format!(
            "version: 1\ndefaults: {{ unknown_org: deny }}\nmeters: [{}]\n",
            names.join(", ")
        ))
    };
    assert_eq!(mine(11), "");
    expect![[r#"
        p.yaml:3:55: more than 16 meters, those that are always there included
    "#]]
    .assert_eq(&mine(12));
}

#[test]
fn files_add_up() {
    says(
        "\
//- a.yaml
version: 1
defaults: { plan: p }
plans: { p: {} }
environments: [prod]
//- b.yaml
version: 1
orgs: { acme: { plan: p } }
environments: [staging]
//- c.yaml
version: 1
keys: { k: { org: acme, environment: staging } }
",
        &expect![[""]],
    );
}

#[test]
fn a_name_in_two_files_is_told_with_both_places() {
    says(
        "\
//- a.yaml
version: 1
defaults: { plan: p }
headers: []
plans: { p: {} }
orgs: { acme: {} }
keys: { k: { org: acme } }
endpoints: [{ match: GET /a }]
environments: [prod]
meters: [m]
//- b.yaml
version: 1
defaults: {}
headers: [ietf]
plans: { p: {} }
orgs: { acme: {} }
keys: { k: { org: acme } }
endpoints: [{ match: GET /a }]
environments: [prod]
meters: [m]
",
        &expect![[r#"
            b.yaml:2:1: `defaults` is given in two files (first given here at a.yaml:2:1)
            b.yaml:3:1: `headers` is given in two files (first given here at a.yaml:3:1)
            b.yaml:4:10: plan `p` is declared twice (first declared here at a.yaml:4:10)
            b.yaml:5:9: org `acme` is declared twice (first declared here at a.yaml:5:9)
            b.yaml:6:9: key `k` is declared twice (first declared here at a.yaml:6:9)
            b.yaml:7:22: endpoint `GET /a` is declared twice (first declared here at a.yaml:7:22)
            b.yaml:8:16: environment `prod` is declared twice (first declared here at a.yaml:8:16)
            b.yaml:9:10: meter `m` is declared twice (first declared here at a.yaml:9:10)
        "#]],
    );
}

#[test]
fn a_file_that_cannot_be_read_hides_only_what_rests_on_it() {
    says(
        "\
//- a.yaml
version: 1
plans: { p: {}
//- b.yaml
version: 1
orgs: { acme: { plan: p, x: 1 } }
//- c.yaml
# empty
",
        &expect![[r#"
            a.yaml:3:1: this is not YAML: while parsing a flow mapping, did not find expected ',' or '}'
            b.yaml:2:26: unknown field `x` in an org; known: `plan`, `time_zone`, `mode`, `state`, `boosts`, `incidents`, `quotas`, `overage`
            c.yaml:1:1: the file is empty; a policy begins with `version: 1`
        "#]],
    );
}
