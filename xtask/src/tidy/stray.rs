//! Nothing of one machine in the repository: no path of somebody's disk, no host of a package registry or mirror.

use std::path::Path;

use super::problem::Problem;

/// Beginnings of paths that only one machine has. Written in halves, because this file is judged too.
const MACHINE_PATHS: [&str; 5] = [
    concat!("/ro", "ot/"),
    concat!("/ho", "me/"),
    concat!("/Us", "ers/"),
    concat!("/wo", "rk/"),
    concat!("C:", "\\Users"),
];

/// Hosts of registries: packages are named by name, and every client knows its own registry.
const REGISTRY_HOSTS: [&str; 9] = [
    concat!("registry.", "npmjs.org"),
    concat!("pypi", ".org"),
    concat!("files.python", "hosted.org"),
    concat!("proxy.", "golang.org"),
    concat!("index.", "crates.io"),
    concat!("static.", "crates.io"),
    concat!("deb.", "debian.org"),
    concat!("repo1.", "maven.org"),
    concat!("arti", "factory"),
];

/// How a lock file names a registry.
const REGISTRIES: [&str; 2] = [concat!("\"regis", "try+"), concat!("\"spar", "se+")];
/// The one registry that it may name.
const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// The folders of this very machine that must not appear: the checkout and the home.
pub fn this_machine(root: &Path) -> Vec<String> {
    let home = std::env::var_os("HOME").map(std::path::PathBuf::from);
    let folders = [Some(root.to_owned()), home].into_iter().flatten();
    // A home of `/` or `/x` would be found in any text.
    folders
        .filter(|folder| folder.components().count() > 2)
        .map(|folder| folder.display().to_string())
        .collect()
}

/// Judges one file of any kind.
pub fn check(path: &str, text: &str, this_machine: &[String]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let places = MACHINE_PATHS
            .iter()
            .copied()
            .chain(this_machine.iter().map(String::as_str));
        if let Some(found) = places.into_iter().find(|place| begins_a_path(line, place)) {
            problems.push(Problem::at(path, index + 1, format!("a path of one machine: {found}…")));
        }
        if let Some(host) = REGISTRY_HOSTS.iter().find(|host| line.contains(*host)) {
            problems.push(Problem::at(path, index + 1, format!("a registry's host: {host}")));
        }
        if REGISTRIES.iter().any(|mark| line.contains(mark)) && !line.contains(CRATES_IO) {
            problems.push(Problem::at(path, index + 1, "a registry other than crates.io"));
        }
    }
    problems
}

/// Whether a line holds a place as the beginning of a path, not in the middle of one or of an address.
fn begins_a_path(line: &str, place: &str) -> bool {
    line.match_indices(place).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '}' | '*' | '~'))
    })
}

#[cfg(test)]
mod tests;
