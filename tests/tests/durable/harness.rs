//! The servers and clients of the end-to-end tests, for those that want a real database too.

// Each of the two binaries uses its own part of them.
#![allow(dead_code, unused_imports)]

#[path = "../e2e/harness/ask.rs"]
pub mod ask;
#[path = "../e2e/harness/client.rs"]
pub mod client;
#[path = "../e2e/harness/http.rs"]
pub mod http;
#[path = "../e2e/harness/policy.rs"]
pub mod policy;
#[path = "../e2e/harness/server.rs"]
pub mod server;

pub use ask::{AskExt, ask};
pub use client::Client;
pub use server::{Launch, Server};

/// The built binary under test.
pub fn binary() -> std::path::PathBuf {
    crate::cassandra::environment("QUORATE_BIN").into()
}

/// The checkout.
pub fn root() -> std::path::PathBuf {
    let here = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent()
        .expect("the tests lie in a folder of the checkout")
        .to_owned()
}
