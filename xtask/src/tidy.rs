//! The rules of the house that no compiler checks.
//!
//! Every check is a function over texts or over what Cargo says, without files or processes of its own, so that its
//! tests can feed it something broken. All problems are reported at once.

mod edges;
mod links;
mod manifests;
mod metrics;
mod panics;
mod problem;
mod proto;
mod pure_dependencies;
mod pure_source;
mod shape;
mod sleeps;
mod stray;
mod wire_types;

use std::time::Instant;

use anyhow::{Result, bail};

use crate::project::Project;
use crate::tools::Tools;
use problem::Problem;

/// Checks everything; an error when anything is wrong.
pub fn run(project: &Project) -> Result<()> {
    let started = Instant::now();
    let files = project.text_files()?;
    let packages = manifests::packages(project, &files)?;
    let mut problems = Vec::new();
    problems.extend(edges::check(&packages));
    problems.extend(manifests::check(&packages));
    problems.extend(pure_dependencies::check_all(project, &packages)?);
    problems.extend(wire_types::check_manifests(&packages));
    for file in &files {
        problems.extend(shape::check(&file.path, &file.text));
        problems.extend(stray::check(
            &file.path,
            &file.text,
            &stray::this_machine(&project.root),
        ));
        if file.path.ends_with(".rs") {
            problems.extend(pure_source::check(&file.path, &file.text));
            problems.extend(wire_types::check_source(&file.path, &file.text));
            problems.extend(sleeps::check(&file.path, &file.text));
            problems.extend(panics::check(&file.path, &file.text));
        }
    }
    problems.extend(links::check(&files));
    problems.extend(metrics::check(&files));
    let buf = Tools::of(project).buf()?;
    problems.extend(proto::lint(&buf, &project.root)?);
    problems.extend(proto::breaking(&buf, &project.root)?);
    report(problems, files.len(), started)
}

fn report(mut problems: Vec<Problem>, files: usize, started: Instant) -> Result<()> {
    problems.sort();
    for problem in &problems {
        println!("{problem}");
    }
    let fatal = problems.iter().filter(|problem| problem.is_fatal()).count();
    println!(
        "tidy: {files} files, {fatal} problems, {} warnings, {:.1?}",
        problems.len() - fatal,
        started.elapsed()
    );
    if fatal > 0 {
        bail!("tidy found {fatal} problems");
    }
    Ok(())
}
