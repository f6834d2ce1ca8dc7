//! The driver against the real embedded store, well and not: nothing is gained or lost, and whatever breaks is told.

mod breaking;
mod keeping;
mod reloading;
mod rig;
