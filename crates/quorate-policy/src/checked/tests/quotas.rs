//! Rules of quotas, and of agreements to overage.

use expect_test::{Expect, expect};

use super::{indented, plan, said, says};

fn quota(fields: &str) -> String {
    said(&plan(&format!(
        "quotas: [{{ name: q, per: org, limit: 5_000_000, {fields} }}]"
    )))
}

#[test]
fn quotas_as_they_may_be() {
    for fits in [
        "period: month, meter: tokens, kind: hard, warn_at: [50%, 80%, 100%], status: 402",
        "period: month, anchor_day: 31",
        "period: lifetime, warn_at: 90%, alert_at: 95%, mode: shadow",
        "period: hour, warn_at: [], alert_at: []",
    ] {
        assert_eq!(quota(fits), "", "{fits}");
    }
}

#[test]
fn quotas_as_they_may_not_be() {
    for (wrong, expected) in [
        (
            "period: fortnight",
            expect![[r#"
                p.yaml:5:61: `period`: `fortnight` is not a known value; known: `hour`, `day`, `week`, `month`, `year`, `lifetime`
            "#]],
        ),
        (
            "period: month, on_unavailable: allow",
            expect![[r#"
            p.yaml:5:68: a hard quota is never overspent, whatever is away; leave out `on_unavailable`, or make it `kind: soft`
        "#]],
        ),
        (
            "period: month, kind: hard, on_unavailable: deny",
            expect![[r#"
            p.yaml:5:80: a hard quota is never overspent, whatever is away; leave out `on_unavailable`, or make it `kind: soft`
        "#]],
        ),
        (
            "period: day, anchor_day: 3",
            expect![[r#"
            p.yaml:5:66: `anchor_day` means something to months only
        "#]],
        ),
        (
            "period: month, anchor_day: 32",
            expect![[r#"
                p.yaml:5:80: `anchor_day`: `32` is more than 31; expected a whole number from 1 to 31
            "#]],
        ),
        (
            "period: month, status: 500",
            expect![[r#"
                p.yaml:5:76: `status`: `500` is not a known value; known: `402`, `429`
            "#]],
        ),
        (
            "period: month, meter: token",
            expect![[r#"
                p.yaml:5:75: unknown meter `token`; did you mean `tokens`?
            "#]],
        ),
        (
            "period: month, warn_at: never",
            expect![[r#"
                p.yaml:5:77: `warn_at`: `never` is not a percentage; expected a percentage like `80%`
            "#]],
        ),
        (
            "kind: soft",
            expect![[r#"
            p.yaml:5:14: a quota lacks the field `period`; `period`: `hour` or `day` or `week` or `month` or `year` or `lifetime`
        "#]],
        ),
    ] {
        expected.assert_eq(&quota(wrong));
    }
    says(
        &plan(
            "limits: [{ name: q, per: key, limit: 5, window: 1m }]\nquotas: [{ name: q, per: org, limit: 5, period: day }]",
        ),
        &expect![[r#"
            p.yaml:6:22: limit or quota `q` is declared twice (first declared here at p.yaml:5:22)
        "#]],
    );
}

/// Percentages, from 1 on.
fn percents(count: usize) -> String {
    let all: Vec<String> = (1..=count).map(|percent| format!("{percent}%")).collect();
    all.join(", ")
}

#[test]
fn thresholds_are_few() {
    for name in ["warn_at", "alert_at"] {
        assert_eq!(quota(&format!("period: day, {name}: [{}, 1%]", percents(8))), "");
    }
    expect![[r#"
        p.yaml:5:75: `warn_at` names 9 uses; at most 8 are possible
    "#]]
    .assert_eq(&quota(&format!("period: day, warn_at: [{}]", percents(9))));
    expect![[r#"
        p.yaml:5:76: `alert_at` names 9 uses; at most 8 are possible
    "#]]
    .assert_eq(&quota(&format!("period: day, alert_at: [{}]", percents(9))));
    expect![[r#"
        p.yaml:5:76: `alert_at`: `never` is not a percentage; expected a percentage like `80%`
    "#]]
    .assert_eq(&quota("period: day, alert_at: never"));
}

#[test]
fn accounts_have_few_attributes() {
    let per = |count: usize| {
        let names: Vec<String> = (0..count).map(|number| format!("attribute.a{number}")).collect();
        said(&plan(&format!(
            "quotas: [{{ name: q, per: [key, endpoint, {}], limit: 5, period: day }}]",
            names.join(", ")
        )))
    };
    assert_eq!(per(8), "");
    expect![[r#"
        p.yaml:5:30: `per` names 9 attributes; an account has at most 8
    "#]]
    .assert_eq(&per(9));
}

/// A policy of one org on a plan with a limit `l` and a quota `q`.
fn org(fields: &str) -> String {
    format!(
        "{}orgs:\n  acme:\n{}\n",
        plan(
            "limits: [{ name: l, per: key, limit: 5, window: 1m }]\nquotas: [{ name: q, per: org, limit: 5, period: day }]"
        ),
        indented(fields, 4)
    )
}

fn orgs(fields: &str, expected: &Expect) {
    says(&org(fields), expected);
}

const AGREED: &str = "overage: { agreed_by: Ann Lee, agreed_at: 2026-01-31T08:00:00Z, reason: contract 17 }";

#[test]
fn agreements() {
    orgs(AGREED, &expect![[""]]);
    orgs(
        "overage: { agreed_by: ann, agreed_at: 2026-01-31T08:00:00Z }",
        &expect![[""]],
    );
    orgs(
        "overage: {}",
        &expect![[r#"
        p.yaml:9:14: an agreement lacks the field `agreed_by`; `agreed_by`: some text
        p.yaml:9:14: an agreement lacks the field `agreed_at`; `agreed_at`: an instant like `2026-01-31T08:00:00Z`
    "#]],
    );
    orgs(
        "overage: true",
        &expect![[r#"
        p.yaml:9:14: `overage`: `true` is one value; expected a mapping with agreed_by, agreed_at, reason
    "#]],
    );
    orgs(
        "overage: { agreed_by: '', agreed_at: today, reason: '' }",
        &expect![[r#"
            p.yaml:9:27: `agreed_by`: `` is empty; expected some text
            p.yaml:9:42: `agreed_at`: `today` is not an instant; expected an instant like `2026-01-31T08:00:00Z`
            p.yaml:9:57: `reason`: `` is empty; expected some text
        "#]],
    );
}

#[test]
fn a_soft_quota_of_an_org_wants_its_agreement() {
    let soft = "quotas: [{ name: own, per: org, limit: 5, period: day, kind: soft, on_unavailable: allow }]";
    orgs(&format!("{soft}\n{AGREED}"), &expect![[""]]);
    orgs(&soft.replace("soft, on_unavailable: allow", "hard"), &expect![[""]]);
    orgs(
        soft,
        &expect![[r#"
        p.yaml:9:66: a soft quota of an org that has not agreed to overage; record its agreement in `overage: { agreed_by: …, agreed_at: … }`, or make it `kind: hard`
    "#]],
    );
}

#[test]
fn a_soft_quota_of_a_plan_is_for_orgs_that_agreed() {
    let soft = |fields: &str| org(fields).replace("period: day", "period: day, kind: soft");
    says(&soft(AGREED), &expect![[""]]);
    says(
        &soft("plan: p"),
        &expect![[r#"
        p.yaml:6:22: quota `q` is soft, and hard for everybody: no org on plan `p` has agreed to overage; record an org's agreement in its `overage: { agreed_by: …, agreed_at: … }`
    "#]],
    );
    let elsewhere = soft(&format!("plan: other\n{AGREED}")).replace("plans:\n", "plans:\n  other: {}\n");
    says(
        &elsewhere,
        &expect![[r#"
        p.yaml:7:22: quota `q` is soft, and hard for everybody: no org on plan `p` has agreed to overage; record an org's agreement in its `overage: { agreed_by: …, agreed_at: … }`
    "#]],
    );
}

#[test]
fn an_org_names_its_quotas_as_its_plan_does_not() {
    let own = |name: &str| format!("quotas: [{{ name: {name}, per: org, limit: 5, period: day }}]");
    orgs(&own("own"), &expect![[""]]);
    orgs(
        &own("q"),
        &expect![[r#"
        p.yaml:9:22: quota `q` has the name of a limit or quota of plan `p` (declared here at p.yaml:6:22); one answer names both: choose another name
    "#]],
    );
    orgs(
        &own("l"),
        &expect![[r#"
        p.yaml:9:22: quota `l` has the name of a limit or quota of plan `p` (declared here at p.yaml:5:22); one answer names both: choose another name
    "#]],
    );
    orgs(
        &own("pool"),
        &expect![[r#"
        p.yaml:9:22: `pool` is what answers call the plan's own; choose another name
    "#]],
    );
    orgs(
        "quotas:\n- { name: own, per: org, limit: 5, period: day }\n- { name: own, per: key, limit: 5, period: day }",
        &expect![[r#"
            p.yaml:11:15: limit or quota `own` is declared twice (first declared here at p.yaml:10:15)
        "#]],
    );
    // A plan that the org is not on has a say in none of its answers.
    let elsewhere = org(&own("other")).replace(
        "plans:\n",
        "plans:\n  x: { quotas: [{ name: other, per: org, limit: 5, period: day }] }\n",
    );
    says(&elsewhere, &expect![[""]]);
    says(
        "\
//- b.yaml
version: 1
orgs: { acme: { plan: p, quotas: [{ name: q, per: org, limit: 5, period: day }] } }
//- a.yaml
version: 1
defaults: { plan: p }
plans: { p: { quotas: [{ name: q, per: org, limit: 5, period: day }] } }
",
        &expect![[r#"
            b.yaml:2:43: quota `q` has the name of a limit or quota of plan `p` (declared here at a.yaml:3:32); one answer names both: choose another name
        "#]],
    );
    let endpoint = "endpoints: [{ match: GET /a, limits: [{ name: own, per: key, limit: 5, window: 1m }] }]\n";
    says(
        &format!("{}{endpoint}", org(&own("own"))),
        &expect![[r#"
        p.yaml:10:47: limit `own` has the name of an org's quota (declared here at p.yaml:9:22); one answer names both: choose another name
    "#]],
    );
}

/// Quotas of a plan, and of an org on it.
fn counts(of_plan: usize, of_org: usize) -> String {
    let quotas = |prefix: &str, count: usize| {
        let items = (0..count).map(|number| format!("{{ name: {prefix}{number}, per: org, limit: 5, period: day }}"));
        items.collect::<Vec<_>>().join(", ")
    };
    let plan = plan(&format!("quotas: [{}]", quotas("p", of_plan)));
    said(&format!(
        "{plan}orgs: {{ acme: {{ quotas: [{}] }} }}\n",
        quotas("o", of_org)
    ))
}

#[test]
fn few_quotas_meet_one_request() {
    assert_eq!(counts(8, 0), "");
    assert_eq!(counts(0, 8), "");
    assert_eq!(counts(3, 5), "");
    expect![[r#"
        p.yaml:4:3: plan `p` puts 9 quotas on one request; at most 8 are possible
    "#]]
    .assert_eq(&counts(9, 0));
    expect![[r#"
        p.yaml:6:9: a request of org `acme` on plan `p` meets 9 quotas; at most 8 are possible
    "#]]
    .assert_eq(&counts(0, 9));
    expect![[r#"
        p.yaml:6:9: a request of org `acme` on plan `p` meets 9 quotas; at most 8 are possible
    "#]]
    .assert_eq(&counts(3, 6));
    // The plan is to blame alone.
    expect![[r#"
        p.yaml:4:3: plan `p` puts 9 quotas on one request; at most 8 are possible
    "#]]
    .assert_eq(&counts(9, 1));
}

#[test]
fn quotas_of_one_name_have_one_meter() {
    let plans = |meter: &str| {
        plan(&format!(
            "quotas: [{{ name: q, per: org, limit: 5, period: day, meter: {meter} }}]"
        ))
        .replace(
            "plans:\n",
            "plans:\n  a: { quotas: [{ name: q, per: org, limit: 9, period: day, meter: tokens }] }\n",
        )
    };
    says(&plans("tokens"), &expect![[""]]);
    says(
        &plans("requests"),
        &expect![[r#"
        p.yaml:6:22: quota `q` is in units of `requests` here, and of `tokens` in plan `a`: an org that changes its plan goes on from what it has used; give it another name
    "#]],
    );
}
