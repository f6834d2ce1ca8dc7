//! A request in JSON: the fields of the wire contract by the same names, read strictly. What is not understood is an
//! error that names the field, never a default.

use std::fmt;
use std::marker::PhantomData;

use quorate_core::request::{ChargeMode, InvalidRequest, Request, Subject};
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::error::HttpError;

/// The longest body, in bytes: several times that of the largest request that is not refused anyhow.
pub(super) const BODY_BYTES_MAX: usize = 64 * 1024;

/// A request. A field that is missing or null is unset.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ShouldAllow {
    key: Option<String>,
    credential: Option<String>,
    #[serde(default, deserialize_with = "unset_or")]
    org: String,
    #[serde(default, deserialize_with = "unset_or")]
    endpoint: String,
    cost: Option<Units>,
    #[serde(default, deserialize_with = "unset_or")]
    amounts: Pairs<Units>,
    #[serde(default, deserialize_with = "unset_or")]
    attributes: Pairs<String>,
    #[serde(default, deserialize_with = "unset_or")]
    environment: String,
    #[serde(default, deserialize_with = "unset_or")]
    scopes: Vec<String>,
    #[serde(default, deserialize_with = "unset_or")]
    check_only: bool,
    #[serde(default, deserialize_with = "unset_or")]
    operation_id: String,
    #[serde(default, deserialize_with = "unset_or")]
    include: Vec<Include>,
    #[serde(default, deserialize_with = "unset_or")]
    charge_mode: Mode,
    #[serde(default, deserialize_with = "unset_or")]
    refund: bool,
    #[serde(default, deserialize_with = "unset_or")]
    retry_jitter: bool,
}

/// What the answer may carry; written as in the wire contract or without its prefix.
#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
pub(super) enum Include {
    #[serde(rename = "limits", alias = "INCLUDE_LIMITS")]
    Limits,
    #[serde(rename = "headers", alias = "INCLUDE_HEADERS")]
    Headers,
    #[serde(rename = "policy", alias = "INCLUDE_POLICY")]
    Policy,
    #[serde(rename = "shadow", alias = "INCLUDE_SHADOW")]
    Shadow,
}

#[derive(Clone, Copy, Default, Deserialize)]
enum Mode {
    #[default]
    #[serde(
        rename = "all_or_none",
        alias = "CHARGE_MODE_ALL_OR_NONE",
        alias = "CHARGE_MODE_UNSPECIFIED"
    )]
    AllOrNone,
    #[serde(rename = "each", alias = "CHARGE_MODE_EACH")]
    Each,
    #[serde(rename = "record", alias = "CHARGE_MODE_RECORD")]
    Record,
}

impl ShouldAllow {
    /// Reads a body.
    pub(super) fn parse(body: &[u8]) -> Result<Self, HttpError> {
        // A derived reader takes an array for an object whose fields are in order.
        if body.trim_ascii_start().first() != Some(&b'{') {
            return Err(HttpError::Malformed("body: a JSON object is expected".to_owned()));
        }
        let mut json = serde_json::Deserializer::from_slice(body);
        let request: Self = serde_path_to_error::deserialize(&mut json).map_err(|error| {
            let field = error.path().to_string();
            // What is wrong with the object as a whole, and a text that ends or breaks off where a name should be.
            let field = if matches!(field.as_str(), "." | "?") {
                "body"
            } else {
                &field
            };
            HttpError::Malformed(format!("{field}: {}", error.inner()))
        })?;
        json.end()
            .map_err(|error| HttpError::Malformed(format!("body: {error}")))?;
        Ok(request)
    }

    /// The org that is named; empty for none.
    pub(super) fn org(&self) -> &str {
        &self.org
    }

    /// Whether the answer is to carry something.
    pub(super) fn includes(&self, what: Include) -> bool {
        self.include.contains(&what)
    }

    /// Whether a random addition to the time of a retry is asked for.
    pub(super) const fn retry_jitter(&self) -> bool {
        self.retry_jitter
    }

    /// The id of the key that asks; empty for a credential.
    pub(super) fn key_id(&self) -> &str {
        self.key.as_deref().unwrap_or_default()
    }

    /// Lends the request to `decide`, for `org`.
    pub(super) fn with_request<R>(
        &self,
        org: &str,
        decide: impl FnOnce(&Request<'_>) -> Result<R, InvalidRequest>,
    ) -> Result<R, HttpError> {
        let subject = match (&self.key, &self.credential) {
            (Some(key), None) => Subject::Key(key),
            (None, Some(credential)) => Subject::Credential(credential),
            (None, None) => return Err(InvalidRequest::SubjectMissing.into()),
            (Some(_), Some(_)) => {
                let problem = "it cannot be set together with `key`";
                return Err(InvalidRequest::Conflict {
                    field: "credential",
                    problem,
                }
                .into());
            }
        };
        let amounts: Vec<_> = self.amounts.0.iter().map(|(name, it)| (name.as_str(), it.0)).collect();
        let attributes = self.attributes.0.iter();
        let attributes: Vec<_> = attributes.map(|(name, is)| (name.as_str(), is.as_str())).collect();
        let scopes: Vec<_> = self.scopes.iter().map(String::as_str).collect();
        let request = Request {
            subject,
            org,
            endpoint: &self.endpoint,
            cost: self.cost.map(|cost| cost.0),
            amounts: &amounts,
            attributes: &attributes,
            environment: &self.environment,
            scopes: &scopes,
            check_only: self.check_only,
            operation_id: &self.operation_id,
            charge_mode: match self.charge_mode {
                Mode::AllOrNone => ChargeMode::AllOrNone,
                Mode::Each => ChargeMode::Each,
                Mode::Record => ChargeMode::Record,
            },
            refund: self.refund,
        };
        Ok(decide(&request)?)
    }
}

/// Takes null for the default.
fn unset_or<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(json: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(json)?.unwrap_or_default())
}

/// Units of a meter: whole, whatever JSON could write.
#[derive(Clone, Copy)]
struct Units(u64);

impl<'de> Deserialize<'de> for Units {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        json.deserialize_u64(UnitsVisitor)
    }
}

struct UnitsVisitor;

impl Visitor<'_> for UnitsVisitor {
    type Value = Units;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a whole number from 0 to {}", u64::MAX)
    }

    fn visit_u64<E>(self, units: u64) -> Result<Units, E> {
        Ok(Units(units))
    }
}

/// An object, as pairs in their order. A name that comes twice is an error: which of the two is meant is anyone's
/// guess.
struct Pairs<T>(Vec<(String, T)>);

impl<T> Default for Pairs<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Pairs<T> {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        json.deserialize_map(PairsVisitor(PhantomData))
    }
}

struct PairsVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for PairsVisitor<T> {
    type Value = Pairs<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut pairs: Vec<(String, T)> = Vec::new();
        while let Some((name, value)) = map.next_entry::<String, T>()? {
            // Quadratic, over as many names as a bounded body holds and a bounded count allows.
            if pairs.iter().any(|(before, _)| *before == name) {
                return Err(A::Error::custom(format_args!("duplicate name `{name}`")));
            }
            if pairs.len() == PAIRS_MAX {
                return Err(A::Error::custom(format_args!("more than {PAIRS_MAX} names")));
            }
            pairs.push((name, value));
        }
        Ok(Pairs(pairs))
    }
}

/// The most names of one object: more than any request may have, so that the core says how many there may be, and few
/// enough to be compared with each other.
const PAIRS_MAX: usize = 256;

#[cfg(test)]
mod tests;
