//! The crate as its users see it: what the reference was recorded to answer, and laws over generated rules and requests.

mod answers;
mod case;
mod charging;
mod configs;
mod counters;
mod differences;
mod hostile;
mod mapped;
mod matching;
mod recordings;
