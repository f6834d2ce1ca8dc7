//! Laws of the sliding window, each held against a history that forgets nothing ([`crate::window::exact`]).
//!
//! Teeth, shown by breaking the code and running these:
//! - rounding a recorded time down (`Tick::ceil`): `safety::every_window…`, `exactness::never_early…`, both laws of
//!   `carry` on safety;
//! - keeping the earlier time when groups merge (`Log::coarsen`): `safety::every_window…`,
//!   `state::coarsening_and_refining…`;
//! - freeing a tick early (`Tick::last_dead`): `safety::every_window…`, `exactness::on_ticks…`, `widths::the_oldest…`;
//!   a tick late: `exactness::on_ticks…`, `safety::a_denial…`;
//! - losing units in `Log::coarsen` or `Log::refine`: `state::used_changes…`;
//! - refining further than there are stamps, or than the limit fits (`Log::refine`): `state::a_log_…`;
//! - carrying over rounded down, or beyond what 16 bits tell (`Log::carried`): `carry`;
//! - leaving the rest of a refunded group at a later time (`Log::refund`): `state::what_a_refund_leaves…`;
//! - trusting the newest time of an empty log: `crate::state::entry`'s `an_empty_log_freezes_nothing`.

mod carry;
mod exactness;
mod history;
mod safety;
mod state;
mod widths;
