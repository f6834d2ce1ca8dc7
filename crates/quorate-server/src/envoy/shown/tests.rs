//! Which of two parts of a request the headers tell.

use super::Shown;

/// Which is told: the one at `place`, of statuses that are given as place, whether they deny, and what remains.
fn told(one: (usize, bool, u64), other: (usize, bool, u64)) -> usize {
    let shown = |(place, denies, remaining)| Shown {
        place,
        denies,
        remaining,
        headers: Vec::new(),
    };
    let told = shown(one).or(shown(other)).place;
    assert_eq!(told, shown(other).or(shown(one)).place, "whichever part is named first");
    told
}

#[test]
fn the_last_that_denies_is_told_else_the_one_with_the_least_remaining() {
    assert_eq!(told((0, true, 0), (1, true, 7)), 1);
    assert_eq!(told((0, true, 7), (1, false, 0)), 0);
    assert_eq!(told((0, false, 0), (1, true, 7)), 1);
    assert_eq!(told((0, false, 3), (1, false, 2)), 1);
    assert_eq!(told((0, false, 2), (1, false, 3)), 0);
    assert_eq!(told((0, false, 2), (1, false, 2)), 0, "the first of equal ones");
}
