//! From sources to a policy that has passed every rule.

use std::sync::Arc;

use crate::lower::lower;
use crate::model::Model;
use crate::problems::{Problems, Spot};
use crate::report::Level;
use crate::{Report, Source, rules, shape, yaml};

/// The largest source, in bytes: room for some hundred thousand keys.
pub const SOURCE_BYTES_MAX: usize = 64 << 20;

/// A policy that has passed every rule, and what is odd about it all the same.
#[derive(Clone, Debug)]
pub struct Checked {
    pub(crate) model: Arc<Model>,
    pub(crate) content_hash: Arc<str>,
    warnings: Report,
}

impl Checked {
    /// What is allowed and probably not meant.
    #[must_use]
    pub fn warnings(&self) -> &Report {
        &self.warnings
    }

    /// A hash of the policy's content, in hex: equal policies have equal hashes, however they are written.
    #[must_use]
    pub fn content_hash(&self) -> &str {
        &self.content_hash
    }

    /// Whether the policy declares quotas.
    #[must_use]
    pub fn quotas_declared(&self) -> bool {
        let of_plans = self.model.plans.values().any(|plan| !plan.quotas.is_empty());
        of_plans || self.model.orgs.values().any(|org| !org.quotas.is_empty())
    }

    /// How much the policy declares.
    #[must_use]
    pub fn counts(&self) -> Counts {
        Counts {
            plans: self.model.plans.len(),
            endpoints: self.model.endpoints.len(),
            orgs: self.model.orgs.len(),
            keys: self.model.keys.len(),
        }
    }
}

/// How much a policy declares.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Plans.
    pub plans: usize,
    /// Endpoints of the catalogue.
    pub endpoints: usize,
    /// Orgs.
    pub orgs: usize,
    /// Keys.
    pub keys: usize,
}

/// Checks the files of a policy, which add up.
///
/// # Errors
/// Every problem at once; then nothing of the policy may be used.
pub fn check(sources: &[Source]) -> Result<Checked, Report> {
    let shared: Arc<[Source]> = sources.into();
    let mut problems = Problems::default();
    if sources.is_empty() {
        problems.add(Spot::default(), "no file of a policy is given");
    }
    let mut documents = Vec::new();
    for (number, source) in sources.iter().enumerate() {
        if source.text.len() > SOURCE_BYTES_MAX {
            let message = format!("the file is larger than {} MiB", SOURCE_BYTES_MAX >> 20);
            problems.add(Spot::first_of(number), message);
            continue;
        }
        let before = problems.len();
        match yaml::parse(number, &source.text, &mut problems) {
            Some(document) => {
                shape::check(&document, &mut problems);
                documents.push(document);
            }
            None if problems.len() == before => {
                problems
                    .add(Spot::first_of(number), "the file is empty")
                    .help("a policy begins with `version: 1`");
            }
            None => {}
        }
    }
    // What a file that cannot be read declares would be reported as unknown everywhere else.
    if documents.len() < sources.len() {
        return Err(Report::new(shared, problems, Level::Error));
    }
    let (model, mut lowering) = lower(&documents, problems);
    rules::judge(&model, &mut lowering);
    if !lowering.problems.is_empty() {
        return Err(Report::new(shared, lowering.problems, Level::Error));
    }
    let content_hash = model.content_hash().into();
    Ok(Checked {
        model: Arc::new(model),
        content_hash,
        warnings: Report::new(shared, lowering.warnings, Level::Warning),
    })
}

#[cfg(test)]
pub(crate) mod tests;
