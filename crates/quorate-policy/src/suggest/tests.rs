//! What is near is suggested, what is not is not.

use super::{help, nearest};

const FIELDS: [&str; 6] = ["name", "per", "limit", "window", "algorithm", "mode"];

#[test]
fn a_slip_is_understood() {
    for (word, meant) in [
        ("windw", Some("window")),
        ("widnow", Some("window")),
        ("Window", Some("window")),
        ("limits", Some("limit")),
        ("algoritm", Some("algorithm")),
        ("pre", Some("per")),
        ("x", None),
        ("burst", None),
        ("", None),
    ] {
        assert_eq!(nearest(word, FIELDS), meant, "{word}");
    }
}

#[test]
fn else_all_are_listed_if_they_are_few() {
    assert_eq!(
        help("dev", ["developer", "enterprise"]).as_deref(),
        Some("known: `developer`, `enterprise`")
    );
    assert_eq!(
        help("developr", ["developer", "enterprise"]).as_deref(),
        Some("did you mean `developer`?")
    );
    assert_eq!(help("x", []), None);
    let many: Vec<String> = (0..13).map(|number| format!("plan-{number}-of-many")).collect();
    assert_eq!(help("x", many.iter().map(String::as_str)), None);
}
