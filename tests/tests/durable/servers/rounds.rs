//! One round: two servers under load on accounts of their own, the faults of a plan, and the settling of accounts.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use quorate_api::v1::{Reason, ShouldAllowRequest};
use quorate_core::grant::{Account, GrantKey};
use quorate_store_scylla::ScyllaStore;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::load::{Books, CALLERS, COST_MAX, LIMIT, Tally};
use super::plan::{MOVE, Plan, Random, Step, Wire};
use super::report::Report;
use super::scene::{Slot, recovered, until, with_nodes};
use crate::cassandra::Node;
use crate::harness::{AskExt, Client, ask, policy};
use crate::stores::{self, DEADLINE};

/// The most that one crash strands of one account: two chunks, each a thousandth of the limit, or what all callers of
/// the server wait for at once, and what was left when the second was taken.
const STRANDED_MAX: u64 = 2 * (LIMIT / 1_000 + CALLERS * COST_MAX);
/// Units that every server serves between two faults.
const BETWEEN: u64 = 100;

/// Where rounds take place.
pub struct Stage {
    nodes: Vec<Node>,
    keyspace: String,
    /// Nobody disturbs this one.
    past: ScyllaStore,
}

impl Stage {
    /// A cluster of so many nodes, and a keyspace with as many copies.
    pub async fn new(nodes: usize) -> Self {
        let nodes = tokio::task::spawn_blocking(move || Node::start_together(nodes))
            .await
            .expect("they start");
        let keyspace = stores::own_keyspace();
        let url = stores::url_with_copies(nodes[0].address(), &keyspace, nodes.len(), stores::PATIENT);
        Self {
            past: stores::connected(&url).await,
            nodes,
            keyspace,
        }
    }

    /// Plays a round.
    pub async fn play(&mut self, plan: &Plan, report: &mut Report) {
        let books = Arc::new(Books::new(&format!("round-{}", report.rounds)));
        let addresses: Vec<SocketAddr> = self.nodes.iter().map(Node::address).collect();
        let policy = policy::plan(&format!(
            "quotas: [{{ name: q, per: org, limit: {LIMIT}, period: lifetime }}]"
        ));
        let mut one = Slot::new(&addresses, &self.keyspace, &policy).await;
        let mut two = Slot::new(&addresses, &self.keyspace, &policy).await;
        one.start().await;
        two.start().await;
        let (stop, mut callers) = (watch::Sender::new(false), JoinSet::new());
        for slot in [&one, &two] {
            slot.call(&mut callers, &books, &stop);
        }
        let noted = Mutex::new(std::mem::take(report));
        tokio::join!(wires(&one, &plan.wires[0], &noted), wires(&two, &plan.wires[1], &noted));
        *report = noted.into_inner().expect("nobody panics with it");
        let mut slots = [one, two];
        let mut random = Random(report.seed | 1);
        for step in &plan.steps {
            println!("{step:?}");
            self.step(*step, &mut slots, report, &mut random).await;
            for slot in &slots {
                slot.admits(BETWEEN).await;
            }
        }
        stop.send_replace(true);
        while let Some(ended) = callers.join_next().await {
            ended.expect("no caller sees anything strange");
        }
        let mut crashes = 0;
        for slot in &mut slots {
            slot.stop().await;
            crashes += slot.crashes;
            report.degraded += slot.seen.degraded();
            report.away += slot.seen.away();
        }
        self.settle(&books, crashes, &policy, report).await;
    }

    async fn step(&mut self, step: Step, slots: &mut [Slot; 2], report: &mut Report, random: &mut Random) {
        match step {
            Step::Crash { server, amid } => {
                in_the_middle_of(&slots[server], amid).await;
                slots[server].kill();
                slots[1 - server].admits(BETWEEN).await;
                let begun = Instant::now();
                slots[server].start().await;
                slots[server].recovers().await;
                report.note("server killed (from its start on)", begun.elapsed());
            }
            Step::Halt { server, amid, units } => {
                in_the_middle_of(&slots[server], amid).await;
                slots[server].server().halt();
                slots[1 - server].admits(units).await;
                slots[server].server().resume();
                report.note("server halted", slots[server].recovers().await);
            }
            Step::Cut { server } => {
                slots[server].proxy.cut();
                slots[server].runs_dry().await;
                slots[1 - server].admits(BETWEEN).await;
                slots[server].proxy.mend();
                report.note("server cut off", slots[server].recovers().await);
            }
            Step::NodeDown => {
                let victim = random.index(self.nodes.len());
                with_nodes(&mut self.nodes, move |nodes| nodes[victim].kill()).await;
                for slot in slots.iter() {
                    report.note("one node of several killed", goes_on(slot).await);
                }
                with_nodes(&mut self.nodes, move |nodes| nodes[victim].restart()).await;
            }
            Step::DatabaseDown => {
                // A majority, the first of them any.
                let (first, count) = (random.index(self.nodes.len()), self.nodes.len() / 2 + 1);
                with_nodes(&mut self.nodes, move |nodes| {
                    nodes.rotate_left(first);
                    nodes[..count].iter_mut().for_each(Node::kill);
                })
                .await;
                tokio::join!(slots[0].runs_dry(), slots[1].runs_dry());
                with_nodes(&mut self.nodes, move |nodes| {
                    Node::restart_together(&mut nodes[..count])
                })
                .await;
                let (one, two) = tokio::join!(slots[0].recovers(), slots[1].recovers());
                report.note("database killed (from its first answer on)", one.max(two));
            }
        }
    }

    /// Asks for everything that is left of every account, and compares what callers were given with what there is.
    async fn settle(&self, books: &Books, crashes: u64, policy: &str, report: &mut Report) {
        let accounts = books.accounts();
        let mut granted = Vec::new();
        for (account, tally) in &accounts {
            let key = key(books.org(*account));
            // A request that nobody answered may have been the only one.
            let row = if tally.admitted > 0 {
                stores::row(&self.past, &key).await.granted
            } else {
                tally.admitted
            };
            assert!(row <= LIMIT, "{key:?}: {row} of {LIMIT} units are granted");
            assert!(
                tally.admitted <= row,
                "{key:?}: {tally:?}, and only {row} units are granted"
            );
            // What is granted and was not spent belongs to servers that were killed.
            let stranded = (row - tally.admitted).saturating_sub(tally.unheard);
            assert!(
                stranded <= crashes * STRANDED_MAX,
                "{key:?}: {stranded} units are stranded by {crashes} crashes"
            );
            report.stranded_per_crash_max = report.stranded_per_crash_max.max(stranded / crashes.max(1));
            granted.push(row);
        }
        let mut last = Slot::new(&[self.nodes[0].address()], &self.keyspace, policy).await;
        last.start().await;
        let client = last.server().client().await;
        for ((account, tally), row) in accounts.iter().zip(granted) {
            let rest = spend_rest(&client, &ask("k").of(&books.org(*account)), LIMIT).await;
            let Tally { admitted, unheard } = *tally;
            assert!(
                admitted + rest <= LIMIT,
                "account {account}: {} units too many",
                admitted + rest - LIMIT
            );
            assert_eq!(
                rest,
                LIMIT - row,
                "account {account}: what nobody was granted is there for everybody"
            );
            report.quota += LIMIT;
            report.admitted += admitted + rest;
            report.missing += LIMIT - admitted - rest;
            report.unheard += unheard;
            report.accounts += 1;
        }
        last.stop().await;
        report.crashes += crashes;
        report.rounds += 1;
    }
}

/// Plays the faults of a server's wire, one after the other.
async fn wires(slot: &Slot, wires: &[Wire], report: &Mutex<Report>) {
    slot.admits(BETWEEN).await;
    for wire in wires {
        happens(slot, *wire).await;
        let took = goes_on(slot).await;
        report.lock().expect("held briefly").note(wire.name, took);
    }
}

/// Waits until units are granted and pass again; fails when that takes longer than a recovery may.
async fn goes_on(slot: &Slot) -> std::time::Duration {
    let (moves, admitted) = (slot.proxy.answered(MOVE), slot.seen.admitted());
    recovered("the server", || {
        slot.proxy.answered(MOVE) > moves && slot.seen.admitted() > admitted
    })
    .await
}

async fn happens(slot: &Slot, wire: Wire) {
    println!("{}", wire.name);
    let fired = slot.proxy.fired();
    slot.proxy.next(wire.part, wire.fault);
    until(wire.name, || slot.proxy.fired() > fired).await;
}

async fn in_the_middle_of(slot: &Slot, wire: Option<Wire>) {
    if let Some(wire) = wire {
        happens(slot, wire).await;
    }
}

fn key(org: String) -> GrantKey {
    GrantKey {
        org: org.into(),
        quota: "q".into(),
        account: Account::Org,
        period: "lifetime".into(),
    }
}

/// Spends whatever is left, in requests that cost much at first; how much it was.
pub async fn spend_rest(client: &Client, request: &ShouldAllowRequest, most: u64) -> u64 {
    let (mut cost, mut spent) = (most, 0);
    let until = Instant::now() + DEADLINE;
    loop {
        assert!(Instant::now() < until, "it never ends");
        let answer = client.ask(request.clone().costing(cost)).await;
        match answer.reason() {
            Reason::Ok => spent += cost,
            Reason::QuotaExhausted if cost == 1 => return spent,
            Reason::QuotaExhausted => cost = cost.div_ceil(2),
            Reason::QuotaPending | Reason::Unavailable => stores::pause().await,
            _ => panic!("{answer:?}"),
        }
    }
}
