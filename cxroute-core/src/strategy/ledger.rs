//! The plane's books as they are stored: what a choice changes, and the image that a plane is rebuilt from.
//!
//! Counts are increments, applied once because the receipt of their signal is unique. Turns, presence, joins and health
//! are absolute and carry the plane's sequence number: a store applies one only if it is newer than what it has, so the
//! order in which signals commit does not matter.

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use super::health::Health;
use super::window::StepTally;
use crate::call::{Action, Attempt, AttemptName, AttemptTarget, Call, Decision, EventKey, SessionToken};
use crate::id::{AgentId, GroupId, MembershipId, PoolId};
use crate::time::Timestamp;

/// What one operation of the plane changed in the durable books.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerDelta {
    /// The plane's sequence number of the operation.
    pub seq: u64,
    /// The choice that counts, if a group chose.
    pub counted: Option<Counted>,
    /// Whose turn it was, if the strategy has turns.
    pub turn: Option<(GroupId, Turn)>,
    /// Members that came or went since the group's last choice.
    #[serde(default, skip_serializing_if = "SmallVec::is_empty")]
    pub presence: SmallVec<[Presence; 2]>,
    /// Virtual calls given on joining.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub joins: Vec<Join>,
    /// Agents whose health changed.
    #[serde(default, skip_serializing_if = "SmallVec::is_empty")]
    pub health: SmallVec<[HealthRow; 1]>,
}

/// One choice of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted {
    /// The group.
    pub group: GroupId,
    /// The agent.
    pub agent: AgentId,
    /// The window's step length in milliseconds.
    pub step_millis: i64,
    /// The step.
    pub step: i64,
}

/// The last turn taken in a group: positions, not indices, so that members can come and go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turn {
    /// The priority level that takes turns of its own; none for round robin over the whole group. A level without
    /// priority is `u32::MAX`.
    pub level: Option<u32>,
    /// The chosen member's place in membership order.
    pub position: (u32, MembershipId),
}

/// A member came (was added, enabled, released by health) or went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Presence {
    /// The group.
    pub group: GroupId,
    /// The agent.
    pub agent: AgentId,
    /// Whether it is there now.
    pub present: bool,
}

/// The virtual calls that replace a joining agent's earlier ones.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Join {
    /// The group.
    pub group: GroupId,
    /// The agent.
    pub agent: AgentId,
    /// The window's step length in milliseconds.
    pub step_millis: i64,
    /// Virtual calls by step.
    pub steps: Vec<(i64, u32)>,
}

/// An agent's health as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthRow {
    /// The agent.
    pub agent: AgentId,
    /// Its health.
    pub health: AgentHealth,
}

/// An agent's health, and how many cool-downs it has begun.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentHealth {
    /// Now.
    pub health: Health,
    /// Cool-downs so far.
    pub episodes: u32,
}

/// Everything a plane is rebuilt from: the store's books and its live calls.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PlaneImage {
    /// When its reader began, by the caller's clock: what was durable before is in it
    /// ([`Plane::adopt`](super::Plane::adopt)).
    pub at: Timestamp,
    /// The highest sequence number in the books.
    pub seq: u64,
    /// Groups that ever chose.
    pub groups: Vec<GroupImage>,
    /// Agents with a health row.
    pub health: Vec<HealthRow>,
    /// Calls that can still get an attempt or have one open.
    pub sessions: Vec<SessionImage>,
}

/// A group's books.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GroupImage {
    /// The group.
    pub group: GroupId,
    /// Its window's counts, with the step length they were counted in: at least those of the last `window_hours`; the
    /// plane drops what has left the window.
    pub steps: Vec<(i64, StepTally)>,
    /// Its members' state.
    pub seats: Vec<SeatImage>,
    /// The last turns taken.
    pub turns: Vec<Turn>,
}

/// A member's state in a group's books.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeatImage {
    /// The agent.
    pub agent: AgentId,
    /// The sequence number of its last choice; 0 = never.
    pub last: u64,
    /// Whether it was there at the group's last choice.
    pub present: bool,
}

/// A live call as it is rebuilt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionImage {
    /// The call.
    pub token: SessionToken,
    /// Every attempt, in order.
    pub attempts: Vec<LiveAttempt>,
    /// Whether the call has ended, so that it gets no further attempt.
    pub ended: bool,
    /// When the plane may forget it.
    pub forget_at: Timestamp,
}

/// What became durable without the plane: a choice that a server made by itself while the plane was away, or one that an
/// earlier life of the plane made and this one does not know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Adopted {
    /// When it was known to be durable, by the clock that images are dated with ([`PlaneImage::at`]).
    pub at: Timestamp,
    /// The signal that the choice was made for.
    pub key: EventKey,
    /// The attempt that it made; none where nobody was dialled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u16>,
    /// What it counted, if a group chose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counted: Option<Counted>,
    /// The call as the store knows it since.
    pub call: SessionImage,
}

/// An attempt as the plane knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveAttempt {
    /// 1 for the first of the call.
    pub number: u16,
    /// The agent; none for a number on trunks.
    pub seat: Option<AttemptSeat>,
    /// When an attempt whose end never comes stops counting; none once it has ended.
    pub open_until: Option<Timestamp>,
    /// The episode that it probes in.
    pub probe: Option<u32>,
}

/// The seat that an attempt was made through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptSeat {
    /// The agent.
    pub agent: AgentId,
    /// The group that chose; none for an agent that is dialled directly.
    pub group: Option<GroupId>,
    /// The membership; none for an agent that is dialled directly.
    pub membership: Option<MembershipId>,
    /// The agent's pool then.
    pub pool: Option<PoolId>,
}

impl LiveAttempt {
    /// The attempt's name, in the call `token`.
    pub fn name(&self, token: &SessionToken) -> AttemptName {
        AttemptName { token: token.clone(), number: self.number }
    }
}

impl Adopted {
    /// What a plane is told of a decision that was found durable at `at`, with its call as it is on record.
    pub fn of(call: &Call, key: EventKey, decision: &Decision, at: Timestamp) -> Self {
        let attempt = match &decision.action {
            Action::Dial(attempt) => Some(attempt.number),
            Action::Repeat { .. } | Action::End(_) => None,
        };
        Self { at, key, attempt, counted: decision.delta.counted, call: SessionImage::of(call) }
    }
}

impl SessionImage {
    /// What the execution plane needs of a stored call.
    pub fn of(call: &Call) -> Self {
        Self {
            token: call.token.clone(),
            attempts: call.attempts.iter().map(|attempt| LiveAttempt::of(attempt, call)).collect(),
            ended: call.is_over(),
            forget_at: call.live_until,
        }
    }
}

impl LiveAttempt {
    fn of(attempt: &Attempt, call: &Call) -> Self {
        let open = attempt.ended_at.is_none();
        let seat = match attempt.target {
            AttemptTarget::Agent(seat) => Some(seat),
            AttemptTarget::Number { .. } => None,
        };
        Self {
            number: attempt.number,
            seat,
            open_until: open.then_some(call.live_until),
            probe: attempt.probe.filter(|_| open),
        }
    }
}
