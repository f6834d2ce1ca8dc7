//! The JSON Schema of a policy document, made of the same tables that check it, so that editors complete what the
//! check accepts. It knows shapes; references and rules are for [`crate::check`].

use serde_json::{Map, Value, json};

use crate::scalar::NAME_BYTES_MAX;
use crate::shape::root::DOCUMENT;
use crate::shape::{Kind, Object, expected};

/// The JSON Schema of a policy document, as text.
#[must_use]
pub fn schema() -> String {
    let mut definitions = Map::new();
    let mut root = object(&DOCUMENT, &mut definitions);
    let fields = root.as_object_mut().expect("an object's schema is an object");
    fields.insert(
        "$schema".to_owned(),
        json!("https://json-schema.org/draft/2020-12/schema"),
    );
    fields.insert("title".to_owned(), json!("A policy of quorate"));
    fields.insert("$defs".to_owned(), Value::Object(definitions));
    let mut text = serde_json::to_string_pretty(&root).expect("a schema has only text as names");
    text.push('\n');
    text
}

fn object(object: &Object, definitions: &mut Map<String, Value>) -> Value {
    let mut properties = Map::new();
    for field in object.fields {
        let mut schema = kind(&field.kind, definitions);
        if let Some(schema) = schema.as_object_mut() {
            let default = match field.default {
                "" => String::new(),
                default => format!(" Default: {default}."),
            };
            schema.insert("description".to_owned(), json!(format!("{}{default}", field.doc)));
        }
        properties.insert(field.name.to_owned(), schema);
    }
    let required: Vec<&str> = object
        .fields
        .iter()
        .filter(|field| field.required)
        .map(|field| field.name)
        .collect();
    json!({
        "type": "object",
        "description": object.doc,
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

/// A reference to an object's schema, which is defined once.
fn reference(of: &'static Object, definitions: &mut Map<String, Value>) -> Value {
    let name: String = of.name.chars().filter(char::is_ascii_alphanumeric).collect();
    let name = name
        .strip_prefix("an")
        .filter(|_| of.name.starts_with("an "))
        .unwrap_or_else(|| {
            name.strip_prefix('a')
                .filter(|_| of.name.starts_with("a "))
                .unwrap_or(&name)
        });
    if !definitions.contains_key(name) {
        definitions.insert(name.to_owned(), Value::Null);
        let schema = object(of, definitions);
        definitions.insert(name.to_owned(), schema);
    }
    json!({ "$ref": format!("#/$defs/{name}") })
}

fn kind(of: &'static Kind, definitions: &mut Map<String, Value>) -> Value {
    match of {
        Kind::Version => json!({ "const": 1 }),
        Kind::Name => json!({ "type": "string", "pattern": format!("^[A-Za-z0-9_.-]{{1,{NAME_BYTES_MAX}}}$") }),
        Kind::Id | Kind::Text => json!({ "type": "string", "minLength": 1 }),
        Kind::Integer(min, max) => json!({ "anyOf": [
            { "type": "integer", "minimum": min, "maximum": max },
            { "type": "string", "pattern": "^[1-9][0-9]*(_[0-9]+)+$" },
        ] }),
        Kind::Factor => json!({ "type": "number", "minimum": 0.01 }),
        Kind::Duration(..) => json!({ "type": "string", "pattern": "^[1-9][0-9_]*(ms|s|m|h|d)$" }),
        Kind::Percent => json!({ "type": "string", "pattern": "^(100|[1-9][0-9]?)%$" }),
        Kind::PercentOrNever => json!({ "type": "string", "pattern": "^((100|[1-9][0-9]?)%|never)$" }),
        Kind::Bool => json!({ "type": "boolean" }),
        Kind::Timestamp => json!({ "type": "string", "format": "date-time" }),
        Kind::Hash => json!({ "type": "string", "pattern": "^[0-9a-f]{64}$" }),
        Kind::TimeZone => json!({ "type": "string", "examples": ["UTC", "Europe/Berlin"] }),
        Kind::Template => json!({ "type": "string", "pattern": "^([A-Z]+ /|/)", "description": expected(of) }),
        Kind::Per => {
            let word = json!({ "type": "string", "pattern": "^(org|key|endpoint|attribute\\.[A-Za-z0-9_.-]+)$" });
            json!({ "anyOf": [word, { "type": "array", "items": word, "minItems": 1 }] })
        }
        Kind::Word(words) => {
            let words = words.iter().map(|word| match word.name.parse::<u64>() {
                Ok(number) => json!({ "const": number, "description": word.doc }),
                Err(_) => json!({ "const": word.name, "description": word.doc }),
            });
            json!({ "oneOf": words.collect::<Vec<_>>() })
        }
        Kind::List(inner) => json!({ "type": "array", "items": kind(inner, definitions) }),
        Kind::OneOrMany(inner) => {
            let inner = kind(inner, definitions);
            json!({ "anyOf": [inner, { "type": "array", "items": inner }] })
        }
        Kind::Range(inner) => {
            json!({ "type": "array", "items": kind(inner, definitions), "minItems": 2, "maxItems": 2 })
        }
        Kind::Named(name, value) => json!({
            "type": "object",
            "propertyNames": kind(name, definitions),
            "additionalProperties": kind(value, definitions),
        }),
        Kind::Or(inner, more) => json!({ "anyOf": [kind(inner, definitions), reference(more, definitions)] }),
        Kind::Object(inner) => reference(inner, definitions),
    }
}

#[cfg(test)]
mod tests;
