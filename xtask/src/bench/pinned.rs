//! A server process on one core of its own, and the CPU time it has taken.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::command;

/// The core that servers run on.
pub const SERVER_CORE: &str = "0";
/// The core that the load comes from.
pub const LOAD_CORE: &str = "1";

/// Nanoseconds in a second.
const SECOND_NS: u64 = 1_000_000_000;

/// A running server; killed when dropped.
pub struct Pinned {
    child: Child,
    /// The first line it printed.
    pub first_line: String,
}

/// A command that runs on one core only.
pub fn on_core(core: &str, program: &Path) -> Command {
    let mut command = Command::new("taskset");
    command.args(["--cpu-list", core]).arg(program);
    command
}

impl Pinned {
    /// Starts it and waits for its first line, which says where it listens.
    pub fn start(command: &mut Command) -> Result<Self> {
        let mut server = Self::spawn(command.stdout(Stdio::piped()))?;
        let stdout = server.child.stdout.take().context("its output is piped")?;
        BufReader::new(stdout).read_line(&mut server.first_line)?;
        ensure!(!server.first_line.is_empty(), "the server ended before it was ready");
        Ok(server)
    }

    /// Starts one that says in another way where it listens.
    pub fn silent(command: &mut Command) -> Result<Self> {
        Self::spawn(command.stdout(Stdio::null()))
    }

    fn spawn(command: &mut Command) -> Result<Self> {
        let child = command
            .spawn()
            .context("cannot start a server under taskset (of util-linux)")?;
        Ok(Self {
            child,
            first_line: String::new(),
        })
    }

    /// Whether it has ended by itself.
    pub fn ended(&mut self) -> Result<bool> {
        Ok(self.child.try_wait()?.is_some())
    }

    /// The CPU time it has taken so far, in user and system mode, in nanoseconds.
    pub fn cpu_ns(&self) -> Result<u64> {
        // taskset replaces itself by the program, so the child is the server.
        let path = format!("/proc/{}/stat", self.child.id());
        let stat = std::fs::read_to_string(&path).with_context(|| format!("reading {path}"))?;
        let ticks = ticks(&stat).with_context(|| format!("{path} has no times"))?;
        let per_second: u64 = command::capture(Command::new("getconf").arg("CLK_TCK"))?
            .trim()
            .parse()?;
        Ok(ticks * (SECOND_NS / per_second))
    }
}

/// User and system time, the 14th and 15th field. The second field, the name, may hold spaces and ends with `)`.
fn ticks(stat: &str) -> Option<u64> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

impl Drop for Pinned {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::ticks;

    #[test]
    fn times_are_found_behind_any_name() {
        let stat = "4242 (a) b) S 1 2 3 4 5 6 7 8 9 10 1100 22 0 0 20 0 5 0 100";
        assert_eq!(ticks(stat), Some(1_122));
        assert_eq!(ticks("4242 (a) S 1"), None);
    }
}
