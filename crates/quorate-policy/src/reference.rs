//! The reference catalogue: three plans, their endpoints, and what `serve` uses when it is given nothing.

use crate::{Checked, Source, check};

/// The text of the reference catalogue.
pub const REFERENCE_YAML: &str = include_str!("../../../examples/policies/reference.yaml");

/// The reference catalogue, checked.
#[must_use]
pub fn reference() -> Checked {
    let source = Source {
        name: "reference.yaml".to_owned(),
        text: REFERENCE_YAML.to_owned(),
    };
    check(&[source]).expect("a test checks the reference catalogue")
}

#[cfg(test)]
mod tests;
