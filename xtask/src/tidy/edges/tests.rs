//! Edges that the picture lacks are found, with their lines.

use super::super::manifests::tests::package;
use super::check;

fn found(packages: &[super::Package]) -> Vec<String> {
    check(packages).iter().map(ToString::to_string).collect()
}

#[test]
fn the_picture_itself_passes() {
    let packages = [
        package("quorate-api", &["prost"]),
        package("quorate-core", &["hashbrown"]),
        package("quorate-policy", &["quorate-core", "serde"]),
        package("quorate-node", &["quorate-core", "quorate-policy"]),
        package(
            "quorate-server",
            &[
                "quorate-api",
                "quorate-core",
                "quorate-policy",
                "quorate-node",
                "quorate-client",
            ],
        ),
        package("quorate-client", &["quorate-api"]),
        package("quorate-tests", &["quorate-client", "quorate-server"]),
        package("xtask", &["anyhow"]),
    ];
    assert_eq!(found(&packages), [""; 0]);
}

#[test]
fn an_edge_that_turns_back_is_found() {
    let packages = [
        package("quorate-core", &["hashbrown", "quorate-policy"]),
        package("quorate-policy", &[]),
    ];
    assert_eq!(
        found(&packages),
        ["crates/quorate-core/Cargo.toml:2: quorate-core must not depend on quorate-policy"]
    );
}

#[test]
fn a_client_that_knows_the_core_is_found() {
    let packages = [
        package("quorate-client", &["quorate-api", "quorate-core"]),
        package("quorate-core", &[]),
        package("quorate-api", &[]),
    ];
    assert_eq!(
        found(&packages),
        ["crates/quorate-client/Cargo.toml:2: quorate-client must not depend on quorate-core"]
    );
}

#[test]
fn a_crate_that_the_picture_lacks_is_found() {
    let problems = found(&[package("quorate-surprise", &[])]);
    assert!(
        problems.len() == 1 && problems[0].contains("without a row"),
        "{problems:?}"
    );
}
