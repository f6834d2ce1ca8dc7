//! The schema that ships is current, is one, and accepts what the check accepts.

use expect_test::expect_file;
use jsonschema::Validator;
use serde_json::{Map, Value, json};

use super::schema;
use crate::REFERENCE_YAML;
use crate::checked::tests::mutations::{FULL, QUOTAS};
use crate::problems::Problems;
use crate::yaml::{Node, Value as Yaml, parse};

fn validator() -> Validator {
    let schema: Value = serde_json::from_str(&schema()).expect("JSON");
    jsonschema::meta::validate(&schema).expect("a schema");
    jsonschema::validator_for(&schema).expect("a schema")
}

/// A document as an editor's YAML parser gives it to the schema.
fn json(text: &str) -> Value {
    let mut problems = Problems::default();
    let node = parse(0, text, &mut problems).expect("YAML");
    assert!(problems.is_empty());
    convert(&node)
}

fn convert(node: &Node) -> Value {
    match &node.value {
        Yaml::Scalar { text, plain: false } => json!(text),
        Yaml::Scalar { text, plain: true } => match text.as_str() {
            "true" => json!(true),
            "false" => json!(false),
            "" | "~" | "null" => Value::Null,
            _ => text
                .parse::<serde_json::Number>()
                .map_or_else(|_| json!(text), Value::Number),
        },
        Yaml::List(items) => items.iter().map(convert).collect(),
        Yaml::Map(entries) => {
            let entries = entries.iter().map(|entry| (entry.name.clone(), convert(&entry.value)));
            Value::Object(entries.collect::<Map<_, _>>())
        }
    }
}

#[test]
fn the_shipped_schema_is_current() {
    expect_file![concat!(env!("CARGO_MANIFEST_DIR"), "/../../schema/policy.schema.json")].assert_eq(&schema());
}

#[test]
fn it_accepts_policies() {
    let validator = validator();
    for text in [
        REFERENCE_YAML,
        FULL,
        QUOTAS,
        "version: 1\ndefaults: { unknown_org: deny }\n",
    ] {
        let document = json(text);
        let problems: Vec<String> = validator
            .iter_errors(&document)
            .map(|error| error.to_string())
            .collect();
        assert!(problems.is_empty(), "{problems:?}");
    }
}

#[test]
fn it_refuses_what_has_no_shape() {
    let validator = validator();
    for text in [
        "version: 2\n",
        "plans: {}\n",
        "version: 1\nplan: {}\n",
        "version: 1\nplans: []\n",
        "version: 1\nplans: { p: { limits: [{ name: l, per: key, limit: 5, windw: 1m }] } }\n",
        "version: 1\nplans: { p: { limits: [{ name: l, per: keys, limit: 5, window: 1m }] } }\n",
        "version: 1\nplans: { p: { limits: [{ name: l, per: key, limit: 5, window: 60 }] } }\n",
        "version: 1\nplans: { p: { limits: [{ name: l, per: key, limit: -5, window: 1m }] } }\n",
        "version: 1\nplans: { p: { limits: [{ per: key, limit: 5, window: 1m }] } }\n",
        "version: 1\nplans: { p: { slots: { async: 0 } } }\n",
        "version: 1\ndefaults: { unknown_key: maybe }\n",
        "version: 1\ndefaults: { warn_at: 80 }\n",
        "version: 1\nboosts: { factor: [2] }\n",
        "version: 1\norgs: { a: { quotas: [{ name: q, per: org, limit: 5, period: day, status: 500 }] } }\n",
        "version: 1\nkeys: { k: {} }\n",
    ] {
        assert!(!validator.is_valid(&json(text)), "{text}");
    }
}
