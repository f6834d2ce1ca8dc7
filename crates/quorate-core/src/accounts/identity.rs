//! Which account of a quota a request meets: how it is found, how its rows are named, and whether clients can invent it.

use std::sync::Arc;

use crate::grant;
use crate::quota::Quota;
use crate::state::fingerprint::{HashKey, Owner, keyed_hash};

/// What an account is found by: a hash of its org, its quota and what it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountId(pub u128);

/// An account's name, as its rows are named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountName {
    /// The org.
    pub org: Arc<str>,
    /// The quota's name.
    pub quota: Arc<str>,
    /// What it belongs to.
    pub account: grant::Account,
}

/// What of a request's owner the policy declares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Declared {
    /// The key.
    pub key: bool,
    /// The org.
    pub org: bool,
}

/// Which account a request meets; `None` when it lacks an attribute that the quota is kept per.
#[must_use]
pub fn account_id(hash_key: &HashKey, quota: &Quota, owner: &Owner<'_>) -> Option<AccountId> {
    let per = &quota.per;
    let kinds = [u8::from(per.key) | u8::from(per.endpoint) << 1];
    let mut parts: arrayvec::ArrayVec<&[u8], 24> = arrayvec::ArrayVec::new();
    parts.push(owner.org.as_bytes());
    parts.push(quota.name.as_bytes());
    parts.push(&kinds);
    if per.key {
        parts.push(owner.key.as_bytes());
    }
    if per.endpoint {
        parts.push(owner.endpoint.as_bytes());
    }
    for name in &per.attributes {
        let (_, value) = owner.attributes.iter().find(|(known, _)| *known == &**name)?;
        // The policy bounds the attributes of a `per`. One too many is never left out: two accounts would be one.
        parts.try_push(name.as_bytes()).ok()?;
        parts.try_push(value.as_bytes()).ok()?;
    }
    Some(AccountId(keyed_hash(hash_key, parts)))
}

/// Under whose name an account counts as invented; `None` for one that the policy declares. As the counters of limits:
/// those that belong to a key are the key's, those of the org or an endpoint the org's, and what an attribute's value
/// names anybody can invent.
pub(super) fn invented_of<'a>(quota: &Quota, owner: &Owner<'a>, declared: Declared) -> Option<&'a str> {
    let is_declared = if quota.per.key { declared.key } else { declared.org };
    let of = if declared.org { owner.org } else { "" };
    (!is_declared || !quota.per.attributes.is_empty()).then_some(of)
}

pub(super) fn account_name(quota: &Quota, owner: &Owner<'_>) -> AccountName {
    let per = &quota.per;
    let account = match (per.key, per.endpoint, per.attributes.is_empty()) {
        (false, false, true) => grant::Account::Org,
        (true, false, true) => grant::Account::Key(owner.key.into()),
        (false, true, true) => grant::Account::Endpoint(owner.endpoint.into()),
        _ => grant::Account::Each(each(quota, owner)),
    };
    AccountName {
        org: owner.org.into(),
        quota: Arc::clone(&quota.name),
        account,
    }
}

fn each(quota: &Quota, owner: &Owner<'_>) -> Arc<[(Arc<str>, Arc<str>)]> {
    let key = quota.per.key.then(|| ("key".into(), owner.key.into()));
    let endpoint = quota.per.endpoint.then(|| ("endpoint".into(), owner.endpoint.into()));
    let attributes = quota.per.attributes.iter().map(|name| {
        let value = owner.attributes.iter().find(|(known, _)| *known == &**name);
        (
            format!("attribute.{name}").into(),
            value.map_or("", |(_, value)| value).into(),
        )
    });
    key.into_iter().chain(endpoint).chain(attributes).collect()
}
