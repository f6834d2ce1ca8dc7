//! Real servers on a real database that fails them: `kill -9` of either, halts, and faults of the wire between.
//!
//! - `failing`: two servers on one keyspace under load, whatever fails;
//! - `away`: what is answered while the database is away, and what becomes of it afterwards;
//! - `kept`: one server alone, stopped and killed: what it keeps and what it forgets.
//!
//! Units are counted by the callers.

mod away;
mod failing;
mod kept;
mod load;
mod plan;
mod report;
mod rounds;
mod scene;
