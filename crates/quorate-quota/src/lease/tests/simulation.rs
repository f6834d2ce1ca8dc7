//! Many holders on one row under loss, delay, duplication, reordering, unknown outcomes, crashes, outages, clock steps
//! and changes of the cap; what must hold is checked after every event, and what must come to pass at the end.
//!
//! `QUOTA_SIMULATION_RUNS=1000000 cargo test --release -p quorate-quota simulation -- --nocapture` runs a million
//! seeds; `QUOTA_SIMULATION_SEED=17` runs one and prints what happened.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use quorate_core::time::{Instant, SECOND};

use super::super::{Event, Kind, Terms};
use super::Broken;
use super::network::{Content, Faults};
use super::random::Random;
use super::world::{Checked, LIVING_MAX, State, UNSOUND, World};
use crate::bounds::FRESH_NS;

/// Seeds that every test run tries.
const RUNS: u64 = 20_000;

/// Events of the faulty part of a run, at most.
const STEPS_MAX: u64 = 250;

/// Processes that one run starts at most.
const NODES_MAX: usize = 10;

/// Once nothing goes wrong any more, everything is done within so many events.
const CALM_STEPS_MAX: u64 = 600;

/// Operations on the row that one need costs at most when nothing goes wrong: read, create, settle, return, cap, some
/// folds, take, lost races with three others.
const NEED_OPERATIONS_MAX: u64 = 60;

/// What came of the runs.
#[derive(Default)]
struct Tally {
    runs: u64,
    events: u64,
    crashes: u64,
    /// The most that one crash stranded, in hundredths of a chunk.
    stranded_hundredths: u64,
    folds: u64,
    exhausted: u64,
}

#[test]
fn simulation_finds_no_overspend() {
    if let Some(seed) = number("QUOTA_SIMULATION_SEED") {
        let log = log_of(seed, None);
        println!("{log}");
        return;
    }
    let runs = number("QUOTA_SIMULATION_RUNS").unwrap_or(RUNS);
    let first = number("QUOTA_SIMULATION_FIRST").unwrap_or(0);
    let mut tally = Tally::default();
    for seed in first..first + runs {
        if let Err(problem) = run_caught(&mut draw(seed, None, false), &mut tally) {
            panic!("seed {seed}: {problem}\n{}", log_of(seed, None));
        }
    }
    println!(
        "{} runs, {} events, no overspend; {} crashes, at most {}.{:02} chunks stranded by one; {} folds; {} exhausted",
        tally.runs,
        tally.events,
        tally.crashes,
        tally.stranded_hundredths / 100,
        tally.stranded_hundredths % 100,
        tally.folds,
        tally.exhausted,
    );
    assert!(tally.crashes > runs / 4, "too few crashes to mean anything");
}

/// The simulation notices what it is there for: the invariant that a broken rule breaks, and, when only the clients'
/// units are counted, the overspend that follows.
#[test]
fn simulation_catches_every_broken_rule() {
    for (broken, within, overspent_within) in [
        (Broken::CreditOnTimeout, 100, 20_000),
        (Broken::TrustOneRead, 20_000, 100_000),
        (Broken::FreshVersion, 1_000, 20_000),
        (Broken::TakeByDifference, 1_000, 20_000),
        (Broken::HoldingFromMemory, 100, 20_000),
        (Broken::ReturnBeforeWithdrawing, 100, 20_000),
    ] {
        for (is_lenient, within) in [(false, within), (true, overspent_within)] {
            let caught = (0..within).find_map(|seed| {
                let mut world = draw(seed, Some(broken), false);
                world.store.is_lenient = is_lenient;
                let problem = run_caught(&mut world, &mut Tally::default()).err()?;
                problem.starts_with(UNSOUND).then_some((seed, problem))
            });
            let (seed, problem) = caught.unwrap_or_else(|| panic!("{broken:?} was not caught within {within} runs"));
            println!("{broken:?}: caught by seed {seed}: {problem}");
        }
    }
}

/// A limit that the policy does not say any more is no overspend, but nobody would ever take it back.
#[test]
fn simulation_catches_a_forgotten_cap() {
    let left = |seed: &u64| {
        let mut world = draw(*seed, Some(Broken::ForgetCap), false);
        let problem = run_caught(&mut world, &mut Tally::default()).err();
        problem.is_some_and(|problem| problem.contains("left a limit"))
    };
    let caught = (0..RUNS).find(left).expect("it is caught");
    println!("caught by seed {caught}");
}

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is no number: {text}")))
}

fn log_of(seed: u64, broken: Option<Broken>) -> String {
    let mut world = draw(seed, broken, true);
    let result = catch_unwind(AssertUnwindSafe(|| run(&mut world, &mut Tally::default())));
    let mut lines = world.log.take().unwrap_or_default();
    lines.push(format!("=> {result:?}"));
    lines.join("\n")
}

/// One run; a failed assertion of the machine itself is a problem like any other.
fn run_caught(world: &mut World, tally: &mut Tally) -> Checked {
    catch_unwind(AssertUnwindSafe(|| run(world, tally))).unwrap_or_else(|_| Err("an assertion failed".to_owned()))
}

fn draw(seed: u64, broken: Option<Broken>, log: bool) -> World {
    let mut random = Random::new(seed);
    let top = random.pick(&[1, 5, 50, 1_000, 1_000_000]);
    let limit = random.between(1, top);
    let kind = if random.per_mille(150) {
        Kind::soft(limit)
    } else {
        Kind::Hard
    };
    let thresholds: Arc<[u8]> = Arc::from(random.pick(&[&[][..], &[80], &[50, 80, 90, 100]]));
    World::new(random, Terms::new(limit, kind, thresholds), broken, log)
}

fn run(world: &mut World, tally: &mut Tally) -> Checked {
    let steps = world.random.between(20, STEPS_MAX);
    world.start();
    for _ in 0..steps {
        storm(world)?;
    }
    calm(world)?;
    serve(world)?;
    check_cap(world)?;
    close(world)?;
    take_stock(world, tally)
}

fn living(world: &mut World) -> Option<usize> {
    let at = world.random.index(world.nodes.len());
    let lives = |at: &usize| world.nodes[*at].state == State::Running;
    (at..world.nodes.len()).chain(0..at).find(lives)
}

/// One step while things go wrong.
fn storm(world: &mut World) -> Checked {
    world.now = world.now.after(world.random.below(world.pace_ns));
    let Some(at) = living(world) else {
        return start(world);
    };
    if world.random.per_mille(world.clock_steps) {
        step_clock(world);
        return timers(world);
    }
    match world.random.below(1_000) {
        0..420 if !world.messages.is_empty() => {
            let message = world.random.index(world.messages.len());
            world.deliver(message)
        }
        420..750 => {
            let cost = cost(world);
            world.ask(at, cost)
        }
        750..810 => {
            let spent = world.nodes[at].spent;
            world.tell(at, Event::Spent { spent })
        }
        810..850 => world.withdraw(at),
        850..865 => {
            world.nodes[at].state = State::Crashed;
            world.note(|_| format!("node {at} crashes"));
            Ok(())
        }
        865..895 => start(world),
        895..910 => end(world, at),
        910..935 => cap(world, at),
        935..950 => {
            world.is_away = !world.is_away;
            world.note(|world| format!("the store is away: {}", world.is_away));
            Ok(())
        }
        950..955 => {
            world.refund(at);
            Ok(())
        }
        965..970 => {
            let cost = cost(world);
            world.record(at, cost)
        }
        955..965 => {
            let (cost, spent) = (cost(world), world.nodes[at].spent);
            world.tell(at, Event::Need { cost, queued: 0, spent })
        }
        _ => timers(world),
    }
}

fn cost(world: &mut World) -> u64 {
    let limit = world.terms.limit;
    if world.is_even {
        return 1;
    }
    match world.random.below(20) {
        0 => world.random.between(1, limit.saturating_mul(2)),
        1..4 => world.random.between(1, limit),
        4..8 => world.random.between(1, limit / 20 + 1),
        8..12 => world.random.between(1, limit / 500 + 1),
        _ => 1,
    }
}

fn start(world: &mut World) -> Checked {
    let living = world.nodes.iter().filter(|node| node.state == State::Running).count();
    if living < LIVING_MAX && world.nodes.len() < NODES_MAX {
        world.start();
    }
    Ok(())
}

/// Stops a node, or ends its period: nothing is spent any more.
fn end(world: &mut World, at: usize) -> Checked {
    world.nodes[at].state = State::Closing;
    world.nodes[at].parked = None;
    let event = if world.random.per_mille(500) {
        Event::Ends
    } else {
        Event::Stop
    };
    world.tell(at, event)
}

/// The policy says another limit; every process hears of it.
fn cap(world: &mut World, at: usize) -> Checked {
    let limit = match world.random.below(4) {
        // Back to what the row may have still.
        3 => world.limit_before,
        0 => world.random.between(1, world.terms.limit),
        1 => world.random.between(1, world.terms.limit.saturating_mul(2)),
        _ => world.random.between(1, world.spent.saturating_add(1)),
    };
    world.limit_before = world.terms.limit;
    world.terms = Terms {
        limit,
        ..world.terms.clone()
    };
    world.limit_max = world.limit_max.max(limit);
    world.note(|_| format!("the limit is {limit} now"));
    // The first may be the only one for a while.
    for node in [at]
        .into_iter()
        .chain((0..world.nodes.len()).filter(|node| *node != at))
    {
        if world.nodes[node].state == State::Running {
            let terms = world.terms.clone();
            world.tell(node, Event::Terms(terms))?;
        }
    }
    Ok(())
}

fn step_clock(world: &mut World) {
    let step = world
        .random
        .pick(&[SECOND / 20, SECOND, 70 * SECOND, 700 * SECOND, 7_200 * SECOND]);
    if world.random.per_mille(50) {
        world.latest = world.latest.max(world.now);
        world.now = Instant(world.now.0.saturating_sub(step));
    } else {
        world.now = world.now.after(step);
    }
}

/// Fires the timers that are due.
fn timers(world: &mut World) -> Checked {
    for at in 0..world.nodes.len() {
        let node = &mut world.nodes[at];
        let lives = matches!(node.state, State::Running | State::Closing);
        if lives && node.wake.take_if(|wake| *wake <= world.now).is_some() {
            world.tell(at, Event::Timer)?;
        }
    }
    Ok(())
}

/// Nothing goes wrong any more: what is under way arrives, in order, and what is to be done is done.
fn calm(world: &mut World) -> Checked {
    world.note(|_| "nothing goes wrong any more".to_owned());
    world.faults = Faults::NONE;
    world.is_away = false;
    // A clock that went back stands still for the machine; in the end it has caught up.
    world.now = world.now.max(world.latest);
    for _ in 0..CALM_STEPS_MAX {
        if !quiet(world)? {
            return Ok(());
        }
    }
    Err(format!("still busy after {CALM_STEPS_MAX} events without a fault"))
}

/// The limit of a row in use is what the policy says, unless a process made it another that is not there to see to it.
fn check_cap(world: &World) -> Checked {
    let (Some(row), Some(by)) = (&world.store.row, world.capped_by) else {
        return Ok(());
    };
    let is_seen_to = world.nodes[by].state == State::Running;
    if row.limit != world.terms.limit && is_seen_to {
        let (limit, policy) = (row.limit, world.terms.limit);
        return Err(format!(
            "{UNSOUND}: node {by} left a limit of {limit}, the policy says {policy}"
        ));
    }
    Ok(())
}

/// One step without faults; says whether there was one.
fn quiet(world: &mut World) -> Result<bool, String> {
    for at in 0..world.nodes.len() {
        world.withdraw(at)?;
    }
    if !world.messages.is_empty() {
        world.now = world.now.after(SECOND / 1_000);
        world.deliver(0)?;
        return Ok(true);
    }
    // Only what comes soon: an idle lease, a watch and the next refresh are not what anybody waits for.
    let busy = |world: &World, at: usize| {
        let node = &world.nodes[at];
        let lives = matches!(node.state, State::Running | State::Closing);
        lives
            .then_some(node.wake)
            .flatten()
            .filter(|wake| wake.since(world.now) <= 60 * SECOND)
    };
    let next = (0..world.nodes.len()).filter_map(|at| busy(world, at)).min();
    if let Some(next) = next {
        world.now = world.now.max(next);
        timers(world)?;
    }
    Ok(next.is_some())
}

/// A need that fits is served, one that does not is told so.
fn serve(world: &mut World) -> Checked {
    let at = match living(world) {
        Some(at) => at,
        None => world.start(),
    };
    for _ in 0..3 {
        world.nodes[at].parked = None;
        let exhausted = world.nodes[at].exhausted;
        let balance = world.nodes[at].credited.saturating_sub(world.nodes[at].spent);
        let debt = world.nodes[at].spent.saturating_sub(world.nodes[at].credited);
        let free = balance.saturating_add(world.store.ungranted().unwrap_or(world.terms.limit));
        let free = free.saturating_sub(debt);
        let cost = if world.random.per_mille(300) {
            free.saturating_add(1)
        } else {
            world.random.between(1, free.max(1))
        };
        // What was seen shortly before may be out of date.
        world.now = world.now.after(2 * FRESH_NS);
        let before = world.events;
        world.ask(at, cost)?;
        while world.nodes[at].parked.is_some() {
            let is_late = world.events - before > 3 * NEED_OPERATIONS_MAX;
            if is_late || !quiet(world)? && world.nodes[at].parked.is_some() {
                return Err(format!("node {at} waits for {cost} of {free}"));
            }
        }
        let node = &world.nodes[at];
        if node.exhausted > exhausted {
            let left = node
                .credited
                .saturating_sub(node.spent)
                .saturating_add(world.store.ungranted().unwrap_or(0));
            if cost.saturating_add(debt) <= left {
                return Err(format!("node {at} was told that {cost} does not fit into {left}"));
            }
        }
        calm(world)?;
    }
    Ok(())
}

/// Everybody stops in good order.
fn close(world: &mut World) -> Checked {
    for at in 0..world.nodes.len() {
        if world.nodes[at].state == State::Running {
            world.nodes[at].state = State::Closing;
            world.tell(at, Event::Stop)?;
        }
    }
    calm(world)?;
    match world.nodes.iter().position(|node| node.state == State::Closing) {
        Some(at) => Err(format!("node {at} does not close")),
        None => Ok(()),
    }
}

/// Where every unit is, once everything is done.
fn take_stock(world: &World, tally: &mut Tally) -> Checked {
    tally.runs += 1;
    tally.events += world.events;
    tally.folds += u64::try_from(world.store.folded.len()).unwrap();
    if world
        .messages
        .iter()
        .any(|message| matches!(message.content, Content::Request(_)))
    {
        return Err("an operation is under way".to_owned());
    }
    for (at, node) in world.nodes.iter().enumerate() {
        tally.exhausted += node.exhausted;
        let taken = world.store.taken(node.holder);
        let stranded = taken.saturating_sub(node.spent);
        if node.state == State::Crashed {
            tally.crashes += 1;
            let chunk = node.chunk_max.max(1);
            // What was refunded was spent once, and may be lost beside.
            let stranded = stranded.saturating_sub(node.refunded);
            if stranded > 2 * chunk {
                return Err(format!(
                    "the crash of node {at} stranded {stranded}, with chunks of {chunk}"
                ));
            }
            tally.stranded_hundredths = tally.stranded_hundredths.max(stranded * 100 / chunk);
        } else if stranded > 0 && !world.store.folded.contains(&node.holder) {
            return Err(format!("node {at} closed and left {stranded}"));
        } else if node.spent > taken && (world.store.is_soft || node.spent - taken > node.recorded) {
            return Err(format!("node {at} closed and owes {}", node.spent - taken));
        }
    }
    Ok(())
}
