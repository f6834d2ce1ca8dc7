//! Rows are cut into batches that the database takes, and none is lost.

use uuid::Uuid;

use super::{BATCH_BYTES, BATCH_ROWS, TTL_MAX_S, Written, batches, ttl_s};

fn row(number: usize, name_bytes: usize) -> Written {
    let number = i64::try_from(number).expect("small");
    (
        "acme".to_owned(),
        0,
        0,
        "k".repeat(name_bytes),
        "GET /".to_owned(),
        "requests".to_owned(),
        Uuid::nil(),
        number,
        number,
        0,
    )
}

#[test]
fn every_row_is_in_one_batch_in_its_order() {
    for count in [0, 1, BATCH_ROWS, BATCH_ROWS + 1, 5 * BATCH_ROWS + 7] {
        let rows: Vec<Written> = (0..count).map(|number| row(number, 8)).collect();
        let cut = batches(&rows);
        assert_eq!(cut.concat(), rows);
        assert_eq!(cut.len(), count.div_ceil(BATCH_ROWS));
    }
}

#[test]
fn long_names_make_short_batches() {
    let rows: Vec<Written> = (0..300).map(|number| row(number, 4_000)).collect();
    let cut = batches(&rows);
    assert_eq!(cut.concat(), rows);
    for batch in cut {
        assert!(batch.iter().map(|row| row.3.len()).sum::<usize>() <= BATCH_BYTES);
    }
}

#[test]
fn a_row_that_is_too_long_for_any_batch_is_alone() {
    let rows = [row(0, 8), row(1, BATCH_BYTES + 1), row(2, 8)];
    let lengths: Vec<usize> = batches(&rows).iter().map(|batch| batch.len()).collect();
    assert_eq!(lengths, [1, 1, 1]);
}

#[test]
fn a_row_is_written_with_the_time_that_it_has() {
    assert_eq!(ttl_s(Some(0)), None, "its life is over");
    assert_eq!(ttl_s(Some(1)), Some(1));
    assert_eq!(ttl_s(Some(TTL_MAX_S)), Some(630_720_000));
    assert_eq!(ttl_s(Some(TTL_MAX_S + 1)), Some(0), "longer than can be said");
    assert_eq!(ttl_s(None), Some(0), "for ever");
}
