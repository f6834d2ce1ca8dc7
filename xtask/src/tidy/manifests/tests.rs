//! Manifests that leave something unsaid are found, and dependencies are found on their lines.

use super::{Dependency, Package, check, line_of};

/// A package that states everything, for the checks that judge dependencies.
pub fn package(name: &str, dependencies: &[&str]) -> Package {
    let named = |(index, name): (usize, &&str)| Dependency {
        name: (*name).to_owned(),
        line: index + 1,
    };
    Package {
        name: name.to_owned(),
        manifest: format!("crates/{name}/Cargo.toml"),
        dependencies: dependencies.iter().enumerate().map(named).collect(),
        license: Some("Apache-2.0".to_owned()),
        rust_version: Some("1.95".to_owned()),
        description: Some("What it is for".to_owned()),
    }
}

#[test]
fn a_complete_manifest_passes() {
    assert_eq!(check(&[package("quorate-core", &[])]), []);
}

#[test]
fn everything_unsaid_is_found() {
    let mut silent = package("quorate-core", &[]);
    silent.license = Some("MIT".to_owned());
    silent.rust_version = None;
    silent.description = Some(" ".to_owned());
    let found: Vec<String> = check(&[silent]).iter().map(ToString::to_string).collect();
    assert_eq!(found.len(), 3, "{found:?}");
    assert!(found[0].contains("license") && found[1].contains("rust-version") && found[2].contains("description"));
}

#[test]
fn the_line_of_a_dependency_is_not_that_of_a_longer_name_or_of_the_workspace() {
    let manifest =
        "[workspace.dependencies]\nprost = \"0.14\"\n[dependencies]\nprost-types = \"1\"\nprost.workspace = true\n";
    assert_eq!(line_of(manifest, "prost"), 5);
    assert_eq!(line_of(manifest, "tonic"), 0);
}
