//! Tests of the lease machine: its rules one by one, and many holders on one row under every fault
//! (`simulation`).

mod crashes;
mod desk;
mod network;
mod random;
mod rules;
mod simulation;
mod store;
mod world;

use quorate_core::grant::GrantOutcome;

use super::{Effect, Errand, Flight, Lease};

/// What a test breaks on purpose, to see that the simulation notices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Broken {
    /// Credits a take that nobody said the outcome of.
    CreditOnTimeout,
    /// Takes the first read that shows the version unmoved for proof that a move never applies: asks for other units,
    /// and gives to the balance again what was to be returned.
    TrustOneRead,
    /// Forgets a move of unknown outcome, and makes another for the row as it is.
    FreshVersion,
    /// Takes any change of its holding for its take having applied, a fold included.
    TakeByDifference,
    /// Writes its holding from memory, not from the row. Done by the simulated driver.
    HoldingFromMemory,
    /// Takes a change of the cap of unknown outcome for one that never applies.
    ForgetCap,
    /// Returns units while the balance still has them. Done by the simulated driver.
    ReturnBeforeWithdrawing,
}

/// Breaks a rule, where the machine is told what came of an operation.
pub(super) fn sabotage(
    lease: &mut Lease,
    flight: &Flight,
    outcome: GrantOutcome,
    effects: &mut Vec<Effect>,
) -> GrantOutcome {
    if lease.broken == Some(Broken::ForgetCap) {
        lease.cap_in_doubt = None;
    }
    let (Some(broken), Some(pending)) = (lease.broken, lease.pending) else {
        return outcome;
    };
    match (broken, &outcome) {
        (Broken::CreditOnTimeout, GrantOutcome::Unknown) if matches!(flight.errand, Errand::Move) => {
            return GrantOutcome::Applied;
        }
        (Broken::TrustOneRead, GrantOutcome::Row(Some(row))) if row.version == pending.change.version => {
            lease.pending = None;
            let units = lease.books.keep(false);
            if units > 0 {
                effects.push(Effect::Credit { units, overage: 0 });
            }
        }
        (Broken::FreshVersion, GrantOutcome::Row(_)) => lease.pending = None,
        (Broken::TakeByDifference, GrantOutcome::Row(Some(row)))
            if pending.is_take() && row.holding(lease.holder) != pending.before =>
        {
            lease.pending = None;
            lease.settle(&pending, true, effects);
        }
        _ => {}
    }
    outcome
}
