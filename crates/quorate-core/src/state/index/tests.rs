//! The index finds what a map finds, in bytes it knows of, and grows in small steps.

use std::cell::Cell;
use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::window::exact::cases;

/// A hash like a fingerprint's: every bit depends on every bit.
fn hash(number: u32) -> u64 {
    let mut bits = u64::from(number).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    bits ^= bits >> 32;
    bits = bits.wrapping_mul(0xD6E8_FEB8_6659_FD93);
    bits ^ bits >> 29
}

fn bytes_of(index: &Index) -> u64 {
    let tables = index.segments.iter().map(HashTable::allocation_size).sum::<usize>();
    u64::try_from(tables + index.segments.len() * size_of::<HashTable<SlotRef>>()).expect("small")
}

proptest! {
    #![proptest_config(cases(40))]

    #[test]
    fn it_finds_what_a_map_finds(steps in proptest::collection::vec((0_u32..6_000, 0_u32..1_500, any::<bool>()), 1..20)) {
        let (mut index, mut map) = (Index::default(), BTreeMap::new());
        // The reference of a number is the number, until it is replaced.
        let hash_of = |at: SlotRef| hash(at.0 & 0xFFFF);
        for (first, count, adds) in steps {
            for number in first..first + count {
                if adds && !map.contains_key(&number) {
                    index.insert(hash(number), SlotRef(number), hash_of);
                    map.insert(number, SlotRef(number));
                } else if adds {
                    let moved = SlotRef(number | 0x1_0000);
                    index.replace(hash(number), map[&number], moved);
                    map.insert(number, moved);
                } else if let Some(at) = map.remove(&number) {
                    index.remove(hash(number), at, hash_of);
                }
            }
            prop_assert_eq!(index.len(), map.len());
            prop_assert_eq!(index.bytes(), bytes_of(&index));
            for number in 0..7_500 {
                let found = index.find(hash(number), |at| at.0 & 0xFFFF == number);
                prop_assert_eq!(found, map.get(&number).copied());
            }
        }
    }
}

/// Growing to a million references moves at most a segment's worth of them at once.
#[test]
fn growing_moves_few_references_at_once() {
    const REFERENCES: u32 = 1_000_000;
    let moved = Cell::new(0_usize);
    let hash_of = |at: SlotRef| {
        moved.set(moved.get() + 1);
        hash(at.0)
    };
    let (mut index, mut worst) = (Index::default(), 0);
    for number in 0..REFERENCES {
        moved.set(0);
        index.insert(hash(number), SlotRef(number), hash_of);
        worst = worst.max(moved.get());
    }
    println!("worst insert of {REFERENCES}: {worst} hashes looked up");
    // A split looks at each reference of a segment twice; one that is split last holds twice the average.
    assert!(worst <= 2 * 2 * SEGMENT_TARGET + SEGMENT_TARGET, "{worst}");
    assert!(index.segments.len() >= 1_000);
    let bytes = index.bytes() / u64::from(REFERENCES);
    assert!(bytes <= 12, "{bytes} bytes a reference");
    for number in (0..REFERENCES).step_by(977) {
        assert_eq!(index.find(hash(number), |at| at.0 == number), Some(SlotRef(number)));
    }
}

#[test]
fn it_shrinks_when_nothing_is_left() {
    let mut index = Index::default();
    let hash_of = |at: SlotRef| hash(at.0);
    for number in 0..20_000 {
        index.insert(hash(number), SlotRef(number), hash_of);
    }
    let full = index.bytes();
    for number in 0..20_000 {
        index.remove(hash(number), SlotRef(number), hash_of);
    }
    assert_eq!(index.len(), 0);
    assert!(index.bytes() < full / 20, "{} bytes of {full} are left", index.bytes());
    assert_eq!(index.bytes(), bytes_of(&index));
}
