//! Pieces of window snapshots in the file.

use std::ops::Bound;

use super::tables::{PIECES, page};
use super::{CHANGE_BYTES_MAX, CHANGE_ROWS_MAX, Embedded};
use crate::code::{Reader, Writer, after_prefix};
use crate::snapshot::Snapshots;
use crate::{StoreError, bound};

/// The layout of a piece.
const LAYOUT: u8 = 1;

#[async_trait::async_trait]
impl Snapshots for Embedded {
    async fn write_pieces(&self, pieces: &[(String, Vec<u8>)]) -> Result<(), StoreError> {
        pieces
            .iter()
            .try_for_each(|(name, content)| bound::check_piece(name, content))?;
        let mut rest = pieces;
        while !rest.is_empty() {
            let (chunk, left) = rest.split_at(fitting(rest));
            rest = left;
            let encoded: Vec<_> = chunk
                .iter()
                .map(|(name, content)| (encode_key(name), Writer::value(LAYOUT).raw(content).finish()))
                .collect();
            let bytes = encoded.iter().map(|(key, value)| key.len() + value.len()).sum();
            let change = self.change(bytes, move |tables| {
                encoded
                    .iter()
                    .try_for_each(|(key, value)| tables.pieces.insert(key, value))
            });
            change.await?;
        }
        Ok(())
    }

    async fn pieces(
        &self,
        prefix: &str,
        after: Option<&str>,
        max: usize,
    ) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        let prefix = Writer::key().part_begins(prefix).finish();
        let after = after.map(encode_key);
        let read = self.read(move |transaction| {
            let table = transaction.open_table(PIECES)?;
            let from = match after.as_deref() {
                Some(after) if after >= &*prefix => Bound::Excluded(after),
                _ => Bound::Included(&*prefix),
            };
            page(&table, from, after_prefix(&prefix).as_deref(), max, |key, value| {
                let mut name = Reader::key(key);
                let piece = name.part()?.as_ref().to_owned();
                name.finish()?;
                Ok((piece, Reader::value(value, LAYOUT)?.rest().to_vec()))
            })
        });
        read.await
    }

    async fn forget_pieces(&self, names: &[String]) -> Result<(), StoreError> {
        for chunk in names.chunks(CHANGE_ROWS_MAX) {
            let keys: Vec<_> = chunk.iter().map(|name| encode_key(name)).collect();
            let bytes = keys.iter().map(Vec::len).sum();
            let change = self.change(bytes, move |tables| {
                keys.iter().try_for_each(|key| tables.pieces.remove(key))
            });
            change.await?;
        }
        Ok(())
    }
}

/// How many of the pieces one change takes: as many as its bounds allow, and at least one.
fn fitting(pieces: &[(String, Vec<u8>)]) -> usize {
    let mut bytes = 0_usize;
    let fit = pieces.iter().take(CHANGE_ROWS_MAX).take_while(|(_, content)| {
        bytes = bytes.saturating_add(content.len());
        bytes <= CHANGE_BYTES_MAX
    });
    fit.count().max(1)
}

fn encode_key(name: &str) -> Vec<u8> {
    Writer::key().part(name).finish()
}
