//! Measures what keeping windows costs on the embedded engine: an orderly stop, the restore at the start after it, the
//! writing behind, and how long a step of any of it holds a shard's lock. `cargo xtask bench snapshot` runs it.
//!
//! ```sh
//! cargo run --release -p quorate-node --example snapshot -- <directory> <keys> <orgs> <hits of each key>
//! ```

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use quorate_core::request::Request;
use quorate_core::snapshot::{PieceTitle, PieceWriter, Which};
use quorate_core::state::table::Place;
use quorate_node::windows::{Found, Restoration, WindowKeeper, WindowStats};
use quorate_node::{Node, NodeConfig, Wanted};
use quorate_policy::Source;
use quorate_store::embedded::Embedded;
use rustix::time::{ClockId, clock_gettime};
use tokio::sync::watch;

/// A minute and an hour, as most policies have them.
const POLICY: &str = "version: 1\ndefaults: { plan: p }\nplans: { p: { limits: [\
    { name: minute, limit: 1_000, window: 1m, per: key }, { name: hour, limit: 100_000, window: 1h, per: key }] } }\n";

/// Far more than is needed: the bound is not what is measured.
const MEMORY: u64 = 16 << 30;

/// Keys that change in a second while is written behind.
const RATES: [u64; 2] = [10_000, 100_000];

/// How long each of them is kept up.
const LOAD: Duration = Duration::from_secs(10);

type Outcome<T> = Result<T, Box<dyn Error>>;

/// What is measured with.
#[derive(Clone)]
struct Terms {
    directory: PathBuf,
    keys: u64,
    orgs: u64,
    hits: u64,
}

#[tokio::main]
async fn main() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1);
    let directory = arguments.next().ok_or("a directory")?.into();
    let mut number = |what: &'static str| -> Outcome<u64> { Ok(arguments.next().ok_or(what)?.parse()?) };
    let terms = Terms {
        directory,
        keys: number("a number of keys")?,
        orgs: number("a number of orgs")?,
        hits: number("a number of hits")?,
    };
    println!("| what | figure |\n|---|---:|");
    stop(&terms).await?;
    behind(&terms).await
}

/// A life that counts and stops in good order.
async fn stop(terms: &Terms) -> Outcome<()> {
    let (store, node, keeper, _) = start(&terms.directory).await?;
    for _ in 0..terms.hits {
        for key in 0..terms.keys {
            hit(&node, terms, key);
        }
    }
    row("keys, orgs", format!("{}, {}", terms.keys, terms.orgs));
    row("hits of each key", terms.hits);
    row("memory of their windows", bytes(node.stats().bytes));
    steps(&node);
    let (_stop, stopped) = watch::channel(true);
    let began = Instant::now();
    let written = keeper.run(Arc::new(|_| ()), stopped).await?;
    row("**orderly stop: writing all windows**", millis(began.elapsed()));
    row(
        "entries, bytes written",
        format!("{}, {}", written.entries, bytes(written.bytes)),
    );
    let began = Instant::now();
    store.close().await?;
    row("closing the store", millis(began.elapsed()));
    row("**size of the store after it**", bytes(size(&terms.directory)?));
    Ok(())
}

/// A life that restores, is written behind, and ends as a crash does.
async fn behind(terms: &Terms) -> Outcome<()> {
    let began = Instant::now();
    let (store, node, keeper, restored) = start(&terms.directory).await?;
    let whole = began.elapsed();
    let restoring = Duration::from_micros(node.window_counters().stats().restored_us);
    row(
        "opening the store, which verifies it",
        millis(whole.saturating_sub(restoring)),
    );
    row(
        "**restore at the start**",
        format!("{}, {} entries", millis(restoring), restored.entries),
    );
    let (_stop, stopped) = watch::channel(false);
    let running = tokio::spawn(keeper.run(Arc::new(|notice| println!("{notice:?}")), stopped));
    let began = Instant::now();
    while node.window_counters().stats().rounds < 1 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    row("first round, which writes all long windows", millis(began.elapsed()));
    for rate in RATES {
        let before = node.window_counters().stats();
        let load = Load::begin(&node, terms, rate);
        let mut rounds = Vec::new();
        let mut seen = before.rounds;
        while load.goes_on() {
            tokio::time::sleep(Duration::from_millis(10)).await;
            let stats = node.window_counters().stats();
            if stats.rounds > seen {
                (seen, _) = (stats.rounds, rounds.push(stats.round_us));
            }
        }
        let (done, waits) = load.end()?;
        report(
            rate,
            done,
            &waits,
            (before, node.window_counters().stats()),
            &mut rounds,
        );
    }
    row("size of the store after it", bytes(size(&terms.directory)?));
    let stats = store.stats();
    row(
        "commits, the longest",
        format!(
            "{}, {}",
            stats.commits,
            millis(Duration::from_nanos(stats.commit_ns_max))
        ),
    );
    running.abort();
    Ok(())
}

fn report(rate: u64, done: u64, waits: &[u64], (before, after): (WindowStats, WindowStats), rounds: &mut [u64]) {
    rounds.sort_unstable();
    let seconds = LOAD.as_secs();
    let longest = Duration::from_micros(rounds.last().copied().unwrap_or(0));
    let middle = Duration::from_micros(rounds.get(rounds.len() / 2).copied().unwrap_or(0));
    row(&format!("decisions a second, {rate} wanted"), done / seconds);
    row(
        "**written behind in a second**",
        bytes((after.bytes - before.bytes) / seconds),
    );
    row(
        "a round: median, longest",
        format!("{}, {}", millis(middle), millis(longest)),
    );
    row("a decision: 99.9 %, 99.99 %, longest", {
        let at = |share: usize| Duration::from_nanos(waits[waits.len() - 1 - waits.len() / share]);
        let longest = Duration::from_nanos(waits[waits.len() - 1]);
        format!("{:.1?}, {:.1?}, {longest:.1?}", at(1_000), at(10_000))
    });
}

/// Decisions at a steady rate, on a thread of their own.
struct Load {
    deciding: std::thread::JoinHandle<Vec<u64>>,
    over: Arc<AtomicBool>,
}

impl Load {
    fn begin(node: &Arc<Node>, terms: &Terms, rate: u64) -> Self {
        let (node, terms, over) = (Arc::clone(node), terms.clone(), Arc::<AtomicBool>::default());
        let ends = Arc::clone(&over);
        let deciding = std::thread::spawn(move || {
            let began = Instant::now();
            let mut waits = Vec::new();
            let mut number = 0_u64;
            while began.elapsed() < LOAD {
                // A hundredth of a second's worth, and then a pause until the next.
                for _ in 0..rate / 100 {
                    number = number
                        .wrapping_mul(6_364_136_223_846_793_005)
                        .wrapping_add(1_442_695_040_888_963_407);
                    let asked = Instant::now();
                    hit(&node, &terms, (number >> 20) % terms.keys);
                    waits.push(u64::try_from(asked.elapsed().as_nanos()).unwrap_or(u64::MAX));
                }
                let due = u32::try_from(waits.len()).unwrap_or(u32::MAX) / u32::try_from(rate / 100).unwrap_or(1);
                std::thread::sleep((due * Duration::from_millis(10)).saturating_sub(began.elapsed()));
            }
            ends.store(true, Ordering::Release);
            waits
        });
        Self { deciding, over }
    }

    fn goes_on(&self) -> bool {
        !self.over.load(Ordering::Acquire)
    }

    /// How many were decided, and how long each took in nanoseconds, sorted.
    fn end(self) -> Outcome<(u64, Vec<u64>)> {
        let mut waits = self.deciding.join().map_err(|_| "the load failed")?;
        waits.sort_unstable();
        Ok((u64::try_from(waits.len())?, waits))
    }
}

/// How long each step of collecting holds its shard's lock: by the processor time of this thread, which other load on
/// the machine does not touch, and by the clock.
fn steps(node: &Node) {
    let (mut longest_cpu, mut longest, mut count, mut all) = (Duration::ZERO, Duration::ZERO, 0_u32, Duration::ZERO);
    for shard in 0..node.shards() {
        let mut at = Some(Place::START);
        let mut piece = piece(node);
        while let Some(from) = at {
            let (cpu, began) = (cpu_time(), Instant::now());
            at = node.collect(shard, Which::Long, from, &mut piece);
            let took = cpu_time().saturating_sub(cpu);
            (longest_cpu, longest) = (longest_cpu.max(took), longest.max(began.elapsed()));
            (count, all) = (count + 1, all + took);
            if piece.is_full() {
                piece = self::piece(node);
            }
        }
    }
    row(
        "steps that hold a lock; one on average",
        format!("{count}; {:.1?}", all / count.max(1)),
    );
    row("**the longest, by its processor time**", format!("{longest_cpu:.1?}"));
    row("the longest, by the clock", format!("{longest:.1?}"));
}

fn piece(node: &Node) -> PieceWriter {
    PieceWriter::new(PieceTitle {
        scope: Which::Long.scope(),
        shards: node.shards(),
        incarnation: 0,
        number: 0,
    })
}

fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(
        u64::try_from(time.tv_sec).unwrap_or(0),
        u32::try_from(time.tv_nsec).unwrap_or(0),
    )
}

async fn start(directory: &Path) -> Outcome<(Arc<Embedded>, Arc<Node>, WindowKeeper, Restoration)> {
    let store = Arc::new(Embedded::open(directory)?);
    let found = Found::look(&*store).await?;
    let source = Source {
        name: "bench.yaml".into(),
        text: POLICY.into(),
    };
    let checked = quorate_policy::check(&[source]).map_err(|report| report.to_string())?;
    let config = NodeConfig {
        memory_max_bytes: MEMORY,
        org_memory_max_bytes: MEMORY,
        ..NodeConfig::default()
    };
    let node = Node::start(config, &checked).map_err(|report| report.to_string())?;
    let node = node.keyed(*found.hash_key());
    let (keeper, restored) = found.restore(&node, store.clone()).await?;
    Ok((store, node, keeper, restored))
}

fn hit(node: &Node, terms: &Terms, key: u64) {
    let (key, org) = (format!("key-{key:09}"), format!("org-{:06}", key % terms.orgs));
    let request = Request {
        org: &org,
        ..Request::of(&key, "")
    };
    let allowed = node.should_allow(&request, Wanted::default(), |answer| answer.allowed());
    assert_eq!(allowed, Ok(true), "the limits are never reached");
}

fn size(directory: &Path) -> Outcome<u64> {
    let mut size = 0;
    for file in std::fs::read_dir(directory)? {
        size += file?.metadata()?.len();
    }
    Ok(size)
}

fn row(what: &str, figure: impl std::fmt::Display) {
    println!("| {what} | {figure} |");
}

fn millis(time: Duration) -> String {
    format!("{} ms", time.as_millis())
}

fn bytes(count: u64) -> String {
    format!("{}.{} MB", count / 1_000_000, count / 100_000 % 10)
}
