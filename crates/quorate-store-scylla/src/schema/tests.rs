//! The list of migrations is in order, and what a statement is called shows nothing but its beginning.

use super::tables::{FOUNDATION, MIGRATIONS, SCYLLA_EXTRAS};

#[test]
fn migrations_are_numbered_from_one_without_a_gap() {
    let numbers: Vec<i32> = MIGRATIONS.iter().map(|migration| migration.version).collect();
    let expected: Vec<i32> = (1..).take(numbers.len()).collect();
    assert_eq!(numbers, expected);
    assert_eq!(super::LATEST, *expected.last().expect("there is one"));
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
