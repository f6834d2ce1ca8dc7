//! Impure names are found wherever they hide: in paths, in nested imports, behind macros.

use super::check;

fn found(text: &str) -> Vec<String> {
    check("crates/quorate-core/src/window.rs", text)
        .iter()
        .map(ToString::to_string)
        .collect()
}

fn finds(text: &str, what: &str) {
    let problems = found(text);
    assert!(
        problems.iter().any(|problem| problem.contains(what)),
        "`{text}` gave {problems:?}"
    );
}

fn passes(text: &str) {
    assert_eq!(found(text), [""; 0], "`{text}`");
}

#[test]
fn pure_source_passes() {
    passes("use std::{collections::BTreeMap, time::Duration};\nuse core::hash::{BuildHasher, Hash};\n");
    passes("use crate::time::Instant;\nfn f(now: Instant) -> Instant { Instant::from_ns(now.ns()) }");
    passes("use std::net::{IpAddr, Ipv4Addr};");
    passes("fn f(map: hashbrown::HashMap<u8, u8>) { let v = std::iter::repeat::<u8>(1); }");
    passes("// std::fs and rand:: in a comment\nconst WHY: &str = \"std::time::SystemTime, println!\";");
    passes("fn f(x: T) { x.std; a::std::fs(); x.rand::<u8>(); crate::log::append(); }");
}

#[test]
fn clocks_are_found() {
    finds("use std::time::Instant;", "`std::time::Instant`");
    finds(
        "use std::{collections::BTreeMap,\n time::{Duration, SystemTime}};",
        ":2: `std::time::SystemTime`",
    );
    finds("fn f() { let t = std::time::Instant::now(); }", "std::time::Instant");
    finds("fn f() { let t = Instant::now(); }", "`Instant::now`");
    finds("fn f() { let t = jiff::Zoned::now(); }", "`Zoned::now`");
    finds("fn f() { let z = TimeZone::system(); }", "`TimeZone::system`");
    passes("fn f(now: u64) { now::<u8>(); self.now(); Request { now }; let system = 1; }");
    finds("fn f(t: SystemTime) {}", "`SystemTime`");
    finds("let q = quanta::Clock::new();", "`quanta`");
}

#[test]
fn sockets_files_environment_threads_and_processes_are_found() {
    finds("use std::net::TcpStream;", "std::net::TcpStream");
    finds("use std::net::{IpAddr, UdpSocket};", "std::net::UdpSocket");
    finds("fn f() { ::std::fs::read(\"x\"); }", "std::fs::read");
    finds("use std::{fs, io::{self, Read}};", "`std::io`");
    finds("use std::{fs, io::{self, Read}};", "`std::fs`");
    finds("let home = std::env::var(\"HOME\");", "std::env::var");
    finds("std::thread::spawn(f);", "std::thread::spawn");
    finds("std::process::exit(1);", "std::process::exit");
    finds("println!(\"x\");", "`println!`");
    finds("const V: &str = env!(\"X\");", "`env!`");
}

#[test]
fn randomness_is_found() {
    finds("let x = rand::random::<u8>();", "`rand`");
    finds("use rand::Rng;", "`rand`");
    finds("use std::hash::RandomState;", "std::hash::RandomState");
    finds(
        "use std::collections::{BTreeMap, HashMap};",
        "std::collections::HashMap",
    );
}

#[test]
fn modules_imported_whole_hide_nothing() {
    finds("use std::time;", "import the items");
    finds("use std::time::*;", "import the items");
    finds("use std::{time::{self, Duration}};", "import the items");
    finds("use std as library;", "import the items");
}

#[test]
fn only_pure_crates_are_judged_and_their_tests_are_not() {
    let impure = "use std::time::Instant;";
    assert!(check("crates/quorate-server/src/main.rs", impure).is_empty());
    assert!(check("crates/quorate-core/src/window/tests.rs", impure).is_empty());
    assert!(check("crates/quorate-core/benches/window.rs", impure).is_empty());
    assert!(!check("crates/quorate-policy/src/lib.rs", impure).is_empty());
    passes("fn f() {}\n#[cfg(test)]\nmod tests {\n    use std::time::Instant;\n}");
    finds("use std::time::Instant;\n#[cfg(test)]\nmod tests {\n}", ":1:");
}
