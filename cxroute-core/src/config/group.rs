//! Agent groups: members, the strategy that picks one, and the settings of domain.md §3.

use serde::{Deserialize, Serialize};

use super::fallback::Fallback;
use crate::id::{AgentId, GroupId, MembershipId};

/// Agents, and how one of them is picked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Group {
    /// Unique within the tenant.
    pub id: GroupId,
    /// 1 to 255 characters, unique within the tenant.
    pub name: String,
    /// How a member is picked.
    pub strategy: Strategy,
    /// Window, fallback, limits.
    pub settings: GroupSettings,
    /// At most one membership per agent; in order of id.
    pub members: Vec<Member>,
}

/// An agent's membership in a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Unique within the tenant.
    pub id: MembershipId,
    /// The agent.
    pub agent: AgentId,
    /// 1 is first; none is last.
    pub priority: Option<u32>,
    /// The weight in load balancing.
    pub capacity: Capacity,
    /// A disabled membership takes no calls.
    pub enabled: bool,
    /// Live attempts made through this membership; none = no limit, 0 = takes none.
    pub max_concurrent_calls: Option<u32>,
}

impl Group {
    /// A group with default settings.
    pub fn new(id: GroupId, name: impl Into<String>, strategy: Strategy, members: Vec<Member>) -> Self {
        Self { id, name: name.into(), strategy, settings: GroupSettings::default(), members }
    }
}

impl Member {
    /// An enabled membership of weight 1, without priority or limit.
    pub const fn new(id: MembershipId, agent: AgentId) -> Self {
        Self { id, agent, priority: None, capacity: Capacity::ONE, enabled: true, max_concurrent_calls: None }
    }
}

/// How a group picks a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// The smallest calls/capacity over the rolling window.
    LoadBalanced,
    /// The lowest priority level that has a candidate, in turns within the level.
    Priority,
    /// Everyone in turn.
    RoundRobin,
}

impl Strategy {
    /// The word of tables and APIs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LoadBalanced => "load_balanced",
            Self::Priority => "priority",
            Self::RoundRobin => "round_robin",
        }
    }
}

/// A relative weight: 1 to 1,000,000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct Capacity(u32);

/// A weight is out of range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("capacity: expected 1 to 1000000, got {got}")]
pub struct CapacityError {
    got: u32,
}

impl Capacity {
    /// The weight 1.
    pub const ONE: Self = Self(1);
    /// The greatest weight.
    pub const MAX: Self = Self(1_000_000);

    /// A weight.
    ///
    /// # Errors
    /// [`CapacityError`] outside 1 to 1,000,000.
    pub const fn new(weight: u32) -> Result<Self, CapacityError> {
        match weight {
            1..=1_000_000 => Ok(Self(weight)),
            _ => Err(CapacityError { got: weight }),
        }
    }

    /// The weight as a number.
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl TryFrom<u32> for Capacity {
    type Error = CapacityError;

    fn try_from(weight: u32) -> Result<Self, CapacityError> {
        Self::new(weight)
    }
}

impl From<Capacity> for u32 {
    fn from(capacity: Capacity) -> Self {
        capacity.0
    }
}

/// A group's settings. Every key is optional, unknown keys are refused. References in the fallback are of type `A` and
/// `G`: ids in a store, names in a configuration file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    deny_unknown_fields,
    default,
    bound(
        serialize = "A: Serialize + Clone, G: Serialize + Clone",
        deserialize = "A: Deserialize<'de>, G: Deserialize<'de>"
    )
)]
pub struct GroupSettings<A = AgentId, G = GroupId> {
    /// The rolling window of load balancing: 1 to 168 h; 24 by default.
    pub window_hours: u16,
    /// Whether the fallback is used when nobody can take the call; it is by default.
    pub fallback_enabled: bool,
    /// What happens then; absent: hang up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fallback: Option<Fallback<A, G>>,
    /// How long an agent may ring: 5 to 600 s; absent: not sent, Cloudonix waits 60 s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ring_timeout: Option<u16>,
    /// Attempts over the whole call, those in fallback groups included: 1 to 20; 10 by default.
    pub max_attempts: u16,
    /// The outcomes after which the next candidate is dialled; all three by default.
    pub retry_on: Vec<RetryOutcome>,
    /// When an agent is held back.
    pub health: HealthSettings,
}

impl<A, G> Default for GroupSettings<A, G> {
    fn default() -> Self {
        Self {
            window_hours: 24,
            fallback_enabled: true,
            fallback: None,
            ring_timeout: None,
            max_attempts: 10,
            retry_on: vec![RetryOutcome::Busy, RetryOutcome::NoAnswer, RetryOutcome::Failed],
            health: HealthSettings::default(),
        }
    }
}

/// An outcome after which another agent can be tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RetryOutcome {
    /// The agent was busy.
    Busy,
    /// The agent did not answer.
    NoAnswer,
    /// The attempt failed.
    Failed,
}

/// When an agent is held back for its failures, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HealthSettings {
    /// This many failures in a row hold an agent back: 1 to 1,000; 5 by default.
    pub max_consecutive_failures: u32,
    /// For this long, then one call at a time probes it: 1 to 86,400 s; 60 by default.
    pub cooldown_seconds: u32,
}

impl Default for HealthSettings {
    fn default() -> Self {
        Self { max_consecutive_failures: 5, cooldown_seconds: 60 }
    }
}

/// A setting is out of its range.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// A number outside its range.
    #[error("settings.{key}: expected {least} to {most}, got {got}")]
    Range {
        /// The setting.
        key: &'static str,
        /// The least allowed value.
        least: u32,
        /// The greatest allowed value.
        most: u32,
        /// What came.
        got: u32,
    },
    /// A fallback text or number is empty or too long.
    #[error("settings.fallback.{key}: expected 1 to {most} characters, got {got}")]
    Length {
        /// The key.
        key: &'static str,
        /// The greatest allowed length.
        most: usize,
        /// The length that came.
        got: usize,
    },
}

impl<A, G> GroupSettings<A, G> {
    /// Checks every range.
    ///
    /// # Errors
    /// The first setting that is out of range.
    pub fn check(&self) -> Result<(), SettingsError> {
        let range = |key, got: u32, least, most| match (least..=most).contains(&got) {
            true => Ok(()),
            false => Err(SettingsError::Range { key, least, most, got }),
        };
        range("window_hours", self.window_hours.into(), 1, 168)?;
        if let Some(seconds) = self.ring_timeout {
            range("ring_timeout", seconds.into(), 5, 600)?;
        }
        range("max_attempts", self.max_attempts.into(), 1, 20)?;
        range("health.max_consecutive_failures", self.health.max_consecutive_failures, 1, 1_000)?;
        range("health.cooldown_seconds", self.health.cooldown_seconds, 1, 86_400)?;
        self.fallback.as_ref().map_or(Ok(()), Fallback::check)
    }

    /// The same settings with the fallback's references turned into others.
    ///
    /// # Errors
    /// What `agent` or `group` answer for a reference that they cannot turn.
    pub fn try_map<B, H, E>(
        self,
        agent: impl FnOnce(A) -> Result<B, E>,
        group: impl FnOnce(G) -> Result<H, E>,
    ) -> Result<GroupSettings<B, H>, E> {
        let fallback = self.fallback.map(|fallback| fallback.try_map(agent, group)).transpose()?;
        Ok(GroupSettings {
            window_hours: self.window_hours,
            fallback_enabled: self.fallback_enabled,
            fallback,
            ring_timeout: self.ring_timeout,
            max_attempts: self.max_attempts,
            retry_on: self.retry_on,
            health: self.health,
        })
    }
}
