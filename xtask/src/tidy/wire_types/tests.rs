//! Wire types beyond the edge are found, in manifests and in source.

use super::super::manifests::tests::package;
use super::{check_manifests, check_source};

#[test]
fn the_edge_itself_passes() {
    let edge = [
        package("quorate-server", &["tonic", "prost"]),
        package("quorate-client", &["tonic", "quorate-api"]),
    ];
    assert_eq!(check_manifests(&edge), []);
    assert_eq!(
        check_source("crates/quorate-server/src/convert.rs", "use tonic::Status;"),
        []
    );
    assert_eq!(
        check_source("crates/quorate-node/src/lib.rs", "// tonic::Status\nlet prost = 1;"),
        []
    );
}

#[test]
fn a_dependency_beyond_the_edge_is_found() {
    let found: Vec<String> = check_manifests(&[package("quorate-node", &["hashbrown", "tonic-prost"])])
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        found,
        ["crates/quorate-node/Cargo.toml:2: quorate-node must not know tonic-prost: wire types stop at the edge"]
    );
}

#[test]
fn a_use_beyond_the_edge_is_found() {
    let text = "\nuse quorate_api::v1::Reason;\nfn f(s: tonic_health::Status, p: prost_types::Any) {}";
    let found: Vec<String> = check_source("crates/quorate-node/src/lib.rs", text)
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(found.len(), 3, "{found:?}");
    assert!(
        found[0].starts_with("crates/quorate-node/src/lib.rs:2: `quorate_api`"),
        "{found:?}"
    );
}
