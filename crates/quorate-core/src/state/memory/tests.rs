//! Who may take how much.

use super::*;

#[test]
fn invented_keys_leave_an_eighth_to_declared_ones() {
    let memory = Memory::new(800);
    assert!(memory.take(700, Claim::Invented));
    assert!(!memory.take(1, Claim::Invented));
    assert!(memory.take(100, Claim::Declared));
    assert!(!memory.take(1, Claim::Declared));
    assert_eq!(memory.taken(), 800);
    assert!(memory.take(50, Claim::Unconditional));
    assert_eq!(memory.taken(), 850);
    memory.give(151);
    assert!(memory.take(1, Claim::Invented));
    memory.give(u64::MAX);
    assert_eq!(memory.taken(), 0);
}

#[test]
fn refusing_takes_nothing() {
    let memory = Memory::new(u64::MAX);
    assert!(memory.take(u64::MAX - 1, Claim::Unconditional));
    assert!(!memory.take(2, Claim::Invented));
    assert_eq!(memory.taken(), u64::MAX - 1);
    assert!(
        memory.take(u64::MAX, Claim::Declared),
        "held at the most that can be told"
    );
}
