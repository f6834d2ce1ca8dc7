//! Who asks: the key, its org and its plan. A miss is "unknown", never a look-up elsewhere.

use quorate_core::answer::Reason;
use quorate_core::request::{KEY_BYTES_MAX, ORG_BYTES_MAX, Request, Subject};

use super::{Key, Org, PolicySet};
use crate::model::Unknown;

/// Who asks, as far as the policy knows.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Identified<'a> {
    pub(super) org_name: &'a str,
    pub(super) key_name: &'a str,
    pub(super) org: Option<&'a Org>,
    pub(super) key: Option<&'a Key>,
    /// The number of the plan.
    pub(super) plan: Option<usize>,
    /// Why whoever asks is not to be served, if that is known by now.
    pub(super) denied: Option<Reason>,
}

impl PolicySet {
    pub(super) fn identify<'a>(&'a self, request: &Request<'a>, credential_hash: Option<[u8; 32]>) -> Identified<'a> {
        if request.org.len() > ORG_BYTES_MAX || has_controls(request.org) {
            return denied(Reason::OrgMismatch, "", "");
        }
        let number = match request.subject {
            Subject::Key(key) if key.is_empty() || key.len() > KEY_BYTES_MAX || has_controls(key) => {
                return denied(Reason::KeyInvalid, request.org, "");
            }
            Subject::Key(key) => self.key_numbers.get(key),
            Subject::Credential(_) => credential_hash.and_then(|hash| self.credentials.get(&hash)),
        };
        match (number.and_then(|number| self.keys.get(*number)), request.subject) {
            (Some(key), _) => self.known_key(key, request.org),
            (None, Subject::Key(key)) => self.unknown_key(key, request.org),
            (None, Subject::Credential(_)) => denied(Reason::KeyUnknown, request.org, ""),
        }
    }

    fn known_key<'a>(&'a self, key: &'a Key, asked_org: &str) -> Identified<'a> {
        let org = self.orgs.get(key.org);
        let org_name = org.map_or("", |org| &*org.name);
        let mismatch = !asked_org.is_empty() && asked_org != org_name;
        Identified {
            org_name,
            key_name: &key.name,
            org,
            key: Some(key),
            plan: org.map(|org| org.plan),
            denied: mismatch.then_some(Reason::OrgMismatch),
        }
    }

    /// A key that nothing declares, of the org that the request names, or else its own org. An org of that name may
    /// be declared all the same: then that org's rules hold, so that nobody becomes a tenant by taking its name.
    fn unknown_key<'a>(&'a self, key: &'a str, asked_org: &'a str) -> Identified<'a> {
        let org_name = if asked_org.is_empty() { key } else { asked_org };
        let number = self.org_numbers.get(org_name);
        let org = number.and_then(|number| self.orgs.get(*number));
        let keys_are_known = match self.unknown_key {
            Unknown::Auto => org.is_some_and(|org| org.declares_keys),
            Unknown::Deny => true,
            Unknown::DefaultPlan => false,
        };
        let denied = if org.is_none() && self.unknown_org == Unknown::Deny {
            Some(Reason::PolicyForbids)
        } else {
            keys_are_known.then_some(Reason::KeyUnknown)
        };
        Identified {
            org_name,
            key_name: key,
            org,
            key: None,
            plan: org
                .map(|org| org.plan)
                .or(self.default_plan)
                .filter(|_| denied.is_none()),
            denied,
        }
    }
}

fn denied<'a>(reason: Reason, org_name: &'a str, key_name: &'a str) -> Identified<'a> {
    Identified {
        org_name,
        key_name,
        denied: Some(reason),
        ..Identified::default()
    }
}

fn has_controls(text: &str) -> bool {
    // Most ids have none of these bytes, and a fold without an early end runs many bytes at a time. Control characters
    // beyond ASCII (C1) take two bytes and begin with 0xC2.
    let suspect = text
        .bytes()
        .fold(false, |found, b| found | b.is_ascii_control() | (b == 0xC2));
    suspect && text.chars().any(char::is_control)
}
