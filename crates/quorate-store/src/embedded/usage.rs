//! Usage in the file: one row per writer, so that what a writer sends again replaces what it sent before.

mod sweep;

use std::ops::Bound;

use quorate_core::grant::HolderId;

use sweep::Swept;

use super::tables::{Page, Scan, USAGE, page, scan};
use super::{CHANGE_ROWS_MAX, Embedded};
use crate::code::{Reader, Writer, after_prefix};
use crate::usage::{Life, Span, Usage, UsageKey, UsageQuery, Used};
use crate::{StoreError, bound};

/// The layout of a row's value.
const LAYOUT: u8 = 1;

/// What a row weighs in the queue, beside its names.
const ROW_BYTES: usize = 128;

#[async_trait::async_trait]
impl Usage for Embedded {
    async fn write_usage(&self, writer: HolderId, rows: &[(UsageKey, Used)], life: Life) -> Result<u64, StoreError> {
        rows.iter().try_for_each(|(key, used)| bound::check_usage(key, used))?;
        let living = |(key, _): &&(UsageKey, Used)| life.left_s(key.span, key.start_s) != Some(0);
        let living: Vec<_> = rows.iter().filter(living).collect();
        let mut operations = 0;
        for chunk in living.chunks(CHANGE_ROWS_MAX) {
            let encoded: Vec<_> = chunk
                .iter()
                .map(|(key, used)| (encode_row_key(key, writer), encode(*used)))
                .collect();
            let bytes = encoded.iter().map(|(key, _)| key.len() + ROW_BYTES).sum();
            let change = self.change(bytes, move |tables| {
                encoded
                    .iter()
                    .try_for_each(|(key, value)| tables.usage.insert(key, value))
            });
            change.await?;
            operations += 1;
        }
        Ok(operations)
    }

    async fn forget_usage(&self, life: Life) -> Result<usize, StoreError> {
        if life.kept_s.is_none() {
            return Ok(0);
        }
        let from = self.usage_sweep.lock().clone();
        let swept = self.read(move |transaction| sweep::step(&transaction.open_table(USAGE)?, from, life));
        let Swept { over, next } = swept.await?;
        let count = over.len();
        if count > 0 {
            let bytes = over.iter().map(|key| key.len() + ROW_BYTES).sum();
            let change = self.change(bytes, move |tables| {
                over.iter().try_for_each(|key| tables.usage.remove(key))
            });
            change.await?;
        }
        *self.usage_sweep.lock() = next;
        Ok(count)
    }

    async fn usage(
        &self,
        query: &UsageQuery,
        after: Option<&UsageKey>,
        max: usize,
    ) -> Result<Vec<(UsageKey, Used)>, StoreError> {
        let begin = |start_s| Writer::key().part(&query.org).byte(code(query.span)).number(start_s);
        let (first, until) = (begin(query.from_s).finish(), begin(query.until_s).finish());
        // What comes after a row is what comes after all its writers; before the query begins nothing is read.
        let after = after.map(|after| after_prefix(&encode_key(after).finish()));
        let from = match after {
            None => first,
            Some(Some(after)) => after.max(first),
            Some(None) => return Ok(Vec::new()),
        };
        let read = self.read(move |transaction| {
            let table = transaction.open_table(USAGE)?;
            let mut sums = Sums::of(max);
            if sums.page.is_full() {
                return Ok(Vec::new());
            }
            scan(&table, Bound::Included(&from), Some(&until), |key, value| {
                sums.add(key, value)
            })?;
            Ok(sums.finish())
        });
        read.await
    }

    async fn usage_rows(
        &self,
        after: Option<&(UsageKey, HolderId)>,
        max: usize,
    ) -> Result<Vec<(UsageKey, HolderId, Used)>, StoreError> {
        let after = after.map(|(key, writer)| encode_row_key(key, *writer));
        let read = self.read(move |transaction| {
            let table = transaction.open_table(USAGE)?;
            let from = after.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
            page(&table, from, None, max, |key, value| {
                let (key, writer) = decode_row_key(key)?;
                Ok((key, writer, decode(value)?))
            })
        });
        read.await
    }
}

/// Adds up the writers of a row, which follow each other.
struct Sums {
    page: Page<(UsageKey, Used)>,
    open: Option<(UsageKey, Used)>,
    open_bytes: usize,
}

impl Sums {
    const fn of(max: usize) -> Self {
        Self {
            page: Page::of(max),
            open: None,
            open_bytes: 0,
        }
    }

    fn add(&mut self, key: &[u8], value: &[u8]) -> Result<Scan, StoreError> {
        let (row, _) = decode_row_key(key)?;
        let used = decode(value)?;
        if let Some((open, sum)) = &mut self.open
            && *open == row
        {
            sum.calls = sum.calls.saturating_add(used.calls);
            sum.units = sum.units.saturating_add(used.units);
            return Ok(Scan::GoOn);
        }
        let next = self.close();
        // A page that is full leaves the row that was just begun to the next.
        if next == Scan::GoOn {
            self.open = Some((row, used));
            self.open_bytes = key.len() + value.len();
        }
        Ok(next)
    }

    fn close(&mut self) -> Scan {
        match self.open.take() {
            Some(sum) => self.page.push(sum, self.open_bytes),
            None => Scan::GoOn,
        }
    }

    fn finish(mut self) -> Vec<(UsageKey, Used)> {
        self.close();
        self.page.entries
    }
}

const fn code(span: Span) -> u8 {
    match span {
        Span::Hour => 0,
        Span::Day => 1,
        Span::Month => 2,
    }
}

fn encode_key(key: &UsageKey) -> Writer {
    Writer::key()
        .part(&key.org)
        .byte(code(key.span))
        .number(key.start_s)
        .part(&key.key)
        .part(&key.endpoint)
        .part(&key.meter)
}

fn encode_row_key(key: &UsageKey, writer: HolderId) -> Vec<u8> {
    encode_key(key).id(writer.0).finish()
}

fn decode_row_key(bytes: &[u8]) -> Result<(UsageKey, HolderId), StoreError> {
    let mut reader = Reader::key(bytes);
    let org = reader.part()?;
    let span = match reader.byte()? {
        0 => Span::Hour,
        1 => Span::Day,
        2 => Span::Month,
        _ => return Err(StoreError::Corrupt("a period of unknown length".to_owned())),
    };
    let key = UsageKey {
        org,
        span,
        start_s: reader.number()?,
        key: reader.part()?,
        endpoint: reader.part()?,
        meter: reader.part()?,
    };
    let writer = HolderId(reader.id()?);
    reader.finish()?;
    Ok((key, writer))
}

fn encode(used: Used) -> Vec<u8> {
    Writer::value(LAYOUT).number(used.calls).number(used.units).finish()
}

fn decode(bytes: &[u8]) -> Result<Used, StoreError> {
    let mut reader = Reader::value(bytes, LAYOUT)?;
    let used = Used {
        calls: reader.number()?,
        units: reader.number()?,
    };
    reader.finish()?;
    Ok(used)
}
