//! A quota's account as a part of a key. Public, so that every engine writes accounts in one way.

use quorate_core::grant::Account;

use super::{Reader, Writer, corrupt};
use crate::StoreError;

const ORG: u8 = 0;
const KEY: u8 = 1;
const ENDPOINT: u8 = 2;
const EACH: u8 = 3;
/// Before every pair of [`Account::Each`]; its end is a byte that is smaller.
const PAIR: u8 = 1;
const PAIRS_END: u8 = 0;

/// An account as bytes, in the order of accounts.
#[must_use]
pub fn encode_account(account: &Account) -> Vec<u8> {
    Writer::key().account(account).finish()
}

/// The account that these bytes are.
///
/// # Errors
/// [`StoreError::Corrupt`] for what [`encode_account`] could not have made.
pub fn decode_account(bytes: &[u8]) -> Result<Account, StoreError> {
    let mut reader = Reader::key(bytes);
    let account = reader.account()?;
    reader.finish()?;
    Ok(account)
}

impl Writer {
    /// An account as a part of a key.
    #[must_use]
    pub fn account(self, account: &Account) -> Self {
        match account {
            Account::Org => self.byte(ORG),
            Account::Key(id) => self.byte(KEY).part(id),
            Account::Endpoint(id) => self.byte(ENDPOINT).part(id),
            Account::Each(pairs) => pairs
                .iter()
                .fold(self.byte(EACH), |writer, (name, value)| {
                    writer.byte(PAIR).part(name).part(value)
                })
                .byte(PAIRS_END),
        }
    }
}

impl Reader<'_> {
    /// An account that is a part of a key.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`].
    pub fn account(&mut self) -> Result<Account, StoreError> {
        match self.byte()? {
            ORG => Ok(Account::Org),
            KEY => self.part().map(Account::Key),
            ENDPOINT => self.part().map(Account::Endpoint),
            EACH => self.each(),
            _ => Err(corrupt("an account of an unknown kind")),
        }
    }

    fn each(&mut self) -> Result<Account, StoreError> {
        let mut pairs = Vec::new();
        loop {
            match self.byte()? {
                PAIR => pairs.push((self.part()?, self.part()?)),
                PAIRS_END => return Ok(Account::Each(pairs.into())),
                _ => return Err(corrupt("an account with an unknown mark between its names")),
            }
        }
    }
}
