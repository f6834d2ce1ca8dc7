//! Files of other formats.

use redb::backends::InMemoryBackend;
use redb::{Database, ReadableTable};

use super::*;

const DATA: TableDefinition<'static, &'static str, &'static str> = TableDefinition::new("data");

fn empty() -> Database {
    Database::builder().create_with_backend(InMemoryBackend::new()).unwrap()
}

/// A file of a format, in which somebody has written what migrations were done to it.
fn of(version: u64) -> Database {
    let database = empty();
    let transaction = database.begin_write().unwrap();
    write(&transaction, version).unwrap();
    transaction.open_table(DATA).unwrap().insert("done", "").unwrap();
    transaction.commit().unwrap();
    database
}

fn note(transaction: &WriteTransaction, what: &str) -> Result<(), Fault> {
    let mut table = transaction.open_table(DATA)?;
    let done = table
        .get("done")?
        .map_or_else(String::new, |done| done.value().to_owned());
    table.insert("done", format!("{done}{what}").as_str())?;
    Ok(())
}

fn done(database: &Database) -> String {
    let transaction = database.begin_read().unwrap();
    let table = transaction.open_table(DATA).unwrap();
    table.get("done").unwrap().unwrap().value().to_owned()
}

const STEPS: [Migration; 3] = [
    |transaction| note(transaction, "2"),
    |transaction| note(transaction, "3"),
    |transaction| note(transaction, "4"),
];

fn version(database: &Database) -> u64 {
    read(database).unwrap().unwrap().version
}

#[test]
fn what_this_version_makes_it_knows() {
    let database = empty();
    found(&database).unwrap();
    assert_eq!(settle(&database).unwrap(), Found::Known);
    assert_eq!(version(&database), FORMAT);
    assert_eq!(FORMAT, u64::try_from(MIGRATIONS.len()).unwrap() + 1);
}

#[test]
fn older_files_are_migrated_in_order_from_where_they_are() {
    for (from, expected) in [(1, "234"), (2, "34"), (3, "4"), (4, "")] {
        let database = of(from);
        assert_eq!(settle_by(&database, &STEPS).unwrap(), Found::Known);
        assert_eq!(done(&database), expected);
        assert_eq!(version(&database), 4);
    }
}

#[test]
fn a_migration_that_fails_leaves_the_step_before() {
    let failing: [Migration; 3] = [
        STEPS[0],
        |transaction| {
            note(transaction, "half")?;
            Err(StoreError::Corrupt("broken".to_owned()).into())
        },
        STEPS[2],
    ];
    let database = of(1);
    settle_by(&database, &failing).unwrap_err();
    assert_eq!((done(&database).as_str(), version(&database)), ("2", 2));
    assert_eq!(settle_by(&database, &STEPS).unwrap(), Found::Known);
    assert_eq!((done(&database).as_str(), version(&database)), ("234", 4));
}

#[test]
fn newer_files_are_left_alone() {
    let database = of(5);
    let found = settle_by(&database, &STEPS).unwrap();
    let format = Format {
        version: 5,
        written_by: env!("CARGO_PKG_VERSION").to_owned(),
    };
    assert_eq!(found, Found::Newer(format));
    assert_eq!(done(&database), "");
}

#[test]
fn somebody_elses_files_are_left_alone() {
    assert_eq!(settle(&empty()).unwrap(), Found::Foreign);
}
