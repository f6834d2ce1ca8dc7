//! Pieces of snapshots: a partition per piece, and their names in order in eight more. A piece is written before its name
//! and forgotten after it, so a name without a piece is one that is just coming or going.

use quorate_store::snapshot::Snapshots;
use quorate_store::{StoreError, bound};
use scylla::statement::prepared::PreparedStatement;

use crate::ScyllaStore;
use crate::bucket;
use crate::database::{self, Database};
use crate::error::{self, ConnectError};
use crate::merge;
use crate::number::limit;

const TABLE: &str = "piece";
/// Pieces under way at once: four megabytes.
const PIECES_AT_ONCE: usize = 8;

/// The statements on pieces.
pub(crate) struct Statements {
    write: PreparedStatement,
    write_name: PreparedStatement,
    read: PreparedStatement,
    names_from: PreparedStatement,
    names_after: PreparedStatement,
    forget: PreparedStatement,
    forget_name: PreparedStatement,
}

impl Statements {
    pub async fn prepare(on: &Database) -> Result<Self, ConnectError> {
        const NAMES: &str = "SELECT name FROM $.piece_name WHERE bucket = ? AND name";
        Ok(Self {
            write: on
                .prepare_plain("INSERT INTO $.piece (name, content) VALUES (?, ?)")
                .await?,
            write_name: on
                .prepare_plain("INSERT INTO $.piece_name (bucket, name) VALUES (?, ?)")
                .await?,
            read: on
                .prepare_plain("SELECT content, writetime(content) FROM $.piece WHERE name = ?")
                .await?,
            names_from: on.prepare_plain(&format!("{NAMES} >= ? LIMIT ?")).await?,
            names_after: on.prepare_plain(&format!("{NAMES} > ? LIMIT ?")).await?,
            forget: on.prepare_plain("DELETE FROM $.piece WHERE name = ?").await?,
            forget_name: on
                .prepare_plain("DELETE FROM $.piece_name WHERE bucket = ? AND name = ?")
                .await?,
        })
    }
}

#[async_trait::async_trait]
impl Snapshots for ScyllaStore {
    async fn write_pieces(&self, pieces: &[(String, Vec<u8>)]) -> Result<(), StoreError> {
        for (name, content) in pieces {
            bound::check_piece(name, content)?;
        }
        // One after the other where a name is there twice: the last counts.
        let mut last: std::collections::BTreeMap<&str, &[u8]> = std::collections::BTreeMap::new();
        for (name, content) in pieces {
            last.insert(name, content);
        }
        let writes = last.into_iter().map(|(name, content)| async move {
            self.database.write(&self.snapshots.write, (name, content)).await?;
            let named = (bucket::of(name, bucket::PIECES), name);
            self.database.write(&self.snapshots.write_name, named).await
        });
        database::all(PIECES_AT_ONCE, writes.collect()).await?;
        Ok(())
    }

    async fn pieces(
        &self,
        prefix: &str,
        after: Option<&str>,
        max: usize,
    ) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        let mut after = after.map(str::to_owned);
        loop {
            let fetch = |bucket, after, max| self.names(prefix, bucket, after, max);
            let names = merge::in_order(bucket::PIECES, after, max, fetch).await?;
            let Some((last, ())) = names.last() else {
                return Ok(Vec::new());
            };
            after = Some(last.clone());
            let reads = names.into_iter().map(|(name, ())| self.piece(name));
            let pieces = database::all(PIECES_AT_ONCE, reads.collect()).await?;
            let found: Vec<(String, Vec<u8>)> = pieces.into_iter().flatten().collect();
            // An empty page would say that there are no more.
            if !found.is_empty() {
                return Ok(found);
            }
        }
    }

    async fn forget_pieces(&self, names: &[String]) -> Result<(), StoreError> {
        let known = names.iter().filter(|name| !name.is_empty());
        let deletions = known.map(|name| async move {
            let named = (bucket::of(name, bucket::PIECES), name);
            self.database.write(&self.snapshots.forget_name, named).await?;
            self.database.write(&self.snapshots.forget, (name,)).await
        });
        database::all(PIECES_AT_ONCE, deletions.collect()).await?;
        Ok(())
    }
}

impl ScyllaStore {
    /// Names of one bucket that begin with `prefix`, in order.
    async fn names(
        &self,
        prefix: &str,
        bucket: i32,
        after: Option<String>,
        max: usize,
    ) -> Result<Vec<(String, ())>, StoreError> {
        let rows = match after {
            Some(after) if after.as_str() >= prefix => {
                let values = (bucket, after, limit(max));
                self.database.read(&self.snapshots.names_after, values).await?
            }
            _ => {
                let values = (bucket, prefix, limit(max));
                self.database.read(&self.snapshots.names_from, values).await?
            }
        };
        let mut names = Vec::new();
        for row in rows
            .rows::<(String,)>()
            .map_err(|error| error::corrupt(TABLE, &error))?
        {
            let (name,) = row.map_err(|error| error::corrupt(TABLE, &error))?;
            // What begins so is in one run.
            if !name.starts_with(prefix) {
                break;
            }
            names.push((name, ()));
        }
        Ok(names)
    }

    async fn piece(&self, name: String) -> Result<Option<(String, Vec<u8>)>, StoreError> {
        let rows = self.database.read(&self.snapshots.read, (name.as_str(),)).await?;
        let row = rows.maybe_first_row::<(Option<Vec<u8>>, Option<i64>)>();
        let Some((content, stamp_us)) = row.map_err(|error| error::corrupt(TABLE, &error))? else {
            return Ok(None);
        };
        // Whoever reads a piece will write the next of its name.
        self.database.stamps.observe(stamp_us.unwrap_or(0));
        Ok(content.map(|content| (name, content)))
    }
}
