//! Everything that can be wrong with what the server was told, found before a port is bound: the policy, the
//! certificates, the credential key.

use std::path::Path;
use std::sync::Arc;

use quorate_node::{Node, NodeConfig};
use quorate_policy::{Checked, Source};

use super::policy::PolicySource;
use super::rules::{LoadedRules, RulesSource};
use crate::config::{Config, NodeSettings, hex_32};
use crate::listen::{Protocols, Tls};
use crate::store::{OpenStore, OpenStoreError, StoreChoice};

/// What a server needs to start, checked.
#[derive(Debug)]
pub struct Prepared {
    /// The configuration.
    pub config: Config,
    pub(super) node: Arc<Node>,
    pub(super) store: Option<OpenStore>,
    pub(super) checked: Checked,
    pub(super) source: PolicySource,
    pub(super) texts: Vec<Source>,
    pub(super) rules_source: Option<RulesSource>,
    pub(super) rules: Option<LoadedRules>,
    pub(super) grpc_tls: Option<Arc<Tls>>,
    pub(super) http_tls: Option<Arc<Tls>>,
}

/// Reads and checks what the configuration names.
///
/// # Errors
/// Everything that is wrong, as text of many lines.
pub fn prepare(config: Config) -> Result<Prepared, String> {
    let mut problems = Vec::new();
    let mut tls = |protocols| {
        let files = config.tls.clone()?;
        Tls::load(files, protocols)
            .map_err(|error| problems.push(format!("tls: {error}")))
            .ok()
            .map(Arc::new)
    };
    let grpc_tls = tls(Protocols::Grpc);
    // The same files: what is wrong with them is told once.
    let http_tls = grpc_tls.as_ref().and_then(|_| tls(Protocols::Web));
    let node_config = node_config(&config.node)
        .map_err(|problem| problems.push(problem))
        .unwrap_or_default();
    let rules_source = RulesSource::of(&config.envoy);
    let rules = rules_source.as_ref().and_then(|source| {
        let (_, loaded) = source.load();
        loaded.map_err(|wrong| problems.push(wrong.shown)).ok()
    });
    let source = PolicySource::new(config.policy.clone());
    let (texts, checked) = source.load();
    let started = checked.map_err(|wrong| wrong.shown).and_then(|checked| {
        let node = Node::start(node_config, &checked).map_err(|report| report.render(false))?;
        Ok((node, checked))
    });
    if let Ok((_, checked)) = &started
        && checked.quotas_declared()
        && config.store == StoreChoice::Nowhere
    {
        problems.push(OpenStoreError::QuotasNowhere.to_string());
    }
    // Last, and only if all else is well: a store is not to be made for a server that does not start.
    let store = match &started {
        Ok(_) if problems.is_empty() => OpenStore::open(&config.store)
            .map_err(|error| problems.push(error.to_string()))
            .unwrap_or_default(),
        _ => None,
    };
    match started {
        Ok((node, checked)) if problems.is_empty() => Ok(Prepared {
            config,
            node,
            store,
            checked,
            source,
            texts,
            rules_source,
            rules,
            grpc_tls,
            http_tls,
        }),
        Ok(_) => Err(problems.join("\n")),
        Err(problem) => {
            problems.push(problem);
            Err(problems.join("\n"))
        }
    }
}

fn node_config(settings: &NodeSettings) -> Result<NodeConfig, String> {
    let credential_key = match &settings.credential_key_file {
        Some(path) => credential_key(path)?,
        // A key of its own that nobody knows: no credential can match a hash that somebody else made.
        None => rand::random(),
    };
    Ok(NodeConfig {
        memory_max_bytes: settings.memory_max_bytes,
        org_memory_max_bytes: settings.org_memory_max_bytes,
        cost_max: settings.cost_max,
        credential_key,
    })
}

fn credential_key(path: &Path) -> Result<[u8; 32], String> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| format!("credential_key_file: cannot read {}: {error}", path.display()))?;
    hex_32(text.trim()).ok_or_else(|| format!("credential_key_file: {} does not hold 64 hex digits", path.display()))
}
