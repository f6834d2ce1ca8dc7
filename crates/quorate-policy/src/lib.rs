//! The policy of quorate: documents that people write, every problem of them at once, and the immutable, numbered set
//! of limits that decisions are made against.
//!
//! The way of a document: [`Source`] text → nodes that know where they stand (`yaml`) → the shape that the tables
//! state (`shape`) → the rules of each thing (`lower`) and of the whole (`rules`) → [`Checked`] → [`PolicySet`].
//! A request meets the set in [`PolicySet::resolve`], which says what applies to it; counting is the core's business
//! (`quorate-core`). `docs/policy.md` is the reference of the language.
//!
//! Nothing here reads a file, a clock or the environment: text and time are arguments.

mod checked;
mod fields;
mod lower;
mod model;
mod names;
mod per;
mod problems;
mod reference;
mod report;
mod routes;
mod rules;
mod scalar;
mod schema;
mod set;
mod shape;
mod suggest;
mod template;
mod yaml;

pub use checked::{Checked, Counts, check};
pub use model::OnUnavailable;
pub use reference::{REFERENCE_YAML, reference};
pub use report::{Place, Problem, Report};
pub use schema::schema;
pub use set::explain::{ExplainedLimit, ExplainedQuota, Explanation, Step};
pub use set::{Bounds, HeaderProfile, PolicySet, QuotaDefinition, QuotaPeriod, Resolved, Verdict};

/// Reading YAML with places, and reporting what is wrong there: for other languages than the policy's that are written in
/// such files.
pub mod document {
    pub use crate::checked::SOURCE_BYTES_MAX;
    pub use crate::problems::{Found, Problems, Spot, shown};
    pub use crate::report::Level;
    pub use crate::suggest::help as suggestion;
    pub use crate::yaml::{Dialect, Entry, Node, Tags, Value, parse_as as parse};
}

/// One file of a policy, already read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// How problems name it: its path as it was given.
    pub name: String,
    /// What it holds.
    pub text: String,
}
