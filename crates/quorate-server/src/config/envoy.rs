//! What Envoy's doors are told.

use std::path::PathBuf;

/// What the door of Envoy's rate limit service is told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EnvoySettings {
    /// The directory or file of the rules; `None` for none.
    pub rules: Option<PathBuf>,
    /// Several files may name one domain.
    pub merge_domains: bool,
    /// The names of the headers that Envoy is to send its clients; `None` for none.
    pub response_headers: Option<ResponseHeaders>,
    /// Answers carry the descriptors and the metadata of their rules.
    pub dynamic_metadata: bool,
    /// No request is over its limits as a whole.
    pub shadow: bool,
    /// Every rule is one with `quota_mode`.
    pub quota: bool,
    /// Where one limit is over, those that had room are not charged.
    pub stop_increment_when_over: bool,
}

/// Names of the headers that an answer asks Envoy to send.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResponseHeaders {
    /// With the limit.
    pub limit: String,
    /// With what remains of it.
    pub remaining: String,
    /// With the seconds until it resets.
    pub reset: String,
}

/// What the door of Envoy's external authorization is told. Names of headers are in lower case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuthzSettings {
    /// The header that holds the key; `None` where only credentials count.
    pub key_header: Option<String>,
    /// The header that holds a credential.
    pub credential_header: Option<String>,
    /// The header that names the org.
    pub org_header: Option<String>,
    /// The context extension that names the org.
    pub org_extension: String,
}
