//! The row that only one server at a time holds while it changes the schema. It ends by itself when its holder dies.

use std::time::Duration;

use scylla::errors::{DbError, ExecutionError, RequestAttemptError};
use scylla::statement::unprepared::Statement;
use tokio::time::Instant;
use uuid::Uuid;

use super::Schema;
use crate::cas::Cas;
use crate::error::{self, ConnectError};

/// Longer than any statement may take, so that a holder that lives never loses it between two renewals.
pub(super) const HELD_S: i32 = 180;
/// How often somebody who waits asks again.
const ASK_AGAIN: Duration = Duration::from_millis(200);

/// Held.
pub(super) struct Lock {
    holder: Uuid,
}

impl Lock {
    /// Takes the lock, waiting for others; `None` when they have done meanwhile what was to be done.
    pub async fn take(schema: &Schema<'_>) -> Result<Option<Self>, ConnectError> {
        let holder = Uuid::from_u128(rand::random());
        let until = Instant::now() + schema.config.migration_timeout;
        let take = "INSERT INTO $.migration_lock (name, holder, held_by) VALUES ('store', ?, ?) IF NOT EXISTS \
                    USING TTL ?";
        loop {
            let taken = change(schema, take, (holder, by(), HELD_S)).await?;
            let by = match taken {
                Some(cas) if cas.applied || cas.was("holder").and_then(|id| id.as_uuid()) == Some(holder) => {
                    return Ok(Some(Self { holder }));
                }
                Some(cas) => {
                    if schema.version().await? == Some(super::LATEST) {
                        return Ok(None);
                    }
                    let by = cas.was("held_by").and_then(|by| by.as_text().cloned());
                    Some(by.unwrap_or_else(|| "another server".to_owned()))
                }
                // It is asked for again: a try of our own that had applied shows then.
                None => None,
            };
            if Instant::now() >= until {
                return Err(too_long(schema, by));
            }
            tokio::time::sleep(ASK_AGAIN).await;
        }
    }

    /// Holds it for longer. An error when it was lost.
    pub async fn renew(&self, schema: &Schema<'_>) -> Result<(), ConnectError> {
        let renew =
            "UPDATE $.migration_lock USING TTL ? SET holder = ?, held_by = ? WHERE name = 'store' IF holder = ?";
        let until = Instant::now() + schema.config.migration_timeout;
        loop {
            match change(schema, renew, (HELD_S, self.holder, by(), self.holder)).await? {
                Some(cas) if cas.applied => return Ok(()),
                None if Instant::now() < until => tokio::time::sleep(ASK_AGAIN).await,
                _ => {
                    return Err(ConnectError::Schema {
                        what: "changing the schema".to_owned(),
                        reason: "the lock was lost to another server; start again".to_owned(),
                    });
                }
            }
        }
    }

    /// Gives it back.
    pub async fn release(self, schema: &Schema<'_>) -> Result<(), ConnectError> {
        let release = "DELETE FROM $.migration_lock WHERE name = 'store' IF holder = ?";
        // Unknown is good enough: it ends by itself.
        change(schema, release, (self.holder,)).await.map(drop)
    }
}

/// Waiting ends. `by` had the lock when that was last known.
fn too_long(schema: &Schema<'_>, by: Option<String>) -> ConnectError {
    let waited = schema.config.migration_timeout;
    match by {
        Some(by) => ConnectError::Migrating {
            keyspace: schema.config.keyspace.clone(),
            by,
            waited,
        },
        None => ConnectError::Schema {
            what: "taking the lock of the schema".to_owned(),
            reason: format!("the database does not say in time whether it is taken, for more than {waited:?}"),
        },
    }
}

/// A conditional change; `None` when nobody knows whether it applied.
async fn change(
    schema: &Schema<'_>,
    text: &str,
    values: impl scylla::serialize::row::SerializeRow,
) -> Result<Option<Cas>, ConnectError> {
    let mut statement: Statement = schema.statement(text);
    statement.set_is_idempotent(false);
    match schema.session.query_unpaged(statement, values).await {
        Ok(result) => Cas::read(result).map(Some).map_err(|reason| ConnectError::Schema {
            what: "taking the lock of the schema".to_owned(),
            reason,
        }),
        Err(
            ExecutionError::RequestTimeout(_)
            | ExecutionError::LastAttemptError(RequestAttemptError::DbError(
                DbError::WriteTimeout { .. } | DbError::ReadTimeout { .. },
                _,
            )),
        ) => Ok(None),
        Err(error) => Err(error::schema("taking the lock of the schema")(error)),
    }
}

/// Who this is, for a person who finds the lock taken.
fn by() -> String {
    format!("process {}", std::process::id())
}
