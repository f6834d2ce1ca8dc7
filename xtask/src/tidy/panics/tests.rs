//! Silent panics are found outside tests.

use super::check;

#[test]
fn an_unwrap_is_found_on_its_line() {
    let found: Vec<String> = check("crates/a/src/b.rs", "f();\nx\n  .unwrap();")
        .iter()
        .map(ToString::to_string)
        .collect();
    assert!(
        found.len() == 1 && found[0].starts_with("crates/a/src/b.rs:3: `unwrap()`"),
        "{found:?}"
    );
}

#[test]
fn reasons_relatives_and_tests_pass() {
    let text = "x.expect(\"never empty\"); x.unwrap_or(1); // x.unwrap()\n#[cfg(test)]\nmod tests {\n x.unwrap();\n}";
    assert_eq!(check("crates/a/src/b.rs", text), []);
    assert_eq!(check("crates/a/src/b/tests.rs", "x.unwrap();"), []);
}
