//! Understands the settings of Envoy's doors.

use super::Reader;
use crate::config::settings::envoy as settings;
use crate::config::values::boolean;
use crate::config::{AuthzSettings, EnvoySettings, Origin, ResponseHeaders};

/// The longest name of a header or a descriptor entry.
const NAME_BYTES_MAX: usize = 256;

impl Reader<'_> {
    pub(super) fn envoy(&mut self) -> EnvoySettings {
        let names = ResponseHeaders {
            limit: self.get(&settings::LIMIT_HEADER, header),
            remaining: self.get(&settings::REMAINING_HEADER, header),
            reset: self.get(&settings::RESET_HEADER, header),
        };
        EnvoySettings {
            rules: self.path(&settings::RULES),
            merge_domains: self.get(&settings::MERGE_DOMAINS, boolean),
            response_headers: self.get(&settings::RESPONSE_HEADERS, boolean).then_some(names),
            dynamic_metadata: self.get(&settings::DYNAMIC_METADATA, boolean),
            shadow: self.get(&settings::SHADOW, boolean),
            quota: self.get(&settings::QUOTA, boolean),
            stop_increment_when_over: self.get(&settings::STOP_INCREMENT, boolean),
        }
    }

    pub(super) fn authz(&mut self) -> AuthzSettings {
        let lower = |text: &str| header(text).map(|name| name.to_ascii_lowercase());
        let key_header = self.get(&settings::AUTHZ_KEY_HEADER, lower);
        let credential_header = self.optional(&settings::AUTHZ_CREDENTIAL_HEADER, lower);
        // Whoever leaves a secret out could name any key, if a header that nobody spoke of counted as well.
        let key_counts = credential_header.is_none() || self.raw(&settings::AUTHZ_KEY_HEADER).origin != Origin::Default;
        AuthzSettings {
            key_header: Some(key_header).filter(|_| key_counts),
            credential_header,
            org_header: self.optional(&settings::AUTHZ_ORG_HEADER, lower),
            org_extension: self.get(&settings::AUTHZ_ORG_EXTENSION, name),
        }
    }
}

/// The name of an HTTP header, as it is written.
fn header(text: &str) -> Result<String, String> {
    match http::HeaderName::try_from(text) {
        Ok(_) if text.len() <= NAME_BYTES_MAX => Ok(text.to_owned()),
        _ => Err(format!("`{text}` is not the name of a header")),
    }
}

fn name(text: &str) -> Result<String, String> {
    if text.is_empty() || text.len() > NAME_BYTES_MAX {
        return Err(format!("`{text}` is not a name of 1 to {NAME_BYTES_MAX} bytes"));
    }
    Ok(text.to_owned())
}
