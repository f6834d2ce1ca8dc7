//! Nodes stand where the text says, and what is no plain document is refused.

mod dialects;

use std::fmt::Write as _;

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::{Dialect, Node, Value, parse, parse_as};
use crate::problems::Problems;

/// Shows every node and name with its line and column, and then every problem.
fn check(text: &str, expected: &Expect) {
    check_as(&Dialect::POLICY, text, expected);
}

fn check_as(dialect: &'static Dialect, text: &str, expected: &Expect) {
    let mut problems = Problems::default();
    let node = parse_as(dialect, 0, text, &mut problems);
    let mut shown = String::new();
    if let Some(node) = node {
        show(&node, 0, &mut shown);
    }
    for found in problems.into_sorted().0 {
        let _ = writeln!(shown, "! {}:{} {}", found.spot.line, found.spot.column, found.message);
        if let Some((spot, note)) = found.also {
            let _ = writeln!(shown, "  {}:{} {note}", spot.line, spot.column);
        }
    }
    expected.assert_eq(&shown);
}

fn show(node: &Node, depth: usize, out: &mut String) {
    let place = format!(
        "{:depth$}{}:{}",
        "",
        node.spot.line,
        node.spot.column,
        depth = depth * 2
    );
    let _ = match &node.value {
        Value::Scalar { text, plain: true } => writeln!(out, "{place} {text}"),
        Value::Scalar { text, plain: false } => writeln!(out, "{place} {text:?}"),
        Value::List(items) => {
            let _ = writeln!(out, "{place} list");
            items.iter().for_each(|item| show(item, depth + 1, out));
            Ok(())
        }
        Value::Map(entries) => {
            let _ = writeln!(out, "{place} map");
            for entry in entries {
                let _ = writeln!(
                    out,
                    "{:depth$}{}:{} {}:",
                    "",
                    entry.spot.line,
                    entry.spot.column,
                    entry.name,
                    depth = depth * 2 + 1
                );
                show(&entry.value, depth + 1, out);
            }
            Ok(())
        }
    };
}

#[test]
fn places_count_from_one_in_characters() {
    check(
        "a: [1, x]\nä: { ö: 'q', é: z }\n",
        &expect![[r#"
        1:1 map
         1:1 a:
          1:4 list
            1:5 1
            1:8 x
         2:1 ä:
          2:4 map
           2:6 ö:
            2:9 "q"
           2:14 é:
            2:17 z
    "#]],
    );
}

#[test]
fn line_ends_and_a_byte_order_mark_move_nothing() {
    check(
        "\u{feff}a: 1\r\nb:\r\n  - 2\r\n",
        &expect![[r#"
        1:1 map
         1:1 a:
          1:4 1
         2:1 b:
          3:3 list
            3:5 2
    "#]],
    );
}

#[test]
fn numbers_stay_as_they_were_written() {
    check(
        "[5_000, 012, 1e3, 80%, \"5\", ~, null, 2026-01-01T00:00:00Z]",
        &expect![[r#"
            1:1 list
              1:2 5_000
              1:9 012
              1:14 1e3
              1:19 80%
              1:24 "5"
              1:29 ~
              1:32 null
              1:38 2026-01-01T00:00:00Z
        "#]],
    );
    check(
        "a:\nb: ''\n",
        &expect![[r#"
        1:1 map
         1:1 a:
          1:2 
         2:1 b:
          2:4 ""
    "#]],
    );
}

#[test]
fn a_name_given_twice_is_told_with_both_places() {
    check(
        "a: 1\nb: 2\n\"a\": 3\n",
        &expect![[r#"
        1:1 map
         1:1 a:
          1:4 1
         2:1 b:
          2:4 2
        ! 3:1 `a` is given twice
          1:1 first given here
    "#]],
    );
}

#[test]
fn anchors_are_followed_to_where_they_stand() {
    check(
        "a: &x { n: 1 }\nb: *x\n",
        &expect![[r#"
        1:1 map
         1:1 a:
          1:4 map
           1:9 n:
            1:12 1
         2:1 b:
          1:4 map
           1:9 n:
            1:12 1
    "#]],
    );
    check(
        "a: *nothing\n",
        &expect![[r#"
        ! 1:4 this is not YAML: while parsing node, found unknown anchor
    "#]],
    );
    check(
        "a: &x [*x]\n",
        &expect![[r#"
        ! 1:8 an anchor cannot hold itself
    "#]],
    );
}

#[test]
fn merge_keys_tags_and_complex_names_are_refused() {
    check(
        "<<: { a: 1 }\nb: 2\n",
        &expect![[r#"
        1:1 map
         2:1 b:
          2:4 2
        ! 1:1 merge keys are not followed
    "#]],
    );
    check(
        "a: !!str 5\nb: !mine x\nc: !mine [1]\n",
        &expect![[r#"
        ! 1:4 tags have no meaning in a policy
        ! 2:4 tags have no meaning in a policy
        ! 3:4 tags have no meaning in a policy
    "#]],
    );
    check(
        "? [a, b]\n: 1\nc: 2\n",
        &expect![[r#"
        1:1 map
         3:1 c:
          3:4 2
        ! 1:3 a name is expected here, not a list or a mapping
    "#]],
    );
}

#[test]
fn a_second_document_is_refused() {
    check(
        "a: 1\n---\nb: 2\n",
        &expect![[r#"
            1:1 map
             1:1 a:
              1:4 1
            ! 2:1 a second document begins here; a policy file holds one
        "#]],
    );
}

#[test]
fn what_is_not_yaml_is_told_where() {
    check(
        "a: [1, 2\nb: 3\n",
        &expect![[r#"
        ! 2:2 this is not YAML: illegal placement of ':' indicator
    "#]],
    );
    check(
        "a: \"open\n",
        &expect![[r#"
        ! 1:4 this is not YAML: while scanning a quoted scalar, found unexpected end of stream
    "#]],
    );
    check(
        "\tb: 1\n",
        &expect![[r#"
        1:2 map
         1:2 b:
          1:5 1
    "#]],
    );
    check("", &expect![[""]]);
    check("# nothing but words\n", &expect![[""]]);
}

#[test]
fn nesting_is_bounded() {
    let within = format!(
        "{}1{}",
        "[".repeat(Dialect::POLICY.depth_max),
        "]".repeat(Dialect::POLICY.depth_max)
    );
    let mut problems = Problems::default();
    assert!(parse(0, &within, &mut problems).is_some());
    assert!(problems.is_empty());
    for beyond in [
        "[".repeat(Dialect::POLICY.depth_max + 1),
        "- ".repeat(Dialect::POLICY.depth_max + 1),
        "{a: ".repeat(Dialect::POLICY.depth_max + 1),
    ] {
        let mut problems = Problems::default();
        assert!(parse(0, &beyond, &mut problems).is_none());
        let found = problems.into_sorted().0;
        assert_eq!(found.len(), 1);
        assert_eq!(
            found[0].message,
            format!("nested deeper than {} levels", Dialect::POLICY.depth_max)
        );
    }
}

#[test]
fn the_deepest_nesting_takes_no_stack() {
    for text in ["[".repeat(100_000), "- ".repeat(100_000), "? ".repeat(100_000)] {
        let mut problems = Problems::default();
        assert!(parse(0, &text, &mut problems).is_none());
        assert!(!problems.is_empty());
    }
}

#[test]
fn anchors_cannot_fill_the_memory() {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..9 {
        let uses = vec![format!("*a{}", level - 1); 9].join(", ");
        let _ = writeln!(text, "a{level}: &a{level} [{uses}]");
    }
    let mut problems = Problems::default();
    assert!(parse(0, &text, &mut problems).is_none());
    assert_eq!(
        problems.into_sorted().0[0].message,
        "anchors add more than 100000 values"
    );
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "(?s)[ \n\t:,\\[\\]{}&*!|>'\"%#?@`a-c0-9~<-]{0,60}") {
        let mut problems = Problems::default();
        let node = parse(0, &text, &mut problems);
        let lines = text.lines().count();
        let places = problems.into_sorted().0.into_iter().map(|found| found.spot).chain(node.map(|node| node.spot));
        for spot in places {
            prop_assert!(spot.line <= lines + 1 && spot.column >= 1 && spot.start < spot.end, "{spot:?}");
        }
    }
}
