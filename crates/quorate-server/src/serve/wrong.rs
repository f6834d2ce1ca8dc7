//! What is wrong with files that were read: with their lines for those who run the server, without for everybody else.

use std::fmt;

/// Everything that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    /// With the lines of the files: they may name keys and hold hashes of credentials.
    pub shown: String,
    /// Messages and places alone, a line each.
    pub told: String,
}

impl Wrong {
    /// What is told in full to everybody.
    pub(super) fn plain(problems: impl IntoIterator<Item = impl fmt::Display>) -> Self {
        let lines: Vec<String> = problems.into_iter().map(|problem| problem.to_string()).collect();
        let told = lines.join("\n");
        Self {
            shown: told.clone(),
            told,
        }
    }

    /// What is wrong with a policy.
    pub(super) fn of(report: &quorate_policy::Report) -> Self {
        Self {
            shown: report.render(false),
            told: report.to_string(),
        }
    }
}
