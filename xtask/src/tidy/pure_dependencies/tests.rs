//! A forbidden crate is found however deep it sits, with the way to it.

use super::check;

#[test]
fn a_clean_tree_passes() {
    let tree = "0quorate-core v0.1.0 (path)\n1hashbrown v0.17.1\n1thiserror v2.0.21\n";
    assert_eq!(check("crates/quorate-core/Cargo.toml", tree), []);
}

#[test]
fn an_indirect_dependency_is_found_with_the_way_to_it() {
    let tree = "0quorate-core v0.1.0\n1first v1.0.0\n2second v1.0.0\n2third v1.0.0\n3getrandom v0.3.0\n1other v1.0.0\n2tokio v1.0.0 (*)\n";
    let found: Vec<String> = check("Cargo.toml", tree).iter().map(ToString::to_string).collect();
    assert_eq!(
        found,
        [
            "Cargo.toml: a pure crate must not reach getrandom: quorate-core -> first -> third -> getrandom",
            "Cargo.toml: a pure crate must not reach tokio: quorate-core -> other -> tokio",
        ]
    );
}
