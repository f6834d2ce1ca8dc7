//! Whatever the rows and wherever they are, the merged order is that of one sorted list.

use std::cell::RefCell;
use std::collections::BTreeMap;

use futures_util::FutureExt;

use super::in_order;

/// Rows in partitions, and how often they were asked.
struct Shelves {
    rows: Vec<BTreeMap<u32, ()>>,
    asked: RefCell<usize>,
}

impl Shelves {
    fn new(partitions: usize, rows: impl IntoIterator<Item = u32>, place: impl Fn(u32) -> usize) -> Self {
        let mut shelves = vec![BTreeMap::new(); partitions];
        for row in rows {
            shelves[place(row)].insert(row, ());
        }
        Self {
            rows: shelves,
            asked: RefCell::new(0),
        }
    }

    fn read(&self, after: Option<u32>, max: usize) -> Vec<u32> {
        let partitions = i32::try_from(self.rows.len()).expect("few");
        let fetch = |partition: i32, after: Option<u32>, max: usize| {
            *self.asked.borrow_mut() += 1;
            let shelf = &self.rows[usize::try_from(partition).expect("positive")];
            let rows = shelf.range(after.map_or(0, |after| after + 1)..).take(max);
            let rows: Vec<(u32, ())> = rows.map(|(key, ())| (*key, ())).collect();
            std::future::ready(Ok(rows))
        };
        let merged = in_order(partitions, after, max, fetch)
            .now_or_never()
            .expect("nothing to wait for");
        merged
            .expect("nothing fails")
            .into_iter()
            .map(|(key, ())| key)
            .collect()
    }
}

#[test]
fn rows_come_in_one_order_wherever_they_are() {
    let places: [fn(u32) -> usize; 3] = [
        |row| usize::try_from(row % 7).expect("small"),
        // All in one partition.
        |_| 3,
        // Long runs in each.
        |row| usize::try_from(row / 100).expect("small"),
    ];
    for place in places {
        let shelves = Shelves::new(7, 0..600, place);
        for max in [1, 7, 100, 600, 10_000] {
            let expected: Vec<u32> = (0..600).take(max).collect();
            assert_eq!(shelves.read(None, max), expected, "max {max}");
            let expected: Vec<u32> = (250..600).take(max).collect();
            assert_eq!(shelves.read(Some(249), max), expected, "max {max} after 249");
        }
        assert!(shelves.read(Some(599), 10).is_empty());
    }
}

#[test]
fn nothing_is_read_to_say_that_there_is_nothing_wanted() {
    let shelves = Shelves::new(4, 0..10, |_| 0);
    assert!(shelves.read(None, 0).is_empty());
}

#[test]
fn a_page_of_spread_rows_asks_each_partition_about_once() {
    let shelves = Shelves::new(8, 0..8_000, |row| usize::try_from(row % 8).expect("small"));
    assert_eq!(shelves.read(None, 800).len(), 800);
    let asked = *shelves.asked.borrow();
    assert!(asked <= 16, "asked {asked} times");
}
