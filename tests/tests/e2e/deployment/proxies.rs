//! Every configuration of Envoy that ships or is shown: Envoy itself takes it.

use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::harness::command::{Outcome, run};
use crate::harness::{document, environment};

fn validate(path: &Path) -> Outcome {
    let mut envoy = Command::new(environment("QUORATE_TEST_ENVOY"));
    // Envoys of one number share memory; this one shares with nobody.
    envoy.args(["--mode", "validate", "--disable-hot-restart", "--config-path"]);
    run(envoy.arg(path))
}

/// The whole configurations among the YAML blocks of a page.
fn shown(page: &str) -> Vec<String> {
    let blocks = document::blocks(&document::read(page)).into_iter();
    let whole = blocks.filter(|block| block.language == "yaml" && block.text.contains("static_resources:"));
    whole.map(|block| block.text).collect()
}

#[test]
fn envoy_takes_every_configuration_that_ships() {
    for file in ["envoy.yaml", "upstream.yaml"] {
        validate(&super::deployed("compose").join(file)).exits(0);
    }
}

#[test]
fn envoy_takes_every_configuration_that_is_shown() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("envoy.yaml");
    let blocks = shown("docs/ENVOY.md");
    assert!(blocks.len() >= 2, "the page shows whole configurations");
    for block in blocks {
        std::fs::write(&path, block).expect("it can be written");
        validate(&path).exits(0);
    }
    std::fs::write(&path, "static_resources: { listeners: [{ nime: x }] }").expect("it can be written");
    assert_ne!(validate(&path).code, Some(0), "the judge is awake");
}
