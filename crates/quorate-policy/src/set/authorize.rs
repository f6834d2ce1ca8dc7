//! Whether whoever asks may call the endpoint at all. Judged before any price or counter, and nothing is charged.

use quorate_core::answer::Reason;
use quorate_core::request::{ATTRIBUTE_VALUE_BYTES_MAX, Request};
use quorate_core::time::Instant;

use super::identify::Identified;
use super::{Endpoint, PolicySet};
use crate::model::State;

impl PolicySet {
    /// Why not; `None` when it may. What somebody decided about the key or org comes before what the request lacks.
    pub(super) fn authorize(
        &self,
        who: &Identified<'_>,
        endpoint: &Endpoint,
        request: &Request<'_>,
        now: Instant,
    ) -> Option<Reason> {
        if who.denied.is_some() {
            return who.denied;
        }
        let key = who.key.map_or(State::Active, |key| key.state);
        let org = who.org.map_or(State::Active, |org| org.state);
        if key == State::Banned || org == State::Banned {
            return Some(Reason::Banned);
        }
        if key == State::Revoked {
            return Some(Reason::KeyRevoked);
        }
        if who.key.is_some_and(|key| now >= key.expires) {
            return Some(Reason::KeyExpired);
        }
        if key == State::Suspended {
            return Some(Reason::KeySuspended);
        }
        if key == State::Paused || org == State::Paused {
            return Some(Reason::Paused);
        }
        // Most endpoints ask for nothing, and most keys are bound to nothing.
        if (who.key.is_some() || !endpoint.environments.is_empty()) && !environment_fits(who, endpoint, request) {
            return Some(Reason::EnvironmentMismatch);
        }
        let wants_scopes = !(endpoint.scopes_any.is_empty() && endpoint.scopes_all.is_empty());
        if wants_scopes && !scopes_suffice(who, endpoint, request) {
            return Some(Reason::ScopeMissing);
        }
        // An end user can choose it, and a caller that fails open would let an error through.
        let long = |value: &str| value.len() > ATTRIBUTE_VALUE_BYTES_MAX;
        let oversized = request.attributes.iter().any(|(_, value)| long(value));
        (endpoint.forbid || oversized).then_some(Reason::PolicyForbids)
    }
}

/// A key bound to an environment serves that one only. An endpoint that lists environments wants one of them, from the
/// request or, when it states none, from the key: one that nobody places is denied.
fn environment_fits(who: &Identified<'_>, endpoint: &Endpoint, request: &Request<'_>) -> bool {
    let of_key = who.key.and_then(|key| key.environment.as_deref());
    let stated = Some(request.environment).filter(|environment| !environment.is_empty());
    let key_fits = match (of_key, stated) {
        (Some(of_key), Some(stated)) => of_key == stated,
        _ => true,
    };
    let listed = |environment: &str| endpoint.environments.iter().any(|allowed| **allowed == *environment);
    let endpoint_fits = endpoint.environments.is_empty() || stated.or(of_key).is_some_and(listed);
    key_fits && endpoint_fits
}

fn scopes_suffice(who: &Identified<'_>, endpoint: &Endpoint, request: &Request<'_>) -> bool {
    let has = |scope: &str| {
        let of_key = who
            .key
            .is_some_and(|key| key.scopes.iter().any(|known| **known == *scope));
        of_key || request.scopes.contains(&scope)
    };
    let any = endpoint.scopes_any.is_empty() || endpoint.scopes_any.iter().any(|scope| has(scope));
    any && endpoint.scopes_all.iter().all(|scope| has(scope))
}
