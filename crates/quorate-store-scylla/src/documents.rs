//! Documents: rows of 32 partitions to a kind, in order within each; a change enters the feed first.

use std::collections::BTreeSet;
use std::sync::Arc;

use quorate_store::document::{Change, Changed, Cursor, Document, DocumentKey, Documents};
use quorate_store::{StoreError, bound};
use scylla::response::PagingState;
use scylla::statement::prepared::PreparedStatement;

use crate::ScyllaStore;
use crate::bucket;
use crate::database::Database;
use crate::error::{self, ConnectError};
use crate::merge;
use crate::number::{from_column, limit, to_column};

const TABLE: &str = "document";

/// The statements on documents.
pub(crate) struct Statements {
    read: PreparedStatement,
    serial_read: PreparedStatement,
    create: PreparedStatement,
    change: PreparedStatement,
    first_page: PreparedStatement,
    next_page: PreparedStatement,
    kinds: PreparedStatement,
}

impl Statements {
    pub async fn prepare(on: &Database) -> Result<Self, ConnectError> {
        const ROW: &str = "kind = ? AND bucket = ? AND org = ? AND id = ?";
        const READ: &str = "SELECT version, body FROM $.document WHERE kind = ? AND bucket = ? AND org = ? AND id = ?";
        const PAGE: &str = "SELECT org, id, version, body FROM $.document WHERE kind = ? AND bucket = ?";
        Ok(Self {
            read: on.prepare_plain(READ).await?,
            serial_read: on.prepare_serial_read(READ).await?,
            create: on
                .prepare_change(
                    "INSERT INTO $.document (kind, bucket, org, id, version, body) VALUES (?, ?, ?, ?, ?, ?) \
                     IF NOT EXISTS",
                )
                .await?,
            change: on
                .prepare_change(&format!(
                    "UPDATE $.document SET version = ?, body = ? WHERE {ROW} IF version = ?"
                ))
                .await?,
            first_page: on.prepare_plain(&format!("{PAGE} LIMIT ?")).await?,
            next_page: on
                .prepare_plain(&format!("{PAGE} AND (org, id) > (?, ?) LIMIT ?"))
                .await?,
            kinds: on.prepare_plain("SELECT DISTINCT kind, bucket FROM $.document").await?,
        })
    }
}

#[async_trait::async_trait]
impl Documents for ScyllaStore {
    async fn document(&self, key: &DocumentKey) -> Result<Option<Document>, StoreError> {
        bound::check_document_key(key)?;
        let rows = self.database.read(&self.documents.read, columns_of(key)).await?;
        one(&rows)
    }

    async fn put_document(
        &self,
        key: &DocumentKey,
        expected: Option<u64>,
        body: Option<&str>,
    ) -> Result<Changed, StoreError> {
        bound::check_document_key(key)?;
        bound::check_document_body(body)?;
        // A conflict that shows before anything is written spares the feed an entry. What decides is the conditional
        // change below.
        let version = self.version(key, expected).await?;
        if version != expected {
            return Ok(Changed::Conflict(version));
        }
        let made = expected.unwrap_or(0).saturating_add(1);
        let column = to_column(made)?;
        self.feed.append(&self.database, key, made).await?;
        let (kind, bucket, org, id) = columns_of(key);
        let cas = match expected {
            None => {
                let values = (kind, bucket, org, id, column, body);
                self.database.change(&self.documents.create, values).await?
            }
            Some(expected) => {
                let values = (column, body, kind, bucket, org, id, to_column(expected)?);
                self.database.change(&self.documents.change, values).await?
            }
        };
        if cas.applied {
            return Ok(Changed::Applied(made));
        }
        let there = cas.was("version").and_then(|version| version.as_bigint());
        let there = there.map(|version| from_column(TABLE, version)).transpose()?;
        Ok(Changed::Conflict(there))
    }

    async fn documents(
        &self,
        kind: &str,
        after: Option<&DocumentKey>,
        max: usize,
    ) -> Result<Vec<(DocumentKey, Document)>, StoreError> {
        let kind: Arc<str> = Arc::from(kind);
        let after = match after.map(|key| key.kind.cmp(&kind)) {
            // A page after the last of this kind.
            Some(std::cmp::Ordering::Greater) => return Ok(Vec::new()),
            Some(std::cmp::Ordering::Equal) => after.map(|key| (key.org.to_string(), key.id.to_string())),
            Some(std::cmp::Ordering::Less) | None => None,
        };
        let fetch = |bucket, after, max| self.page(&kind, bucket, after, max);
        let page = merge::in_order(bucket::DOCUMENTS, after, max, fetch).await?;
        let page = page.into_iter().map(|((org, id), document)| {
            let key = DocumentKey {
                kind: Arc::clone(&kind),
                org: Arc::from(org),
                id: Arc::from(id),
            };
            (key, document)
        });
        Ok(page.collect())
    }

    async fn document_kinds(&self) -> Result<Vec<Arc<str>>, StoreError> {
        let mut kinds = BTreeSet::new();
        let mut from = Some(PagingState::start());
        while let Some(state) = from {
            let (rows, next) = self.database.read_page(&self.documents.kinds, (), state).await?;
            for row in rows
                .rows::<(String, i32)>()
                .map_err(|error| error::corrupt(TABLE, &error))?
            {
                kinds.insert(row.map_err(|error| error::corrupt(TABLE, &error))?.0);
            }
            from = next;
        }
        Ok(kinds.into_iter().map(Arc::from).collect())
    }

    async fn import_document(&self, key: &DocumentKey, document: &Document) -> Result<(), StoreError> {
        bound::check_document_key(key)?;
        bound::check_document(document)?;
        let exists = || StoreError::Exists(format!("{} `{}` of org `{}`", key.kind, key.id, key.org));
        // As above: nothing is written for what is there already.
        match self.decided(key).await? {
            None => {}
            Some(there) if there == *document => return Ok(()),
            Some(_) => return Err(exists()),
        }
        self.feed.append(&self.database, key, document.version).await?;
        let (kind, bucket, org, id) = columns_of(key);
        let values = (
            kind,
            bucket,
            org,
            id,
            to_column(document.version)?,
            document.body.as_deref(),
        );
        if self.database.change(&self.documents.create, values).await?.applied {
            return Ok(());
        }
        if self.decided(key).await?.as_ref() == Some(document) {
            return Ok(());
        }
        Err(exists())
    }

    async fn changes(&self, after: Cursor, max: usize) -> Result<Vec<Change>, StoreError> {
        self.feed.changes(&self.database, after, max).await
    }
}

impl ScyllaStore {
    /// The version of a document: as a quorum knows it if that is what is expected, else as it was decided.
    async fn version(&self, key: &DocumentKey, expected: Option<u64>) -> Result<Option<u64>, StoreError> {
        let version = self.document(key).await?.map(|document| document.version);
        if version == expected {
            return Ok(version);
        }
        Ok(self.decided(key).await?.map(|document| document.version))
    }

    /// A document after every change that was decided.
    async fn decided(&self, key: &DocumentKey) -> Result<Option<Document>, StoreError> {
        let rows = self
            .database
            .serial_read(&self.documents.serial_read, columns_of(key))
            .await?;
        one(&rows)
    }

    async fn page(
        &self,
        kind: &str,
        bucket: i32,
        after: Option<(String, String)>,
        max: usize,
    ) -> Result<Vec<((String, String), Document)>, StoreError> {
        type Row = (String, String, Option<i64>, Option<String>);
        let statements = &self.documents;
        let rows = match after {
            None => {
                self.database
                    .read(&statements.first_page, (kind, bucket, limit(max)))
                    .await?
            }
            Some((org, id)) => {
                let values = (kind, bucket, org, id, limit(max));
                self.database.read(&statements.next_page, values).await?
            }
        };
        let rows = rows.rows::<Row>().map_err(|error| error::corrupt(TABLE, &error))?;
        rows.map(|row| {
            let (org, id, version, body) = row.map_err(|error| error::corrupt(TABLE, &error))?;
            Ok(((org, id), document_of(version, body)?))
        })
        .collect()
    }
}

fn columns_of(key: &DocumentKey) -> (String, i32, String, String) {
    let bucket = bucket::of(&key.org, bucket::DOCUMENTS);
    (key.kind.to_string(), bucket, key.org.to_string(), key.id.to_string())
}

fn one(rows: &scylla::response::query_result::QueryRowsResult) -> Result<Option<Document>, StoreError> {
    let row = rows.maybe_first_row::<(Option<i64>, Option<String>)>();
    let row = row.map_err(|error| error::corrupt(TABLE, &error))?;
    row.map(|(version, body)| document_of(version, body)).transpose()
}

fn document_of(version: Option<i64>, body: Option<String>) -> Result<Document, StoreError> {
    let version = version.ok_or_else(|| error::corrupt(TABLE, &"a row without version"))?;
    Ok(Document {
        version: from_column(TABLE, version)?,
        body: body.map(Arc::from),
    })
}
