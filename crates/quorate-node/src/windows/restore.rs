//! Takes over what another life of the process has kept, before anything is decided.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use quorate_core::shard::Restoring;
use quorate_core::snapshot::{Head, Piece};
use quorate_core::state::fingerprint::{Fingerprint, HashKey};
use quorate_core::state::layout::Layouts;
use quorate_core::state::table::Restored;
use quorate_store::StoreError;
use quorate_store::snapshot::Snapshots;

use super::pieces::{HEAD, PIECES, Places};
use super::{WindowKeeper, clocks};
use crate::{Node, SHARDS};

/// Pieces that are read at once: two megabytes at most.
const PAGE: usize = 4;

/// The most problems that are told one by one.
const PROBLEMS_MAX: usize = 10;

/// What a store keeps of windows, before it is read.
#[derive(Clone, Debug)]
pub struct Found {
    head: Option<Head>,
    problem: Option<String>,
    hash_key: HashKey,
}

/// What was restored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Restoration {
    /// Entries that live again.
    pub entries: u64,
    /// Bytes of the pieces that they were read from.
    pub bytes: u64,
    /// The process before stopped in good order: short windows are among them.
    pub orderly: bool,
    /// Pieces that could not be read.
    pub unread: u64,
    /// Entries that found no room in memory, or in the list of what entries are made of.
    pub no_room: u64,
    /// What a person should know of it.
    pub problems: Vec<String>,
}

/// What is restored into, and how far that is.
struct Restorer<'n> {
    node: &'n Node,
    head: Head,
    layouts: Layouts,
    /// The number of the piece that each entry was last told by.
    newest: HashMap<(u8, Fingerprint), u64>,
    done: Restoration,
}

impl Found {
    /// Looks for what is kept in a store.
    ///
    /// # Errors
    /// The store is away. A head that cannot be read is no error: nothing is restored then, and a person is told.
    pub async fn look(store: &dyn Snapshots) -> Result<Self, StoreError> {
        let page = store.pieces(HEAD, None, 1).await?;
        let (mut head, mut problem) = (None, None);
        if let Some((_, bytes)) = page.first() {
            match Head::read(bytes) {
                Ok(read) => head = Some(read),
                Err(error) => problem = Some(format!("{HEAD}: {error}: nothing is restored")),
            }
        }
        let hash_key = head.as_ref().map_or_else(rand::random, |head| head.hash_key);
        Ok(Self {
            head,
            problem,
            hash_key,
        })
    }

    /// The key that counters are to be found by.
    #[must_use]
    pub const fn hash_key(&self) -> &HashKey {
        &self.hash_key
    }

    /// Restores what there is into a node that counts by [`Found::hash_key`] and has decided nothing yet. From then on
    /// nothing of it can be restored a second time: short windows are forgotten, long ones will be written anew.
    ///
    /// # Errors
    /// The store is away.
    pub async fn restore(
        self,
        node: &Arc<Node>,
        store: Arc<dyn Snapshots>,
    ) -> Result<(WindowKeeper, Restoration), StoreError> {
        let began = node.now().instant;
        let mut places = Places::default();
        let mut number = self.head.as_ref().map_or(0, |head| head.valid_from);
        let mut restorer = Restorer {
            node,
            head: self.head.unwrap_or_else(|| nothing(self.hash_key)),
            layouts: Layouts::clone(&node.in_force.load().layouts),
            newest: HashMap::new(),
            done: Restoration::default(),
        };
        restorer.done.unread += u64::from(self.problem.is_some());
        restorer.done.problems.extend(self.problem);
        let mut after: Option<String> = None;
        loop {
            let page = store.pieces(PIECES, after.as_deref(), PAGE).await?;
            let Some((last, _)) = page.last() else { break };
            after = Some(last.clone());
            for (name, bytes) in &page {
                let read = restorer.piece(name, bytes);
                places.note(name, read);
                number = number.max(read.map_or(0, |read| read + 1));
            }
        }
        node.put_in_force(node.policy(), restorer.layouts);
        let mut done = restorer.done;
        done.orderly = restorer.head.stopped;
        let counters = &node.window_counters;
        counters.restored_entries.store(done.entries, Ordering::Relaxed);
        counters.restored_bytes.store(done.bytes, Ordering::Relaxed);
        counters.unread.store(done.unread, Ordering::Relaxed);
        counters.no_room.store(done.no_room, Ordering::Relaxed);
        let us = node.now().instant.since(began) / 1_000;
        counters.restored_us.store(us, Ordering::Relaxed);
        if done.no_room > 0 {
            let problem = format!(
                "{} entries found no room: the bound on memory is lower than it was, or limits were combined in too many ways",
                done.no_room
            );
            done.problems.push(problem);
        }
        let valid_from = restorer.head.valid_from;
        let keeper = WindowKeeper::begin(node, store, self.hash_key, places, (valid_from, number)).await?;
        Ok((keeper, done))
    }
}

impl Restorer<'_> {
    /// Restores a piece; its number, if it counts.
    fn piece(&mut self, name: &str, bytes: &[u8]) -> Option<u64> {
        if self.head.valid_from == u64::MAX {
            return None;
        }
        let piece = match Piece::read(bytes, &self.head.hash_key) {
            Ok(piece) => piece,
            Err(error) => {
                self.unread(format!("{name}: {error}: what it tells is forgotten"));
                return None;
            }
        };
        let title = piece.title;
        let scope = self.head.scope_of(&title)?;
        if usize::from(title.shards) != SHARDS {
            self.unread(format!("{name}: it is for {} shards, not {SHARDS}", title.shards));
            return None;
        }
        self.done.bytes += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        // The clocks first: what passes until now is read is not counted.
        let elapsed = clocks::read().since(&self.head.clocks);
        let restoring = Restoring {
            scope,
            from: piece.instant,
            age_ns: self.head.age_of(&piece, elapsed),
            now: self.node.now(),
        };
        let known: Vec<_> = piece
            .layouts
            .iter()
            .map(|counters| self.layouts.intern_counters(counters.clone()))
            .collect();
        for kept in &piece.entries {
            let Ok(layout) = known[kept.layout] else {
                self.done.no_room += 1;
                continue;
            };
            let newest = self
                .newest
                .entry((kept.shard, kept.fingerprint))
                .or_insert(title.number);
            if *newest > title.number {
                continue;
            }
            *newest = title.number;
            let mut shard = self.node.shards[usize::from(kept.shard)].lock();
            let before = shard.size().0;
            let restored = shard.restore(&self.layouts, layout, kept, &restoring);
            let after = shard.size().0;
            self.done.entries = self.done.entries + wide(after) - wide(before);
            self.done.no_room += u64::from(restored == Restored::NoRoom);
        }
        Some(title.number)
    }

    fn unread(&mut self, problem: String) {
        self.done.unread += 1;
        if self.done.problems.len() < PROBLEMS_MAX {
            self.done.problems.push(problem);
        }
    }
}

/// The head of a store that has none: no piece counts.
fn nothing(hash_key: HashKey) -> Head {
    Head {
        hash_key,
        incarnation: 0,
        stopped: false,
        valid_from: u64::MAX,
        instant: quorate_core::time::Instant(0),
        clocks: quorate_core::snapshot::Clocks::default(),
    }
}

fn wide(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
