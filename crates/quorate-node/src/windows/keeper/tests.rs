//! The keeper on a store that remembers every state it was in, so that a crash may come after any write.

mod crashes;
mod store;
mod trouble;
