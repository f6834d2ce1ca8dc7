//! The settings of Envoy's doors. Those that Envoy's reference service has too behave as there.

use super::{Setting, setting};

pub(in crate::config) static RULES: Setting = setting(
    "envoy.config",
    "envoy-config",
    "DIR",
    "",
    "Rules of Envoy's rate limit service: a directory of YAML files, or one file",
);
pub(in crate::config) static MERGE_DOMAINS: Setting = setting(
    "envoy.merge_domains",
    "envoy-merge-domains",
    "",
    "false",
    "Let several files of rules name one domain, and add them up",
);
pub(in crate::config) static RESPONSE_HEADERS: Setting = setting(
    "envoy.response_headers",
    "envoy-response-headers",
    "",
    "false",
    "Have Envoy tell its clients the limit, what remains and when it resets, in headers",
);
pub(in crate::config) static LIMIT_HEADER: Setting = setting(
    "envoy.limit_header",
    "envoy-limit-header",
    "NAME",
    "RateLimit-Limit",
    "The name of the header with the limit",
);
pub(in crate::config) static REMAINING_HEADER: Setting = setting(
    "envoy.remaining_header",
    "envoy-remaining-header",
    "NAME",
    "RateLimit-Remaining",
    "The name of the header with what remains",
);
pub(in crate::config) static RESET_HEADER: Setting = setting(
    "envoy.reset_header",
    "envoy-reset-header",
    "NAME",
    "RateLimit-Reset",
    "The name of the header with the seconds until the limit resets",
);
pub(in crate::config) static DYNAMIC_METADATA: Setting = setting(
    "envoy.dynamic_metadata",
    "envoy-dynamic-metadata",
    "",
    "false",
    "Answer with the descriptors and the metadata of their rules, for Envoy's other filters",
);
pub(in crate::config) static SHADOW: Setting = setting(
    "envoy.shadow",
    "envoy-shadow",
    "",
    "false",
    "Count and tell, and let every request of Envoy's rules pass",
);
pub(in crate::config) static QUOTA: Setting = setting(
    "envoy.quota",
    "envoy-quota",
    "",
    "false",
    "Treat every rule as if it had `quota_mode`: a request is over its limit only when all of them are",
);
pub(in crate::config) static STOP_INCREMENT: Setting = setting(
    "envoy.stop_increment_when_over",
    "envoy-stop-increment-when-over",
    "",
    "false",
    "Charge nothing to the limits that had room when another one is over",
);
pub(in crate::config) static AUTHZ_KEY_HEADER: Setting = setting(
    "authz.key_header",
    "authz-key-header",
    "NAME",
    "x-api-key",
    "External authorization: the header that holds the key; with a credential header only if it is named itself",
);
pub(in crate::config) static AUTHZ_CREDENTIAL_HEADER: Setting = setting(
    "authz.credential_header",
    "authz-credential-header",
    "NAME",
    "",
    "External authorization: the header that holds a secret credential, which counts before the key",
);
pub(in crate::config) static AUTHZ_ORG_HEADER: Setting = setting(
    "authz.org_header",
    "authz-org-header",
    "NAME",
    "",
    "External authorization: the header that names the org; only if Envoy sets it itself",
);
pub(in crate::config) static AUTHZ_ORG_EXTENSION: Setting = setting(
    "authz.org_extension",
    "authz-org-extension",
    "NAME",
    "org",
    "External authorization: the context extension that names the org; it counts before the header",
);
