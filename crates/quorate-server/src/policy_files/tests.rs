//! What is read of files and directories, what is passed over, and what is told.

use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;

use super::*;

#[test]
fn a_directory_gives_its_documents_in_order() {
    let directory = tempfile::tempdir().expect("a directory");
    for name in ["b.yaml", "a.yml", ".hidden.yaml", "README.md", "c.yaml~"] {
        fs::write(directory.path().join(name), name).expect("a file");
    }
    fs::create_dir(directory.path().join("inner.yaml")).expect("a directory");
    let sources = read(&[directory.path().to_owned()]).expect("it is readable");
    let texts: Vec<&str> = sources.iter().map(|source| source.text.as_str()).collect();
    assert_eq!(texts, ["a.yml", "b.yaml"]);
}

#[test]
fn rules_are_read_whatever_their_names_in_folders_too() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = |name: &str| directory.path().join(name);
    for name in ["b.yaml", "a", "c.yaml.json", ".hidden.yaml"] {
        fs::write(path(name), name).expect("a file");
    }
    // As Kubernetes mounts a configuration: links to what a hidden folder holds.
    fs::create_dir(path("..2026")).expect("a directory");
    fs::write(path("..2026").join("d.conf"), "d.conf").expect("a file");
    symlink("..2026", path("..data")).expect("a link");
    symlink("..data/d.conf", path("d.conf")).expect("a link");
    fs::create_dir_all(path("inner/.git")).expect("a directory");
    fs::create_dir_all(path("inner/deep")).expect("a directory");
    for name in ["inner/e.yaml", "inner/deep/f", "inner/.git/HEAD"] {
        fs::write(path(name), name).expect("a file");
    }
    symlink("inner", path("linked")).expect("a link");
    fs::create_dir(path("none")).expect("a directory");
    let found = read_rules(&[directory.path().to_owned()]).expect("it is readable");
    let texts: Vec<&str> = found.sources.iter().map(|source| source.text.as_str()).collect();
    let expected = ["a", "b.yaml", "c.yaml.json", "d.conf", "inner/deep/f", "inner/e.yaml"];
    assert_eq!(texts, expected);
    assert_eq!(found.folders, [path("linked")]);
    let error = read_rules(&[path("none")]).expect_err("there is none");
    assert!(
        error[0].to_string().ends_with("the directory holds no file"),
        "{error:?}"
    );
}

#[test]
fn everything_that_cannot_be_read_is_told() {
    let directory = tempfile::tempdir().expect("a directory");
    let missing = directory.path().join("missing.yaml");
    let broken = directory.path().join("broken.yaml");
    fs::write(&broken, [0xFF, 0xFE]).expect("a file");
    let empty = directory.path().join("empty");
    fs::create_dir(&empty).expect("a directory");
    let problems = read(&[missing, broken, empty]).expect_err("nothing is readable");
    assert_eq!(problems.len(), 3, "{problems:?}");
}

#[test]
fn a_link_that_leads_nowhere_is_told_and_not_passed_over() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = |name: &str| directory.path().join(name);
    fs::write(path("a.yaml"), "a").expect("a file");
    symlink("nowhere", path("dangling.yaml")).expect("a link");
    symlink("round.yaml", path("round.yaml")).expect("a link");
    let given = [directory.path().to_owned()];
    let expected = ["dangling.yaml", "round.yaml"].map(|name| format!("{}: cannot be read: ", path(name).display()));
    for problems in [
        read(&given).expect_err("two links lead nowhere"),
        read_rules(&given).expect_err("two links lead nowhere"),
    ] {
        let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(problems.len(), expected.len(), "{problems:?}");
        for (problem, start) in problems.iter().zip(&expected) {
            assert!(problem.starts_with(start), "{problem}");
        }
    }
}

#[test]
fn what_holds_no_text_is_passed_over() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = |name: &str| directory.path().join(name);
    fs::write(path("a.yaml"), "a").expect("a file");
    let _socket = UnixListener::bind(path("s.yaml")).expect("a socket");
    symlink("s.yaml", path("to-socket.yaml")).expect("a link");
    // As some editors mark what they have open.
    symlink("someone@somewhere.1", path(".#a.yaml")).expect("a link");
    let given = [directory.path().to_owned()];
    let policies = read(&given).expect("it is readable");
    let rules = read_rules(&given).expect("it is readable").sources;
    for sources in [policies, rules] {
        let texts: Vec<&str> = sources.iter().map(|source| source.text.as_str()).collect();
        assert_eq!(texts, ["a"]);
    }
    assert!(!is_read(&path("removed.yaml")), "what is gone since the listing");
}

#[test]
fn a_link_that_is_no_document_is_nobodys_business() {
    let directory = tempfile::tempdir().expect("a directory");
    fs::write(directory.path().join("a.yaml"), "a").expect("a file");
    symlink("nowhere", directory.path().join("README")).expect("a link");
    let sources = read(&[directory.path().to_owned()]).expect("it is readable");
    assert_eq!(sources.len(), 1, "{sources:?}");
}
