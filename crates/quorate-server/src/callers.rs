//! Who may call for which org: identities known by a bearer token or by a name in a client certificate.
//!
//! Without any identity configured everybody who can reach a door may ask for every org. Keys and scopes are the
//! policy's business, not this module's: a caller here is the service that asks, not the one it asks about.

use std::collections::HashMap;
use std::sync::Arc;

use thiserror::Error;

/// The SHA-256 of a bearer token: what is kept instead of the token.
pub type TokenHash = [u8; 32];

/// Hashes a bearer token as a configuration names it.
#[must_use]
pub fn hash_token(token: &[u8]) -> TokenHash {
    let mut hash = TokenHash::default();
    hash.copy_from_slice(ring::digest::digest(&ring::digest::SHA256, token).as_ref());
    hash
}

/// One service that may call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// How logs and messages name it.
    pub name: String,
    /// For which orgs it may ask.
    pub orgs: Orgs,
}

/// For which orgs a caller may ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Orgs {
    /// Every org.
    All,
    /// These only; never empty.
    Only(Vec<String>),
}

/// How a caller is known.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Proof {
    /// It sends `authorization: Bearer …` with a token of this hash.
    Token(TokenHash),
    /// Its certificate carries this name: a subject alternative name (DNS, URI, e-mail) or the subject's common name.
    Certificate(String),
}

/// Everyone who may call. Empty: everybody may, for every org.
#[derive(Debug, Default)]
pub struct Callers {
    by_proof: HashMap<Proof, Arc<Caller>>,
}

/// Why a call is refused.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum Refusal {
    /// Neither a certificate nor a token that is known.
    #[error("a bearer token or a client certificate that this server knows is required")]
    Unauthenticated,
    /// The caller may not ask for the org it named.
    #[error("org: this caller may not ask for it")]
    OrgForbidden,
    /// The caller may ask for several orgs and named none, so that the key alone would choose.
    #[error("org: a caller that may ask for several orgs must name one")]
    OrgUnnamed,
}

/// Who asks, for the whole of one call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Identity {
    /// No caller is configured: everything is allowed.
    #[default]
    Anyone,
    /// A known caller.
    Known(Arc<Caller>),
}

impl Callers {
    /// Everyone in the list; of two callers with the same proof the later one counts (the configuration refuses that).
    #[must_use]
    pub fn new(callers: impl IntoIterator<Item = (Arc<Caller>, Vec<Proof>)>) -> Self {
        let by_proof = callers
            .into_iter()
            .flat_map(|(caller, proofs)| proofs.into_iter().map(move |proof| (proof, Arc::clone(&caller))))
            .collect();
        Self { by_proof }
    }

    /// Whether everybody may call.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.by_proof.is_empty()
    }

    /// The caller that a certificate with these names proves; asked once per connection.
    #[must_use]
    pub fn by_certificate(&self, names: &[String]) -> Option<Arc<Caller>> {
        names
            .iter()
            .find_map(|name| self.by_proof.get(&Proof::Certificate(name.clone())))
            .map(Arc::clone)
    }

    /// Finds who calls: whom the connection's certificate proved, else by the value of the `authorization` header.
    ///
    /// # Errors
    /// Nobody known.
    pub fn identify(&self, certified: Option<&Arc<Caller>>, authorization: Option<&[u8]>) -> Result<Identity, Refusal> {
        if self.is_open() {
            return Ok(Identity::Anyone);
        }
        let by_token = || {
            self.by_proof
                .get(&Proof::Token(hash_token(bearer_token(authorization?)?)))
        };
        certified
            .or_else(by_token)
            .map(|caller| Identity::Known(Arc::clone(caller)))
            .ok_or(Refusal::Unauthenticated)
    }
}

impl Identity {
    /// The org to ask for, given the one that the request names (empty: none). A caller of one org that names none
    /// asks for that one: else a key of another org would be charged there.
    ///
    /// # Errors
    /// The caller may not ask for it.
    pub fn org<'a>(&'a self, named: &'a str) -> Result<&'a str, Refusal> {
        let Self::Known(caller) = self else {
            return Ok(named);
        };
        match &caller.orgs {
            Orgs::All => Ok(named),
            Orgs::Only(orgs) if named.is_empty() => match orgs.as_slice() {
                [only] => Ok(only),
                _ => Err(Refusal::OrgUnnamed),
            },
            Orgs::Only(orgs) if orgs.iter().any(|org| org == named) => Ok(named),
            Orgs::Only(_) => Err(Refusal::OrgForbidden),
        }
    }
}

/// The token of an `authorization` header of the scheme `Bearer`, which is written in any case.
fn bearer_token(authorization: &[u8]) -> Option<&[u8]> {
    const SCHEME: &[u8] = b"bearer ";
    let (scheme, token) = authorization.split_at_checked(SCHEME.len())?;
    scheme.eq_ignore_ascii_case(SCHEME).then(|| token.trim_ascii())
}

#[cfg(test)]
mod tests;
