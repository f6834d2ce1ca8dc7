//! One holder at a row that does what it is told, for tests of single rules.

use quorate_core::grant::{GrantOperation, GrantOutcome, HolderId};
use quorate_core::time::{Instant, SECOND};

use super::super::{Effect, Event, Kind, Known, Lease, OperationId, Terms};
use super::store::Store;

pub(super) const ME: HolderId = HolderId(7);

pub(super) struct Desk {
    pub(super) lease: Lease,
    pub(super) store: Store,
    pub(super) now: Instant,
    pub(super) credited: u64,
    pub(super) overage: u64,
    pub(super) spent: u64,
    pub(super) known: Known,
    pub(super) wake: Option<Instant>,
    /// What was sent and not answered.
    pub(super) sent: Option<(OperationId, GrantOperation)>,
    /// Everything else that was said, oldest first.
    pub(super) said: Vec<Effect>,
    /// All operations that were sent.
    pub(super) operations: Vec<GrantOperation>,
}

impl Desk {
    pub(super) fn new(limit: u64, kind: Kind, thresholds: &[u8]) -> Self {
        let terms = Terms::new(limit, kind, thresholds.into());
        Self {
            store: Store {
                is_soft: terms.is_soft(),
                ..Store::default()
            },
            lease: Lease::new(ME, 1, terms),
            now: Instant(1_000 * SECOND),
            credited: 0,
            overage: 0,
            spent: 0,
            known: Known::default(),
            wake: None,
            sent: None,
            said: Vec::new(),
            operations: Vec::new(),
        }
    }

    pub(super) fn hard(limit: u64) -> Self {
        Self::new(limit, Kind::Hard, &[])
    }

    pub(super) fn balance(&self) -> u64 {
        self.credited.saturating_sub(self.spent)
    }

    pub(super) fn after(&mut self, ns: u64) -> &mut Self {
        self.now = self.now.after(ns);
        self
    }

    /// Tells the lease something, and does to the balance what it says.
    pub(super) fn tell(&mut self, event: Event) {
        let mut effects = Vec::new();
        self.lease.handle(self.now, event, &mut effects);
        for effect in effects {
            match effect {
                Effect::Send { id, operation } => {
                    assert!(self.sent.is_none(), "two operations are under way");
                    self.operations.push(operation);
                    self.sent = Some((id, operation));
                }
                Effect::Credit { units, overage } => {
                    self.credited += units;
                    self.overage += overage;
                }
                Effect::Withdraw { up_to } => {
                    let units = self.balance().min(up_to);
                    self.credited -= units;
                    let spent = self.spent;
                    self.tell(Event::Withdrawn { units, spent });
                }
                Effect::Known(known) => self.known = known,
                Effect::Wake { at } => self.wake = Some(at),
                effect => self.said.push(effect),
            }
        }
    }

    /// Answers what was sent with what the row says.
    pub(super) fn answer(&mut self) {
        let (_, operation) = self.sent.expect("nothing was sent");
        let outcome = self.store.apply(&operation).unwrap();
        self.answer_with(outcome);
    }

    pub(super) fn answer_with(&mut self, outcome: GrantOutcome) {
        let (id, _) = self.sent.take().expect("nothing was sent");
        self.after(SECOND / 1_000);
        self.tell(Event::Outcome { id, outcome });
    }

    /// Answers until nothing is under way.
    pub(super) fn settle(&mut self) {
        while self.sent.is_some() {
            self.answer();
        }
    }

    /// Fires the timer, as soon as it is due.
    pub(super) fn wake(&mut self) {
        let at = self.wake.take().expect("no wake was asked for");
        self.now = self.now.max(at);
        self.tell(Event::Timer);
    }

    pub(super) fn need(&mut self, cost: u64) {
        let spent = self.spent;
        self.tell(Event::Need {
            cost,
            queued: cost,
            spent,
        });
    }

    /// A decision: spends, if need be after the answers of the row. Says whether it was allowed.
    pub(super) fn ask(&mut self, cost: u64) -> bool {
        if self.balance() < cost {
            self.need(cost);
            self.settle();
        }
        let allowed = self.balance() >= cost;
        if allowed {
            self.spend(cost);
        }
        allowed
    }

    pub(super) fn spend(&mut self, cost: u64) {
        self.spent += cost;
        if self.known.report_at.is_some_and(|at| self.balance() <= at) {
            self.report();
        }
    }

    pub(super) fn report(&mut self) {
        let spent = self.spent;
        self.tell(Event::Spent { spent });
    }

    /// Somebody else does something to the row.
    pub(super) fn elsewhere(&mut self, operation: impl FnOnce(&quorate_core::grant::Grant) -> GrantOperation) {
        let operation = operation(self.store.row.as_ref().expect("the row was made"));
        assert_eq!(self.store.apply(&operation), Ok(GrantOutcome::Applied));
    }

    /// Somebody else takes units.
    pub(super) fn take_elsewhere(&mut self, holder: u128, units: u64) {
        self.elsewhere(|row| {
            GrantOperation::Move(quorate_core::grant::GrantMove {
                version: row.version,
                limit: row.limit,
                granted_before: row.granted,
                granted: row.granted + units,
                holder: HolderId(holder),
                holding: row.holding(HolderId(holder)) + units,
            })
        });
    }

    /// The sizes of all takes, oldest first.
    pub(super) fn takes(&self) -> Vec<u64> {
        let size = |operation: &GrantOperation| match operation {
            GrantOperation::Move(change) if change.granted > change.granted_before => {
                Some(change.granted - change.granted_before)
            }
            _ => None,
        };
        self.operations.iter().filter_map(size).collect()
    }

    pub(super) fn alerts(&self) -> Vec<u8> {
        let percent = |effect: &Effect| match effect {
            Effect::Alert(alert) => Some(alert.percent),
            _ => None,
        };
        self.said.iter().filter_map(percent).collect()
    }

    pub(super) fn exhausted(&self) -> usize {
        let said = self.said.iter();
        said.filter(|effect| matches!(effect, Effect::Exhausted { .. })).count()
    }
}
