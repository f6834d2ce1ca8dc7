//! Processes that lease from one row, their clients, and what is checked after every event.

use quorate_core::grant::{GrantOperation, GrantOutcome, HolderId};
use quorate_core::time::{Instant, SECOND};

use super::super::fold::FoldRule;
use super::super::{Effect, Event, Known, Lease, Terms};
use super::Broken;
use super::network::{Content, Faults, Message};
use super::random::Random;
use super::store::Store;
use crate::bounds::FOLD_NS;

/// Processes that live at the same time.
pub(super) const LIVING_MAX: usize = 4;

/// What a problem begins with that breaks an invariant from which it follows that nothing is overspent.
pub(super) const UNSOUND: &str = "unsound";

/// One life of one process, with its local balance.
pub(super) struct Node {
    pub(super) lease: Lease,
    pub(super) holder: HolderId,
    pub(super) state: State,
    pub(super) credited: u64,
    pub(super) spent: u64,
    known: Known,
    pub(super) wake: Option<Instant>,
    /// What a client waits for.
    pub(super) parked: Option<u64>,
    /// Withdrawals that the driver was asked for and has not done.
    withdraw: Option<u64>,
    /// Told to be withdrawn, and still in the balance: a broken driver's.
    forgotten: u64,
    /// The largest chunk: what a take asked for, or what decisions waited for at once.
    pub(super) chunk_max: u64,
    pub(super) refunded: u64,
    pub(super) recorded: u64,
    pub(super) exhausted: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Running,
    /// Nothing is spent any more.
    Closing,
    Closed,
    Crashed,
}

pub(super) struct World {
    pub(super) random: Random,
    pub(super) faults: Faults,
    pub(super) now: Instant,
    /// The latest time that was, before the clock went back.
    pub(super) latest: Instant,
    pub(super) store: Store,
    pub(super) is_away: bool,
    pub(super) terms: Terms,
    /// The limit before that of the terms.
    pub(super) limit_before: u64,
    /// The largest limit that the policy ever said.
    pub(super) limit_max: u64,
    pub(super) nodes: Vec<Node>,
    pub(super) messages: Vec<Message>,
    pub(super) spent: u64,
    pub(super) events: u64,
    pub(super) broken: Option<Broken>,
    pub(super) fold_rule: FoldRule,
    /// Steps take at most so long.
    pub(super) pace_ns: u64,
    /// Every client asks for one unit.
    pub(super) is_even: bool,
    /// How often the clock steps, in cases of a thousand.
    pub(super) clock_steps: u64,
    /// Who made the limit of the row what it is.
    pub(super) capped_by: Option<usize>,
    /// Bit n: somebody told the threshold of n percent.
    alerted: u128,
    pub(super) log: Option<Vec<String>>,
    scratch: Vec<Effect>,
}

/// What a run found wrong.
pub(super) type Checked = Result<(), String>;

impl World {
    pub(super) fn new(mut random: Random, terms: Terms, broken: Option<Broken>, log: bool) -> Self {
        Self {
            faults: Faults::draw(&mut random),
            now: Instant(1_000 * SECOND),
            latest: Instant(0),
            store: Store {
                is_soft: terms.is_soft(),
                ..Store::default()
            },
            is_away: false,
            limit_max: terms.limit,
            limit_before: terms.limit,
            terms,
            nodes: Vec::new(),
            messages: Vec::new(),
            spent: 0,
            events: 0,
            broken,
            fold_rule: FoldRule {
                holders_max: random.pick(&[0, 1, 2, 64]),
                unchanged_ns: random.pick(&[1, SECOND, FOLD_NS]),
            },
            pace_ns: random.pick(&[4_000_000, 40_000_000, 400_000_000]),
            is_even: random.per_mille(250),
            clock_steps: random.pick(&[0, 30, 30, 200]),
            capped_by: None,
            alerted: 0,
            log: log.then(Vec::new),
            scratch: Vec::new(),
            random,
        }
    }

    pub(super) fn note(&mut self, line: impl FnOnce(&Self) -> String) {
        if let Some(mut log) = self.log.take() {
            log.push(format!("{:>6} {:>16} {}", self.events, self.now.0, line(self)));
            self.log = Some(log);
        }
    }

    pub(super) fn start(&mut self) -> usize {
        let at = self.nodes.len();
        let holder = HolderId(u128::from(self.random.next()) << 8 | u128::try_from(at + 1).unwrap());
        let mut lease = Lease::new(holder, self.random.next(), self.terms.clone());
        lease.broken = self.broken;
        lease.fold_rule = self.fold_rule;
        self.nodes.push(Node {
            lease,
            holder,
            state: State::Running,
            credited: 0,
            spent: 0,
            known: Known::default(),
            wake: None,
            parked: None,
            withdraw: None,
            forgotten: 0,
            chunk_max: 0,
            refunded: 0,
            recorded: 0,
            exhausted: 0,
        });
        self.note(|_| format!("node {at} starts as {holder}"));
        at
    }

    /// Tells a node something, and does what it wants done.
    pub(super) fn tell(&mut self, at: usize, event: Event) -> Checked {
        self.note(|world| {
            format!(
                "node {at} <- {event:?} spent {} of {}",
                world.nodes[at].spent, world.nodes[at].credited
            )
        });
        if self.nodes[at].state == State::Crashed {
            return Ok(());
        }
        self.events += 1;
        let mut effects = core::mem::take(&mut self.scratch);
        self.nodes[at].lease.handle(self.now, event, &mut effects);
        let mut done = Ok(());
        for effect in effects.drain(..) {
            self.note(|_| format!("node {at} -> {effect:?}"));
            done = done.and(self.act(at, effect));
        }
        self.scratch = effects;
        done?;
        if self.nodes[at].withdraw.is_some() && self.random.per_mille(700) {
            self.withdraw(at)?;
        }
        self.retry_parked(at)?;
        self.check(at)
    }

    fn act(&mut self, at: usize, effect: Effect) -> Checked {
        let node = &mut self.nodes[at];
        match effect {
            Effect::Send { id, mut operation } => {
                if let GrantOperation::Move(change) = &mut operation {
                    if self.broken == Some(Broken::HoldingFromMemory) {
                        let units = change.granted - change.granted_before.min(change.granted);
                        change.holding = node.credited + units;
                        if let Some(pending) = &mut node.lease.pending {
                            (pending.change.holding, pending.before) = (change.holding, node.credited);
                        }
                    }
                    let units = change.granted.saturating_sub(change.granted_before);
                    node.chunk_max = node.chunk_max.max(units);
                }
                let content = Content::Request(operation);
                self.messages.push(Message { node: at, id, content });
            }
            Effect::Credit { units, overage } => {
                if overage > units || overage > 0 && !self.store.is_soft {
                    return Err(format!("{overage} of {units} units beyond the limit"));
                }
                node.credited += units;
            }
            Effect::Withdraw { up_to } => {
                if node.withdraw.replace(up_to).is_some() {
                    return Err("asked to withdraw twice".to_owned());
                }
            }
            Effect::Known(known) => node.known = known,
            Effect::Exhausted { ungranted, .. } => {
                let balance = node.credited.saturating_sub(node.spent);
                let debt = node.spent.saturating_sub(node.credited);
                let left = ungranted.saturating_sub(debt);
                if node.parked.is_some_and(|cost| cost > balance.saturating_add(left)) {
                    node.parked = None;
                    node.exhausted += 1;
                }
            }
            Effect::Alert(alert) => {
                self.alerted |= 1 << alert.percent;
            }
            Effect::Wake { at } => node.wake = Some(at),
            Effect::Settled => {
                // Unless a refund was not reported yet.
                if node.credited != node.spent && node.lease.books.spent() == node.spent {
                    return Err("settled with units held".to_owned());
                }
            }
            Effect::Closed => node.state = State::Closed,
        }
        Ok(())
    }

    /// The driver takes units out of the balance, and says so.
    pub(super) fn withdraw(&mut self, at: usize) -> Checked {
        let node = &mut self.nodes[at];
        let Some(up_to) = node.withdraw.take() else {
            return Ok(());
        };
        let units = node.credited.saturating_sub(node.spent).min(up_to);
        if self.broken == Some(Broken::ReturnBeforeWithdrawing) {
            node.forgotten += units;
        } else {
            node.credited -= units;
        }
        let spent = node.spent;
        self.tell(at, Event::Withdrawn { units, spent })
    }

    /// A client asks.
    pub(super) fn ask(&mut self, at: usize, cost: u64) -> Checked {
        self.note(|_| format!("node {at}: a client asks for {cost}"));
        self.events += 1;
        if self.spend(at, cost)? {
            return self.check(at);
        }
        let node = &mut self.nodes[at];
        node.parked = Some(cost);
        let queued = cost.saturating_mul(1 + u64::from(self.random.per_mille(200)));
        node.chunk_max = node.chunk_max.max(queued);
        let spent = node.spent;
        self.tell(at, Event::Need { cost, queued, spent })
    }

    /// Spends, if the balance or the overdraft has it.
    fn spend(&mut self, at: usize, cost: u64) -> Result<bool, String> {
        let node = &mut self.nodes[at];
        let may = node.credited.saturating_add(node.known.overdraft);
        if node.state != State::Running || node.spent.saturating_add(cost) > may {
            return Ok(false);
        }
        node.spent += cost;
        self.spent += cost;
        let balance = node.credited.saturating_sub(node.spent);
        if node.known.report_at.is_some_and(|at| balance <= at) {
            let spent = node.spent;
            self.tell(at, Event::Spent { spent })?;
        }
        Ok(true)
    }

    fn retry_parked(&mut self, at: usize) -> Checked {
        if let Some(cost) = self.nodes[at].parked.take()
            && !self.spend(at, cost)?
            && self.nodes[at].state == State::Running
        {
            self.nodes[at].parked = Some(cost);
        }
        Ok(())
    }

    /// Something that has happened is recorded, whether there are units for it or not.
    pub(super) fn record(&mut self, at: usize, cost: u64) -> Checked {
        let node = &mut self.nodes[at];
        node.spent += cost;
        node.recorded += cost;
        self.spent += cost;
        self.note(|_| format!("node {at}: {cost} are recorded"));
        let spent = self.nodes[at].spent;
        self.tell(at, Event::Spent { spent })
    }

    /// Units that were recorded and are not granted: what was let through lacks nothing.
    fn owed(&self) -> u64 {
        let owed = |node: &Node| node.spent.saturating_sub(node.credited).min(node.recorded);
        self.nodes.iter().map(owed).sum()
    }

    /// Something of what was spent is given back.
    pub(super) fn refund(&mut self, at: usize) {
        let node = &mut self.nodes[at];
        let units = self.random.below(node.spent + 1);
        node.spent -= units;
        node.refunded += units;
        self.spent -= units;
        self.note(|_| format!("node {at}: {units} are refunded"));
    }

    /// Lets one message arrive.
    pub(super) fn deliver(&mut self, at: usize) -> Checked {
        let message = self.messages.swap_remove(at);
        let (node, id) = (message.node, message.id);
        match message.content {
            Content::Request(operation) => {
                let outcome = self.request(node, id, operation)?;
                if let Some(outcome) = outcome {
                    let content = Content::Reply(outcome);
                    self.messages.push(Message { node, id, content });
                }
                Ok(())
            }
            Content::Late(operation) => {
                if !self.random.per_mille(self.faults.lose_request) {
                    self.apply(node, &operation)?;
                }
                Ok(())
            }
            Content::Reply(outcome) => {
                if self.broken == Some(Broken::ReturnBeforeWithdrawing) && outcome == GrantOutcome::Applied {
                    let node = &mut self.nodes[node];
                    let units = node.forgotten.min(node.credited.saturating_sub(node.spent));
                    node.credited -= units;
                    node.forgotten = 0;
                }
                self.tell(node, Event::Outcome { id, outcome })
            }
        }
    }

    /// A request arrives, or does not; what the driver makes of it.
    fn request(
        &mut self,
        node: usize,
        id: super::super::OperationId,
        operation: GrantOperation,
    ) -> Result<Option<GrantOutcome>, String> {
        if self.is_away && self.random.per_mille(500) {
            return Ok(Some(GrantOutcome::NotTried));
        }
        if self.is_away || self.random.per_mille(self.faults.lose_request) {
            return Ok(Some(GrantOutcome::Unknown));
        }
        if self.random.per_mille(self.faults.late) {
            let content = Content::Late(operation);
            self.messages.push(Message { node, id, content });
            return Ok(Some(GrantOutcome::Unknown));
        }
        let mut outcome = self.apply(node, &operation)?;
        if self.random.per_mille(self.faults.twice) {
            if self.random.per_mille(500) {
                // The second answer is the one that is heard.
                outcome = self.apply(node, &operation)?;
            } else {
                let content = Content::Late(operation);
                self.messages.push(Message { node, id, content });
            }
        }
        if self.random.per_mille(self.faults.forget) {
            return Ok(None);
        }
        if self.random.per_mille(self.faults.lose_reply) {
            outcome = GrantOutcome::Unknown;
        }
        Ok(Some(outcome))
    }

    fn apply(&mut self, node: usize, operation: &GrantOperation) -> Result<GrantOutcome, String> {
        self.events += 1;
        let outcome = self.store.apply(operation)?;
        if outcome == GrantOutcome::Applied
            && matches!(operation, GrantOperation::Create { .. } | GrantOperation::Cap(_))
        {
            self.capped_by = Some(node);
        }
        self.note(|world| format!("row: {operation:?} of node {node}: {outcome:?}: {:?}", world.store.row));
        for at in 0..self.nodes.len() {
            self.check(at)?;
        }
        Ok(outcome)
    }

    /// What must hold after every event.
    fn check(&self, at: usize) -> Checked {
        let spent = self.spent - self.owed();
        if !self.store.is_soft && spent > self.store.limit_max {
            return Err(format!("{UNSOUND}: {spent} spent of {}", self.store.limit_max));
        }
        if self.store.is_lenient {
            return Ok(());
        }
        self.check_books(at)?;
        if self.store.is_soft {
            return Ok(());
        }
        if spent > self.store.granted() {
            let granted = self.store.granted();
            return Err(format!("{UNSOUND}: {spent} spent of {granted} granted"));
        }
        for percent in self.terms.thresholds.iter().copied() {
            let is_due = spent > 0 && u128::from(spent) * 100 >= u128::from(percent) * u128::from(self.limit_max);
            if is_due && self.alerted >> percent & 1 == 0 {
                return Err(format!(
                    "{spent} spent of {}, and nobody told {percent} %",
                    self.store.limit_max
                ));
            }
        }
        Ok(())
    }

    /// What a holder has and had is what it truly took: spent + balance + returning ≤ taken, the debt of a soft quota
    /// aside.
    fn check_books(&self, at: usize) -> Checked {
        let node = &self.nodes[at];
        let taken = self.store.taken(node.holder);
        let debt = node.spent.saturating_sub(node.credited);
        if debt > node.lease.terms.overdraft() + node.recorded {
            return Err(format!("{UNSOUND}: node {at} spent {debt} units that it never had"));
        }
        let lease = &node.lease;
        // A return under way may have reached the row before the holder knows.
        let under_way = lease
            .pending
            .filter(|pending| !pending.is_take())
            .map_or(0, |pending| pending.units());
        let returning = lease.books.returning() - under_way;
        let held = node.spent.max(node.credited) - debt;
        if node.state != State::Crashed && held + returning > taken || node.spent - debt > taken {
            let spent = node.spent;
            return Err(format!(
                "{UNSOUND}: node {at} spent {spent}, holds {held}, returns {returning}, took {taken}"
            ));
        }
        Ok(())
    }
}
