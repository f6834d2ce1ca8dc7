//! Programs that run to their end.

use std::process::{Command, Output};
use std::time::{Duration, Instant};

use super::binary;

/// No program of a test runs this long unless something hangs; building one in Go on a busy machine takes minutes.
const DEADLINE: Duration = Duration::from_secs(600);

/// What came of a program.
#[derive(Debug)]
pub struct Outcome {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// Runs `quorate` with these arguments to its end.
pub fn quorate<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Outcome {
    let mut command = Command::new(binary());
    // Nothing of the caller's shell may change what a test sees.
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("QUORATE_")) {
        command.env_remove(name);
    }
    run(command.args(arguments))
}

/// Runs a program to its end, within the bound.
pub fn run(command: &mut Command) -> Outcome {
    let shown = format!("{command:?}");
    let (sender, receiver) = std::sync::mpsc::channel();
    let child = command
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{shown} does not start: {error}"));
    let pid = rustix::process::Pid::from_child(&child);
    let started = Instant::now();
    std::thread::spawn(move || sender.send(child.wait_with_output()));
    let Ok(output) = receiver.recv_timeout(DEADLINE) else {
        // Best effort: the test fails either way.
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        panic!("{shown} did not end within {:?}", started.elapsed());
    };
    let Output { status, stdout, stderr } = output.expect("the program can be waited for");
    Outcome {
        code: status.code(),
        stdout: String::from_utf8_lossy(&stdout).into_owned(),
        stderr: String::from_utf8_lossy(&stderr).into_owned(),
    }
}

impl Outcome {
    /// Asserts the exit code.
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(
            self.code,
            Some(code),
            "stdout:\n{}\nstderr:\n{}",
            self.stdout,
            self.stderr
        );
        self
    }

    /// Standard output as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("no JSON ({error}): {}", self.stdout))
    }
}
