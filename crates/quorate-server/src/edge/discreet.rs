//! What a denial does not tell: to whom a key belongs that is not the org's that was named. A caller that may ask for one
//! org only must not learn of another's keys and plans by guessing.

use quorate_core::answer::{Answer, DecidedBy, Reason};

/// The answer to a request that named `org`, as its caller may see it; `None` where that is all of it.
pub fn discreet<'a>(answer: &Answer<'a>, org: &'a str) -> Option<Answer<'a>> {
    if answer.reason != Reason::OrgMismatch {
        // Before anything is copied: an answer is large, and hardly one hides anything.
        return None;
    }
    Some(Answer {
        by: DecidedBy {
            org,
            plan: "",
            ..answer.by
        },
        ..answer.clone()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::test_answer;

    #[test]
    fn a_mismatch_names_the_org_that_was_asked_for() {
        let hidden = discreet(&test_answer(Reason::OrgMismatch), "asked").map(|answer| answer.by);
        assert_eq!(hidden.map(|by| (by.org, by.plan)), Some(("asked", "")));
        assert!(discreet(&test_answer(Reason::RateLimited), "asked").is_none());
    }
}
