//! Writes windows behind the decisions, and all of them at the end.

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use quorate_core::snapshot::{Head, PieceTitle, PieceWriter, Which};
use quorate_core::state::fingerprint::HashKey;
use quorate_core::state::table::Place;
use quorate_core::time::Instant;
use quorate_store::StoreError;
use quorate_store::snapshot::Snapshots;
use tokio::sync::watch;

use super::pieces::{HEAD, Places};
use super::{Listener, Notice, Written, clocks};
use crate::held::Held;
use crate::{Node, SHARDS};

/// How often a round of writing begins: what a round takes being well below a second, nothing of what counts over an
/// hour is unwritten for as long as that.
const ROUND_EVERY: Duration = Duration::from_millis(500);

/// How often the head is written while it says nothing new but the time: by as much what is kept may seem younger than it
/// is after a crash of the whole machine.
const HEAD_EVERY_NS: u64 = 10_000_000_000;

/// Bytes that wait to be written at most: what fits one commit of the embedded store.
const WAITING_BYTES_MAX: usize = 3 << 20;

/// Bytes written a second at most. It leaves a disk and a database room for what decisions wait for; a server whose keys
/// change faster loses more than the last second in a crash, and says by how much.
const BYTES_PER_SECOND_MAX: u64 = 32 << 20;

/// A round that writes at all writes at least so many bytes of entries that were not changed: few keys that change make
/// few pieces.
const TURN_BYTES_MIN: usize = 64 * 1_024;

/// Keeps a node's windows in a store.
pub struct WindowKeeper {
    node: Arc<Node>,
    store: Arc<dyn Snapshots>,
    hash_key: HashKey,
    incarnation: u64,
    places: Places,
    /// The number of the next piece.
    number: u64,
    /// The first number that counts, as the store has it.
    valid_from: u64,
    /// The turn through entries that were not changed: the number it began with, and where it is.
    turn: Turn,
    /// The number that a turn began with that came round last. It counts after one round more: an entry that was changed
    /// and moved away before the turn came by is written by that.
    turned: Option<u64>,
    /// The piece that is being filled. What is in it is noted as collected, so it outlives a round that is broken off.
    piece: PieceWriter,
    /// Pieces to be written.
    waiting: Vec<(String, Vec<u8>)>,
    waiting_bytes: usize,
    /// When the head was last written.
    head_at: Instant,
    failing: bool,
    held: Held,
    /// A round has begun and not ended.
    begun: bool,
    /// No round has ended yet: all that was restored is still to be written.
    first: bool,
    /// Bytes that wait to be written at most.
    waiting_max: usize,
    /// Nothing is decided any more: all the disk is for the last pieces.
    ending: bool,
}

impl std::fmt::Debug for WindowKeeper {
    /// Without the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WindowKeeper")
            .field("incarnation", &self.incarnation)
            .field("number", &self.number)
            .field("valid_from", &self.valid_from)
            .finish_non_exhaustive()
    }
}

#[derive(Clone, Copy, Debug)]
struct Turn {
    from: u64,
    shard: u8,
    place: Place,
}

impl Turn {
    const fn begin(number: u64) -> Self {
        Self {
            from: number,
            shard: 0,
            place: Place::START,
        }
    }
}

impl WindowKeeper {
    /// Begins to keep what a node holds, which is all still to be written.
    pub(super) async fn begin(
        node: &Arc<Node>,
        store: Arc<dyn Snapshots>,
        hash_key: HashKey,
        places: Places,
        (valid_from, number): (u64, u64),
    ) -> Result<Self, StoreError> {
        let incarnation = rand::random();
        let mut keeper = Self {
            node: Arc::clone(node),
            store,
            hash_key,
            incarnation,
            places,
            number: number + 1,
            valid_from: valid_from.min(number),
            turn: Turn::begin(number),
            turned: None,
            piece: PieceWriter::new(title(Which::Changed, incarnation, number)),
            waiting: Vec::new(),
            waiting_bytes: 0,
            head_at: Instant::default(),
            failing: false,
            held: Held::default(),
            begun: false,
            first: true,
            waiting_max: WAITING_BYTES_MAX,
            ending: false,
        };
        keeper.write_head(false).await?;
        Ok(keeper)
    }

    /// Writes only while it is before `until`: another server may write afterwards, unless it moves on.
    #[must_use]
    pub fn while_held(mut self, until: watch::Receiver<tokio::time::Instant>) -> Self {
        self.held = Held::until(until);
        self
    }

    /// Writes behind until `stop` says so, and then everything. Nothing may be decided any more when it does.
    ///
    /// # Errors
    /// What was counted over less than an hour is not kept: the store is away.
    pub async fn run(mut self, listener: Listener, mut stop: watch::Receiver<bool>) -> Result<Written, StoreError> {
        let mut ticks = tokio::time::interval(ROUND_EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                _ = stop.wait_for(|stop| *stop) => break,
            }
            let round = tokio::select! {
                round = self.round() => round,
                // What it has collected is written first of all.
                _ = stop.wait_for(|stop| *stop) => break,
            };
            self.tell(&listener, round);
        }
        self.write_all().await
    }

    fn tell(&mut self, listener: &Listener, round: Result<(), StoreError>) {
        let failed = round.is_err();
        if let Err(error) = round {
            self.node.window_counters.failures.fetch_add(1, Ordering::Relaxed);
            if !self.failing {
                listener(Notice::Behind(error.to_string()));
            }
        } else if self.failing {
            listener(Notice::Caught);
        }
        self.failing = failed;
    }

    /// Writes what was changed since the last round, and some of the rest. After the first round of a process, which
    /// writes all that was restored, and after every turn, what was written before does not count any more.
    async fn round(&mut self) -> Result<(), StoreError> {
        let began = self.node.now().instant;
        let changed = self.write_changed().await?;
        let mut turned = self.first.then_some(self.turn.from);
        if changed > 0 && turned.is_none() && self.turned.is_none() {
            turned = self.go_on(changed.max(TURN_BYTES_MIN)).await?;
        }
        self.next_piece(Which::Changed);
        self.flush().await?;
        self.valid_from = self.turned.unwrap_or(self.valid_from);
        let old = self.node.now().instant.since(self.head_at) >= HEAD_EVERY_NS;
        if self.turned.is_some() || old {
            self.write_head(false).await?;
        }
        if self.turned.take().is_some() {
            let surplus = self.places.forget_surplus(&*self.store);
            self.held.during(None, surplus).await?;
        }
        if turned.is_some() {
            self.turned = turned;
            self.turn = Turn::begin(self.number);
        }
        let counters = &self.node.window_counters;
        let took = self.node.now().instant.since(began);
        counters.round_us.store(took / 1_000, Ordering::Relaxed);
        counters.rounds.fetch_add(1, Ordering::Relaxed);
        (self.begun, self.first) = (false, false);
        Ok(())
    }

    /// Writes what was changed since that was last done, but for what the last piece holds; how many bytes it came to.
    async fn write_changed(&mut self) -> Result<usize, StoreError> {
        if std::mem::replace(&mut self.begun, true) {
            // The one before was broken off, perhaps within a page.
            self.node.look_again();
        }
        self.next_piece(Which::Changed);
        // What an earlier round could not write.
        self.flush().await?;
        let mut changed = 0;
        for shard in 0..shards() {
            changed += self.collect(shard, Which::Changed).await?;
        }
        Ok(changed)
    }

    /// Goes on with the turn for so many bytes. The number that it began with, when it is round.
    async fn go_on(&mut self, bytes: usize) -> Result<Option<u64>, StoreError> {
        let mut written = 0;
        while written < bytes {
            if self.turn.shard >= shards() {
                return Ok(Some(self.turn.from));
            }
            let before = self.piece.bytes();
            let (shard, from) = (self.turn.shard, self.turn.place);
            let next = self.node.collect(shard, Which::Long, from, &mut self.piece);
            written += self.piece.bytes() - before;
            (self.turn.shard, self.turn.place) = match next {
                Some(place) => (shard, place),
                None => (shard + 1, Place::START),
            };
            self.next_if_full(Which::Long).await?;
            tokio::task::yield_now().await;
        }
        Ok(None)
    }

    /// Collects a whole shard; the bytes that it came to.
    async fn collect(&mut self, shard: u8, which: Which) -> Result<usize, StoreError> {
        let (mut bytes, mut place) = (0, Some(Place::START));
        while let Some(from) = place {
            let before = self.piece.bytes();
            place = self.node.collect(shard, which, from, &mut self.piece);
            bytes += self.piece.bytes() - before;
            self.next_if_full(which).await?;
            tokio::task::yield_now().await;
        }
        Ok(bytes)
    }

    async fn next_if_full(&mut self, which: Which) -> Result<(), StoreError> {
        if !self.piece.is_full() {
            return Ok(());
        }
        self.next_piece(which);
        if self.waiting_bytes >= self.waiting_max {
            self.flush().await?;
        }
        Ok(())
    }

    /// Has what is collected wait to be written, and begins a piece.
    fn next_piece(&mut self, which: Which) {
        let next = PieceWriter::new(title(which, self.incarnation, self.number));
        self.number += 1;
        let collected = std::mem::replace(&mut self.piece, next);
        self.queue(collected);
    }

    fn queue(&mut self, piece: PieceWriter) {
        if piece.entries() == 0 {
            return;
        }
        let counters = &self.node.window_counters;
        counters.entries.fetch_add(piece.entries(), Ordering::Relaxed);
        let name = self.places.take(piece.number());
        let bytes = piece.finish(&self.hash_key, self.node.now().instant);
        self.waiting_bytes += bytes.len();
        self.waiting.push((name, bytes));
    }

    /// Writes what waits. It goes on waiting if that fails.
    async fn flush(&mut self) -> Result<(), StoreError> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let began = tokio::time::Instant::now();
        self.held.during(None, self.store.write_pieces(&self.waiting)).await?;
        let bytes = u64::try_from(self.waiting_bytes).unwrap_or(u64::MAX);
        self.node.window_counters.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.waiting.clear();
        self.waiting_bytes = 0;
        if !self.ending {
            // The bound on what is written a second: no round begins before these bytes have had their time.
            tokio::time::sleep_until(began + Duration::from_micros(bytes * 1_000_000 / BYTES_PER_SECOND_MAX)).await;
        }
        Ok(())
    }

    /// Writes the head, and frees the places of what does not count any more.
    async fn write_head(&mut self, stopped: bool) -> Result<(), StoreError> {
        let instant = self.node.now().instant;
        let head = Head {
            hash_key: self.hash_key,
            incarnation: self.incarnation,
            stopped,
            valid_from: self.valid_from,
            instant,
            // After the instant: what passes between the two is not counted.
            clocks: clocks::read_late(),
        };
        let pieces = [(HEAD.to_owned(), head.write())];
        self.held.during(None, self.store.write_pieces(&pieces)).await?;
        self.head_at = instant;
        self.places.free_before(self.valid_from);
        Ok(())
    }

    /// Writes all windows, and that this is all.
    async fn write_all(&mut self) -> Result<Written, StoreError> {
        self.ending = true;
        let counters = Arc::clone(&self.node.window_counters);
        if !self.first {
            // What is not written yet of long windows goes first: if there is no time for all, nothing of them is lost.
            self.write_changed().await?;
        }
        self.next_piece(Which::All);
        self.flush().await?;
        let before = counters.stats();
        let from = self.piece.number();
        for shard in 0..shards() {
            self.collect(shard, Which::All).await?;
        }
        self.next_piece(Which::All);
        self.flush().await?;
        self.valid_from = from;
        self.write_head(true).await?;
        // All is kept by now; the next life tidies up what this one does not.
        let tidying = self.places.forget_free(&*self.store);
        let _tidied = self.held.during(None, tidying).await;
        // The next server begins its timestamps after the head's, whatever its clock says: what it writes in a place that
        // was given back just now must not be older than that. If the store is away the lock stays for longer than clocks
        // are apart.
        let _again = self.write_head(true).await;
        let after = counters.stats();
        Ok(Written {
            entries: after.entries - before.entries,
            bytes: after.bytes - before.bytes,
        })
    }
}

fn title(which: Which, incarnation: u64, number: u64) -> PieceTitle {
    PieceTitle {
        scope: which.scope(),
        shards: shards(),
        incarnation,
        number,
    }
}

fn shards() -> u8 {
    u8::try_from(SHARDS).expect("few shards")
}
