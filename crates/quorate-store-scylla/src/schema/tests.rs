//! The list of migrations is in order, and what a statement is called shows nothing but its beginning.

use std::time::Duration;

use super::STATEMENT_TIMEOUT;
use super::lock::HELD_S;
use super::tables::{FOUNDATION, MIGRATIONS, SCYLLA_EXTRAS};
use crate::config::{MIGRATION_TIMEOUT, ScyllaConfig};

#[test]
fn migrations_are_numbered_from_one_without_a_gap() {
    let numbers: Vec<i32> = MIGRATIONS.iter().map(|migration| migration.version).collect();
    let expected: Vec<i32> = (1..).take(numbers.len()).collect();
    assert_eq!(numbers, expected);
    assert_eq!(super::LATEST, *expected.last().expect("there is one"));
}

#[test]
fn a_lock_outlives_every_statement_and_nobody_gives_up_before_a_dead_ones_ends() {
    let held = Duration::from_secs(HELD_S.unsigned_abs().into());
    assert!(held > STATEMENT_TIMEOUT, "it would be lost between two renewals");
    let config = ScyllaConfig::parse("scylla://db1/quorate").expect("well-formed");
    assert_eq!(config.migration_timeout, MIGRATION_TIMEOUT);
    // Once it has ended, asking for it is one more statement.
    assert!(config.migration_timeout >= held + STATEMENT_TIMEOUT);
}

#[test]
fn every_statement_may_run_twice_and_names_no_vendor() {
    let statements = MIGRATIONS
        .iter()
        .flat_map(|migration| migration.statements)
        .chain(&FOUNDATION);
    for statement in statements {
        assert!(statement.starts_with("CREATE TABLE IF NOT EXISTS $."), "{statement}");
        for word in ["tablets", "TIMEOUT", "paxos_grace", "counter"] {
            assert!(!statement.contains(word), "{word} in {statement}");
        }
    }
    assert!(
        SCYLLA_EXTRAS
            .iter()
            .all(|statement| statement.starts_with("ALTER TABLE $."))
    );
}
