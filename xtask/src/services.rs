//! `cargo xtask services`: a real Apache Cassandra on loopback, as child processes of this one, for the tests of the
//! durable store and for whoever works on it.
//!
//! The program comes from Maven Central through `mvn`, every file of it pinned by version and SHA-256 in
//! `services/cassandra.lock`; Java and Maven come from Debian where they are missing. Nothing outlives the task, however
//! it ends: nodes die with their parent, and a janitor removes their folder.

mod arguments;
mod folder;
mod jars;
mod java;
mod lock;
mod node;
mod recipe;

use std::ffi::OsString;
use std::net::Ipv4Addr;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::project::Project;
use crate::tools::Tools;
use folder::Folder;
use node::{Node, Place};
use recipe::Recipe;

/// Addresses of the loopback end somewhere; more nodes than this do not fit into a developer's machine anyway.
const NODES_MAX: u8 = 9;
/// A node that has not answered by then never will. On an idle machine it takes five seconds.
const START_DEADLINE: Duration = Duration::from_secs(300);
/// A free port may be taken between its choice and its use.
const START_TRIES: u32 = 3;

/// What to start.
#[derive(clap::Args)]
pub struct Options {
    /// How many nodes: on 127.0.0.1, 127.0.0.2 and so on, with equal ports
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=i64::from(NODES_MAX)))]
    nodes: u8,
    /// Resolve the pinned version anew and write `cassandra.lock`, instead of starting anything
    #[arg(long)]
    write_lock: bool,
}

/// Starts nodes, says where they are, and keeps them until it is ended.
pub fn run(project: &Project, options: &Options) -> Result<()> {
    if options.write_lock {
        return lock::write(project);
    }
    let mut services = start(project, options.nodes)?;
    println!();
    for (name, value) in services.environment() {
        println!("export {name}='{}'", value.to_string_lossy());
    }
    println!("\nCassandra {} is ready; Ctrl-C stops it", lock::VERSION);
    loop {
        services.check()?;
        sleep(Duration::from_millis(500));
    }
}

/// Running nodes; ended, and their folder removed, when dropped.
pub struct Services {
    // Before the folder: nothing may write into it any more when it is removed.
    nodes: Vec<Node>,
    folder: Folder,
}

/// Prepares what tests need that start all their nodes themselves.
pub fn prepare(project: &Project) -> Result<Services> {
    let tools = Tools::of(project);
    let folder = Folder::new(&tools)?;
    recipe(&tools)?.write(&folder.path().join("recipe.json"))?;
    let nodes = Vec::new();
    Ok(Services { nodes, folder })
}

fn recipe(tools: &Tools) -> Result<Recipe> {
    let java = java::find_or_install()?;
    let jars = jars::prepare(tools)?;
    Recipe::new(&java, &jars)
}

/// Starts a cluster of so many nodes and waits until each answers.
pub fn start(project: &Project, nodes: u8) -> Result<Services> {
    let tools = Tools::of(project);
    let recipe = recipe(&tools)?;
    for attempt in 1..=START_TRIES {
        match try_start(&tools, &recipe, nodes) {
            Ok(services) => return Ok(services),
            Err(error) if attempt == START_TRIES => return Err(error),
            Err(error) => println!("starting Cassandra failed, trying again: {error:#}"),
        }
    }
    bail!("unreachable: the last attempt returned");
}

fn try_start(tools: &Tools, recipe: &Recipe, count: u8) -> Result<Services> {
    let started = Instant::now();
    let folder = Folder::new(tools)?;
    recipe.write(&folder.path().join("recipe.json"))?;
    let mut services = Services {
        nodes: Vec::new(),
        folder,
    };
    for place in places(count)? {
        let within = services.folder.path().join(format!("node-{}", place.address));
        services.nodes.push(Node::start(recipe, &place, &within)?);
    }
    for node in &mut services.nodes {
        node.wait(started + START_DEADLINE)?;
    }
    let seconds = started.elapsed().as_secs();
    println!(
        "Cassandra {}: {count} node(s) answered after {seconds} s",
        lock::VERSION
    );
    Ok(services)
}

impl Services {
    /// What tests have to know.
    pub fn environment(&self) -> Vec<(&'static str, OsString)> {
        // How to start one more, for tests that kill theirs.
        let mut environment = vec![(
            "QUORATE_TEST_CASSANDRA_RECIPE",
            self.folder.path().join("recipe.json").into(),
        )];
        if let Some(first) = self.nodes.first() {
            let address = format!("{}:{}", first.place.address, first.place.cql_port);
            environment.push(("QUORATE_TEST_CASSANDRA", address.into()));
            let copies = self.nodes.len().min(3).to_string();
            environment.push(("QUORATE_TEST_CASSANDRA_REPLICATION", copies.into()));
        }
        environment
    }

    /// An error when a node has ended.
    fn check(&mut self) -> Result<()> {
        self.nodes.iter_mut().try_for_each(Node::check)
    }
}

/// Where each node of a cluster is to be: an address of its own, and ports that are free at all of them, since the driver
/// takes the port of the node it knows for all.
fn places(count: u8) -> Result<Vec<Place>> {
    let addresses: Vec<Ipv4Addr> = (1..=count).map(|last| Ipv4Addr::new(127, 0, 0, last)).collect();
    let (cql_port, storage_port) = (free_port(&addresses)?, free_port(&addresses)?);
    ensure!(cql_port != storage_port, "the same port was free twice");
    let seeds: Vec<String> = addresses
        .iter()
        .map(|address| format!("{address}:{storage_port}"))
        .collect();
    let places = addresses.iter().zip(0_u8..).map(|(address, index)| Place {
        address: *address,
        cql_port,
        storage_port,
        seeds: seeds.join(","),
        token: recipe::token(index, count),
        // Nodes that are alone need not wait for what others say of the ring.
        ring_delay_ms: if count == 1 { 0 } else { 1_000 },
    });
    Ok(places.collect())
}

/// A port that nobody listens on at any of these addresses.
fn free_port(addresses: &[Ipv4Addr]) -> Result<u16> {
    const TRIES: usize = 100;
    for _ in 0..TRIES {
        let first = std::net::TcpListener::bind((addresses[0], 0)).context("binding a free port")?;
        let port = first.local_addr()?.port();
        let others = addresses[1..]
            .iter()
            .map(|address| std::net::TcpListener::bind((*address, port)));
        if others.collect::<std::io::Result<Vec<_>>>().is_ok() {
            return Ok(port);
        }
    }
    bail!("no port is free at all of {addresses:?}")
}

#[cfg(test)]
mod tests;
