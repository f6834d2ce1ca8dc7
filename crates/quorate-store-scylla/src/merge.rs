//! Reads rows that are in order within each of several partitions in one order over all of them.

use std::collections::VecDeque;
use std::future::Future;

use futures_util::{StreamExt, TryStreamExt, stream};
use quorate_store::StoreError;

use crate::database::AT_ONCE;

/// What is read ahead of one partition.
struct Ahead<K, V> {
    rows: VecDeque<(K, V)>,
    /// Whether there may be more behind them.
    more: bool,
}

/// The first `max` rows after `after`. `fetch` reads at most so many rows of one partition after a key, in order; fewer
/// say that there are no more.
pub(crate) async fn in_order<K, V, F, R>(
    partitions: i32,
    after: Option<K>,
    max: usize,
    fetch: F,
) -> Result<Vec<(K, V)>, StoreError>
where
    K: Ord + Clone,
    F: Fn(i32, Option<K>, usize) -> R,
    R: Future<Output = Result<Vec<(K, V)>, StoreError>>,
{
    // Half of them come from a partition twice as full as the others at worst; who runs out asks again.
    let count = usize::try_from(partitions).unwrap_or(1).max(1);
    let chunk = (max / count * 2).clamp(8, 256).min(max.max(1));
    let fetch = &fetch;
    let mut ahead: Vec<Ahead<K, V>> = stream::iter(0..partitions)
        .map(|partition| {
            let after = after.clone();
            async move {
                let rows = fetch(partition, after, chunk).await?;
                Ok::<_, StoreError>(Ahead {
                    more: rows.len() >= chunk,
                    rows: rows.into(),
                })
            }
        })
        .buffered(AT_ONCE)
        .try_collect()
        .await?;
    let mut merged = Vec::new();
    while merged.len() < max {
        let heads = ahead.iter().enumerate();
        let heads = heads.filter_map(|(partition, ahead)| Some((&ahead.rows.front()?.0, partition)));
        let Some((_, partition)) = heads.min() else { break };
        let from = &mut ahead[partition];
        let Some(row) = from.rows.pop_front() else { break };
        if from.rows.is_empty() && from.more && merged.len() + 1 < max {
            let number = i32::try_from(partition).unwrap_or(i32::MAX);
            let rows = fetch(number, Some(row.0.clone()), chunk).await?;
            from.more = rows.len() >= chunk;
            from.rows = rows.into();
        }
        merged.push(row);
    }
    Ok(merged)
}

#[cfg(test)]
mod tests;
