//! One session with the database, and the four ways in which it is spoken to: conditional changes, serial reads, other
//! reads, other writes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt, stream};
use quorate_core::grant::GrantOutcome;
use quorate_store::{Operations, StoreError};
use scylla::client::execution_profile::{ExecutionProfile, ExecutionProfileHandle};
use scylla::client::session::Session;
use scylla::errors::ExecutionError;
use scylla::policies::load_balancing::{DefaultPolicy, LoadBalancingPolicy};
use scylla::policies::retry::DefaultRetryPolicy;
use scylla::response::query_result::{QueryResult, QueryRowsResult};
use scylla::response::{PagingState, PagingStateResponse};
use scylla::serialize::row::SerializeRow;
use scylla::statement::batch::{Batch, BatchType};
use scylla::statement::prepared::PreparedStatement;
use scylla::statement::{Consistency, SerialConsistency};
use tokio::sync::Semaphore;

use crate::cas::Cas;
use crate::config::ScyllaConfig;
use crate::error::{self, ConnectError};
use crate::outcome;
use crate::retry::WhereNotBegun;
use crate::stamps::Stamps;

/// Rows of one page, where a read may be long.
pub(crate) const PAGE_ROWS: usize = 1_000;
/// Requests that one call of the store has under way at once.
pub(crate) const AT_ONCE: usize = 16;

/// A session, and what all its requests share.
pub(crate) struct Database {
    session: Session,
    keyspace: String,
    permits: Semaphore,
    request_timeout: Duration,
    reads: AtomicU64,
    writes: AtomicU64,
    /// The timestamps of its writes.
    pub stamps: Arc<Stamps>,
}

/// Why a request has no answer.
pub(crate) enum Failure {
    /// Too many were under way for too long; it was not sent.
    Crowded,
    /// It failed.
    Request(Box<ExecutionError>),
    /// It was answered with something that cannot be read.
    Answer(String),
}

impl Failure {
    fn of(error: ExecutionError) -> Self {
        Self::Request(Box::new(error))
    }

    /// What it means for a change of a quota's row.
    pub fn outcome(&self) -> GrantOutcome {
        match self {
            Self::Crowded => GrantOutcome::NotTried,
            Self::Request(error) => outcome::of_failure(error),
            Self::Answer(_) => GrantOutcome::Unknown,
        }
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Crowded => Self::Unavailable("too many requests are under way".to_owned()),
            Failure::Request(error) => error::store(&error),
            Failure::Answer(reason) => Self::Unavailable(format!("an answer that cannot be read: {reason}")),
        }
    }
}

impl Database {
    /// Takes a session over.
    pub fn new(session: Session, config: &ScyllaConfig, stamps: Arc<Stamps>) -> Self {
        Self {
            session,
            keyspace: config.keyspace.clone(),
            permits: Semaphore::new(config.in_flight_max.min(Semaphore::MAX_PERMITS)),
            request_timeout: config.request_timeout,
            reads: AtomicU64::new(0),
            writes: AtomicU64::new(0),
            stamps,
        }
    }

    /// How often the database was asked for something since the session began; what the driver sends again by itself
    /// counts once.
    pub fn operations(&self) -> Operations {
        Operations {
            reads: self.reads.load(Ordering::Relaxed),
            writes: self.writes.load(Ordering::Relaxed),
        }
    }

    /// Prepares a conditional change. `$.` stands for the keyspace.
    pub async fn prepare_change(&self, text: &str) -> Result<PreparedStatement, ConnectError> {
        let mut statement = self.prepare(text).await?;
        // Begun once or not at all, whatever happens: only so is it known what a failure means.
        statement.set_is_idempotent(false);
        statement.set_retry_policy(Some(Arc::new(WhereNotBegun)));
        // The level of the rounds; that of the commit is the session's.
        statement.set_serial_consistency(Some(SerialConsistency::Serial));
        Ok(statement)
    }

    /// Prepares a read that sees every change that was decided.
    pub async fn prepare_serial_read(&self, text: &str) -> Result<PreparedStatement, ConnectError> {
        let mut statement = self.prepare(text).await?;
        statement.set_is_idempotent(true);
        statement.set_retry_policy(Some(Arc::new(WhereNotBegun)));
        statement.set_consistency(Consistency::Serial);
        Ok(statement)
    }

    /// Prepares any other read or write. All of them may be sent again.
    pub async fn prepare_plain(&self, text: &str) -> Result<PreparedStatement, ConnectError> {
        let mut statement = self.prepare(text).await?;
        statement.set_is_idempotent(true);
        statement.set_page_size(i32::try_from(PAGE_ROWS).expect("a small constant"));
        Ok(statement)
    }

    async fn prepare(&self, text: &str) -> Result<PreparedStatement, ConnectError> {
        let text = text.replace("$.", &format!("{}.", self.keyspace));
        self.session.prepare(text).await.map_err(|error| error::prepare(&error))
    }

    /// Makes a conditional change.
    pub async fn change(&self, statement: &PreparedStatement, values: impl SerializeRow) -> Result<Cas, Failure> {
        let result = self.paxos(&self.writes, statement, values).await?;
        Cas::read(result).map_err(Failure::Answer)
    }

    /// Reads serially.
    pub async fn serial_read(
        &self,
        statement: &PreparedStatement,
        values: impl SerializeRow,
    ) -> Result<QueryRowsResult, Failure> {
        rows(self.paxos(&self.reads, statement, values).await?)
    }

    async fn paxos(
        &self,
        counter: &AtomicU64,
        statement: &PreparedStatement,
        values: impl SerializeRow,
    ) -> Result<QueryResult, Failure> {
        let waited = tokio::time::timeout(self.request_timeout, self.permits.acquire()).await;
        let Ok(Ok(_permit)) = waited else {
            return Err(Failure::Crowded);
        };
        count(counter);
        self.session
            .execute_unpaged(statement, values)
            .await
            .map_err(Failure::of)
    }

    /// Reads what fits one answer.
    pub async fn read(
        &self,
        statement: &PreparedStatement,
        values: impl SerializeRow,
    ) -> Result<QueryRowsResult, Failure> {
        count(&self.reads);
        let result = self.session.execute_unpaged(statement, values).await;
        rows(result.map_err(Failure::of)?)
    }

    /// Reads a page; the state asks for the next one, `None` when this was the last.
    pub async fn read_page(
        &self,
        statement: &PreparedStatement,
        values: impl SerializeRow,
        from: PagingState,
    ) -> Result<(QueryRowsResult, Option<PagingState>), Failure> {
        count(&self.reads);
        let page = self.session.execute_single_page(statement, values, from).await;
        let (result, next) = page.map_err(Failure::of)?;
        let next = match next {
            PagingStateResponse::HasMorePages { state } => Some(state),
            PagingStateResponse::NoMorePages => None,
        };
        Ok((rows(result)?, next))
    }

    /// Writes.
    pub async fn write(&self, statement: &PreparedStatement, values: impl SerializeRow) -> Result<(), Failure> {
        count(&self.writes);
        let result = self.session.execute_unpaged(statement, values).await;
        result.map(drop).map_err(Failure::of)
    }

    /// Writes several rows of one partition at once: one mutation, no batch log.
    pub async fn write_together<V: SerializeRow>(
        &self,
        statement: &PreparedStatement,
        values: &[V],
    ) -> Result<(), Failure> {
        if let [only] = values {
            return self.write(statement, only).await;
        }
        let mut batch = Batch::new(BatchType::Unlogged);
        batch.set_is_idempotent(true);
        for _ in values {
            batch.append_statement(statement.clone());
        }
        count(&self.writes);
        let result = self.session.batch(&batch, values).await;
        result.map(drop).map_err(Failure::of)
    }
}

/// What requests do unless a statement says otherwise.
pub(crate) fn profile(config: &ScyllaConfig) -> ExecutionProfileHandle {
    let mut policy = DefaultPolicy::builder().token_aware(true);
    if let Some(datacenter) = &config.datacenter {
        // Elsewhere nobody is asked: a quorum of another datacenter is not one of ours.
        policy = policy.prefer_datacenter(datacenter.clone()).permit_dc_failover(false);
    }
    profile_with(config.request_timeout, policy.build())
}

/// The same, with another choice of nodes and another patience.
pub(crate) fn profile_with(timeout: Duration, policy: Arc<dyn LoadBalancingPolicy>) -> ExecutionProfileHandle {
    ExecutionProfile::builder()
        .consistency(Consistency::LocalQuorum)
        .serial_consistency(Some(SerialConsistency::Serial))
        .request_timeout(Some(timeout))
        .retry_policy(Arc::new(DefaultRetryPolicy::new()))
        .speculative_execution_policy(None)
        .load_balancing_policy(policy)
        .build()
        .into_handle()
}

/// Runs several requests, some at a time, and gives their answers in their order. The first failure ends it.
///
/// Takes futures ready-made: what makes them from borrowed parts cannot be part of a stream that is sent between threads.
pub(crate) async fn all<T, E>(at_once: usize, requests: Vec<impl Future<Output = Result<T, E>>>) -> Result<Vec<T>, E> {
    stream::iter(requests).buffered(at_once).try_collect().await
}

/// A single number that nothing else is read together with: no ordering is needed.
fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

fn rows(result: QueryResult) -> Result<QueryRowsResult, Failure> {
    result
        .into_rows_result()
        .map_err(|error| Failure::Answer(error.to_string()))
}
