//! Dead links are found; live ones, foreign ones and code pass.

use super::check;
use crate::project::TextFile;

fn found(page: &str) -> Vec<String> {
    let file = |path: &str, text: &str| TextFile {
        path: path.to_owned(),
        text: text.to_owned(),
    };
    let files = [
        file("README.md", ""),
        file("docs/ALGORITHMS.md", page),
        file("docs/adr/0001-x.md", ""),
    ];
    check(&files).iter().map(ToString::to_string).collect()
}

#[test]
fn live_links_pass() {
    assert_eq!(
        found("[a](adr/0001-x.md) [b](../README.md#top) [c](adr/) [d](#here) [e](https://example.com/x)"),
        [""; 0]
    );
    assert_eq!(found("```\n[a](nothing.md)\n```"), [""; 0]);
}

#[test]
fn dead_links_are_found() {
    assert_eq!(
        found("x\n[a](nothing.md)"),
        ["docs/ALGORITHMS.md:2: a link to nothing: nothing.md"]
    );
    assert_eq!(found("[a](../../outside.md) [b](adr/0002.md)").len(), 2);
}
