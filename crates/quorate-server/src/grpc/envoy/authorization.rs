//! What Envoy's external authorization asks, as a request to the policy: the key and the org from where the settings
//! say, the endpoint from the request line.

use std::borrow::Cow;

use quorate_api::envoy::service::auth::v3::CheckRequest;
use quorate_api::envoy::service::auth::v3::attribute_context::HttpRequest;
use quorate_core::request::{Request, Subject};

use super::super::status::CallError;
use crate::config::AuthzSettings;

/// A request as Envoy tells of it.
pub(super) struct Authorized<'m> {
    secret: bool,
    subject: Cow<'m, str>,
    org: Cow<'m, str>,
    endpoint: String,
}

impl<'m> Authorized<'m> {
    /// What a message asks.
    ///
    /// # Errors
    /// It tells of no HTTP request: whoever set Envoy up is to hear of it.
    pub(super) fn read(message: &'m CheckRequest, settings: &AuthzSettings) -> Result<Self, CallError> {
        let attributes = message.attributes.as_ref();
        let http = attributes.and_then(|attributes| attributes.request.as_ref()?.http.as_ref());
        let http = http.ok_or_else(|| CallError::Field {
            field: "attributes.request.http",
            problem: "it must be set: only HTTP requests are authorized here".to_owned(),
        })?;
        let credential = settings
            .credential_header
            .as_deref()
            .and_then(|name| Some(credential(name, header(http, name)?)));
        let secret = credential.is_some();
        // A request with neither has the empty key, which the policy denies like any other malformed one.
        let subject = credential
            .or_else(|| header(http, settings.key_header.as_deref()?))
            .unwrap_or_default();
        let extension = attributes.and_then(|attributes| attributes.context_extensions.get(&settings.org_extension));
        let org = extension.map(|org| Cow::Borrowed(org.as_str()));
        let from_header = || header(http, settings.org_header.as_deref()?);
        Ok(Self {
            secret,
            subject,
            org: org.or_else(from_header).unwrap_or_default(),
            endpoint: endpoint(http),
        })
    }

    /// The org that was named; empty for none.
    pub(super) fn org(&self) -> &str {
        &self.org
    }

    /// As the core's request, for `org`.
    pub(super) fn request<'r>(&'r self, org: &'r str) -> Request<'r> {
        Request {
            org,
            subject: if self.secret {
                Subject::Credential(&self.subject)
            } else {
                Subject::Key(&self.subject)
            },
            ..Request::of("", &self.endpoint)
        }
    }
}

/// The value of a header; of one that was sent several times, all of them, as HTTP joins them.
fn header<'m>(http: &'m HttpRequest, name: &str) -> Option<Cow<'m, str>> {
    if let Some(value) = http.headers.get(name) {
        return Some(Cow::Borrowed(value));
    }
    let raw = &http.header_map.as_ref()?.headers;
    let mut values = raw
        .iter()
        .filter(|header| header.key.eq_ignore_ascii_case(name))
        .map(|header| match header.raw_value.as_slice() {
            [] => Cow::Borrowed(header.value.as_str()),
            bytes => String::from_utf8_lossy(bytes),
        });
    let first = values.next()?;
    Some(values.fold(first, |joined, value| Cow::Owned(format!("{joined},{value}"))))
}

/// The credential in a header: of `authorization` what follows the scheme `Bearer`, of any other all of it.
fn credential<'m>(name: &str, value: Cow<'m, str>) -> Cow<'m, str> {
    const SCHEME: &str = "bearer ";
    let begins = |text: &str| {
        text.get(..SCHEME.len())
            .is_some_and(|scheme| scheme.eq_ignore_ascii_case(SCHEME))
    };
    if name != "authorization" || !begins(&value) {
        return value;
    }
    match value {
        Cow::Borrowed(text) => Cow::Borrowed(text[SCHEME.len()..].trim()),
        Cow::Owned(text) => Cow::Owned(text[SCHEME.len()..].trim().to_owned()),
    }
}

/// The endpoint as catalogues write it: the method and the path, without what follows `?` or `#`.
fn endpoint(http: &HttpRequest) -> String {
    let path = http.path.split(['?', '#']).next().unwrap_or_default();
    format!("{} {path}", http.method)
}

#[cfg(test)]
mod tests;
