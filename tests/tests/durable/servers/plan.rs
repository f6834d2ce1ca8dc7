//! What is going to fail, and when: from a seed, so that a run can be repeated.

use std::time::Duration;

use crate::proxy::{Fault, Said};

/// In the text of a move, and of no other statement.
pub const MOVE: &str = "SET granted";
/// In the text of the serial read of a row, and of no other statement.
const READ: &str = "SELECT cap, granted, version, holdings FROM";
/// Longer than a server waits for an answer: what it has given up arrives later.
const TOO_LATE: Duration = Duration::from_secs(4);
const LATE: Duration = Duration::from_secs(2);

/// A fault on the way to the database.
#[derive(Clone, Copy, Debug)]
pub struct Wire {
    pub name: &'static str,
    pub part: &'static str,
    pub fault: Fault,
}

const fn moves(name: &'static str, fault: Fault) -> Wire {
    Wire {
        name,
        part: MOVE,
        fault,
    }
}

/// Every one of them.
pub const WIRES: [Wire; 13] = [
    moves("answer of an applied move lost", Fault::LoseAnswer),
    moves("move lost", Fault::LoseRequest),
    moves("move not done, `Unavailable`", Fault::Refuse(Said::UnavailableForPaxos)),
    moves("move done, `Unavailable`", Fault::DoAndSay(Said::UnavailableForCommit)),
    moves("move not done, `WriteTimeout`", Fault::Refuse(Said::PaxosTimeout)),
    moves("move done, `WriteTimeout`", Fault::DoAndSay(Said::PaxosTimeout)),
    moves("move done, `Overloaded`", Fault::DoAndSay(Said::Overloaded)),
    moves("connection broken before a move", Fault::CloseBefore),
    moves("connection broken after a move", Fault::CloseAfter),
    moves("move 2 s late", Fault::DelayRequest(LATE)),
    moves("answer of a move 2 s late", Fault::DelayAnswer(LATE)),
    moves("move 4 s late, given up after 3 s", Fault::DelayRequest(TOO_LATE)),
    Wire {
        name: "answer of a read lost",
        part: READ,
        fault: Fault::LoseAnswer,
    },
];

/// What takes the whole stage.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    /// A server is killed, in the middle of a move that has this fault if any, and started again.
    Crash { server: usize, amid: Option<Wire> },
    /// A server is halted, and goes on when the other has served so many units meanwhile.
    Halt {
        server: usize,
        amid: Option<Wire>,
        units: u64,
    },
    /// A server does not reach the database for a while.
    Cut { server: usize },
    /// One node of several is killed.
    NodeDown,
    /// So many nodes are killed that nothing can be decided.
    DatabaseDown,
}

/// What happens in one round: faults of each server's wire, side by side, then the steps.
#[derive(Debug)]
pub struct Plan {
    pub wires: [Vec<Wire>; 2],
    pub steps: Vec<Step>,
}

impl Plan {
    /// Everything once, in as little time as it takes.
    pub fn short(nodes: usize) -> Self {
        let (odd, even): (Vec<_>, Vec<_>) = (0_usize..).zip(WIRES).partition(|(index, _)| index % 2 == 1);
        let strip = |list: Vec<(usize, Wire)>| list.into_iter().map(|(_, wire)| wire).collect();
        let mut steps = vec![
            Step::Crash {
                server: 0,
                amid: Some(WIRES[0]),
            },
            Step::Halt {
                server: 1,
                amid: None,
                units: 500,
            },
            Step::Cut { server: 1 },
            Step::DatabaseDown,
        ];
        if nodes > 1 {
            steps.insert(0, Step::NodeDown);
        }
        Self {
            wires: [strip(even), strip(odd)],
            steps,
        }
    }

    /// A round of a long run.
    pub fn random(random: &mut Random, nodes: usize) -> Self {
        const WIRES_MAX: u64 = 8;
        const STEPS: u64 = 6;
        const HALTED_UNITS_MAX: u64 = 20_000;
        let mut wires = || {
            let count = 1 + random.below(WIRES_MAX);
            (0..count).map(|_| random.of(&WIRES)).collect()
        };
        let wires = [wires(), wires()];
        let steps = (0..STEPS).map(|_| {
            let server = random.index(2);
            let amid = (random.below(2) == 0).then(|| random.of(&WIRES));
            match random.below(8) {
                0..3 => Step::Crash { server, amid },
                3 | 4 => Step::Halt {
                    server,
                    amid,
                    units: 500 + random.below(HALTED_UNITS_MAX),
                },
                5 => Step::Cut { server },
                6 if nodes > 1 => Step::NodeDown,
                _ => Step::DatabaseDown,
            }
        });
        Self {
            wires,
            steps: steps.collect(),
        }
    }
}

/// Numbers that follow from a seed (xorshift).
pub struct Random(pub u64);

impl Random {
    /// A number below `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }

    /// An index of a list so long.
    pub fn index(&mut self, length: usize) -> usize {
        let bound = u64::try_from(length).expect("short");
        usize::try_from(self.below(bound)).expect("short")
    }

    fn of(&mut self, wires: &[Wire]) -> Wire {
        wires[self.index(wires.len())]
    }
}
