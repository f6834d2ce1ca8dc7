//! Files without a header, too long, ill-named, generated or out of place are found.

use super::{LINES_MAX, LINES_WANTED, TEST_LINES_MAX, check, is_test_file};

fn found(path: &str, text: &str) -> Vec<String> {
    check(path, text).iter().map(ToString::to_string).collect()
}

fn lines(count: usize) -> String {
    format!("//! A module.\n{}", "\n".repeat(count - 1))
}

#[test]
fn a_short_module_with_a_header_passes() {
    assert_eq!(
        found("crates/a/src/b.rs", "//! A module.\n/// Ready.\nstruct Window;\n"),
        [""; 0]
    );
    assert_eq!(found("README.md", "no header wanted"), [""; 0]);
}

#[test]
fn a_missing_header_is_found() {
    assert!(found("crates/a/src/b.rs", "use x;\n//! Late.\n")[0].starts_with("crates/a/src/b.rs:1: a module opens"));
    assert_eq!(found("crates/a/src/b.rs", "").len(), 1);
}

#[test]
fn the_bounds_of_length_are_exact() {
    assert_eq!(found("a.rs", &lines(LINES_WANTED)), [""; 0]);
    let warned = check("a.rs", &lines(LINES_WANTED + 1));
    assert!(warned.len() == 1 && !warned[0].is_fatal());
    assert!(
        check("a.rs", &lines(LINES_MAX))
            .iter()
            .all(|problem| !problem.is_fatal())
    );
    assert!(
        check("a.rs", &lines(LINES_MAX + 1))
            .iter()
            .any(|problem| problem.is_fatal())
    );
    assert_eq!(found("a/tests.rs", &lines(TEST_LINES_MAX)), [""; 0]);
    assert!(
        check("a/tests.rs", &lines(TEST_LINES_MAX + 1))
            .iter()
            .any(|problem| problem.is_fatal())
    );
}

#[test]
fn test_files_are_known_by_their_paths() {
    for path in [
        "tests/src/lib.rs",
        "crates/a/tests/b.rs",
        "crates/a/src/b/tests.rs",
        "a/b_tests.rs",
        "a/benches/c.rs",
    ] {
        assert!(is_test_file(path), "{path}");
    }
    for path in [
        "crates/a/src/latests.rs",
        "xtask/src/test.rs",
        "crates/a/src/contests/b.rs",
    ] {
        assert!(!is_test_file(path), "{path}");
    }
}

#[test]
fn empty_names_are_found() {
    let problems = found(
        "a.rs",
        "//! A module.\npub struct WindowManager;\nenum StringUtils {}\nstruct Handle;\n",
    );
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert!(problems[0].starts_with("a.rs:2: `WindowManager`"));
}

#[test]
fn generated_code_is_found_by_name_and_by_mark() {
    assert_eq!(found("examples/go/decision.pb.go", "package x").len(), 1);
    assert_eq!(found("examples/python/decision_pb2.py", "").len(), 1);
    assert_eq!(found("a.js", concat!("// @gene", "rated by a tool")).len(), 1);
    assert_eq!(
        found(
            "Cargo.lock",
            concat!("# This file is automatically @gene", "rated by Cargo.")
        ),
        [""; 0]
    );
}

#[test]
fn files_without_a_place_here_are_found() {
    assert_eq!(found("rust-toolchain.toml", "").len(), 1);
    assert_eq!(found(".github/workflows/ci.yml", "").len(), 1);
    assert_eq!(found(".gitlab-ci.yml", "").len(), 1);
}
