//! A process's life in the small: a shard, a clock of its own, and what it leaves behind for the next.

use std::sync::Arc;

use crate::answer::{DecisionId, Reason};
use crate::factor::Factors;
use crate::limit::{Algorithm, Counts, Group, Limit, MeterId, Mode, Per, PoolMode, Precision, Role, Scope as Declared};
use crate::request::ChargeMode;
use crate::shard::{Ask, Restoring, Shard};
use crate::snapshot::{Kept, Piece, PieceTitle, PieceWriter, Scope, Which};
use crate::state::fingerprint::HashKey;
use crate::state::layout::Layouts;
use crate::state::memory::Memory;
use crate::state::table::{Place, Restored};
use crate::terms::{Amounts, Terms};
use crate::time::{Instant, Now, SECOND};
use crate::window::exact::period;

pub const KEY: HashKey = [7; 16];
pub const MINUTE: u64 = 60 * SECOND;
pub const HOUR: u64 = 3_600 * SECOND;

pub fn sliding(window: u64) -> Algorithm {
    Algorithm::SlidingWindow {
        window: period(window),
        precision: Precision::Standard,
    }
}

pub fn limit(name: &str, algorithm: Algorithm, capacity: u64) -> Limit {
    Limit {
        name: name.into(),
        role: if matches!(algorithm, Algorithm::Pool { .. }) {
            Role::Pool
        } else {
            Role::Plain
        },
        algorithm,
        capacity,
        counts: Counts::Units(MeterId::REQUESTS),
        meter: "requests".into(),
        mode: Mode::Enforce,
        warn_at: None,
        order: 0,
    }
}

pub fn pool() -> Algorithm {
    Algorithm::Pool {
        refill: 1,
        every: period(HOUR),
        mode: PoolMode::Ceiling,
    }
}

/// A process.
pub struct Life {
    pub shard: Shard,
    pub layouts: Layouts,
    pub group: Group,
    pub incarnation: u64,
    pub pieces: u64,
}

impl Life {
    pub fn begin(limits: Vec<Limit>, incarnation: u64) -> Self {
        Self::within(limits, incarnation, u64::MAX / 2)
    }

    /// With a bound on memory.
    pub fn within(limits: Vec<Limit>, incarnation: u64, bytes: u64) -> Self {
        let mut layouts = Layouts::default();
        // The same layouts have other numbers in each life.
        for number in 0..incarnation {
            let other = limit(&format!("other {number}"), sliding(MINUTE), 1);
            layouts.intern(&[other]).expect("few layouts");
        }
        let group = Group {
            scope: Declared::Plan,
            per: Per {
                key: true,
                ..Per::default()
            },
            layout: layouts.intern(&limits).expect("few layouts"),
            limits: limits.into_boxed_slice(),
        };
        Self {
            shard: Shard::new(KEY, Arc::new(Memory::new(bytes)), bytes),
            layouts,
            group,
            incarnation,
            pieces: incarnation << 32,
        }
    }

    /// Asks; whether it was allowed.
    pub fn ask(&mut self, key: &str, cost: u64, now: u64) -> bool {
        self.ask_as(key, cost, now, |_| {})
    }

    pub fn ask_as(&mut self, key: &str, cost: u64, now: u64, change: impl FnOnce(&mut Ask<'_, '_>)) -> bool {
        let mut amounts = Amounts::default();
        amounts.0[0] = cost;
        let terms = Terms {
            plan_groups: core::slice::from_ref(&self.group),
            endpoint_groups: &[],
            plan_quotas: &[],
            org_quotas: &[],
            factors: Factors::default(),
            slot: None,
            amounts,
            declared: true,
            org_declared: true,
        };
        let mut ask = Ask {
            org: "o",
            account: crate::state::fingerprint::Account::of(&KEY, "o"),
            key,
            endpoint: "other",
            attributes: &[],
            terms: &terms,
            mode: ChargeMode::AllOrNone,
            look: false,
            refund: false,
            decision_id: DecisionId(1),
        };
        change(&mut ask);
        self.shard.decide(&self.layouts, &ask, Now::at(now), None).reason == Reason::Ok
    }

    /// Writes what there is to be written, in as many pieces as it takes.
    pub fn collect(&mut self, which: Which, now: u64) -> Vec<Vec<u8>> {
        let (mut pieces, mut place) = (Vec::new(), Some(Place::START));
        while let Some(from) = place {
            let mut piece = PieceWriter::new(PieceTitle {
                scope: which.scope(),
                shards: 64,
                incarnation: self.incarnation,
                number: self.pieces,
            });
            self.pieces += 1;
            while let Some(from) = place.filter(|_| !piece.is_full()) {
                place = self
                    .shard
                    .collect(&self.layouts, Now::at(now), (5, which), from, &mut piece);
            }
            assert!(place != Some(from), "it goes on");
            if piece.entries() > 0 {
                pieces.push(piece.finish(&KEY, Instant(now)));
            }
        }
        pieces
    }

    /// Restores a piece that lies back so long at least.
    pub fn restore(&mut self, bytes: &[u8], scope: Scope, age_ns: u64, now: u64) -> Vec<Restored> {
        let piece = Piece::read(bytes, &KEY).expect("it is whole");
        let restoring = Restoring {
            scope,
            from: piece.instant,
            age_ns,
            now: Now::at(now),
        };
        let ids: Vec<_> = piece
            .layouts
            .iter()
            .map(|counters| self.layouts.intern_counters(counters.clone()).expect("few layouts"))
            .collect();
        let take = |kept: &Kept| self.shard.restore(&self.layouts, ids[kept.layout], kept, &restoring);
        piece.entries.iter().map(take).collect()
    }
}
