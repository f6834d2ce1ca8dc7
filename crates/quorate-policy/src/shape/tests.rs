//! The tables are whole: every field says what it is for, and `docs/policy.md` lists exactly them.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use expect_test::expect_file;

use super::root::DOCUMENT;
use super::{Kind, Object, expected};

/// Every object of the language, each once, the document first.
pub(crate) fn objects() -> Vec<&'static Object> {
    let mut found: Vec<&'static Object> = vec![&DOCUMENT];
    let mut at = 0;
    while let Some(object) = found.get(at).copied() {
        for field in object.fields {
            collect(&field.kind, &mut found);
        }
        at += 1;
    }
    found
}

fn collect(kind: &'static Kind, found: &mut Vec<&'static Object>) {
    let mut add = |object: &'static Object| {
        if found.iter().all(|known| known.name != object.name) {
            found.push(object);
        }
    };
    match kind {
        Kind::Object(object) => add(object),
        Kind::Or(inner, object) => {
            add(object);
            collect(inner, found);
        }
        Kind::List(inner) | Kind::OneOrMany(inner) | Kind::Range(inner) => collect(inner, found),
        Kind::Named(name, value) => {
            collect(name, found);
            collect(value, found);
        }
        _ => {}
    }
}

#[test]
fn every_field_says_what_it_is_for() {
    for object in objects() {
        assert!(object.doc.ends_with('.'), "{}", object.name);
        let names: BTreeSet<&str> = object.fields.iter().map(|field| field.name).collect();
        assert_eq!(names.len(), object.fields.len(), "{}: a name twice", object.name);
        for field in object.fields {
            assert!(field.doc.ends_with('.'), "{}.{}", object.name, field.name);
            assert_eq!(
                field.required,
                field.default.is_empty(),
                "{}.{}: a default, or required",
                object.name,
                field.name
            );
        }
    }
}

/// Where the generated part of the page begins.
const MARK: &str = "<!-- Below this line: made of the tables that check a policy (`shape/`), by the tests. -->\n";

#[test]
fn the_reference_is_current() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/policy.md");
    let page = std::fs::read_to_string(path).expect("the page");
    let (words, _) = page.split_once(MARK).expect("the mark");
    expect_file![path].assert_eq(&format!("{words}{MARK}{}", reference()));
}

fn reference() -> String {
    let mut text = String::new();
    for object in objects() {
        let title = object
            .name
            .trim_start_matches("an ")
            .trim_start_matches("a ")
            .trim_start_matches("the ");
        let _ = writeln!(text, "\n### {title}\n\n{}\n", object.doc);
        text.push_str("| field | holds | default | meaning |\n|---|---|---|---|\n");
        for field in object.fields {
            let default = if field.required { "**required**" } else { field.default };
            let _ = writeln!(
                text,
                "| `{}` | {} | {default} | {} |",
                field.name,
                holds(&field.kind),
                field.doc
            );
        }
        for field in object.fields {
            words(field.name, &field.kind, &mut text);
        }
    }
    text
}

/// What a field holds; objects have their own sections.
fn holds(kind: &Kind) -> String {
    match kind {
        Kind::Object(object) => format!("a mapping: see {}", link(object)),
        Kind::Or(inner, object) => format!("{}, or a mapping: see {}", holds(inner), link(object)),
        Kind::List(inner) => format!("a list of: {}", holds(inner)),
        Kind::Named(_, value) => format!("names, each with: {}", holds(value)),
        Kind::Word(_) => "one of the words below".to_owned(),
        other => expected(other).replace('|', "\\|"),
    }
}

fn link(object: &Object) -> String {
    let title = object
        .name
        .trim_start_matches("an ")
        .trim_start_matches("a ")
        .trim_start_matches("the ");
    format!("[{title}](#{})", title.trim_matches('`'))
}

fn words(field: &str, kind: &Kind, text: &mut String) {
    match kind {
        Kind::Word(words) => {
            let _ = writeln!(text, "\n`{field}`:\n");
            for word in *words {
                let _ = writeln!(text, "- `{}`: {}", word.name, word.doc);
            }
        }
        Kind::List(inner) | Kind::OneOrMany(inner) => self::words(field, inner, text),
        _ => {}
    }
}
