//! The real `buf` finds a contract without comments, one against the standard rules, and one that breaks the last.
//!
//! `buf` is installed when it is not there yet.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{breaking, breaking_against, lint, problem};
use crate::command;
use crate::project::Project;
use crate::tools::Tools;

const GOOD: &str =
    "syntax = \"proto3\";\npackage quorate.v1;\n// A thing.\nmessage Thing {\n  // Its name.\n  string name = 1;\n}\n";

fn buf() -> PathBuf {
    let project = Project::find().expect("tests run in a checkout");
    Tools::of(&project).buf().expect("buf is there or can be installed")
}

/// A folder with our own rules and one contract.
fn contract(text: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder for a test");
    let write = |path: &Path, text: &str| {
        std::fs::create_dir_all(path.parent().expect("a file has a folder")).expect("creating it");
        std::fs::write(path, text).expect("writing it");
    };
    write(&folder.path().join("buf.yaml"), include_str!("../../../../buf.yaml"));
    write(&folder.path().join("proto/quorate/v1/thing.proto"), text);
    folder
}

fn linted(text: &str) -> Vec<String> {
    let folder = contract(text);
    lint(&buf(), folder.path())
        .expect("buf runs")
        .iter()
        .map(ToString::to_string)
        .collect()
}

#[test]
fn a_good_contract_passes() {
    assert_eq!(linted(GOOD), [""; 0]);
}

#[test]
fn a_field_without_a_comment_is_found_on_its_line() {
    let problems = linted(&GOOD.replace("  // Its name.\n", ""));
    assert!(
        problems.len() == 1 && problems[0].starts_with("proto/quorate/v1/thing.proto:5: "),
        "{problems:?}"
    );
}

#[test]
fn a_name_against_the_standard_rules_is_found() {
    let problems = linted(&GOOD.replace("string name", "string Name"));
    assert!(
        problems.len() == 1 && problems[0].contains("lower_snake_case"),
        "{problems:?}"
    );
}

#[test]
fn a_break_with_an_earlier_contract_is_found_and_an_addition_is_not() {
    let released = contract(GOOD);
    let other = released.path().to_str().expect("a temporary folder has a plain name");
    let added = contract(&GOOD.replace("name = 1;\n", "name = 1;\n  // Its age.\n  uint32 age = 2;\n"));
    assert_eq!(breaking_against(&buf(), added.path(), other).expect("buf runs"), []);
    let broken = contract(&GOOD.replace("string name", "uint32 name"));
    let problems = breaking_against(&buf(), broken.path(), other).expect("buf runs");
    assert!(
        problems.len() == 1 && problems[0].to_string().contains("changed type"),
        "{problems:?}"
    );
}

#[test]
fn the_last_release_tag_is_what_counts() {
    let folder = contract(GOOD);
    let git = |arguments: &[&str]| {
        let mut git = Command::new("git");
        git.current_dir(folder.path())
            .args(["-c", "user.name=t", "-c", "user.email=t@example.com"]);
        command::capture(git.args(arguments)).expect("git runs");
    };
    git(&["init", "--quiet"]);
    git(&["add", "."]);
    git(&["commit", "--quiet", "--message", "release"]);
    std::fs::write(
        folder.path().join("proto/quorate/v1/thing.proto"),
        GOOD.replace("string name", "uint32 name"),
    )
    .expect("writing it");
    assert_eq!(breaking(&buf(), folder.path()).expect("nothing to compare with"), []);
    git(&["tag", "v0.9.0"]);
    assert_eq!(breaking(&buf(), folder.path()).expect("buf runs").len(), 1);
    git(&["commit", "--quiet", "--all", "--message", "break"]);
    git(&["tag", "v0.10.0"]);
    assert_eq!(
        breaking(&buf(), folder.path()).expect("the newest version wins, not the last in the alphabet"),
        []
    );
}

#[test]
fn findings_are_read_with_colons_in_them() {
    assert_eq!(problem("a/b.proto:3:1:say: it").to_string(), "a/b.proto:3: say: it");
    assert_eq!(problem("something else").to_string(), "buf.yaml: something else");
}
