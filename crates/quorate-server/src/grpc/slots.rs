//! Giving concurrency slots back and keeping them.

use quorate_api::v1;
use quorate_core::answer::DecisionId;
use quorate_core::request::ORG_BYTES_MAX;

use super::decisions::Decisions;
use super::status::CallError;
use crate::callers::Identity;

impl Decisions {
    /// Gives a slot back.
    pub(super) fn release(
        &self,
        identity: &Identity,
        message: &v1::ReleaseSlotRequest,
    ) -> Result<v1::ReleaseSlotResponse, CallError> {
        let (org, decision) = slot(identity, &message.org, &message.decision_id)?;
        Ok(v1::ReleaseSlotResponse {
            released: self.edge().node.release_slot(org, decision),
        })
    }

    /// Starts a slot's time to live anew.
    pub(super) fn extend(
        &self,
        identity: &Identity,
        message: &v1::ExtendSlotRequest,
    ) -> Result<v1::ExtendSlotResponse, CallError> {
        let (org, decision) = slot(identity, &message.org, &message.decision_id)?;
        let expires_after_ns = self.edge().node.extend_slot(org, decision);
        Ok(v1::ExtendSlotResponse {
            extended: expires_after_ns.is_some(),
            expires_after_ns: expires_after_ns.unwrap_or_default(),
        })
    }
}

/// Which slot is meant.
fn slot<'a>(identity: &Identity, org: &'a str, decision_id: &str) -> Result<(&'a str, DecisionId), CallError> {
    let field = |field, problem: &str| CallError::Field {
        field,
        problem: problem.to_owned(),
    };
    if org.is_empty() {
        return Err(field(
            "org",
            "it must be set, to the org that the decision was charged to",
        ));
    }
    if org.len() > ORG_BYTES_MAX {
        return Err(field("org", "it is longer than any org may be"));
    }
    if decision_id.is_empty() {
        return Err(field(
            "decision_id",
            "it must be set, to the decision that took the slot",
        ));
    }
    let decision = decision_id
        .parse::<DecisionId>()
        .map_err(|malformed| field("decision_id", &malformed.to_string()))?;
    identity.org(org)?;
    Ok((org, decision))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(org: &str, decision_id: &str) -> String {
        slot(&Identity::Anyone, org, decision_id)
            .expect_err("this slot is malformed")
            .to_string()
    }

    #[test]
    fn what_is_missing_or_malformed_is_named() {
        let id = DecisionId(7).to_string();
        assert_eq!(slot(&Identity::Anyone, "acme", &id), Ok(("acme", DecisionId(7))));
        assert!(problem("", &id).starts_with("org:"));
        assert!(problem(&"a".repeat(ORG_BYTES_MAX + 1), &id).starts_with("org:"));
        assert!(problem("acme", "").starts_with("decision_id:"));
        assert!(problem("acme", "not-an-id").starts_with("decision_id: not a decision id"));
    }
}
