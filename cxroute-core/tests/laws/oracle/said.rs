//! What a choice says, in words that plane and oracle share.

use cxroute_core::id::MembershipId;
use cxroute_core::strategy::{AttemptSeat, Choice, Picked, Settled, StageOutcome, Verdict};

/// What a choice is expected to say.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Said {
    Made(Made),
    Recorded(u64),
    Answered,
    Open(u16),
    Ended(u16),
    Unknown,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Made {
    pub(crate) seq: u64,
    pub(crate) before: u16,
    pub(crate) who: Who,
    pub(crate) stages: Vec<Stage>,
    pub(crate) settled: Option<Settled>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Who {
    Seat { attempt: u16, stage: usize, seat: AttemptSeat, probe: Option<u32> },
    Number(u16),
    Nobody,
}

/// A stage's outcome, and verdict, calls and virtual calls of each member in membership order.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Stage {
    pub(crate) outcome: StageOutcome,
    pub(crate) members: Vec<(MembershipId, Verdict, u64, u64)>,
}

impl Said {
    /// What the plane said, in the oracle's words.
    pub(crate) fn by_plane(choice: &Choice) -> Self {
        let pick = match choice {
            Choice::Made(pick) => pick,
            Choice::Recorded(pick) => return Self::Recorded(pick.seq),
            Choice::Answered(_) => return Self::Answered,
            Choice::Open(open) => return Self::Open(open.attempt),
            Choice::Ended { attempts } => return Self::Ended(*attempts),
            Choice::Unknown => return Self::Unknown,
        };
        let who = match pick.picked {
            Picked::Seat(seat) => {
                Who::Seat { attempt: seat.attempt, stage: seat.stage, seat: seat.seat, probe: seat.probe }
            }
            Picked::Number { attempt } => Who::Number(attempt),
            Picked::Nobody => Who::Nobody,
        };
        let stage = |trace: &cxroute_core::strategy::StageTrace| {
            let mut members: Vec<_> = trace.members.iter().collect();
            members.sort_by_key(|member| (member.priority.is_none(), member.priority, member.membership));
            let figures = members.iter().map(|m| (m.membership, m.verdict, m.calls, m.virtual_calls));
            Stage { outcome: trace.outcome, members: figures.collect() }
        };
        let stages = pick.stages.iter().map(stage).collect();
        Self::Made(Made { seq: pick.seq, before: pick.attempts_before, who, stages, settled: pick.settled })
    }
}
