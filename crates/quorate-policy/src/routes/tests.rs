//! The most specific entry is found, as comparing all of them would find it.

use proptest::prelude::*;

use super::Routes;
use crate::template::tests::{path, template};
use crate::template::{Relation, Template};

fn routes(templates: &[&str]) -> Routes {
    let mut routes = Routes::default();
    for (number, text) in templates.iter().enumerate() {
        routes.add(text, &Template::parse(text).expect("a template"), number);
    }
    routes
}

#[test]
fn method_path_and_the_most_specific_win() {
    let templates = [
        "GET /a/b",
        "GET /a/{id}",
        "GET /a/{id}/c",
        "GET /a/{id}/*",
        "GET /a/*",
        "POST /a/b",
        "/x.Y/Z",
        "/x.Y/*",
        "GET /",
    ];
    let routes = routes(&templates);
    for (endpoint, expected) in [
        ("GET /a/b", Some("GET /a/b")),
        ("GET /a/b?c=d", Some("GET /a/b")),
        ("GET /a/z?c=/d", Some("GET /a/{id}")),
        ("GET /a/z#f", Some("GET /a/{id}")),
        ("GET /a/z", Some("GET /a/{id}")),
        ("GET /a/b/c", Some("GET /a/{id}/c")),
        ("GET /a/b/d", Some("GET /a/{id}/*")),
        ("GET /a/b/", Some("GET /a/*")),
        ("GET /a/", None),
        ("GET /a", None),
        ("GET /", Some("GET /")),
        ("POST /a/b", Some("POST /a/b")),
        ("POST /a/c", None),
        ("PUT /a/b", None),
        ("get /a/b", None),
        ("/x.Y/Z", Some("/x.Y/Z")),
        ("/x.Y/W", Some("/x.Y/*")),
        ("/x.Y/", None),
        ("", None),
        ("GET", None),
        ("GET a", None),
        (" /a/b", None),
        ("other", None),
    ] {
        assert_eq!(
            routes.find(endpoint).map(|number| templates[number]),
            expected,
            "{endpoint}"
        );
    }
}

proptest! {
    #[test]
    fn it_finds_what_comparing_all_finds(texts in proptest::collection::vec(template(), 1..12), path in path()) {
        let mut templates: Vec<(String, Template)> = Vec::new();
        for text in texts {
            let template = Template::parse(&text).expect("a template");
            // What a policy refuses is not in a catalogue.
            let fits = |(_, other): &(String, Template)| {
                !matches!(template.relation(other), Relation::Same | Relation::Crossing)
            };
            if templates.iter().all(fits) {
                templates.push((text, template));
            }
        }
        let mut routes = Routes::default();
        for (number, (text, template)) in templates.iter().enumerate() {
            routes.add(text, template, number);
        }
        let matching = templates.iter().enumerate().filter(|(_, (_, template))| template.matches("GET", &path));
        let narrowest = matching.reduce(|best, next| {
            if next.1.1.relation(&best.1.1) == Relation::Inside { next } else { best }
        });
        let expected = narrowest.map(|(number, _)| number);
        prop_assert_eq!(routes.find(&format!("GET {path}")), expected, "{} in {:?}", path, templates);
    }

    #[test]
    fn no_text_makes_it_panic(endpoint in ".{0,40}") {
        let _ = routes(&["GET /a/{id}/*", "GET /{x}"]).find(&endpoint);
    }
}
