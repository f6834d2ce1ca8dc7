//! Where the policy comes from, and the one way to put it in force.

use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::Mutex;
use quorate_policy::{Checked, Source};

use super::wrong::Wrong;
use crate::edge::{Edge, PolicyFailure, PolicyHealth};
use crate::policy_files;
use crate::store::OpenStoreError;

/// How the catalogue that is built in is named.
const REFERENCE: &str = "reference catalogue (built in)";

/// Where the policy comes from.
#[derive(Clone, Debug)]
pub(super) struct PolicySource {
    paths: Vec<PathBuf>,
}

impl PolicySource {
    pub(super) const fn new(paths: Vec<PathBuf>) -> Self {
        Self { paths }
    }

    /// What to watch; nothing for the catalogue that is built in.
    pub(super) fn paths(&self) -> &[PathBuf] {
        &self.paths
    }

    /// How people know it.
    pub(super) fn names(&self) -> Vec<String> {
        if self.paths.is_empty() {
            return vec![REFERENCE.to_owned()];
        }
        self.paths.iter().map(|path| path.display().to_string()).collect()
    }

    /// Reads and checks it: the text of the files, and what they say or everything that is wrong with them.
    pub(super) fn load(&self) -> (Vec<Source>, Result<Checked, Wrong>) {
        if self.paths.is_empty() {
            return (Vec::new(), Ok(quorate_policy::reference()));
        }
        match policy_files::read(&self.paths) {
            Ok(sources) => {
                let checked = quorate_policy::check(&sources).map_err(|report| Wrong::of(&report));
                (sources, checked)
            }
            Err(unreadable) => (Vec::new(), Err(Wrong::plain(unreadable))),
        }
    }
}

/// Puts the policy in force again when its files change.
#[derive(Debug)]
pub(super) struct PolicyReloader {
    edge: Arc<Edge>,
    source: PolicySource,
    /// What was read last, good or bad, so that nothing is done for a file that was only touched.
    last: Mutex<Vec<Source>>,
}

impl PolicyReloader {
    pub(super) fn new(edge: Arc<Edge>, source: PolicySource, in_force: Vec<Source>) -> Self {
        Self {
            edge,
            source,
            last: Mutex::new(in_force),
        }
    }

    /// Reads the files again; `even_unchanged` puts also the same text in force once more.
    pub(super) fn reload(&self, even_unchanged: bool) {
        let mut last = self.last.lock();
        let (sources, checked) = self.source.load();
        if !even_unchanged && *last == sources {
            return;
        }
        *last = sources;
        let reloaded = checked.and_then(|checked| {
            if checked.quotas_declared() && self.edge.store.is_none() {
                return Err(Wrong::plain([OpenStoreError::QuotasNowhere]));
            }
            warn(&checked);
            self.edge.node.reload(&checked).map_err(|report| Wrong::of(&report))
        });
        match reloaded {
            Ok(reloaded) => {
                let (sequence, content_hash) = (reloaded.sequence, reloaded.content_hash.as_str());
                tracing::info!(sequence, content_hash, notes = ?reloaded.notes, "policy reloaded");
                self.edge.readiness.policy_loaded(PolicyHealth {
                    sequence: reloaded.sequence,
                    content_hash: reloaded.content_hash,
                    sources: self.source.names(),
                    loaded_unix_ns: self.edge.node.unix_ns(),
                    failure: None,
                });
            }
            Err(wrong) => {
                tracing::error!(problems = %wrong.shown, "policy not reloaded: the old one stays in force");
                self.edge.readiness.policy_failed(PolicyFailure {
                    unix_ns: self.edge.node.unix_ns(),
                    message: wrong.told,
                });
            }
        }
    }
}

/// Logs what is allowed and probably not meant.
pub(super) fn warn(checked: &Checked) {
    for problem in checked.warnings().problems() {
        tracing::warn!(
            file = problem.file,
            line = problem.line,
            problem = problem.message,
            "policy"
        );
    }
}
