//! A run of several steps: each is announced and timed, a failure does not stop the others, and the end says what
//! came of each.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// What has been run so far.
#[derive(Default)]
pub struct Steps {
    done: Vec<Done>,
}

struct Done {
    name: String,
    took: Duration,
    failure: Option<String>,
}

impl Steps {
    /// Runs one step. `None` when it failed: the failure is kept for the summary.
    pub fn run<T>(&mut self, name: &str, step: impl FnOnce() -> Result<T>) -> Option<T> {
        println!("\n==> {name}");
        let started = Instant::now();
        let result = step();
        let took = started.elapsed();
        let (value, failure) = match result {
            Ok(value) => (Some(value), None),
            Err(error) => (None, Some(format!("{error:#}"))),
        };
        match &failure {
            None => println!("<== {name}: {}", seconds(took)),
            Some(why) => println!("<== {name}: FAILED after {}: {why}", seconds(took)),
        }
        self.done.push(Done {
            name: name.to_owned(),
            took,
            failure,
        });
        value
    }

    /// Notes a step that could not run because of an earlier failure: that is a failure too, never a silent skip.
    pub fn not_run(&mut self, name: &str, why: &str) {
        self.done.push(Done {
            name: name.to_owned(),
            took: Duration::ZERO,
            failure: Some(format!("not run: {why}")),
        });
    }

    /// Prints what came of each step; an error when any failed.
    pub fn summary(self) -> Result<()> {
        println!("\n{}", self.table());
        let failed = self.done.iter().filter(|step| step.failure.is_some()).count();
        if failed > 0 {
            bail!("{failed} of {} steps failed", self.done.len());
        }
        Ok(())
    }

    fn table(&self) -> String {
        let mut lines: Vec<String> = self
            .done
            .iter()
            .map(|step| {
                let outcome = step
                    .failure
                    .as_ref()
                    .map_or_else(|| "ok".to_owned(), |why| format!("FAILED: {why}"));
                format!("{:>8}  {:<28} {outcome}", seconds(step.took), step.name)
            })
            .collect();
        let total = self.done.iter().map(|step| step.took).sum();
        let failed = self.done.iter().any(|step| step.failure.is_some());
        lines.push(format!(
            "{:>8}  {:<28} {}",
            seconds(total),
            "all steps",
            if failed { "FAILED" } else { "ok" }
        ));
        lines.join("\n")
    }
}

fn seconds(duration: Duration) -> String {
    format!("{}.{} s", duration.as_secs(), duration.subsec_millis() / 100)
}

#[cfg(test)]
mod tests;
