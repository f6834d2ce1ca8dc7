//! Puts the files that the server was started with in force again: the policy, Envoy's rules and the certificates. When is for
//! `watch` and for whoever runs the server to say.

use std::sync::Arc;

use super::policy::PolicyReloader;
use super::rules::RulesReloader;
use crate::listen::Tls;

/// What is put in force again.
#[derive(Debug)]
pub(super) struct Reloads {
    policy: PolicyReloader,
    rules: Option<RulesReloader>,
    tls: Vec<Arc<Tls>>,
}

/// What came to pass that files are read again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// A person said so.
    Told,
    /// A file changed.
    Changed,
}

impl Reloads {
    pub(super) const fn new(policy: PolicyReloader, rules: Option<RulesReloader>, tls: Vec<Arc<Tls>>) -> Self {
        Self { policy, rules, tls }
    }

    /// Reads everything again. Reads files: not for a thread that answers.
    pub(super) fn run(&self, cause: Cause) {
        self.policy.reload(cause == Cause::Told);
        if let Some(rules) = &self.rules {
            rules.reload(cause == Cause::Told);
        }
        // Both doors read the same files: what is wrong with them is told once.
        let mut told = String::new();
        for tls in &self.tls {
            if let Err(error) = tls.reload()
                && error.to_string() != told
            {
                tracing::error!(%error, "certificates not reloaded: the old ones stay in force");
                told = error.to_string();
            }
        }
        self.warn();
    }

    /// Logs what is in force and will not do.
    pub(super) fn warn(&self) {
        if let Some(tls) = self.tls.iter().find(|tls| tls.is_out_of_date()) {
            let certificate = tls.files().certificate.display();
            tracing::warn!(%certificate, "the certificate is not valid now: callers will refuse it");
        }
    }
}
