//! The Compose file: it is one, what it mounts is there, and every image has a version.

use std::path::Path;
use std::process::Command;

use super::deployed;
use crate::harness::command::run;
use crate::harness::environment;

/// The file as Compose understands it.
pub fn read() -> serde_json::Value {
    let mut compose = Command::new(environment("QUORATE_TEST_COMPOSE"));
    compose.args(["-format", "json", "compose.yaml"]);
    run(compose.current_dir(deployed("compose"))).exits(0).json()
}

#[test]
fn compose_understands_the_file() {
    let file = read();
    let services = file["services"].as_object().expect("it has services");
    let names: Vec<_> = services.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        ["envoy", "grafana", "prometheus", "quorate", "scylla", "upstream"]
    );
    for (name, service) in services {
        let image = service["image"].as_str().expect("each has an image");
        let (_, version) = image.split_once(':').unwrap_or_else(|| panic!("{name}: {image}"));
        assert!(version.contains('.') && version != "latest", "{name}: {image}");
        for port in service["ports"].as_array().into_iter().flatten() {
            assert_eq!(port["host_ip"], "127.0.0.1", "{name} is open to the network");
        }
        for volume in service["volumes"].as_array().into_iter().flatten() {
            if volume["type"] == "bind" {
                let source = volume["source"].as_str().expect("a path");
                assert!(Path::new(source).exists(), "{name} mounts {source}");
            }
        }
    }
    let build = &services["quorate"]["build"];
    let dockerfile = Path::new(build["context"].as_str().expect("a path")).join("deploy/image/Dockerfile");
    assert!(
        dockerfile.exists() && build["dockerfile"] == "deploy/image/Dockerfile",
        "{build}"
    );
}

#[test]
fn a_file_that_is_none_is_refused() {
    let folder = tempfile::TempDir::new().expect("a folder");
    std::fs::write(folder.path().join("compose.yaml"), "services: { a: { imaje: b } }").expect("it can be written");
    let mut compose = Command::new(environment("QUORATE_TEST_COMPOSE"));
    let refused = run(compose.arg("compose.yaml").current_dir(folder.path()));
    assert_ne!(refused.code, Some(0), "the judge is awake");
}
