//! Spreads callers who are told to come back: a random addition to the time, for those who ask for it.

use quorate_core::answer::{Answer, Retry};
use rand::Rng;

/// The addition is at most 1 / this of the time itself.
const SHARE: u64 = 10;

/// The answer, its retry put off by a random addition of up to a tenth. Headers made of it say the same.
pub fn jittered<'a>(answer: &Answer<'a>) -> Answer<'a> {
    let mut answer = answer.clone();
    if let Retry::After(exact) = answer.retry {
        let later = rand::rng().random_range(0..=exact / SHARE);
        answer.retry = Retry::After(exact.saturating_add(later));
    }
    answer
}
