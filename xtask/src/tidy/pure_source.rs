//! The source of the pure crates names no clock, socket, file, environment, thread, process or random source, and
//! prints nothing. Its tests may.

use super::problem::Problem;
use super::shape::is_test_file;
use crate::source::{Source, Token};

/// The crates whose decisions depend on their arguments alone.
pub const PURE_CRATES: [&str; 5] = [
    "quorate-core",
    "quorate-policy",
    "quorate-envoy",
    "quorate-quota",
    "quorate-cluster",
];

/// Paths of the standard library that reach outside, with what to do instead.
const IMPURE_PATHS: [(&str, &str); 16] = [
    ("std::time::Instant", "time is an argument"),
    ("std::time::SystemTime", "time is an argument"),
    ("std::time::UNIX_EPOCH", "time is an argument"),
    ("std::net", "only its address types are values"),
    ("std::fs", "files are read by the caller"),
    ("std::io", "input and output are the caller's"),
    ("std::env", "configuration is an argument"),
    ("std::thread", "the driver owns the threads"),
    ("std::process", "only the binary may end the process"),
    ("std::os", "a pure crate knows no operating system"),
    ("std::hash::RandomState", "randomness is an argument: take a seed"),
    ("std::hash::DefaultHasher", "its result may change between releases"),
    ("std::collections::hash_map", "its default hasher is random"),
    ("std::collections::hash_set", "its default hasher is random"),
    (
        "std::collections::HashMap",
        "its order is random: use a BTreeMap, or hashbrown with a given hasher",
    ),
    (
        "std::collections::HashSet",
        "its order is random: use a BTreeSet, or hashbrown with a given hasher",
    ),
];

/// Modules that may only be imported item by item, because the check could not see what is used of them.
const NEVER_WHOLE: [&str; 5] = ["std", "std::time", "std::net", "std::hash", "std::collections"];

/// Types of impure modules that are plain values.
const VALUES: [&str; 6] = [
    "IpAddr",
    "Ipv4Addr",
    "Ipv6Addr",
    "AddrParseError",
    "SocketAddr",
    "SocketAddrV4",
];

/// Crates that no pure source may name.
const IMPURE_CRATES: [&str; 9] = [
    "rand",
    "getrandom",
    "fastrand",
    "tokio",
    "tonic",
    "prost",
    "tracing",
    "log",
    "quanta",
];

/// Macros that print or read the environment of the build.
const IMPURE_MACROS: [&str; 7] = ["print", "println", "eprint", "eprintln", "dbg", "env", "option_env"];

/// Judges one file.
pub fn check(path: &str, text: &str) -> Vec<Problem> {
    let pure = PURE_CRATES
        .iter()
        .any(|name| path.starts_with(&format!("crates/{name}/src/")));
    if !pure || is_test_file(path) {
        return Vec::new();
    }
    let source = Source::scan(text);
    let tests_from = source.inline_tests_from().unwrap_or(usize::MAX);
    let tokens = source.tokens();
    let mut problems = Vec::new();
    for at in 0..tokens.len() {
        let token = tokens[at];
        if token.line >= tests_from {
            break;
        }
        let next = tokens.get(at + 1).map_or("", |token| token.text);
        // `a::std` and `x.std` are somebody's own; `::std` is the library again.
        let is_root =
            at == 0 || tokens[at - 1].text != "." && !(tokens[at - 1].text == "::" && follows_word(&tokens, at - 1));
        let mut blame = |message: String| problems.push(Problem::at(path, token.line, message));
        match token.text {
            "std" | "core" if is_root && matches!(next, "::" | "as") => {
                for (line, used) in paths_from(&tokens, at) {
                    if let Some(why) = impurity(&used) {
                        problems.push(Problem::at(path, line, format!("`{used}` in a pure crate: {why}")));
                    }
                }
            }
            "SystemTime" => blame("`SystemTime` in a pure crate: time is an argument".to_owned()),
            // Whatever the type: `Instant::now`, `Zoned::now`, `Timestamp::now`; and the machine's own time zone.
            "now" if at > 1 && tokens[at - 1].text == "::" => {
                blame(format!(
                    "`{}::now` in a pure crate: time is an argument",
                    tokens[at - 2].text
                ));
            }
            "system" if at > 1 && tokens[at - 1].text == "::" && tokens[at - 2].text == "TimeZone" => {
                blame("`TimeZone::system` in a pure crate: the time zone is an argument".to_owned());
            }
            name if next == "::" && is_root && IMPURE_CRATES.contains(&name) => {
                blame(format!("`{name}` in a pure crate"));
            }
            name if next == "!" && is_root && IMPURE_MACROS.contains(&name) => {
                blame(format!("`{name}!` in a pure crate"));
            }
            _ => {}
        }
    }
    problems
}

fn follows_word(tokens: &[Token<'_>], at: usize) -> bool {
    at.checked_sub(1).is_some_and(|before| {
        let word = tokens[before].text;
        word.chars().all(|c| c.is_alphanumeric() || c == '_') && word != "use"
    })
}

fn impurity(used: &str) -> Option<&'static str> {
    let used = used
        .strip_prefix("core::")
        .map_or_else(|| used.to_owned(), |rest| format!("std::{rest}"));
    if let Some(item) = used.strip_prefix("std::net::")
        && VALUES.contains(&item.split("::").next().unwrap_or(item))
    {
        return None;
    }
    if NEVER_WHOLE.contains(&used.trim_end_matches("::*")) {
        return Some("import the items, not the module, so that this check sees them");
    }
    IMPURE_PATHS
        .iter()
        .find(|(path, _)| {
            used.strip_prefix(path)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
        })
        .map(|(_, why)| *why)
}

/// Every full path that begins at a token, whether an expression's one path or an import's tree of them.
fn paths_from(tokens: &[Token<'_>], at: usize) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    branch(tokens, at, "", &mut found);
    found
}

/// Reads one branch of a tree of paths; returns where it ends.
fn branch(tokens: &[Token<'_>], mut at: usize, prefix: &str, found: &mut Vec<(usize, String)>) -> usize {
    let mut path = prefix.to_owned();
    let mut line = 0;
    while let Some(token) = tokens.get(at) {
        line = token.line;
        match token.text {
            "{" => {
                at += 1;
                while tokens.get(at).is_some_and(|token| token.text != "}") {
                    at = branch(tokens, at, &path, found);
                    if tokens.get(at).is_some_and(|token| token.text == ",") {
                        at += 1;
                    }
                }
                return at + 1;
            }
            "self" => {}
            name if path.is_empty() => path.push_str(name),
            name => path = format!("{path}::{name}"),
        }
        at += 1;
        let goes_on = tokens.get(at).is_some_and(|token| token.text == "::")
            && tokens.get(at + 1).is_some_and(|token| token.text != "<");
        if !goes_on {
            break;
        }
        at += 1;
    }
    found.push((line, path));
    if tokens.get(at).is_some_and(|token| token.text == "as") {
        at += 2;
    }
    at
}

#[cfg(test)]
mod tests;
