//! Whatever is done to a policy, the check answers with a policy or with problems that stand in the text.

use proptest::prelude::*;
use quorate_core::request::Request;
use quorate_core::state::layout::Layouts;
use quorate_core::time::Instant;

use crate::{Bounds, PolicySet, REFERENCE_YAML, Source, check};

/// A policy that uses every field of the language.
pub(crate) const FULL: &str = include_str!("../../../../../examples/policies/every-field.yaml");

fn source(text: &str) -> Source {
    Source {
        name: "p.yaml".to_owned(),
        text: text.to_owned(),
    }
}

/// Checks, renders, compiles and resolves.
fn exercise(text: &str) {
    // A carriage return alone ends a line too.
    let lines = text.matches(['\n', '\r']).count() + 1;
    match check(&[source(text)]) {
        Ok(checked) => {
            let _ = checked.warnings().render(false);
            let set = PolicySet::compile(&checked, 1, &mut Layouts::default()).expect("few layouts");
            for endpoint in [
                "POST /api/v1/threats/scan",
                "GET /api/v1/reports/7",
                "/threats.v1.Scanner/Scan",
            ] {
                let request = Request::of("k", endpoint);
                let bounds = Bounds { cost_max: 1_000 };
                set.resolve(&request, bounds, None, Instant(0)).expect("well formed");
                set.explain(&request, bounds, None, Instant(0)).expect("well formed");
            }
        }
        Err(report) => {
            assert!(!report.is_empty());
            assert!(report.render(true).len() > report.problems().len());
            for problem in report.problems() {
                assert!((1..=lines + 1).contains(&problem.line), "{problem}");
                assert!(problem.column >= 1, "{problem}");
            }
        }
    }
}

/// Hard and soft quotas.
pub(crate) const QUOTAS: &str = include_str!("../../../../../examples/policies/quotas.yaml");

/// The smallest example.
const SMALL: &str = include_str!("../../../../../examples/policies/small.yaml");

#[test]
fn the_examples_are_policies() {
    for (text, quotas) in [(FULL, true), (QUOTAS, true), (REFERENCE_YAML, false), (SMALL, false)] {
        let checked = check(&[source(text)]).unwrap_or_else(|report| panic!("{report}"));
        assert_eq!(checked.warnings().to_string(), "");
        assert_eq!(checked.quotas_declared(), quotas);
    }
    assert!(
        SMALL
            .lines()
            .filter(|line| !line.starts_with('#') && !line.is_empty())
            .count()
            <= 20
    );
}

/// The tour says every field, so that whatever takes a policy can be tried on it.
#[test]
fn the_tour_is_whole() {
    for field in crate::shape::tests::objects().iter().flat_map(|object| object.fields) {
        assert!(FULL.contains(&format!("{}:", field.name)), "{}", field.name);
    }
}

/// Words that mean something somewhere, to be put where they do not belong.
const WORDS: [&str; 28] = [
    "0",
    "1",
    "-1",
    "18446744073709551616",
    "1_000",
    "01",
    "1m",
    "0s",
    "99ms",
    "401d",
    "80%",
    "0%",
    "true",
    "null",
    "~",
    "{}",
    "[]",
    "[a, b]",
    "{ a: b }",
    "key",
    "requests",
    "tokens",
    "p",
    "GET /a",
    "GET /{x}/*",
    "*",
    "&x a",
    "'",
];

/// Replaces, removes or adds one word of a text, or takes its first letter.
fn mutate(text: &str, at: usize, word: &str, how: u8) -> String {
    let separates = |c: char| c.is_whitespace() || matches!(c, ',' | ':' | '{' | '}' | '[' | ']');
    let starts: Vec<usize> = text
        .char_indices()
        .zip(std::iter::once('\n').chain(text.chars()))
        .filter(|((_, c), before)| !separates(*c) && separates(*before))
        .map(|((at, _), _)| at)
        .collect();
    let Some(start) = starts.get(at % starts.len().max(1)).copied() else {
        return word.to_owned();
    };
    let end = text[start..]
        .find(separates)
        .map_or(text.len(), |length| start + length);
    let (before, after) = (&text[..start], &text[end..]);
    match how % 4 {
        0 => format!("{before}{word}{after}"),
        1 => format!("{before}{after}"),
        2 => format!("{before}{word}{}", &text[start..]),
        _ => format!(
            "{before}{}{after}",
            text[start..end].chars().skip(1).collect::<String>()
        ),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn a_changed_policy_is_a_policy_or_has_problems(
        full in any::<bool>(),
        changes in proptest::collection::vec((any::<usize>(), proptest::sample::select(&WORDS[..]), any::<u8>()), 1..4),
    ) {
        let mut text = if full { FULL } else { REFERENCE_YAML }.to_owned();
        for (at, word, how) in changes {
            text = mutate(&text, at, word, how);
        }
        exercise(&text);
    }

    #[test]
    fn a_line_lost_or_doubled_is_no_panic(full in any::<bool>(), at in any::<usize>(), double in any::<bool>()) {
        let text = if full { FULL } else { REFERENCE_YAML };
        let mut lines: Vec<&str> = text.lines().collect();
        let at = at % lines.len();
        if double {
            lines.insert(at, lines[at]);
        } else {
            lines.remove(at);
        }
        exercise(&lines.join("\n"));
    }

    #[test]
    fn a_cut_policy_is_no_panic(at in 0..REFERENCE_YAML.len()) {
        if let Some(text) = REFERENCE_YAML.get(..at) {
            exercise(text);
        }
    }

    #[test]
    fn random_text_is_no_panic(text in "(?s)(version: 1\n)?.{0,80}") {
        exercise(&text);
    }
}
