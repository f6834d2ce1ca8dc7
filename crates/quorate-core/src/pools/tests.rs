//! Pools that lend only what is deducted.
