//! Metrics without a row and rows without a metric are found.

use super::check;
use crate::project::TextFile;

fn found(source: &str, page: &str) -> Vec<String> {
    let file = |path: &str, text: &str| TextFile {
        path: path.to_owned(),
        text: text.to_owned(),
    };
    let files = [
        file("crates/quorate-server/src/metrics.rs", source),
        file("docs/metrics.md", page),
    ];
    check(&files).iter().map(ToString::to_string).collect()
}

#[test]
fn equal_sets_pass_and_counters_may_omit_their_suffix() {
    let source = "register(\"quorate_decisions\"); filter(\"quorate_core=debug\"); target(\"quorate_server\");";
    assert_eq!(
        found(
            source,
            "| name | labels |\n|---|---|\n| `quorate_decisions_total` | `quorate_x` |"
        ),
        [""; 0]
    );
}

#[test]
fn a_metric_without_a_row_is_found() {
    let problems = found("\nregister(\"quorate_keys\");", "about `quorate_keys`, in prose only");
    assert_eq!(
        problems,
        ["crates/quorate-server/src/metrics.rs:2: the metric quorate_keys has no row in docs/metrics.md"]
    );
}

#[test]
fn a_row_without_a_metric_is_found() {
    let problems = found("// \"quorate_keys\"", "\n| `quorate_keys` |");
    assert_eq!(
        problems,
        ["docs/metrics.md:2: no source registers the metric quorate_keys"]
    );
}

#[test]
fn tests_register_nothing() {
    let source = "f();\n#[cfg(test)]\nmod tests {\n    const NAME: &str = \"quorate_keys\";\n}";
    assert_eq!(found(source, ""), [""; 0]);
}
