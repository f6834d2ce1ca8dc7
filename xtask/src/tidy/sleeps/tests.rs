//! Sleeps and ignored tests are found; an excuse needs a reason.

use super::check;

fn found(path: &str, text: &str) -> Vec<String> {
    check(path, text).iter().map(ToString::to_string).collect()
}

#[test]
fn sleeps_in_tests_are_found() {
    for text in [
        "std::thread::sleep(PAUSE);",
        "tokio::time::sleep(x).await;",
        "use tokio::time::sleep;\nsleep(x).await;",
    ] {
        assert_eq!(found("tests/src/drain.rs", text).len(), 1, "{text}");
    }
    assert_eq!(
        found(
            "crates/a/src/b.rs",
            "f();\n#[cfg(test)]\nmod tests {\nfn t() { sleep(x) }\n}"
        )
        .len(),
        1
    );
}

#[test]
fn sleeps_elsewhere_and_words_pass() {
    assert_eq!(found("crates/a/src/b.rs", "tokio::time::sleep(x).await;"), [""; 0]);
    assert_eq!(
        found("tests/a.rs", "// sleep(x)\nlet sleep = \"sleep(x)\"; fn sleep() {}"),
        [""; 0]
    );
}

#[test]
fn an_excuse_counts_only_with_a_reason_and_nearby() {
    let excused = "sleep(x); // tidy: allow sleep because the kernel gives no event for this";
    assert_eq!(found("tests/a.rs", excused), [""; 0]);
    let above = "// tidy: allow sleep because the child has no signal\nsleep(x);";
    assert_eq!(found("tests/a.rs", above), [""; 0]);
    assert_eq!(found("tests/a.rs", "sleep(x); // tidy: allow sleep because ").len(), 1);
    assert_eq!(
        found("tests/a.rs", "// tidy: allow sleep because far\n\n\nsleep(x);").len(),
        1
    );
}

#[test]
fn ignored_tests_are_found_anywhere() {
    for text in [
        "#[ignore]\nfn t() {}",
        "#[ignore = \"slow\"]",
        "#[cfg_attr(windows, ignore)]",
        "#[test] #[ignore]",
    ] {
        assert_eq!(found("crates/a/src/b.rs", text).len(), 1, "{text}");
    }
    assert_eq!(
        found(
            "crates/a/src/b.rs",
            "let ignore = [ignore, #[x] ignore]; #[doc = \"ignore\"] f(a, ignore);"
        ),
        [""; 0]
    );
}
