//! A report shows each problem where it stands, and counts them.

use expect_test::{Expect, expect};

use crate::problems::PROBLEMS_MAX;
use crate::{Report, Source, check};

fn sources(texts: &[(&str, &str)]) -> Vec<Source> {
    let source = |(name, text): &(&str, &str)| Source {
        name: (*name).to_owned(),
        text: (*text).to_owned(),
    };
    texts.iter().map(source).collect()
}

fn problems(texts: &[(&str, &str)]) -> Report {
    check(&sources(texts)).expect_err("problems")
}

fn rendered(texts: &[(&str, &str)], expected: &Expect) {
    expected.assert_eq(&problems(texts).render(false));
}

#[test]
fn one_problem() {
    rendered(
        &[(
            "policy.yaml",
            "version: 1\ndefaults: { plan: p }\nplans:\n  p:\n    limits:\n      - { name: l, per: key, limit: 5, windw: 1m, window: 1m }\n",
        )],
        &expect![[r#"
            error: unknown field `windw` in a limit
             --> policy.yaml:6:40
              |
            6 |       - { name: l, per: key, limit: 5, windw: 1m, window: 1m }
              |                                        ^^^^^
              |
              = help: did you mean `window`?

            1 problem
        "#]],
    );
}

#[test]
fn a_problem_of_two_places() {
    rendered(
        &[
            ("a.yaml", "version: 1\ndefaults: { plan: p }\nplans:\n  p: {}\n"),
            ("b.yaml", "version: 1\nplans:\n  p: {}\n  q: 5\n"),
        ],
        &expect![[r#"
            error: plan `p` is declared twice
             --> b.yaml:3:3
              |
            3 |   p: {}
              |   ^
              |
             ::: a.yaml:4:3
              |
            4 |   p: {}
              |   - first declared here

            error: `q`: `5` is one value
             --> b.yaml:4:6
              |
            4 |   q: 5
              |      ^
              |
              = help: expected a mapping with limits, burst, pool, slots, quotas, mode

            2 problems
        "#]],
    );
}

#[test]
fn letters_beyond_ascii_and_other_line_ends() {
    rendered(
        &[(
            "ü.yaml",
            "\u{feff}version: 1\r\ndefaults: { plan: ä }\r\nplans: { ö: {}, 'ß x': {} }\r\n",
        )],
        &expect![[r#"
            error: `plan`: `ä` is not a name
             --> ü.yaml:2:19
              |
            2 | defaults: { plan: ä }
              |                   ^
              |
              = help: expected a name of at most 64 letters, digits, `-`, `_` and `.`

            error: unknown plan `ä`
             --> ü.yaml:2:19
              |
            2 | defaults: { plan: ä }
              |                   ^
              |
              = help: known: `ß x`, `ö`

            error: `plans`: `ö` is not a name
             --> ü.yaml:3:10
              |
            3 | plans: { ö: {}, 'ß x': {} }
              |          ^
              |
              = help: expected a name of at most 64 letters, digits, `-`, `_` and `.`

            error: `plans`: `ß x` is not a name
             --> ü.yaml:3:17
              |
            3 | plans: { ö: {}, 'ß x': {} }
              |                 ^^^^^
              |
              = help: expected a name of at most 64 letters, digits, `-`, `_` and `.`

            4 problems
        "#]],
    );
}

#[test]
fn warnings_are_called_so() {
    let texts = [(
        "p.yaml",
        "version: 1\ndefaults: { plan: p }\nplans: { p: { pool: { capacity: 1, refill: 1, every: 1s } } }\n",
    )];
    let checked = check(&sources(&texts)).expect("a policy");
    expect![[r#"
        warning: the pool of plan `p` is drawn by no burst, so it does nothing
         --> p.yaml:3:15
          |
        3 | plans: { p: { pool: { capacity: 1, refill: 1, every: 1s } } }
          |               ^^^^
          |
          = help: give the plan a `burst`, or make the pool a cap with `mode: ceiling`

        1 warning
    "#]]
    .assert_eq(&checked.warnings().render(false));
    assert!(checked.warnings().render(true).contains("\u{1b}["), "colours");
}

#[test]
fn nothing_to_say_is_nothing() {
    let checked = check(&sources(&[("p.yaml", "version: 1\ndefaults: { unknown_org: deny }\n")])).expect("a policy");
    assert!(checked.warnings().is_empty());
    assert_eq!(checked.warnings().render(true), "");
    assert_eq!(checked.warnings().to_string(), "");
}

#[test]
fn a_line_too_long_is_not_shown() {
    let text = format!(
        "version: 1\ndefaults: {{ unknown_org: deny }}\nplans: {{ {}x: 5 }}\n",
        "a: {}, ".repeat(200)
    );
    let shown = problems(&[("p.yaml", &text)]).render(false);
    assert!(
        shown.contains("a line too long to show") && shown.len() < 120_000,
        "{} bytes",
        shown.len()
    );
}

#[test]
fn problems_are_bounded_and_counted() {
    let many = "x: 1\n".to_owned()
        + &(0..2 * PROBLEMS_MAX)
            .map(|number| format!("x{number}: 1\n"))
            .collect::<String>();
    let report = problems(&[("p.yaml", &many)]);
    assert_eq!(report.problems().len(), PROBLEMS_MAX);
    // The version and the default plan are missing too.
    assert_eq!(report.problems().len() + report.omitted(), 2 * PROBLEMS_MAX + 3);
    assert!(report.to_string().ends_with("2003 problems, 1003 of them not shown\n"));
}
