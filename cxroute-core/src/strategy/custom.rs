//! A strategy of one's own: an embedding service says which members a call prefers, cxroute does the rest.
//!
//! A [`CustomStrategy`] looks at one call and one member and answers with a [`Preference`]. The plane keeps only the
//! candidates that the call prefers most, and the group's configured strategy picks among them. So caps, health, windows,
//! turns, fail-over, idempotency and the trace stay what they are, a choice stays one atomic step, and the strategy works
//! on every execution plane, on however many servers: it is asked before the step, never inside.
//!
//! With a rank per member it decides alone; with equal ranks it decides nothing; with [`Preference::Never`] it keeps
//! members out. Fail-over goes on to the next best rank.

use serde::{Deserialize, Serialize};

use super::roster::Seat;
use crate::call::SessionToken;
use crate::config::{Agent, RuleDirection};
use crate::id::GroupId;
use crate::time::Timestamp;

/// Orders the members of groups by the call; register it with
/// [`Engine::with_strategy`](crate::engine::Engine::with_strategy).
///
/// Of a group's candidates (enabled, not tried, below their caps, not held back by health), those of the lowest rank stay,
/// and the group's own strategy picks among them, with its windows and turns. With a rank per member it decides alone; with
/// equal ranks it decides nothing. Fail-over asks again, so that it goes on to the next best rank; a member that it says
/// [`Preference::Never`] of is not dialled even if nobody else is left.
///
/// # Contract
/// - It is asked once per member and decision, on the task that answers the call: it must not block, and should take
///   microseconds.
/// - It is asked for dry runs too, so that asking must not change anything.
/// - A copy of a webhook is answered from its receipt, without asking.
/// - If it panics, the decision is made without it: a call is always answered (domain.md §7).
///
/// ```
/// use cxroute_core::strategy::{CallFacts, Candidate, CustomStrategy, Preference};
///
/// /// Callers from +44 prefer agents whose metadata say `"region": "gb"`.
/// struct HomeRegion;
///
/// impl CustomStrategy for HomeRegion {
///     fn preference(&self, call: &CallFacts<'_>, candidate: &Candidate<'_>) -> Preference {
///         let british = candidate.agent.metadata.get("region").is_some_and(|region| region == "gb");
///         match call.from.starts_with("+44") == british {
///             true => Preference::FIRST,
///             false => Preference::Rank(1),
///         }
///     }
/// }
/// ```
pub trait CustomStrategy: Send + Sync {
    /// How much `call` prefers `candidate`.
    fn preference(&self, call: &CallFacts<'_>, candidate: &Candidate<'_>) -> Preference;
}

/// How much a call prefers a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Preference {
    /// The lowest rank that has a candidate is chosen from.
    Rank(u32),
    /// Not for this call, even if nobody else can take it.
    Never,
}

impl Preference {
    /// The best rank: with every member at it, the group's own strategy decides alone.
    pub const FIRST: Self = Self::Rank(0);
}

/// What a custom strategy is told about a call.
#[derive(Clone, Copy, Debug)]
pub struct CallFacts<'a> {
    /// The session token: the same in every request about the call.
    pub token: &'a SessionToken,
    /// The caller as received; may be empty.
    pub from: &'a str,
    /// The dialled number as received.
    pub to: &'a str,
    /// Which rules led to the group.
    pub direction: RuleDirection,
    /// When it is decided.
    pub at: Timestamp,
}

/// A group's member that could be asked to take a call; caps, health and what was tried are looked at later.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    /// The group.
    pub group: GroupId,
    /// Its name.
    pub group_name: &'a str,
    /// The agent, its credentials sealed.
    pub agent: &'a Agent,
    /// The membership: priority, capacity, limits.
    pub seat: &'a Seat,
}

/// What a custom strategy said of a stage's seats, in membership order; empty: it was not asked.
pub type Preferences = smallvec::SmallVec<[Preference; 8]>;
