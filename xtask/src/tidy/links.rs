//! Links between our own documents lead somewhere.

use super::problem::Problem;
use crate::project::TextFile;

/// Judges every relative link of every Markdown file.
pub fn check(files: &[TextFile]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for file in files.iter().filter(|file| file.path.ends_with(".md")) {
        let mut in_code = false;
        for (index, line) in file.text.lines().enumerate() {
            if line.trim_start().starts_with("```") {
                in_code = !in_code;
            }
            let dead = targets(line)
                .filter(|target| !in_code && is_ours(target) && !leads_somewhere(files, &file.path, target));
            problems
                .extend(dead.map(|target| Problem::at(&file.path, index + 1, format!("a link to nothing: {target}"))));
        }
    }
    problems
}

fn targets(line: &str) -> impl Iterator<Item = &str> {
    line.split("](")
        .skip(1)
        .filter_map(|rest| rest.split([')', ' ']).next())
}

fn is_ours(target: &str) -> bool {
    !target.contains("://") && !target.starts_with("mailto:") && !target.starts_with('#')
}

fn leads_somewhere(files: &[TextFile], from: &str, target: &str) -> bool {
    let target = target.split('#').next().unwrap_or(target).trim_end_matches('/');
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "." => {}
            ".." if parts.pop().is_none() => return false,
            ".." => {}
            name => parts.push(name),
        }
    }
    let path = parts.join("/");
    let within = format!("{path}/");
    path.is_empty()
        || files
            .iter()
            .any(|file| file.path == path || file.path.starts_with(&within))
}

#[cfg(test)]
mod tests;
