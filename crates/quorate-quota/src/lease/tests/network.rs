//! What is under way between holders and the row: lost, late, twice, in any order.

use quorate_core::grant::{GrantOperation, GrantOutcome};

use super::super::OperationId;
use super::random::Random;

/// How much goes wrong, in cases of a thousand.
#[derive(Clone, Copy, Debug)]
pub(super) struct Faults {
    /// A request never arrives.
    pub(super) lose_request: u64,
    /// It is answered that nobody knows, and it arrives at some later time.
    pub(super) late: u64,
    /// A request arrives twice.
    pub(super) twice: u64,
    /// A request arrived, and nobody hears of it.
    pub(super) lose_reply: u64,
    /// The driver forgets to say what came of an operation.
    pub(super) forget: u64,
}

impl Faults {
    pub(super) const NONE: Self = Self {
        lose_request: 0,
        late: 0,
        twice: 0,
        lose_reply: 0,
        forget: 0,
    };

    /// Some runs are calm, some have one fault, some have all.
    pub(super) fn draw(random: &mut Random) -> Self {
        let mut fault = || {
            let often = random.pick(&[0, 0, 20, 100, 300]);
            random.below(often + 1)
        };
        Self {
            lose_request: fault(),
            late: fault(),
            twice: fault(),
            lose_reply: fault(),
            forget: fault() / 10,
        }
    }
}

/// One message. `node` is the process that asked.
#[derive(Clone, Debug)]
pub(super) struct Message {
    pub(super) node: usize,
    pub(super) id: OperationId,
    pub(super) content: Content,
}

#[derive(Clone, Debug)]
pub(super) enum Content {
    /// On its way to the row, which will answer.
    Request(GrantOperation),
    /// On its way to the row, and nobody waits for an answer any more.
    Late(GrantOperation),
    /// On its way back.
    Reply(GrantOutcome),
}
