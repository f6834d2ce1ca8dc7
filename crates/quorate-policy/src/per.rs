//! What one counter belongs to, within its org, as it is written: `org`, `key`, `endpoint`, `attribute.<name>`.

use quorate_core::request::ATTRIBUTE_NAME_BYTES_MAX;

/// One word of a `per`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part<'a> {
    Org,
    Key,
    Endpoint,
    Attribute(&'a str),
}

/// What precedes the name of an attribute.
const ATTRIBUTE: &str = "attribute.";

/// Reads one word.
pub(crate) fn word(text: &str) -> Result<Part<'_>, String> {
    match text {
        "org" => Ok(Part::Org),
        "key" => Ok(Part::Key),
        "endpoint" => Ok(Part::Endpoint),
        _ => {
            let name = text
                .strip_prefix(ATTRIBUTE)
                .ok_or("is nothing that a counter belongs to")?;
            let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
            if name.is_empty() || name.len() > ATTRIBUTE_NAME_BYTES_MAX || !name.bytes().all(fits) {
                return Err("is not the name of an attribute".to_owned());
            }
            Ok(Part::Attribute(name))
        }
    }
}
