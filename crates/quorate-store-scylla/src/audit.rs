//! The audit log: a writer's records in order, 65,536 to a partition, each written once.

use std::collections::BTreeSet;
use std::sync::Mutex;

use quorate_core::grant::HolderId;
use quorate_store::audit::{Audit, AuditKind, AuditPlace, AuditRecord};
use quorate_store::{StoreError, bound};
use scylla::response::PagingState;
use scylla::response::query_result::QueryRowsResult;
use scylla::statement::prepared::PreparedStatement;
use uuid::Uuid;

use crate::ScyllaStore;
use crate::database::{Database, PAGE_ROWS};
use crate::error::{self, ConnectError};
use crate::number::{from_column, from_uuid, limit, to_column, to_uuid};

const TABLE: &str = "audit";
/// Records of one partition: 30 MB of 500 bytes each.
const BUCKET_RECORDS: i64 = 65_536;

/// The statements on the log.
pub(crate) struct Statements {
    append: PreparedStatement,
    one: PreparedStatement,
    page: PreparedStatement,
    partitions: PreparedStatement,
    name_bucket: PreparedStatement,
    buckets: PreparedStatement,
    /// The bucket that was named last.
    named: Mutex<Option<(Uuid, i64)>>,
}

impl Statements {
    pub async fn prepare(on: &Database) -> Result<Self, ConnectError> {
        const COLUMNS: &str = "sequence, at_ns, kind, of_writer, of_sequence, body, hash";
        Ok(Self {
            append: on
                .prepare_change(&format!(
                    "INSERT INTO $.audit (writer, bucket, {COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) IF NOT EXISTS"
                ))
                .await?,
            one: on
                .prepare_serial_read(&format!(
                    "SELECT {COLUMNS} FROM $.audit WHERE writer = ? AND bucket = ? AND sequence = ?"
                ))
                .await?,
            page: on
                .prepare_plain(&format!(
                    "SELECT {COLUMNS} FROM $.audit WHERE writer = ? AND bucket = ? AND sequence > ? LIMIT ?"
                ))
                .await?,
            partitions: on.prepare_plain("SELECT DISTINCT writer, bucket FROM $.audit").await?,
            name_bucket: on
                .prepare_plain("INSERT INTO $.audit_bucket (writer, bucket) VALUES (?, ?)")
                .await?,
            buckets: on
                .prepare_plain("SELECT bucket FROM $.audit_bucket WHERE writer = ? AND bucket >= ?")
                .await?,
            named: Mutex::new(None),
        })
    }
}

#[async_trait::async_trait]
impl Audit for ScyllaStore {
    async fn append_audit(&self, record: &AuditRecord) -> Result<(), StoreError> {
        bound::check_audit(record)?;
        let (writer, sequence) = (to_uuid(record.writer), to_column(record.sequence)?);
        let bucket = sequence / BUCKET_RECORDS;
        self.name_bucket(writer, bucket).await?;
        let (kind, of) = record.kind.to_parts();
        let values = (
            writer,
            bucket,
            sequence,
            to_column(record.at_ns)?,
            i8::try_from(kind).map_err(|_| StoreError::Refused(format!("a record of kind {kind}")))?,
            to_uuid(of.writer),
            to_column(of.sequence)?,
            record.body.as_ref(),
            record.hash.as_slice(),
        );
        if self.database.change(&self.audit.append, values).await?.applied {
            return Ok(());
        }
        let there = self
            .database
            .serial_read(&self.audit.one, (writer, bucket, sequence))
            .await?;
        if records(record.writer, &there)?.first() == Some(record) {
            return Ok(());
        }
        Err(StoreError::Exists(format!(
            "audit record {sequence} of {}",
            record.writer
        )))
    }

    async fn audit_writers(&self) -> Result<Vec<HolderId>, StoreError> {
        let mut writers = BTreeSet::new();
        let mut next = Some(PagingState::start());
        while let Some(state) = next {
            let (rows, following) = self.database.read_page(&self.audit.partitions, (), state).await?;
            for row in rows
                .rows::<(Uuid, i64)>()
                .map_err(|error| error::corrupt(TABLE, &error))?
            {
                writers.insert(from_uuid(row.map_err(|error| error::corrupt(TABLE, &error))?.0));
            }
            next = following;
        }
        Ok(writers.into_iter().collect())
    }

    async fn audit(&self, writer: HolderId, after: u64, max: usize) -> Result<Vec<AuditRecord>, StoreError> {
        let mut found: Vec<AuditRecord> = Vec::new();
        let Ok(mut after) = to_column(after) else {
            return Ok(found);
        };
        let id = to_uuid(writer);
        for bucket in self.buckets(id, after / BUCKET_RECORDS).await? {
            while found.len() < max {
                let rows = (max - found.len()).min(PAGE_ROWS);
                let page = self
                    .database
                    .read(&self.audit.page, (id, bucket, after, limit(rows)))
                    .await?;
                let page = records(writer, &page)?;
                let whole = page.len() >= rows;
                if let Some(last) = page.last() {
                    after = to_column(last.sequence)?;
                }
                found.extend(page);
                if !whole {
                    break;
                }
            }
        }
        Ok(found)
    }
}

impl ScyllaStore {
    /// Notes that a writer has records in a bucket, before it has.
    async fn name_bucket(&self, writer: Uuid, bucket: i64) -> Result<(), StoreError> {
        let named = || self.audit.named.lock().expect("nobody panics with it");
        if *named() != Some((writer, bucket)) {
            self.database.write(&self.audit.name_bucket, (writer, bucket)).await?;
            *named() = Some((writer, bucket));
        }
        Ok(())
    }

    /// The buckets of a writer from one on, in order.
    async fn buckets(&self, writer: Uuid, from: i64) -> Result<Vec<i64>, StoreError> {
        let mut buckets = Vec::new();
        let mut next = Some(PagingState::start());
        while let Some(state) = next {
            let (rows, following) = self
                .database
                .read_page(&self.audit.buckets, (writer, from), state)
                .await?;
            for row in rows.rows::<(i64,)>().map_err(|error| error::corrupt(TABLE, &error))? {
                buckets.push(row.map_err(|error| error::corrupt(TABLE, &error))?.0);
            }
            next = following;
        }
        Ok(buckets)
    }
}

fn records(writer: HolderId, rows: &QueryRowsResult) -> Result<Vec<AuditRecord>, StoreError> {
    type Row = (i64, i64, i8, Uuid, i64, String, Vec<u8>);
    let rows = rows.rows::<Row>().map_err(|error| error::corrupt(TABLE, &error))?;
    rows.map(|row| {
        let (sequence, at_ns, kind, of_writer, of_sequence, body, hash) =
            row.map_err(|error| error::corrupt(TABLE, &error))?;
        let of = AuditPlace {
            writer: from_uuid(of_writer),
            sequence: from_column(TABLE, of_sequence)?,
        };
        let kind = u8::try_from(kind).ok().and_then(|kind| AuditKind::from_parts(kind, of));
        Ok(AuditRecord {
            writer,
            sequence: from_column(TABLE, sequence)?,
            at_ns: from_column(TABLE, at_ns)?,
            kind: kind.ok_or_else(|| error::corrupt(TABLE, &"a record of an unknown kind"))?,
            body: body.into(),
            hash: hash
                .try_into()
                .map_err(|_| error::corrupt(TABLE, &"a hash that is not 32 bytes"))?,
        })
    })
    .collect()
}
