//! What the tests share: a server of their own each, a client of every door, and requests in few words.
//!
//! Every test starts its own server: they start in milliseconds, and then no test can see another's counters.

pub mod ask;
pub mod certificates;
pub mod client;
pub mod command;
pub mod data;
pub mod document;
pub mod http;
pub mod policy;
pub mod raw;
pub mod server;
pub mod time;

pub use ask::{AskExt, ask};
pub use client::Client;
pub use server::{Launch, Server};

/// The built binary under test.
pub fn binary() -> std::path::PathBuf {
    environment("QUORATE_BIN").into()
}

/// A variable that `cargo xtask test` sets; `cargo xtask prepare` prints them for running single tests by hand.
pub fn environment(name: &str) -> std::ffi::OsString {
    std::env::var_os(name)
        .unwrap_or_else(|| panic!("{name} is not set: run `cargo xtask test`, or what `cargo xtask prepare` prints"))
}

/// The checkout.
pub fn root() -> std::path::PathBuf {
    let here = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent()
        .expect("the tests lie in a folder of the checkout")
        .to_owned()
}
