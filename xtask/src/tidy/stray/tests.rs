//! Paths of one machine and hosts of registries are found; addresses and relative paths pass.

use std::path::Path;

use super::{check, this_machine};

fn found(text: &str) -> Vec<String> {
    check("docs/a.md", text, &["/srv/builds/quorate".to_owned()])
        .iter()
        .map(ToString::to_string)
        .collect()
}

#[test]
fn ordinary_text_passes() {
    let text = concat!(
        "see ../wo",
        "rk/a, https://example.com/ho",
        "me/x, {base}/ro",
        "ot/y and /etc/quorate/policy.yaml\n",
        "source = \"registry+https://github.com/rust-lang/crates.io-index\"\nhttps://crates.io/crates/tonic\n",
    );
    assert_eq!(found(text), [""; 0]);
}

#[test]
fn machine_paths_are_found_on_their_lines() {
    for path in [
        concat!("/ro", "ot/x"),
        concat!("/ho", "me/x"),
        concat!("/Us", "ers/x"),
        concat!("/wo", "rk/x"),
        concat!("C:", "\\Users\\x"),
    ] {
        let problems = found(&format!("fine\nopen(\"{path}\")"));
        assert!(
            problems.len() == 1 && problems[0].starts_with("docs/a.md:2: a path"),
            "{path}: {problems:?}"
        );
    }
    assert_eq!(found("cd /srv/builds/quorate/target").len(), 1);
}

#[test]
fn registry_hosts_are_found() {
    assert_eq!(found(concat!("index-url = https://py", "pi.org/simple")).len(), 1);
    assert_eq!(
        found(concat!("source = \"regis", "try+https://mirror.example/index\"")).len(),
        1
    );
    assert_eq!(
        found(concat!("source = \"spar", "se+https://mirror.example/\"")).len(),
        1
    );
}

#[test]
fn the_checkout_is_a_machine_path_unless_it_is_too_short_to_tell() {
    let folder = concat!("/sr", "v/quorate");
    assert!(this_machine(Path::new(folder)).contains(&folder.to_owned()));
    assert!(!this_machine(Path::new("/x")).contains(&"/x".to_owned()));
}
