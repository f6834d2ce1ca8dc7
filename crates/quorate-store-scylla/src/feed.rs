//! The feed of changes: places are numbers without a gap, given out by whoever writes an entry.
//!
//! An entry is put at the place after the last by a conditional insert, which only one of several writers wins; and a
//! place is tried only by who knows that the one before is taken. So entries appear in the order of their places. A bucket
//! of places is a partition; buckets that hold nothing younger than a week are dropped, never the last one, or places
//! would be given out twice.

use std::sync::Mutex;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use quorate_store::StoreError;
use quorate_store::document::{Change, Cursor, DocumentKey, FEED_KEPT_S};
use scylla::response::PagingState;
use scylla::response::query_result::QueryRowsResult;
use scylla::statement::prepared::PreparedStatement;

use crate::database::{Database, PAGE_ROWS};
use crate::error::{self, ConnectError};
use crate::number::{from_column, limit, to_column};

const TABLE: &str = "change_feed";
/// Places of one bucket: a partition of one or two megabytes.
const BUCKET_PLACES: i64 = 10_000;
/// How long a writer trusts what it knows of the last place. Much shorter than entries are kept: a bucket that it knew
/// may be dropped otherwise, and its entry would be put where nobody looks any more.
const KNOWN_FOR: Duration = Duration::from_secs(3_600);
/// Entries are kept a day longer than promised, for clocks that disagree.
const KEPT_S: u64 = FEED_KEPT_S + 24 * 3_600;
/// How many others may be quicker before a writer gives up.
const TRIES_MAX: usize = 100;

/// The feed, and what this writer knows of it.
pub(crate) struct Feed {
    insert: PreparedStatement,
    last: PreparedStatement,
    page: PreparedStatement,
    serial_page: PreparedStatement,
    buckets: PreparedStatement,
    drop: PreparedStatement,
    /// A place that is taken, and when that was known.
    taken: Mutex<Option<(i64, Instant)>>,
}

impl Feed {
    pub async fn prepare(on: &Database) -> Result<Self, ConnectError> {
        const PAGE: &str = "SELECT place, kind, org, id, version FROM $.change_feed \
                            WHERE bucket = ? AND place >= ? LIMIT ?";
        Ok(Self {
            insert: on
                .prepare_change(
                    "INSERT INTO $.change_feed (bucket, place, kind, org, id, version, at_s) \
                     VALUES (?, ?, ?, ?, ?, ?, ?) IF NOT EXISTS",
                )
                .await?,
            last: on
                .prepare_serial_read(
                    "SELECT place, at_s FROM $.change_feed WHERE bucket = ? ORDER BY place DESC LIMIT 1",
                )
                .await?,
            page: on.prepare_plain(PAGE).await?,
            serial_page: on.prepare_serial_read(PAGE).await?,
            buckets: on.prepare_plain("SELECT DISTINCT bucket FROM $.change_feed").await?,
            drop: on.prepare_plain("DELETE FROM $.change_feed WHERE bucket = ?").await?,
            taken: Mutex::new(None),
        })
    }

    /// Puts an entry at the end.
    pub async fn append(&self, on: &Database, key: &DocumentKey, version: u64) -> Result<(), StoreError> {
        let version = to_column(version)?;
        let mut taken = match self.known() {
            Some(place) => place,
            None => self.find_last(on).await?,
        };
        for _ in 0..TRIES_MAX {
            let place = taken + 1;
            // A reader leaves a bucket only from its last place: another one must not begin before that is taken.
            if place % BUCKET_PLACES == 0
                && self.last(on, taken / BUCKET_PLACES).await?.map(|(last, _)| last) != Some(taken)
            {
                taken = self.find_last(on).await?;
                continue;
            }
            let names = (key.kind.as_ref(), key.org.as_ref(), key.id.as_ref());
            let values = (
                place / BUCKET_PLACES,
                place,
                names.0,
                names.1,
                names.2,
                version,
                to_column(now_s())?,
            );
            if on.change(&self.insert, values).await?.applied {
                self.know(place);
                if place % BUCKET_PLACES == 0 {
                    self.drop_old(on, place / BUCKET_PLACES).await;
                }
                return Ok(());
            }
            taken = self.last_from(on, place / BUCKET_PLACES).await?.unwrap_or(place);
        }
        Err(StoreError::Unavailable("too many others write to the feed".to_owned()))
    }

    /// Entries after a place.
    pub async fn changes(&self, on: &Database, after: Cursor, max: usize) -> Result<Vec<Change>, StoreError> {
        let mut found = Vec::new();
        let Some(mut next) = self.resume(on, after).await? else {
            return Ok(found);
        };
        while found.len() < max {
            let rows = (max - found.len()).min(PAGE_ROWS);
            let page = self.entries_from(on, next, rows).await?;
            let Some(last) = page.last() else { break };
            next = to_column(last.cursor.0)? + 1;
            // On to the next bucket only from the end of this one: the places between may be taken meanwhile.
            let ended = page.len() < rows && next % BUCKET_PLACES != 0;
            found.extend(page);
            if ended {
                break;
            }
        }
        Ok(found)
    }

    /// Where a reader goes on that has read up to `after`: behind it, or, when its bucket was dropped or it begins, with
    /// the oldest bucket that there is. `None` when there is nothing.
    async fn resume(&self, on: &Database, after: Cursor) -> Result<Option<i64>, StoreError> {
        let Ok(after) = i64::try_from(after.0) else {
            return Ok(None);
        };
        let bucket = after / BUCKET_PLACES;
        let here = entries(&on.read(&self.page, (bucket, after, 1)).await?)?;
        if here
            .first()
            .is_some_and(|change| to_column(change.cursor.0) == Ok(after))
        {
            return Ok(Some(after + 1));
        }
        let mut buckets = self.buckets(on).await?.into_iter();
        let oldest = buckets.find(|number| *number >= bucket);
        Ok(oldest.map(|number| (number * BUCKET_PLACES).max(after + 1)))
    }

    /// Entries of one bucket from a place on. There is no gap between them; where a replica that missed a write makes it
    /// look so, they are read again serially. What is missing even then will never be there.
    async fn entries_from(&self, on: &Database, next: i64, rows: usize) -> Result<Vec<Change>, StoreError> {
        let values = (next / BUCKET_PLACES, next, limit(rows));
        let page = entries(&on.read(&self.page, values).await?)?;
        let expected = from_column(TABLE, next)?..;
        if page
            .iter()
            .zip(expected)
            .all(|(change, place)| change.cursor.0 == place)
        {
            return Ok(page);
        }
        entries(&on.serial_read(&self.serial_page, values).await?)
    }

    /// The last place that is taken; 0 when none ever was.
    async fn find_last(&self, on: &Database) -> Result<i64, StoreError> {
        let newest = self.buckets(on).await?.pop().unwrap_or(0);
        let place = self.last_from(on, newest).await?.unwrap_or(0);
        self.know(place);
        Ok(place)
    }

    /// The last place that is taken in this bucket or in those that follow.
    async fn last_from(&self, on: &Database, mut bucket: i64) -> Result<Option<i64>, StoreError> {
        let mut place = None;
        while let Some((last, _)) = self.last(on, bucket).await? {
            place = Some(last);
            bucket += 1;
        }
        Ok(place)
    }

    /// The last place of a bucket, and when it was taken.
    async fn last(&self, on: &Database, bucket: i64) -> Result<Option<(i64, i64)>, StoreError> {
        let rows = on.serial_read(&self.last, (bucket,)).await?;
        rows.maybe_first_row().map_err(|error| error::corrupt(TABLE, &error))
    }

    /// The buckets there are, in order.
    async fn buckets(&self, on: &Database) -> Result<Vec<i64>, StoreError> {
        let mut buckets = Vec::new();
        let mut from = Some(PagingState::start());
        while let Some(state) = from {
            let (rows, next) = on.read_page(&self.buckets, (), state).await?;
            for row in rows.rows::<(i64,)>().map_err(|error| error::corrupt(TABLE, &error))? {
                buckets.push(row.map_err(|error| error::corrupt(TABLE, &error))?.0);
            }
            from = next;
        }
        buckets.sort_unstable();
        Ok(buckets)
    }

    /// Drops buckets before `newest` that hold nothing young: the oldest first and none behind one that stays, or readers
    /// would find a hole. Whoever begins a bucket does it; what fails is done by who begins the next.
    async fn drop_old(&self, on: &Database, newest: i64) {
        let dropped = async {
            let oldest_kept = to_column(now_s().saturating_sub(KEPT_S))?;
            for bucket in self.buckets(on).await?.into_iter().filter(|bucket| *bucket < newest) {
                if self
                    .last(on, bucket)
                    .await?
                    .is_some_and(|(_, at_s)| at_s >= oldest_kept)
                {
                    break;
                }
                on.write(&self.drop, (bucket,)).await?;
            }
            Ok::<(), StoreError>(())
        };
        if let Err(error) = dropped.await {
            tracing::warn!(%error, "old entries of the feed stay for now");
        }
    }

    fn known(&self) -> Option<i64> {
        let taken = *self.taken.lock().expect("nobody panics with it");
        taken.and_then(|(place, since)| (since.elapsed() < KNOWN_FOR).then_some(place))
    }

    fn know(&self, place: i64) {
        let mut taken = self.taken.lock().expect("nobody panics with it");
        if taken.is_none_or(|(before, since)| before <= place || since.elapsed() >= KNOWN_FOR) {
            *taken = Some((place, Instant::now()));
        }
    }
}

fn entries(rows: &QueryRowsResult) -> Result<Vec<Change>, StoreError> {
    type Row = (i64, String, String, String, i64);
    let rows = rows.rows::<Row>().map_err(|error| error::corrupt(TABLE, &error))?;
    rows.map(|row| {
        let (place, kind, org, id, version) = row.map_err(|error| error::corrupt(TABLE, &error))?;
        Ok(Change {
            cursor: Cursor(from_column(TABLE, place)?),
            key: DocumentKey {
                kind: kind.into(),
                org: org.into(),
                id: id.into(),
            },
            version: from_column(TABLE, version)?,
        })
    })
    .collect()
}

fn now_s() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs()
}
