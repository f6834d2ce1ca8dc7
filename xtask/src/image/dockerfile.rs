//! What a Dockerfile says, as far as ours goes: what it runs, and how the server is started and asked for its health.

use anyhow::{Context, Result};

/// The instructions that matter to who runs them without Docker.
#[derive(Debug, PartialEq, Eq)]
pub struct Dockerfile {
    /// The RUN lines, in order.
    pub runs: Vec<String>,
    /// The ENV assignments.
    pub environment: Vec<(String, String)>,
    /// The command of HEALTHCHECK.
    pub health: Vec<String>,
    /// CMD: the arguments of the program.
    pub command: Vec<String>,
}

impl Dockerfile {
    /// Reads one.
    pub fn parse(text: &str) -> Result<Self> {
        let mut file = Self {
            runs: Vec::new(),
            environment: Vec::new(),
            health: Vec::new(),
            command: Vec::new(),
        };
        for line in instructions(text) {
            let (name, rest) = line.split_once(' ').unwrap_or((&line, ""));
            match name {
                "RUN" => file.runs.push(rest.trim().to_owned()),
                "ENV" => file.environment.extend(rest.split_whitespace().filter_map(assignment)),
                "HEALTHCHECK" => {
                    let (_, command) = rest.split_once("CMD ").context("HEALTHCHECK without CMD")?;
                    file.health = words(command)?;
                }
                "CMD" => file.command = words(rest)?,
                _ => {}
            }
        }
        Ok(file)
    }
}

/// Instructions, each on one line, without comments.
fn instructions(text: &str) -> Vec<String> {
    let mut instructions = Vec::new();
    let mut open = String::new();
    for line in text.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
        match line.strip_suffix('\\') {
            Some(part) => open.push_str(part),
            None => {
                open.push_str(line);
                instructions.push(std::mem::take(&mut open));
            }
        }
    }
    instructions.retain(|line| !line.is_empty());
    instructions
}

fn assignment(word: &str) -> Option<(String, String)> {
    let (name, value) = word.split_once('=')?;
    Some((name.to_owned(), value.trim_matches('"').to_owned()))
}

/// The words of an instruction in its exec form.
fn words(text: &str) -> Result<Vec<String>> {
    serde_json::from_str(text.trim()).with_context(|| format!("not a JSON array of strings: {text}"))
}

#[cfg(test)]
mod tests;
