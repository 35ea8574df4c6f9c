//! A roster: a group's members compiled for choosing, immutable, shared, named by the fingerprint of its content.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use twox_hash::XxHash3_128;

use crate::config::{Capacity, HealthSettings, RetryOutcome, Strategy};
use crate::id::{AgentId, GroupId, MembershipId, PoolId};

/// One stage of a choice: the members of a group with the limits of their agents and pools, or one agent on its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Roster {
    /// The group; none for an agent that is dialled directly.
    pub group: Option<GroupId>,
    /// How one of the seats is picked.
    pub strategy: Strategy,
    /// One of the 96 steps that the rolling window moves in.
    pub step: Duration,
    /// No further attempt from this stage once the call has had this many.
    pub max_attempts: u16,
    /// The outcomes after which the next candidate is dialled.
    pub retry_on: Vec<RetryOutcome>,
    /// When the agents' failures hold them back.
    pub health: HealthSettings,
    /// How long an agent may ring, in seconds.
    pub ring_timeout: Option<u16>,
    /// In membership order: priority (none last), then membership id.
    pub seats: Vec<Seat>,
    /// Names the content: other content has another; see [`Roster::seal`].
    pub fingerprint: u64,
}

/// A member's place in a roster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seat {
    /// The membership; for a directly dialled agent, one with its agent's number.
    pub membership: MembershipId,
    /// The agent.
    pub agent: AgentId,
    /// The agent's pool.
    pub pool: Option<PoolId>,
    /// 1 is first; none is last.
    pub priority: Option<u32>,
    /// The weight.
    pub capacity: Capacity,
    /// Whether membership and agent are both enabled.
    pub enabled: bool,
    /// The limits on live attempts.
    pub caps: Caps,
}

/// Limits on live attempts; none = no limit, 0 = takes none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caps {
    /// Of the agent, across groups.
    pub agent: Option<u32>,
    /// Of the membership.
    pub membership: Option<u32>,
    /// Of the agent's pool.
    pub pool: Option<u32>,
}

/// The rolling window moves in this many steps.
pub const WINDOW_STEPS: i64 = 96;

impl Seat {
    /// The seat's place in membership order: priority (none last), then membership id.
    pub fn order(&self) -> (u32, MembershipId) {
        (self.priority.unwrap_or(u32::MAX), self.membership)
    }
}

impl Roster {
    /// The length of one step of a window of so many hours.
    pub fn step_of(window_hours: u16) -> Duration {
        Duration::from_millis(u64::from(window_hours) * 3_600_000 / WINDOW_STEPS as u64)
    }

    /// Brings the seats into membership order and names the content, all of it: planes on several servers exchange
    /// rosters by their fingerprints.
    pub fn seal(mut self) -> Self {
        self.seats.sort_by_key(Seat::order);
        self.fingerprint = 0;
        // A roster is numbers and words all the way down: there is nothing in it that JSON cannot hold.
        let content = serde_json::to_vec(&self).unwrap_or_default();
        self.fingerprint = XxHash3_128::oneshot(&content) as u64;
        self
    }
}
