//! The list of files that Cassandra consists of: `group:artifact:version[:classifier]:sha256`, one per line.
//!
//! `cargo xtask services --write-lock` makes it, once for a version: Maven resolves the dependencies of `cassandra-all`,
//! and what it fetched is written down. From then on nothing is resolved any more: exactly these files are fetched, and
//! each must have its checksum.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::java;
use crate::command;
use crate::project::Project;
use crate::tools::Tools;

/// The version of Cassandra. A new one wants a new list.
pub const VERSION: &str = "5.0.9";
/// The plugin that copies files: part of what is pinned.
pub const PLUGIN: &str = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1";

const LIST: &str = include_str!("cassandra.lock");

/// One file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artifact {
    /// Who publishes it.
    pub group: String,
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Which of several files of that version, if there are several.
    pub classifier: Option<String>,
    /// The SHA-256 of its bytes, in hex.
    pub sha256: String,
}

impl Artifact {
    /// What Maven calls the file.
    pub fn file(&self) -> String {
        let classifier = self.classifier.as_ref().map(|name| format!("-{name}"));
        format!("{}-{}{}.jar", self.name, self.version, classifier.unwrap_or_default())
    }
}

/// The list of this checkout.
pub fn artifacts() -> Result<Vec<Artifact>> {
    parse(LIST)
}

/// Reads a list; lines that begin with `#` say something to people.
pub fn parse(list: &str) -> Result<Vec<Artifact>> {
    let lines = list.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            let fields: Vec<&str> = line.split(':').collect();
            let (group, name, version, classifier, sha256) = match fields[..] {
                [group, name, version, sha256] => (group, name, version, None, sha256),
                [group, name, version, classifier, sha256] => (group, name, version, Some(classifier), sha256),
                _ => anyhow::bail!("cassandra.lock: `{line}` is not group:artifact:version[:classifier]:sha256"),
            };
            ensure!(
                sha256.len() == 64 && sha256.bytes().all(|byte| byte.is_ascii_hexdigit()),
                "cassandra.lock: `{line}` does not end with a SHA-256"
            );
            Ok(Artifact {
                group: group.to_owned(),
                name: name.to_owned(),
                version: version.to_owned(),
                classifier: classifier.map(str::to_owned),
                sha256: sha256.to_owned(),
            })
        })
        .collect()
}

/// A project for Maven that depends on exactly these files and on nothing that they in turn name.
pub fn project_of(artifacts: &[Artifact]) -> String {
    let dependency = |artifact: &Artifact| {
        let classifier = artifact.classifier.as_ref();
        let classifier = classifier.map_or_else(String::new, |name| format!("<classifier>{name}</classifier>"));
        format!(
            "<dependency><groupId>{}</groupId><artifactId>{}</artifactId><version>{}</version>{classifier}\
             <exclusions><exclusion><groupId>*</groupId><artifactId>*</artifactId></exclusion></exclusions></dependency>\n",
            artifact.group, artifact.name, artifact.version
        )
    };
    project(&artifacts.iter().map(dependency).collect::<String>())
}

fn project(dependencies: &str) -> String {
    format!(
        "<project xmlns=\"http://maven.apache.org/POM/4.0.0\">\n\
         <modelVersion>4.0.0</modelVersion><groupId>quorate</groupId><artifactId>services</artifactId>\
         <version>1</version><packaging>pom</packaging>\n\
         <dependencies>\n{dependencies}</dependencies>\n</project>\n"
    )
}

/// Resolves [`VERSION`] and writes the list.
pub fn write(checkout: &Project) -> Result<()> {
    let folder = Tools::of(checkout).folder().join("cassandra-lock");
    std::fs::create_dir_all(&folder)?;
    let resolved = folder.join("resolved.txt");
    std::fs::write(
        folder.join("pom.xml"),
        project(&format!(
            "<dependency><groupId>org.apache.cassandra</groupId><artifactId>cassandra-all</artifactId>\
             <version>{VERSION}</version></dependency>\n"
        )),
    )?;
    command::run(
        java::maven()?
            .current_dir(&folder)
            .arg(format!("{PLUGIN}:list"))
            .args(["-DincludeScope=runtime", "-DoutputAbsoluteArtifactFilename=true"])
            .arg(format!("-DoutputFile={}", resolved.display())),
    )?;
    let text = std::fs::read_to_string(&resolved).context("reading what Maven resolved")?;
    let mut lines = text.lines().filter_map(resolved_file).map(|(names, path)| {
        let sha256 = sha256(&path)?;
        Ok(format!("{names}:{sha256}\n"))
    });
    let mut list = lines.by_ref().collect::<Result<Vec<String>>>()?;
    ensure!(!list.is_empty(), "Maven resolved nothing");
    list.sort();
    let head = format!(
        "# Apache Cassandra {VERSION}: group:artifact:version[:classifier]:sha256. \
         Made by `cargo xtask services --write-lock`.\n"
    );
    let target = checkout.root.join("xtask/src/services/cassandra.lock");
    std::fs::write(&target, head + &list.concat())?;
    println!("{} files in {}", list.len(), target.display());
    Ok(())
}

/// Reads `group:artifact:jar[:classifier]:version:scope:path[ -- module …]`.
pub fn resolved_file(line: &str) -> Option<(String, PathBuf)> {
    let plain = line.trim().split(" -- ").next()?;
    let fields: Vec<&str> = plain.split(':').collect();
    match fields[..] {
        [group, name, "jar", version, _, path] => Some((format!("{group}:{name}:{version}"), path.trim().into())),
        [group, name, "jar", classifier, version, _, path] => {
            Some((format!("{group}:{name}:{version}:{classifier}"), path.trim().into()))
        }
        _ => None,
    }
}

fn sha256(file: &Path) -> Result<String> {
    let words = command::capture(Command::new("sha256sum").arg("--").arg(file))?;
    let sum = words.trim_start_matches('\\').split_whitespace().next();
    Ok(sum.context("sha256sum prints a sum")?.to_owned())
}
