//! Locks: rows that end by themselves.

use quorate_core::grant::HolderId;
use quorate_store::lock::{Held, LOCK_TTL_S_MAX, Locks};
use quorate_store::{StoreError, bound};
use scylla::statement::prepared::PreparedStatement;

use crate::ScyllaStore;
use crate::database::Database;
use crate::error::ConnectError;
use crate::number::{from_uuid, to_uuid};

/// The row may end between a refusal and a renewal; then it is asked for once more.
const TRIES: usize = 3;

/// The statements on locks.
pub(crate) struct Statements {
    take: PreparedStatement,
    renew: PreparedStatement,
    release: PreparedStatement,
}

impl Statements {
    pub async fn prepare(on: &Database) -> Result<Self, ConnectError> {
        Ok(Self {
            take: on
                .prepare_change(
                    "INSERT INTO $.server_lock (name, holder, held_by) VALUES (?, ?, ?) IF NOT EXISTS USING TTL ?",
                )
                .await?,
            renew: on
                .prepare_change(
                    "UPDATE $.server_lock USING TTL ? SET holder = ?, held_by = ? WHERE name = ? IF holder = ?",
                )
                .await?,
            release: on
                .prepare_change("DELETE FROM $.server_lock WHERE name = ? IF holder = ?")
                .await?,
        })
    }
}

#[async_trait::async_trait]
impl Locks for ScyllaStore {
    async fn lock(&self, name: &str, holder: HolderId, by: &str, ttl_s: u32) -> Result<Option<Held>, StoreError> {
        bound::check_lock(name, by)?;
        // 0 would be for ever.
        let ttl_s = i32::try_from(ttl_s.clamp(1, LOCK_TTL_S_MAX)).expect("a day has few seconds");
        let me = to_uuid(holder);
        for _ in 0..TRIES {
            let taken = self.database.change(&self.locks.take, (name, me, by, ttl_s)).await?;
            if taken.applied {
                return Ok(None);
            }
            let there = taken.was("holder").and_then(|id| id.as_uuid());
            match there {
                Some(there) if there != me => {
                    let by = taken.was("held_by").and_then(|by| by.as_text().cloned());
                    return Ok(Some(Held {
                        holder: from_uuid(there),
                        by: by.unwrap_or_default(),
                    }));
                }
                _ => {
                    let values = (ttl_s, me, by, name, me);
                    if self.database.change(&self.locks.renew, values).await?.applied {
                        return Ok(None);
                    }
                }
            }
        }
        Err(StoreError::Unavailable(format!("lock `{name}` changes too often")))
    }

    async fn unlock(&self, name: &str, holder: HolderId) -> Result<(), StoreError> {
        bound::check_lock(name, "")?;
        let values = (name, to_uuid(holder));
        self.database.change(&self.locks.release, values).await?;
        Ok(())
    }
}
