//! Every setting that the image, the Compose file and the chart give is one that the server knows.

use std::collections::BTreeSet;

use super::{chart, text};
use crate::harness::command::quorate;

/// The words of a text that are variables of ours.
fn variables(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !(c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_'));
    words
        .filter(|word| word.starts_with("QUORATE_"))
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_server_knows_every_setting_that_is_given_to_it() {
    let help = quorate(["serve", "--help"]).exits(0).stdout;
    let chart = chart::rendered("ci/everything.yaml", &[]) + &chart::rendered("ci/clear.yaml", &[]);
    for (what, text) in [
        ("the image", text("image/Dockerfile")),
        ("Compose", text("compose/compose.yaml")),
        ("the chart", chart),
    ] {
        let given = variables(&text);
        assert!(given.len() > 3, "{what} gives {given:?}");
        for variable in given {
            let flag = format!(
                "--{}",
                variable["QUORATE_".len()..].to_ascii_lowercase().replace('_', "-")
            );
            let known = help.split_whitespace().any(|word| word == flag);
            assert!(known, "{what} gives {variable}, and `quorate serve` has no {flag}");
        }
    }
}

#[test]
fn the_policies_and_the_rules_that_ship_are_valid() {
    let folder = super::deployed("compose");
    quorate(["validate", &folder.join("policy").display().to_string()]).exits(0);
    quorate(["validate", "--envoy", &folder.join("ratelimit").display().to_string()]).exits(0);
}
