//! Slots never overlap, pages come and go, and memory knows of every byte.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::window::exact::cases;

#[derive(Clone, Debug)]
enum Step {
    Take(usize),
    /// Gives back one of those taken; the place is taken modulo their number.
    Give(usize),
    GiveAll,
    Scan(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        8 => (0_usize..CLASS_WORDS.len()).prop_map(Step::Take),
        4 => Just(Step::Take(23)),
        4 => any::<usize>().prop_map(Step::Give),
        1 => Just(Step::GiveAll),
        1 => (0_usize..100).prop_map(Step::Scan),
    ];
    proptest::collection::vec(step, 1..200)
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn every_slot_keeps_its_words(steps in steps(), max in prop_oneof![Just(u64::MAX), 0_u64..200_000]) {
        let memory = Memory::new(max);
        let (mut slab, mut taken) = (Slab::default(), BTreeMap::<SlotRef, u16>::new());
        for (number, step) in steps.into_iter().enumerate() {
            let mark = u16::try_from(number).expect("few steps");
            match step {
                Step::Take(class) => {
                    if slab.reserve(class, 1, &memory, Claim::Declared) {
                        let slot = slab.take(class).expect("one was reserved");
                        prop_assert_eq!(slab.words(slot).len(), class_words(class));
                        slab.words_to_write(slot, false).fill(mark);
                        prop_assert_eq!(taken.insert(slot, mark), None, "taken twice");
                    } else {
                        prop_assert!(memory.taken() + 17_000 > max);
                    }
                }
                Step::Give(which) => {
                    let slot = taken.keys().nth(which % taken.len().max(1)).copied();
                    if let Some(slot) = slot {
                        taken.remove(&slot);
                        slab.give(slot, &memory);
                    }
                }
                Step::GiveAll => {
                    for slot in core::mem::take(&mut taken).into_keys() {
                        slab.give(slot, &memory);
                    }
                    // At most one page a class waits for what may come.
                    prop_assert!(slab.pages.iter().flatten().count() <= CLASS_WORDS.len());
                }
                Step::Scan(step) => {
                    let (mut at, mut found) = (SlotRef(0), Vec::new());
                    loop {
                        let mut budget = step + 1;
                        let (slot, next) = slab.scan(at, &mut budget);
                        found.extend(slot);
                        let Some(next) = next else { break };
                        prop_assert!(next > at || budget > 0 || slot.is_some());
                        at = next;
                    }
                    prop_assert!(found.iter().eq(taken.keys()));
                }
            }
            for (slot, mark) in &taken {
                prop_assert!(slab.words(*slot).iter().all(|word| word == mark), "overwritten");
            }
            prop_assert_eq!(memory.taken(), slab.bytes());
            let pages: u64 = slab.pages.iter().flatten().map(|page| page_bytes(&page.words)).sum();
            prop_assert_eq!(slab.bytes(), pages);
        }
    }
}

#[test]
fn classes_rise_and_the_largest_holds_the_largest_entry() {
    assert!(CLASS_WORDS.is_sorted());
    for words in 1..=CLASS_WORDS[23] {
        let class = class_for(words).expect("no more than the largest");
        assert!(class_words(class) >= words && (class == 0 || class_words(class - 1) < words));
    }
    assert_eq!(class_for(CLASS_WORDS[23] + 1), None);
    let counters = crate::limit::COUNTERS_PER_REQUEST_MAX;
    let largest = super::super::entry::PREFIX_WORDS + counters * (7 + crate::window::sliding::STAMPS_MAX);
    assert!(class_for(largest).is_some());
}

#[test]
fn a_sweep_passes_vacant_pages_at_its_own_pace() {
    let memory = Memory::new(u64::MAX);
    let mut slab = Slab::default();
    let mut slots = Vec::new();
    for _ in 0..3_000 {
        assert!(slab.reserve(23, 1, &memory, Claim::Declared));
        slots.extend(slab.take(23));
    }
    let last = slots.pop().expect("many");
    slab.words_to_write(last, false).fill(0);
    for slot in slots {
        slab.give(slot, &memory);
    }
    let (mut at, mut scans) = (SlotRef(0), 0);
    let found = loop {
        let mut budget = 10;
        let (found, next) = slab.scan(at, &mut budget);
        scans += 1;
        match (found, next) {
            (Some(found), _) => break found,
            (None, next) => at = next.expect("one is left"),
        }
    };
    assert_eq!(found, last);
    assert!(scans > 50, "{scans} scans of ten pages each");
}
