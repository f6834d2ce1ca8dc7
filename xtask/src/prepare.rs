//! `cargo xtask prepare`: installs the programs that are not ours, which the end-to-end tests call the server with or
//! check what we deploy with, and says how the tests find them.

use std::ffi::OsString;

use anyhow::Result;

use crate::project::Project;
use crate::steps::Steps;
use crate::tools::Tools;

/// Environment variables for the tests.
pub type Environment = Vec<(&'static str, OsString)>;

/// Installs everything and prints the variables, for running single end-to-end tests by hand.
pub fn run(project: &Project) -> Result<()> {
    let mut steps = Steps::default();
    let environment = all(project, &mut steps);
    steps.summary()?;
    println!();
    for (name, value) in environment.into_iter().flatten() {
        println!("export {name}='{}'", value.to_string_lossy());
    }
    Ok(())
}

/// Installs everything, each as a step of its own.
pub fn all(project: &Project, steps: &mut Steps) -> Option<Environment> {
    let tools = Tools::of(project);
    let python = steps.run("prepare Python with gRPC", || tools.python_with_grpc());
    let buf = steps.run("prepare buf", || tools.buf());
    let go = steps.run("prepare Go", || tools.go());
    let grpcurl = steps.run("prepare grpcurl", || tools.grpcurl());
    let generators = steps.run("prepare Go's generators", || tools.go_generators());
    let path = steps.run("prepare the search path", || tools.search_path());
    let envoy = steps.run("prepare Envoy", || tools.envoy());
    let promtool = steps.run("prepare promtool", || tools.promtool());
    let helm = steps.run("prepare Helm", || tools.helm());
    let kubernetes_validate = steps.run("prepare Kubernetes' schemas", || tools.kubernetes_validate());
    let compose = steps.run("prepare Compose", || tools.compose());
    let curl = steps.run("prepare curl", || tools.curl());
    generators?;
    curl?;
    Some(vec![
        ("QUORATE_TEST_PYTHON", python?.into()),
        ("QUORATE_TEST_BUF", buf?.into()),
        ("QUORATE_TEST_GO", go?.into()),
        ("QUORATE_TEST_GRPCURL", grpcurl?.into()),
        ("QUORATE_TEST_ENVOY", envoy?.into()),
        ("QUORATE_TEST_PROMTOOL", promtool?.into()),
        ("QUORATE_TEST_HELM", helm?.into()),
        ("QUORATE_TEST_KUBERNETES_VALIDATE", kubernetes_validate?.into()),
        ("QUORATE_TEST_COMPOSE", compose?.into()),
        // The generators are found by name.
        ("PATH", path?),
        // Never another Go than the one just installed.
        ("GOTOOLCHAIN", "local".into()),
    ])
}
