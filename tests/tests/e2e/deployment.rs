//! What `deploy/` holds, judged by the programs that will read it: Helm, Kubernetes' schemas, Compose, Prometheus, Envoy;
//! and by a server, which must know every setting and export every metric that is named there.

mod chart;
mod compose;
mod monitoring;
mod proxies;
mod settings;

use std::path::PathBuf;

use crate::harness::root;

/// A file or folder of `deploy/`.
fn deployed(path: &str) -> PathBuf {
    root().join("deploy").join(path)
}

/// The text of a file of `deploy/`.
fn text(path: &str) -> String {
    let path = deployed(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
