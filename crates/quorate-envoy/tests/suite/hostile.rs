//! Files and requests that nobody means well with end in an answer, soon.

use quorate_envoy::{DESCRIPTORS_MAX, Descriptor, Domain, Options, Refused, Report, Request, Rules, Source};

fn load(text: impl Into<String>) -> Result<Rules, Report> {
    let source = Source {
        name: "rules.yaml".to_owned(),
        text: text.into(),
    };
    Rules::load(&[source], Options::default()).map(|(rules, _)| rules)
}

fn message(text: impl Into<String>) -> String {
    let report = load(text).expect_err("it is refused");
    report
        .problems()
        .iter()
        .map(|problem| format!("{problem}\n"))
        .take(3)
        .collect()
}

#[test]
fn deep_nesting_is_refused_and_what_people_write_is_not() {
    let nested = |levels: usize| {
        let level = |depth: usize| format!("{0}- key: k\n{0}  descriptors:\n", " ".repeat(2 * depth));
        format!(
            "domain: d\ndescriptors:\n{}",
            (0..levels).map(level).collect::<String>()
        )
    };
    let rules = load(nested(60)).expect("60 levels are allowed");
    assert_eq!(rules.domain("d").map(Domain::rules), Some(60));
    assert!(message(nested(200)).contains("nested deeper than 200 levels"));
    for text in ["[", "{a: "] {
        assert!(load(format!("domain: {}", text.repeat(1 << 18))).is_err());
    }
}

#[test]
fn anchors_that_multiply_are_refused() {
    let mut text = String::from("domain: d\ndescriptors:\n- &a0 {key: k}\n");
    for level in 1..60 {
        let below = level - 1;
        text.push_str(&format!(
            "- &a{level} {{key: k{level}, descriptors: [*a{below}, *a{below}]}}\n"
        ));
    }
    assert!(message(text).contains("anchors"));
}

#[test]
fn an_anchor_in_itself_is_refused() {
    assert!(
        message("domain: d\ndescriptors: &a\n- {key: k, descriptors: *a}\n").contains("an anchor cannot hold itself")
    );
}

#[test]
fn huge_values_and_numbers_are_read_or_refused() {
    let mebibyte = "x".repeat(1 << 20);
    let rules = load(format!("domain: d\ndescriptors: [{{key: k, value: {mebibyte}}}]\n")).expect("long is allowed");
    assert_eq!(rules.domain("d").map(Domain::rules), Some(1));
    let digits = "9".repeat(1 << 20);
    let text =
        format!("domain: d\ndescriptors: [{{key: k, rate_limit: {{unit: hour, requests_per_unit: {digits}}}}}]\n");
    let told = message(text);
    assert!(told.contains("is not a whole number") && told.len() < 400, "{told}");
}

#[test]
fn stars_and_letters_take_no_longer_than_their_length() {
    let pattern = "a*".repeat(10_000);
    let rules = load(format!(
        "domain: d\ndescriptors: [{{key: k, value: \"{pattern}b\", rate_limit: {{unit: hour, requests_per_unit: 1}}}}]\n"
    ))
    .expect("many stars are allowed");
    let value = "a".repeat(1 << 20);
    let descriptor = Descriptor {
        entries: &[("k", &value)],
        ..Descriptor::default()
    };
    let found = rules.domain("d").expect("it was loaded").find(&descriptor);
    assert!(found.expect("there is no override").is_none());
}

#[test]
fn problems_are_counted_and_not_all_shown() {
    let text = format!("domain: d\ndescriptors:\n{}", "- {key: k, colour: red}\n".repeat(5_000));
    let report = load(text).expect_err("it is refused");
    assert_eq!(report.problems().len(), 1_000);
    assert!(report.omitted() > 0);
}

#[test]
fn a_level_full_of_wildcards_is_loaded() {
    let rules: String = (0..20_000)
        .map(|number| format!("- {{key: k, value: \"{number}*\"}}\n"))
        .collect();
    assert!(load(format!("domain: d\ndescriptors:\n{rules}")).is_ok());
}

#[test]
fn circles_of_many_names_are_told_and_allowed() {
    let limit = |number: usize| {
        let next = (number + 1) % 5_000;
        format!(
            "- {{key: k{number}, rate_limit: {{unit: hour, requests_per_unit: 1, name: n{number}, replaces: [{{name: n{next}}}]}}}}\n"
        )
    };
    let text = (0..5_000).map(limit).collect::<String>();
    let source = Source {
        name: "rules.yaml".to_owned(),
        text: format!("domain: d\ndescriptors:\n{text}"),
    };
    let (_, warnings) = Rules::load(&[source], Options::default()).expect("circles are allowed");
    assert_eq!(warnings.problems().len(), 1, "{warnings}");
}

#[test]
fn too_many_descriptors_are_refused() {
    let descriptors = vec![Descriptor::default(); DESCRIPTORS_MAX + 1];
    let rules = load("domain: d").expect("it is a file");
    let ask = |count: usize| {
        let request = Request {
            domain: "d",
            descriptors: &descriptors[..count],
            hits_addend: 0,
        };
        rules.plan(request).map(|_| ())
    };
    assert_eq!(ask(DESCRIPTORS_MAX), Ok(()));
    assert_eq!(
        ask(DESCRIPTORS_MAX + 1),
        Err(Refused::TooManyDescriptors {
            count: DESCRIPTORS_MAX + 1
        })
    );
}
