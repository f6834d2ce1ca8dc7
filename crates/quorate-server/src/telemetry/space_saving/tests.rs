//! The promises of Space-Saving against a plain count.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::SpaceSaving;

fn count_all(capacity: usize, stream: &[u8]) -> (SpaceSaving, BTreeMap<String, u64>) {
    let mut sketch = SpaceSaving::new(capacity);
    let mut exact = BTreeMap::new();
    for element in stream {
        let name = element.to_string();
        sketch.count("org", &name);
        *exact.entry(name).or_insert(0) += 1;
    }
    (sketch, exact)
}

proptest! {
    #[test]
    fn counts_are_bounded_on_both_sides(
        capacity in 1_usize..20,
        // Squares make small numbers frequent.
        stream in prop::collection::vec((0_u8..16, 0_u8..16).prop_map(|(a, b)| a.min(b) * 3 / 2 + a / 8), 0..600),
    ) {
        let (sketch, exact) = count_all(capacity, &stream);
        let seen = u64::try_from(stream.len()).expect("short");
        let share = seen / u64::try_from(capacity).expect("small");
        let mut placed = BTreeMap::new();
        for counted in sketch.counted() {
            let true_count = exact[&counted.second];
            prop_assert!(counted.count >= true_count, "{counted:?} occurred {true_count} times");
            prop_assert!(counted.count - counted.error <= true_count, "{counted:?} occurred {true_count} times");
            prop_assert!(counted.error <= share, "{counted:?} of {seen}");
            prop_assert!(placed.insert(counted.second.clone(), counted.count).is_none(), "{counted:?} twice");
        }
        prop_assert_eq!(placed.len(), exact.len().min(capacity));
        prop_assert_eq!(placed.values().sum::<u64>(), seen);
        for (name, true_count) in &exact {
            prop_assert!(*true_count <= share || placed.contains_key(name), "{} is missing", name);
            prop_assert!(placed.contains_key(name) || *true_count <= sketch.floor());
        }
    }

    #[test]
    fn with_room_for_all_counts_are_exact(stream in prop::collection::vec(0_u8..30, 0..300)) {
        let (sketch, exact) = count_all(30, &stream);
        let counted: BTreeMap<_, _> = sketch.counted().map(|it| (it.second.clone(), it.count)).collect();
        prop_assert_eq!(counted, exact);
        prop_assert!(sketch.counted().all(|it| it.error == 0));
    }
}

#[test]
fn a_pair_is_not_its_concatenation() {
    let mut sketch = SpaceSaving::new(4);
    sketch.count("ab", "c");
    sketch.count("a", "bc");
    assert_eq!(sketch.counted().count(), 2);
}
