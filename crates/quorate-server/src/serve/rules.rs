//! Where Envoy's rules come from, and the one way to put them in force.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use quorate_envoy::{Options, Report, Rules, Source};

use super::wrong::Wrong;
use crate::config::EnvoySettings;
use crate::edge::Edge;
use crate::envoy::InForce;
use crate::policy_files::{self, RuleFiles};

/// Rules that were read, and what is odd about them.
#[derive(Clone, Debug)]
pub(super) struct LoadedRules {
    rules: Rules,
    warnings: Report,
    sources: Vec<Source>,
    /// Folders that were not read.
    folders: Vec<PathBuf>,
}

impl LoadedRules {
    /// Logs what is allowed and probably not meant.
    pub(super) fn warn(&self) {
        for folder in &self.folders {
            tracing::warn!(folder = %folder.display(), problem = policy_files::FOLDER_UNREAD, "envoy rules");
        }
        for problem in self.warnings.problems() {
            tracing::warn!(
                file = problem.file,
                line = problem.line,
                problem = problem.message,
                "envoy rules"
            );
        }
    }

    /// The rules, to be put in force.
    pub(super) fn in_force(self, unix_ns: u64) -> InForce {
        InForce::new(self.rules, self.sources, unix_ns)
    }
}

/// Where the rules come from.
#[derive(Clone, Debug)]
pub(super) struct RulesSource {
    path: PathBuf,
    options: Options,
}

impl RulesSource {
    /// The source that the settings name, if any.
    pub(super) fn of(settings: &EnvoySettings) -> Option<Self> {
        let merge = settings.merge_domains;
        settings.rules.clone().map(|path| Self {
            path,
            options: Options { merge },
        })
    }

    /// What to watch.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Reads and checks it: the text of the files, and what they say or everything that is wrong with them.
    pub(super) fn load(&self) -> (Vec<Source>, Result<LoadedRules, Wrong>) {
        match policy_files::read_rules(std::slice::from_ref(&self.path)) {
            Ok(RuleFiles { sources, folders }) => {
                let loaded = Rules::load(&sources, self.options);
                let loaded = loaded.map_err(|report| Wrong::of(&report));
                let loaded = loaded.map(|(rules, warnings)| LoadedRules {
                    rules,
                    warnings,
                    sources: sources.clone(),
                    folders,
                });
                (sources, loaded)
            }
            Err(unreadable) => (Vec::new(), Err(Wrong::plain(unreadable))),
        }
    }
}

/// Puts the rules in force again when their files change.
#[derive(Debug)]
pub(super) struct RulesReloader {
    edge: Arc<Edge>,
    source: RulesSource,
    /// What was read last, good or bad, so that nothing is done for a file that was only touched.
    last: Mutex<Vec<Source>>,
}

impl RulesReloader {
    /// The rules of `source` are in force already.
    pub(super) fn new(edge: Arc<Edge>, source: RulesSource) -> Self {
        let in_force = edge.envoy.rules();
        let last = in_force.map_or_else(Vec::new, |in_force| in_force.sources.to_vec());
        Self {
            edge,
            source,
            last: Mutex::new(last),
        }
    }

    /// Reads the files again; `even_unchanged` puts also the same text in force once more.
    pub(super) fn reload(&self, even_unchanged: bool) {
        let mut last = self.last.lock();
        let (sources, loaded) = self.source.load();
        if !even_unchanged && *last == sources {
            return;
        }
        *last = sources;
        let unix_ns = self.edge.node.unix_ns();
        match loaded {
            Ok(loaded) => {
                loaded.warn();
                tracing::info!(domains = loaded.rules.domains().count(), "envoy rules reloaded");
                self.edge.envoy.put(loaded.in_force(unix_ns));
            }
            Err(wrong) => {
                tracing::error!(problems = %wrong.shown, "envoy rules not reloaded: the old ones stay in force");
                self.edge.envoy.failed(unix_ns, wrong.told);
            }
        }
    }
}
