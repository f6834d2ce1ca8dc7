//! Durable quotas without a database trip per decision: calendar periods, and the machine that leases units from a
//! quota's row. Pure: it reads no clock and does no I/O; what should be done is returned as effects.
//!
//! - [`calendar`]: which period an instant lies in, in an org's time zone;
//! - [`lease`]: one process and one row: takes units, returns them, settles what nobody knows the outcome of;
//! - [`periods`]: one account: the leases on the row of this period, the next, and those that ended;
//! - [`bounds`]: every number, and why it is that.
//!
//! The protocol, its proof and what is stranded when are in `docs/quotas.md`.
//!
//! # Driving it
//!
//! A local balance is two counters per lease: `credited` and `spent`, both only ever compared. A decision is
//! `spent + cost <= credited`, and then `spent += cost`. The driver keeps four promises:
//!
//! 1. Effects on balances are applied before the next event of that account is handled: handle and apply under the lock
//!    that decisions take, and send afterwards.
//! 2. Every `Send` is done once, never repeated, and gets exactly one `Outcome`: `Unknown` after a timeout or a broken
//!    connection, `NotTried` only when nothing was sent. An answer that comes after that is dropped.
//! 3. `spent` in an event is the total of that lease, now.
//! 4. A balance is made at `Open` and dropped at `Forget`, or with the whole account at `Settled` and `Closed`.
//!
//! ```
//! use std::collections::BTreeMap;
//! use quorate_core::grant::{Grant, GrantOperation, GrantOutcome, HolderId};
//! use quorate_core::time::Now;
//! use quorate_quota::calendar::{Calendar, CalendarKind};
//! use quorate_quota::lease::{self, Kind, Terms};
//! use quorate_quota::periods::{Effect, Event, Leases};
//!
//! #[derive(Default)]
//! struct Balance { credited: u64, spent: u64 }
//!
//! # fn store(row: &mut Option<Grant>, operation: GrantOperation) -> GrantOutcome {
//! #     match (operation, row) {
//! #         (GrantOperation::Read, row) => GrantOutcome::Row(row.clone()),
//! #         (GrantOperation::Create { limit }, row @ None) => {
//! #             *row = Some(Grant { limit, ..Grant::default() });
//! #             GrantOutcome::Applied
//! #         }
//! #         (GrantOperation::Move(change), Some(row)) if change.version == row.version => {
//! #             row.version += 1;
//! #             row.granted = change.granted;
//! #             row.holdings.insert(change.holder, change.holding);
//! #             GrantOutcome::Applied
//! #         }
//! #         _ => GrantOutcome::Refused,
//! #     }
//! # }
//! # let mut row = None;
//! # let now = Now::at(1_793_491_200_000_000_000);
//! let terms = Terms::new(1_000, Kind::Hard, [80, 100].into());
//! let calendar = Calendar::new(CalendarKind::Month, 1, "Europe/Berlin")?;
//! let holder = HolderId(0x5eed); // fresh at every start of the process
//! let mut effects = Vec::new();
//! let mut leases = Leases::new(holder, 17, terms, calendar, now, &mut effects);
//! let mut balances = BTreeMap::new();
//! let mut current = None;
//!
//! let mut events: Vec<Event> = Vec::new();
//! let cost = 5;
//! let mut allowed = false;
//! loop {
//!     for effect in effects.drain(..) {
//!         match effect {
//!             Effect::Open { lease, .. } => { balances.insert(lease, Balance::default()); }
//!             Effect::Turn { lease, .. } => current = Some(lease),
//!             Effect::Forget { lease } => { balances.remove(&lease); }
//!             Effect::Lease { lease, effect } => {
//!                 let balance = balances.get_mut(&lease).expect("it was opened");
//!                 match effect {
//!                     lease::Effect::Credit { units, .. } => balance.credited += units,
//!                     lease::Effect::Withdraw { up_to } => {
//!                         let units = up_to.min(balance.credited.saturating_sub(balance.spent));
//!                         balance.credited -= units;
//!                         let event = lease::Event::Withdrawn { units, spent: balance.spent };
//!                         events.push(Event::Lease { lease, event });
//!                     }
//!                     // A real driver sends it to the row `…/month/2026-11-01` without a lock held, and goes on.
//!                     lease::Effect::Send { id, operation } => {
//!                         let outcome = store(&mut row, operation);
//!                         let event = lease::Event::Outcome { id, outcome };
//!                         events.push(Event::Lease { lease, event });
//!                     }
//!                     // Known: what answers say remains. Exhausted: deny what waits. Alert: tell people.
//!                     _ => {}
//!                 }
//!             }
//!             // Wake: a timer. Settled, Closed: forget the account.
//!             _ => {}
//!         }
//!     }
//!     if let Some(event) = events.pop() {
//!         leases.handle(now, event, &mut effects);
//!         continue;
//!     }
//!     // The decision, and what it needs when the balance is short.
//!     let lease = current.expect("a turn comes first");
//!     let balance = balances.get_mut(&lease).expect("it was opened");
//!     if allowed {
//!         break;
//!     } else if balance.spent + cost <= balance.credited {
//!         balance.spent += cost;
//!         allowed = true;
//!     } else {
//!         let event = lease::Event::Need { cost, queued: cost, spent: balance.spent };
//!         events.push(Event::Lease { lease, event });
//!     }
//! }
//! assert_eq!(row.expect("it was made").granted, 5);
//! # Ok::<(), quorate_quota::calendar::CalendarError>(())
//! ```

pub mod bounds;
pub mod calendar;
pub mod lease;
mod mix;
pub mod periods;
