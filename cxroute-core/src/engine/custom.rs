//! Asking the host's custom strategy what a call prefers, before the execution plane chooses.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use smallvec::SmallVec;

use super::Engine;
use super::route::{Dialled, Route};
use super::snapshot::Snapshot;
use crate::call::SessionToken;
use crate::strategy::{CallFacts, Candidate, CustomStrategy, Preference, Preferences, Roster};
use crate::time::Timestamp;

/// What is said of each stage; nothing without a custom strategy.
pub(super) type StagePreferences = SmallVec<[Preferences; 1]>;

impl Engine {
    /// This engine with a strategy of one's own, which orders the members of groups by the call:
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use cxroute_core::{authority::Operator, engine::{Engine, Parts}, memory::MemoryStore};
    /// use cxroute_core::strategy::{CallFacts, Candidate, CustomStrategy, Preference};
    ///
    /// struct CheapestFirst;
    ///
    /// impl CustomStrategy for CheapestFirst {
    ///     fn preference(&self, _call: &CallFacts<'_>, candidate: &Candidate<'_>) -> Preference {
    ///         let cents = candidate.agent.metadata.get("cents_per_minute").and_then(|cents| cents.as_u64());
    ///         Preference::Rank(cents.and_then(|cents| u32::try_from(cents).ok()).unwrap_or(u32::MAX))
    ///     }
    /// }
    ///
    /// let parts = Parts::in_memory(Arc::new(MemoryStore::new()), "https://cx.example.com");
    /// let engine = Engine::new(parts, &Operator::assume()).with_strategy(Arc::new(CheapestFirst));
    /// ```
    pub fn with_strategy(self, strategy: Arc<dyn CustomStrategy>) -> Self {
        Self { strategy: Some(strategy), ..self }
    }

    /// What the custom strategy says of the stages that `route` leads to.
    pub(super) fn preferences(
        &self,
        snapshot: &Snapshot,
        route: &Route,
        dialled: &Dialled,
        token: &SessionToken,
        at: Timestamp,
    ) -> StagePreferences {
        let Some(strategy) = &self.strategy else { return StagePreferences::new() };
        let Dialled { from, to, .. } = dialled;
        let call = CallFacts { token, from, to, direction: route.direction, at };
        let of = |roster: &Arc<Roster>| asked(strategy.as_ref(), snapshot, &call, roster);
        // The strategy is not ours: whatever happens in it, the call is answered.
        catch_unwind(AssertUnwindSafe(|| route.way.stages().iter().map(of).collect())).unwrap_or_default()
    }
}

/// An agent that a rule or fallback names is no choice: nothing is asked of it.
fn asked(
    strategy: &dyn CustomStrategy,
    snapshot: &Snapshot,
    call: &CallFacts<'_>,
    roster: &Roster,
) -> Preferences {
    let Some((group, group_name)) = roster.group.and_then(|id| Some((id, snapshot.group_name(id)?))) else {
        return Preferences::new();
    };
    let said = roster.seats.iter().map(|seat| {
        let agent = snapshot.agent(seat.agent)?;
        Some(strategy.preference(call, &Candidate { group, group_name, agent, seat }))
    });
    said.map(|preference| preference.unwrap_or(Preference::FIRST)).collect()
}
