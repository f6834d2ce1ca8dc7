//! Laws of the table: that stored cells are what was charged, that memory stays in bounds, and that its shortage and a
//! change of policy let nobody through.
//!
//! Teeth, shown by breaking the code and running these: sweeping away what a longer window of another policy may yet
//! need fails `reload`; an own entry that starts fresh beside a live overflow entry, and overflow entries for orgs that
//! anybody can invent, taken whatever the bound, fail `pressure`; sweeping between two stores of one request fails
//! `known::an_idle_entry…`.

mod fixture;
mod known;
mod pressure;
mod reload;
