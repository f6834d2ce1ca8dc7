//! The row of a quota, as a line.

use std::sync::Arc;

use quorate_core::grant::{Account, Grant, GrantKey};
use serde::{Deserialize, Serialize};

use super::{Record, holder};

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::transfer) struct GrantLine {
    org: Arc<str>,
    quota: Arc<str>,
    account: AccountField,
    period: Arc<str>,
    limit: u64,
    granted: u64,
    version: u64,
    holdings: Vec<(String, u64)>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum AccountField {
    Org,
    Key(Arc<str>),
    Endpoint(Arc<str>),
    Each(Vec<(Arc<str>, Arc<str>)>),
}

impl GrantLine {
    pub(super) fn of(key: GrantKey, grant: Grant) -> Self {
        let holdings = grant.holdings.into_iter().filter(|(_, units)| *units > 0);
        Self {
            org: key.org,
            quota: key.quota,
            account: match key.account {
                Account::Org => AccountField::Org,
                Account::Key(id) => AccountField::Key(id),
                Account::Endpoint(id) => AccountField::Endpoint(id),
                Account::Each(pairs) => AccountField::Each(pairs.to_vec()),
            },
            period: key.period,
            limit: grant.limit,
            granted: grant.granted,
            version: grant.version,
            holdings: holdings.map(|(holder, units)| (holder.to_string(), units)).collect(),
        }
    }

    /// The row. It must add up: a store that held another one would overspend.
    pub(super) fn into_record(self) -> Result<Record, &'static str> {
        let key = GrantKey {
            org: self.org,
            quota: self.quota,
            account: match self.account {
                AccountField::Org => Account::Org,
                AccountField::Key(id) => Account::Key(id),
                AccountField::Endpoint(id) => Account::Endpoint(id),
                AccountField::Each(pairs) => Account::Each(pairs.into()),
            },
            period: self.period,
        };
        let mut grant = Grant {
            limit: self.limit,
            granted: self.granted,
            version: self.version,
            ..Grant::default()
        };
        let mut sum = 0_u64;
        for (name, units) in self.holdings {
            sum = sum.checked_add(units).ok_or("holdings beyond any limit")?;
            if grant.holdings.insert(holder(&name)?, units).is_some() {
                return Err("a holder is named twice");
            }
        }
        if sum != grant.granted {
            return Err("what holders hold is not what was granted");
        }
        Ok(Record::Grant(key, grant))
    }
}
