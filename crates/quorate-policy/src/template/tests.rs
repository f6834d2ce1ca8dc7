//! Templates are read one way, and which of two is the narrower is what their paths say.

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::{Relation, Segment, Template};

fn check(inputs: &[&str], expected: &Expect) {
    let lines: Vec<String> = inputs
        .iter()
        .map(|input| match Template::parse(input) {
            Ok(template) => format!("{input} -> {}\n", show(&template)),
            Err(problem) => format!("{} {problem}\n", input.escape_debug()),
        })
        .collect();
    expected.assert_eq(&lines.concat());
}

fn show(template: &Template) -> String {
    let mut text = format!("[{}]", template.method);
    for segment in &template.segments {
        match segment {
            Segment::Literal(literal) => text.push_str(&format!(" {literal:?}")),
            Segment::Parameter => text.push_str(" {}"),
        }
    }
    if template.open {
        text.push_str(" *");
    }
    text
}

#[test]
fn what_is_a_template() {
    check(
        &[
            "GET /",
            "GET /a/b",
            "GET /a/",
            "GET /a/{id}",
            "GET /{a}/{b}/c",
            "POST /a/*",
            "GET /*",
            "/a.B/C",
            "/a.B/*",
        ],
        &expect![[r#"
            GET / -> [GET] ""
            GET /a/b -> [GET] "a" "b"
            GET /a/ -> [GET] "a" ""
            GET /a/{id} -> [GET] "a" {}
            GET /{a}/{b}/c -> [GET] {} {} "c"
            POST /a/* -> [POST] "a" *
            GET /* -> [GET] *
            /a.B/C -> [] "a.B" "C"
            /a.B/* -> [] "a.B" *
        "#]],
    );
}

#[test]
fn what_is_none() {
    check(
        &[
            "",
            "GET",
            "get /a",
            "GET  /a",
            "GET a",
            " /a",
            "GET /a//b",
            "GET /a/*/b",
            "GET /a/x*",
            "GET /{id}.json",
            "GET /{}",
            "GET /{*x}",
            "GET /a b",
            "GET /a?b=c",
            "GET /a#b",
            "/a",
            "/a/b/c",
            "/a/{id}",
            "/a b/c",
            "/",
            "GET /a\u{7}",
        ],
        &expect![[r#"
             is neither `METHOD /path` nor `/package.Service/Method`
            GET is neither `METHOD /path` nor `/package.Service/Method`
            get /a does not begin with an HTTP method in capitals
            GET  /a has a path that does not begin with `/`
            GET a has a path that does not begin with `/`
             /a does not begin with an HTTP method in capitals
            GET /a//b has an empty segment (`//`)
            GET /a/*/b has `{`, `}` or `*` inside a segment; a parameter is a whole segment, and `*` is the last one
            GET /a/x* has `{`, `}` or `*` inside a segment; a parameter is a whole segment, and `*` is the last one
            GET /{id}.json has `{`, `}` or `*` inside a segment; a parameter is a whole segment, and `*` is the last one
            GET /{} has a parameter `{}` that is not a name in braces
            GET /{*x} has a parameter `{*x}` that is not a name in braces
            GET /a b has a query, a fragment or a space in its path
            GET /a?b=c has a query, a fragment or a space in its path
            GET /a#b has a query, a fragment or a space in its path
            /a is not a gRPC method `/package.Service/Method`; an HTTP path wants its method first
            /a/b/c is not a gRPC method `/package.Service/Method`; an HTTP path wants its method first
            /a/{id} is not a gRPC method `/package.Service/Method`; an HTTP path wants its method first
            /a b/c is not a gRPC method `/package.Service/Method`; an HTTP path wants its method first
            / is not a gRPC method `/package.Service/Method`; an HTTP path wants its method first
            GET /a\u{7} has a query, a fragment or a space in its path
        "#]],
    );
}

fn relation(a: &str, b: &str) -> Relation {
    let parse = |text| Template::parse(text).expect("a template");
    parse(a).relation(&parse(b))
}

#[test]
fn the_narrower_lies_inside_the_wider() {
    for (a, b, expected) in [
        ("GET /a", "GET /a", Relation::Same),
        ("GET /a/{x}", "GET /a/{y}", Relation::Same),
        ("GET /a", "POST /a", Relation::Apart),
        ("GET /a", "GET /b", Relation::Apart),
        ("GET /a", "GET /a/", Relation::Apart),
        ("GET /a/", "GET /a/{x}", Relation::Apart),
        ("GET /a/", "GET /a/*", Relation::Apart),
        ("GET /a/b", "GET /a/{x}", Relation::Inside),
        ("GET /a/{x}", "GET /a/*", Relation::Inside),
        ("GET /a/*", "GET /*", Relation::Inside),
        ("GET /a/{x}/*", "GET /a/*", Relation::Inside),
        ("GET /a/b/", "GET /a/*", Relation::Inside),
        ("GET /{x}/b", "GET /a/{y}", Relation::Crossing),
        ("GET /{x}/b", "GET /a/*", Relation::Crossing),
        ("GET /a/{x}/c", "GET /a/b/*", Relation::Crossing),
        ("/a.B/C", "/a.B/*", Relation::Inside),
        ("GET /", "GET /*", Relation::Apart),
        ("GET /", "GET /{x}", Relation::Apart),
    ] {
        assert_eq!(relation(a, b), expected, "{a} and {b}");
        let back = match expected {
            Relation::Inside => Relation::Around,
            same => same,
        };
        assert_eq!(relation(b, a), back, "{b} and {a}");
    }
}

impl Template {
    /// The obvious way to match a path.
    pub(crate) fn matches(&self, method: &str, path: &str) -> bool {
        let Some(path) = path.strip_prefix('/').filter(|_| method == self.method) else {
            return false;
        };
        let parts: Vec<&str> = path.split('/').collect();
        let fits = |(segment, part): (&Segment, &&str)| match segment {
            Segment::Literal(literal) => literal == part,
            Segment::Parameter => !part.is_empty(),
        };
        let fixed = self.segments.len();
        let begins = parts.len() >= fixed && self.segments.iter().zip(&parts).all(fits);
        let rest = parts.get(fixed..).map(|rest| rest.join("/"));
        if self.open {
            begins && parts.len() > fixed && rest.is_some_and(|rest| !rest.is_empty())
        } else {
            begins && parts.len() == fixed
        }
    }
}

/// Templates and paths over so small an alphabet that they often meet.
pub(crate) fn template() -> impl Strategy<Value = String> {
    let segment = prop_oneof![Just("a"), Just("b"), Just("{x}")];
    (
        proptest::collection::vec(segment, 0..4),
        prop_oneof![Just(""), Just("*"), Just("/")],
    )
        .prop_map(|(parts, end)| match (parts.is_empty(), end) {
            (true, "*") => "GET /*".to_owned(),
            (true, _) => "GET /".to_owned(),
            (false, "*") => format!("GET /{}/*", parts.join("/")),
            (false, end) => format!("GET /{}{end}", parts.join("/")),
        })
}

pub(crate) fn path() -> impl Strategy<Value = String> {
    proptest::collection::vec(prop_oneof![Just("a"), Just("b"), Just("c"), Just("")], 1..6)
        .prop_map(|parts| format!("/{}", parts.join("/")))
}

/// All paths of up to five segments over a, b, c and nothing.
fn all_paths() -> Vec<String> {
    let mut paths = vec![String::new()];
    let mut all = Vec::new();
    for _ in 0..5 {
        paths = paths
            .iter()
            .flat_map(|path| ["a", "b", "c", ""].map(|part| format!("{path}/{part}")))
            .collect();
        all.extend(paths.iter().cloned());
    }
    all
}

proptest! {
    #[test]
    fn relations_are_what_the_paths_say(a in template(), b in template()) {
        let (first, second) = (Template::parse(&a).expect("a template"), Template::parse(&b).expect("a template"));
        let (mut both, mut only_first, mut only_second) = (false, false, false);
        for path in all_paths() {
            match (first.matches("GET", &path), second.matches("GET", &path)) {
                (true, true) => both = true,
                (true, false) => only_first = true,
                (false, true) => only_second = true,
                (false, false) => {}
            }
        }
        let expected = match (both, only_first, only_second) {
            (false, _, _) => Relation::Apart,
            (true, false, false) => Relation::Same,
            (true, false, true) => Relation::Inside,
            (true, true, false) => Relation::Around,
            (true, true, true) => Relation::Crossing,
        };
        prop_assert_eq!(first.relation(&second), expected, "{} and {}", a, b);
    }
}
