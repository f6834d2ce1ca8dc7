//! Compiles `proto/`, and of `third-party/` what the server answers too, with a pure-Rust protobuf compiler, so that
//! nobody installs `protoc`.

use std::path::PathBuf;

use prost::Message;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folders = ["proto", "third-party/envoy-api"];
    for folder in folders {
        println!("cargo:rerun-if-changed={folder}");
    }
    let files = [
        "quorate/v1/decision.proto",
        "envoy/service/ratelimit/v3/rls.proto",
        "envoy/service/auth/v3/external_auth.proto",
    ];
    let descriptors = protox::compile(files, folders)?;
    let out = PathBuf::from(std::env::var("OUT_DIR")?).join("descriptors.bin");
    std::fs::write(out, descriptors.encode_to_vec())?;
    tonic_prost_build::configure()
        .build_transport(false)
        .compile_fds(descriptors)?;
    Ok(())
}
