//! Measures the embedded engine: conditional moves on rows of their own, from so many tasks at once.
//!
//! ```sh
//! cargo run --release -p quorate-store --example load -- <directory> <tasks> <seconds>
//! ```

use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use quorate_core::grant::{Account, GrantKey, GrantMove, GrantOperation, GrantOutcome, HolderId};
use quorate_store::Grants;
use quorate_store::embedded::Embedded;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let directory: PathBuf = arguments.next().ok_or("a directory")?.into();
    let tasks: u64 = arguments.next().ok_or("a number of tasks")?.parse()?;
    let seconds: u64 = arguments.next().ok_or("a number of seconds")?.parse()?;
    let begun = Instant::now();
    let store = Arc::new(Embedded::open(&directory)?);
    println!("opened in {:.1?}", begun.elapsed());

    let until = Instant::now() + Duration::from_secs(seconds);
    let running: Vec<_> = (0..tasks)
        .map(|task| tokio::spawn(moves(Arc::clone(&store), task, until)))
        .collect();
    let mut waits: Vec<Duration> = Vec::new();
    for task in running {
        waits.extend(task.await?);
    }
    report(&mut waits, seconds);
    let stats = store.stats();
    println!(
        "{} commits of {} changes, {:.2?} each, the longest {:.2?}",
        stats.commits,
        stats.changes / stats.commits.max(1),
        Duration::from_nanos(stats.commit_ns / stats.commits.max(1)),
        Duration::from_nanos(stats.commit_ns_max),
    );
    store.close().await?;
    Ok(())
}

/// Takes one unit after the other; how long each took.
async fn moves(store: Arc<Embedded>, task: u64, until: Instant) -> Vec<Duration> {
    let key = GrantKey {
        org: format!("org{task}").into(),
        quota: "monthly".into(),
        account: Account::Org,
        period: "month/2026-11-01".into(),
    };
    let (limit, holder) = (1 << 40, HolderId(u128::from(task) + 1));
    store.grant(&key, GrantOperation::Create { limit }).await;
    let GrantOutcome::Row(Some(mut row)) = store.grant(&key, GrantOperation::Read).await else {
        panic!("the row was made");
    };
    let mut waits = Vec::new();
    while Instant::now() < until {
        let holding = row.holding(holder) + 1;
        let take = GrantMove {
            version: row.version,
            limit,
            granted_before: row.granted,
            granted: row.granted + 1,
            holder,
            holding,
        };
        let begun = Instant::now();
        let outcome = store.grant(&key, GrantOperation::Move(take)).await;
        waits.push(begun.elapsed());
        assert_eq!(outcome, GrantOutcome::Applied);
        row.version += 1;
        row.granted += 1;
        row.holdings.insert(holder, holding);
    }
    waits
}

fn report(waits: &mut [Duration], seconds: u64) {
    waits.sort_unstable();
    let at = |hundredths: usize| waits[(waits.len() - 1) * hundredths / 100];
    println!(
        "{} changes a second; waits: half below {:.2?}, 99 in 100 below {:.2?}, the longest {:.2?}",
        u64::try_from(waits.len()).unwrap_or(u64::MAX) / seconds.max(1),
        at(50),
        at(99),
        at(100),
    );
}
