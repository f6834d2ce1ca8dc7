//! Fingerprints: what an entry is found by. A keyed hash of the org and of what the counters belong to.
//!
//! 96 bits: 12 name the account that the org's memory is booked on, one says whether the entry is an overflow entry, 83
//! tell the entries of one org apart. With a million entries of one org two share a fingerprint once in 10¹³ tables; the hash is keyed, so that nobody outside
//! can look for such a pair.

#[cfg(test)]
mod tests;

use std::hash::{BuildHasherDefault, Hasher};

use siphasher::sip;
use siphasher::sip128::{Hasher128, SipHasher13};

use crate::limit::{Group, Scope};

/// How many accounts one table books the memory of orgs on.
pub const ACCOUNTS: usize = 4_096;

/// The bits of the first word that name the account.
const ACCOUNT: u16 = 0xFFF;

/// The bit of the first word that tells an overflow entry.
const OVERFLOW: u16 = 0x1000;

/// The secret of the hashes; random, kept with the windows where these are kept.
pub type HashKey = [u8; 16];

/// What an entry is found by, as it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fingerprint(pub [u16; 6]);

/// The account that an org's memory is booked on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Account(u16);

/// What an org's shard and its account are told by: hashed once for both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrgHash(u64);

impl OrgHash {
    /// The hash of an org.
    #[must_use]
    pub fn of(key: &HashKey, org: &str) -> Self {
        Self(sip::SipHasher13::new_with_key(key).hash(org.as_bytes()))
    }

    /// The account of the org.
    #[must_use]
    pub fn account(self) -> Account {
        Account(u16::try_from(self.0 & u64::from(ACCOUNT)).unwrap_or_default())
    }

    /// The shard of the org among `shards`, by other bits than its account.
    #[must_use]
    pub fn shard(self, shards: usize) -> usize {
        usize::try_from(self.0 >> 32).unwrap_or_default() % shards
    }
}

impl Account {
    /// The account of an org.
    #[must_use]
    pub fn of(key: &HashKey, org: &str) -> Self {
        OrgHash::of(key, org).account()
    }

    /// Its place among all accounts of a table.
    #[must_use]
    pub fn place(self) -> usize {
        usize::from(self.0)
    }
}

/// Whom a request's counters belong to.
#[derive(Clone, Copy, Debug)]
pub struct Owner<'a> {
    /// The org.
    pub org: &'a str,
    /// The account of the org.
    pub account: Account,
    /// The key.
    pub key: &'a str,
    /// The catalogue entry.
    pub endpoint: &'a str,
    /// Attributes of the request, by name.
    pub attributes: &'a [(&'a str, &'a str)],
}

/// Who shares an overflow entry.
#[derive(Clone, Copy, Debug)]
pub struct Shared<'a> {
    /// Surplus keys of this org; `None` for those of all orgs that the policy does not declare.
    pub org: Option<&'a str>,
    /// The catalogue entry, where counters belong to one.
    pub endpoint: &'a str,
    /// Declared keys share one of their own: no invented key can fill it.
    pub declared: bool,
}

impl Fingerprint {
    /// The account that the entry's memory is booked on.
    #[must_use]
    pub fn account(&self) -> Account {
        Account(self.0[0] & ACCOUNT)
    }

    /// Whether it is an entry that surplus keys share.
    #[must_use]
    pub fn is_overflow(&self) -> bool {
        self.0[0] & OVERFLOW != 0
    }

    /// What the index finds the entry by.
    #[must_use]
    pub fn hash(&self) -> u64 {
        self.0[2..].iter().fold(0, |hash, word| hash << 16 | u64::from(*word))
    }

    /// The fingerprint of an owner's entry for `group`; `None` when the request lacks an attribute that the group's
    /// counters belong to.
    #[must_use]
    pub fn of(key: &HashKey, owner: &Owner<'_>, group: &Group) -> Option<Self> {
        let mut hasher = Keyed::new(key);
        hasher.text(owner.org);
        hasher.kind(group);
        if group.per.key {
            hasher.text(owner.key);
        }
        if group.per.endpoint {
            hasher.text(owner.endpoint);
        }
        for name in &group.per.attributes {
            let (_, value) = owner.attributes.iter().find(|(known, _)| *known == &**name)?;
            hasher.text(name);
            hasher.text(value);
        }
        Some(Self::booked(owner.account, false, hasher))
    }

    /// The fingerprint of the entry that surplus keys share for `group`. Like [`Fingerprint::of`], it does not hang on
    /// the group's layout: a reload carries the entry over.
    #[must_use]
    pub fn of_overflow(key: &HashKey, shared: Shared<'_>, group: &Group) -> Self {
        let mut hasher = Keyed::new(key);
        hasher.bytes(&[u8::from(shared.declared), u8::from(shared.org.is_some())]);
        hasher.text(shared.org.unwrap_or_default());
        hasher.kind(group);
        if group.per.endpoint {
            hasher.text(shared.endpoint);
        }
        for name in &group.per.attributes {
            hasher.text(name);
        }
        Self::booked(Account::of(key, shared.org.unwrap_or_default()), true, hasher)
    }

    fn booked(account: Account, overflow: bool, hasher: Keyed) -> Self {
        let bits = hasher.finish();
        let mut words = [0_u16; 6];
        for (place, word) in words.iter_mut().enumerate() {
            *word = u16::try_from(bits >> (16 * place) & 0xFFFF).unwrap_or_default();
        }
        words[0] = words[0] & !ACCOUNT & !OVERFLOW | account.0;
        if overflow {
            words[0] |= OVERFLOW;
        }
        Self(words)
    }
}

/// A keyed 128-bit hash of some texts in order, none of which can be mistaken for part of its neighbour.
#[must_use]
pub fn keyed_hash<'a>(key: &HashKey, texts: impl IntoIterator<Item = &'a [u8]>) -> u128 {
    let mut hasher = Keyed::new(key);
    for text in texts {
        hasher.piece(text);
    }
    hasher.finish()
}

/// For maps whose keys are keyed hashes of 128 bits already: they are not hashed once more.
pub type Hashed = BuildHasherDefault<HashedHasher>;

/// Takes the low half of a hash for its hash.
#[derive(Debug, Default)]
pub struct HashedHasher(u64);

impl Hasher for HashedHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        // Only for keys that are no hashes, which nobody has: right all the same, and slow.
        self.0 = bytes.iter().fold(self.0, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01B3)
        });
    }

    fn write_u128(&mut self, hash: u128) {
        self.0 ^= u64::try_from(hash & u128::from(u64::MAX)).unwrap_or_default();
    }
}

/// SipHash-1-3 of 128 bits over several pieces.
struct Keyed(SipHasher13);

impl Keyed {
    fn new(key: &HashKey) -> Self {
        Self(SipHasher13::new_with_key(key))
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.0.write(bytes);
    }

    /// A piece with its length, so that no two lists of pieces hash alike.
    fn piece(&mut self, bytes: &[u8]) {
        self.bytes(&u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_le_bytes());
        self.bytes(bytes);
    }

    fn text(&mut self, text: &str) {
        self.piece(text.as_bytes());
    }

    /// Where a group was declared and what kind of thing its counters belong to.
    fn kind(&mut self, group: &Group) {
        let scope = match group.scope {
            Scope::Plan => 0,
            Scope::Endpoint => 1,
            Scope::Rule => 2,
        };
        let per = u8::from(group.per.key) | u8::from(group.per.endpoint) << 1;
        self.bytes(&[scope, per]);
    }

    fn finish(self) -> u128 {
        self.0.finish128().as_u128()
    }
}
