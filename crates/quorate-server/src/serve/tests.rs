//! A whole server in this process: its doors, who may come in, what it refuses, how it goes.

mod doors;
mod going;
mod refusals;
mod reloading;
mod running;
