//! Runs a load: threads, each with its connections, its pace and its counts, from a common start.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::{Arc, Barrier, OnceLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Context;
use parking_lot::Mutex;
use tokio::sync::Semaphore;
use tokio::task::LocalSet;

use super::keys::{Pattern, Requests};
use super::line::{Line, Progress, Thread};
use super::pace::{Pace, Rate, Span, release};
use super::tally::Tally;
use super::transport::{Target, Transport};

/// How requests travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Mode {
    /// One call for each
    Unary,
    /// Many in one call
    Batch,
    /// Many in flight on one stream per connection
    Stream,
}

/// A load, checked: connections, threads and requests in flight are at least 1.
#[derive(Clone, Debug)]
pub struct Plan {
    pub mode: Mode,
    pub batch_size: usize,
    pub connections: usize,
    pub threads: usize,
    pub in_flight: usize,
    /// Decisions per second; `None` for a closed loop.
    pub rate: Option<u64>,
    pub warm_up: Duration,
    pub duration: Option<Duration>,
    /// Decisions in all.
    pub count: Option<u64>,
    pub pattern: Pattern,
    pub seed: u64,
}

/// A load under way.
pub struct Load {
    pub span: Arc<Span>,
    pub progress: Vec<Arc<Progress>>,
    threads: Vec<JoinHandle<Counted>>,
}

/// What one thread counted, and when it was done.
struct Counted {
    tally: Tally,
    done: Instant,
}

/// What came of it.
#[derive(Debug)]
pub struct Outcome {
    pub tally: Tally,
    /// From the end of the warm-up to the last answer.
    pub elapsed: Duration,
}

/// What the threads share until all are connected.
struct Start {
    connected: Barrier,
    go: Barrier,
    span: OnceLock<Arc<Span>>,
    failure: Mutex<Option<anyhow::Error>>,
}

impl Plan {
    fn per_call(&self) -> u64 {
        match self.mode {
            Mode::Batch => number(self.batch_size),
            Mode::Unary | Mode::Stream => 1,
        }
    }

    /// A thread's part of a total, by its connections: the parts add up to the whole.
    fn part(&self, total: u64, thread: usize) -> u64 {
        let before = |thread: usize| {
            let connections: usize = (0..thread).map(|thread| self.lines(thread).count()).sum();
            u128::from(total) * u128::from(number(connections)) / u128::from(number(self.connections))
        };
        u64::try_from(before(thread + 1) - before(thread)).unwrap_or_default()
    }

    /// The connections of a thread.
    fn lines(&self, thread: usize) -> impl Iterator<Item = usize> {
        (thread..self.connections).step_by(self.threads)
    }

    fn rate_of(&self, thread: usize) -> Option<Rate> {
        let rate = |decisions| Rate {
            decisions: self.part(decisions, thread),
            per_call: self.per_call(),
        };
        self.rate.map(rate)
    }

    fn count_of(&self, thread: usize) -> Option<u64> {
        self.count
            .map(|decisions| self.part(decisions.div_ceil(self.per_call()), thread))
    }
}

/// Connects everything and begins.
///
/// # Errors
/// A connection could not be made.
pub fn start(plan: &Plan, target: &Target) -> anyhow::Result<Load> {
    let start = Arc::new(Start {
        connected: Barrier::new(plan.threads + 1),
        go: Barrier::new(plan.threads + 1),
        span: OnceLock::new(),
        failure: Mutex::new(None),
    });
    let due: Vec<_> = (0..plan.threads).map(|_| Arc::new(Semaphore::new(0))).collect();
    let progress: Vec<Arc<Progress>> = (0..plan.threads).map(|_| Arc::default()).collect();
    let mut threads = Vec::with_capacity(plan.threads);
    for index in 0..plan.threads {
        let (plan, target, start) = (plan.clone(), target.clone(), Arc::clone(&start));
        let (due, progress) = (Arc::clone(&due[index]), Arc::clone(&progress[index]));
        let run = move || run(&plan, index, target, &start, due, progress);
        threads.push(std::thread::Builder::new().name(format!("load-{index}")).spawn(run)?);
    }
    start.connected.wait();
    let span = Arc::new(Span::new(plan.warm_up, plan.duration));
    let failure = start.failure.lock().take();
    if failure.is_some() {
        span.stop();
    }
    let _ = start.span.set(Arc::clone(&span));
    start.go.wait();
    if let Some(failure) = failure {
        return Err(failure);
    }
    let rates = due.into_iter().enumerate();
    let rates: Vec<_> = rates
        .filter_map(|(index, due)| Some((plan.rate_of(index)?, due)))
        .collect();
    if !rates.is_empty() {
        let span = Arc::clone(&span);
        std::thread::Builder::new()
            .name("pace".to_owned())
            .spawn(move || release(&span, &rates))?;
    }
    Ok(Load {
        span,
        progress,
        threads,
    })
}

impl Load {
    pub fn is_finished(&self) -> bool {
        self.threads.iter().all(JoinHandle::is_finished)
    }

    /// Waits for every thread and adds up what they counted.
    pub fn finish(self) -> anyhow::Result<Outcome> {
        let mut tally = Tally::default();
        let mut done = self.span.counted_from;
        for thread in self.threads {
            let counted = thread
                .join()
                .map_err(|_| anyhow::anyhow!("a thread of the load panicked"))?;
            tally.merge(&counted.tally);
            done = done.max(counted.done);
        }
        // Ends the pace of a load that was bounded by a count.
        self.span.stop();
        Ok(Outcome {
            tally,
            elapsed: done - self.span.counted_from,
        })
    }
}

/// One thread of the load, from connecting to the last answer.
fn run(
    plan: &Plan,
    index: usize,
    target: Target,
    start: &Start,
    due: Arc<Semaphore>,
    progress: Arc<Progress>,
) -> Counted {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let connected = runtime.context("starting a runtime").and_then(|runtime| {
        let transports = runtime.block_on(connect(plan, index, &target))?;
        Ok((runtime, transports))
    });
    let connected = connected.map_err(|error| *start.failure.lock() = Some(error)).ok();
    start.connected.wait();
    start.go.wait();
    let (Some((runtime, transports)), Some(span)) = (connected, start.span.get()) else {
        return Counted {
            tally: Tally::default(),
            done: Instant::now(),
        };
    };
    let pace = Pace::new(Arc::clone(span), plan.rate_of(index), plan.count_of(index), due);
    let thread = Rc::new(Thread {
        target,
        pace,
        tally: RefCell::default(),
        progress,
    });
    let local = LocalSet::new();
    for (connection, transport) in plan.lines(index).zip(transports) {
        let requests = Requests::new(&plan.pattern, plan.seed, number(connection), number(plan.connections));
        let line = Rc::new(Line::new(Rc::clone(&thread), requests, transport));
        match plan.mode {
            Mode::Stream => drop(local.spawn_local(line.stream(plan.in_flight))),
            Mode::Unary => spawn_callers(&local, &line, plan.in_flight, None),
            Mode::Batch => spawn_callers(&local, &line, plan.in_flight, Some(plan.batch_size)),
        }
    }
    runtime.block_on(local);
    let done = Instant::now();
    let mut tally = thread.tally.take();
    tally.unsent = thread.pace.unsent();
    Counted { tally, done }
}

fn spawn_callers(local: &LocalSet, line: &Rc<Line>, callers: usize, batch_size: Option<usize>) {
    for _ in 0..callers {
        local.spawn_local(Rc::clone(line).call(batch_size));
    }
}

async fn connect(plan: &Plan, index: usize, target: &Target) -> anyhow::Result<Vec<Transport>> {
    let mut transports = Vec::new();
    for _ in plan.lines(index) {
        transports.push(target.connect().await?);
    }
    Ok(transports)
}

fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
