//! Locks in the file. When one ends is by the engine's clock, read when the lock is asked for.

use quorate_core::grant::HolderId;

use super::{Embedded, Fault};
use crate::code::{Reader, Writer};
use crate::lock::{Held, LOCK_TTL_S_MAX, Locks};
use crate::{StoreError, bound};

/// The layout of a lock.
const LAYOUT: u8 = 1;

const NS_PER_S: u64 = 1_000_000_000;

/// A lock as it is kept.
struct Lock {
    held: Held,
    until_ns: u64,
}

#[async_trait::async_trait]
impl Locks for Embedded {
    async fn lock(&self, name: &str, holder: HolderId, by: &str, ttl_s: u32) -> Result<Option<Held>, StoreError> {
        bound::check_lock(name, by)?;
        let key = encode_key(name);
        let held = Held {
            holder,
            by: by.to_owned(),
        };
        let now_ns = self.clock.now_ns();
        let ttl_ns = u64::from(ttl_s.clamp(1, LOCK_TTL_S_MAX)) * NS_PER_S;
        let change = self.change(key.len() + by.len(), move |tables| {
            let found = tables.locks.get(&key, decode)?;
            match found {
                Some(lock) if lock.held.holder != holder && lock.until_ns > now_ns => Ok(Some(lock.held)),
                _ => {
                    let until_ns = now_ns.saturating_add(ttl_ns);
                    tables.locks.insert(&key, &encode(&Lock { held, until_ns }))?;
                    Ok(None)
                }
            }
        });
        change.await
    }

    async fn unlock(&self, name: &str, holder: HolderId) -> Result<(), StoreError> {
        let key = encode_key(name);
        let change = self.change(key.len(), move |tables| match tables.locks.get(&key, decode)? {
            Some(lock) if lock.held.holder == holder => tables.locks.remove(&key),
            _ => Ok::<_, Fault>(()),
        });
        change.await
    }
}

fn encode_key(name: &str) -> Vec<u8> {
    Writer::key().part(name).finish()
}

fn encode(lock: &Lock) -> Vec<u8> {
    Writer::value(LAYOUT)
        .id(lock.held.holder.0)
        .number(lock.until_ns)
        .sized(lock.held.by.as_bytes())
        .finish()
}

fn decode(bytes: &[u8]) -> Result<Lock, StoreError> {
    let mut reader = Reader::value(bytes, LAYOUT)?;
    let holder = HolderId(reader.id()?);
    let until_ns = reader.number()?;
    let by = reader.text()?.as_ref().to_owned();
    reader.finish()?;
    Ok(Lock {
        held: Held { holder, by },
        until_ns,
    })
}
