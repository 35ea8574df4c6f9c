//! A server's own copy of a tenant's plane: every operation of the log is applied to it, in the log's order.

use std::sync::Arc;

use cxroute_core::id::GroupId;
use cxroute_core::strategy::{
    Choice, ChooseRequest, GroupView, LedgerDelta, Plane, PlaneImage, Roster, Settled,
};
use cxroute_core::time::Timestamp;
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use crate::wire::{Choose, Operation};

/// So many rosters are known at once; beyond, the one that was longest not used is forgotten, and told again when it is.
const MOST_ROSTERS: usize = 1_024;

/// The state of one tenant: equal on every server that has applied the same entries.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Replica {
    plane: Plane,
    rosters: FxHashMap<u64, Known>,
    /// Counts uses of rosters.
    uses: u64,
}

/// A roster, and when it was used last.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Known {
    roster: Arc<Roster>,
    used: u64,
}

/// What an operation came to.
#[derive(Debug)]
pub(crate) enum Outcome {
    Choice(Choice),
    /// A choice named a roster that is not known: nothing was done, it is to be told first.
    UnknownRoster,
    Settled(Settled, LedgerDelta),
    Done,
}

impl Replica {
    /// The state that the store's image comes to.
    pub(crate) fn restore(image: PlaneImage) -> Self {
        Self { plane: Plane::restore(image), ..Self::default() }
    }

    /// Whether a choice may name this roster.
    pub(crate) fn knows(&self, fingerprint: u64) -> bool {
        self.rosters.contains_key(&fingerprint)
    }

    /// Does what the next entry of the log says, at `now`.
    pub(crate) fn apply(&mut self, operation: Operation, now: Timestamp) -> Outcome {
        match operation {
            Operation::Know(roster) => self.learn(roster),
            Operation::Choose(choose) => return self.choose(&choose, now),
            Operation::Settle { token, settle } => {
                let (settled, delta) = self.plane.settle(&token, settle, now);
                return Outcome::Settled(settled, delta);
            }
            Operation::Complete { token, key, answer, open_until } => {
                self.plane.complete(&token, key, &answer, open_until);
            }
            Operation::Retract { token, key } => self.plane.retract(&token, key),
            Operation::End { token } => self.plane.end(&token, now),
            Operation::StopAttempts { token } => self.plane.stop_attempts(&token),
            Operation::Hydrate(image) => self.plane.hydrate(image),
            Operation::Adopt(adopted) => self.plane.adopt(adopted, now),
        }
        Outcome::Done
    }

    /// A group's books, for people.
    pub(crate) fn group(&self, group: GroupId) -> Option<GroupView> {
        self.plane.group(group)
    }

    /// What a choice would come to now.
    pub(crate) fn preview(&self, request: &ChooseRequest<'_>) -> Choice {
        self.plane.preview(request)
    }

    fn choose(&mut self, choose: &Choose, now: Timestamp) -> Outcome {
        let mut stages = SmallVec::<[Arc<Roster>; 2]>::with_capacity(choose.stages.len());
        for fingerprint in &choose.stages {
            let Some(known) = self.rosters.get_mut(fingerprint) else { return Outcome::UnknownRoster };
            self.uses += 1;
            known.used = self.uses;
            stages.push(Arc::clone(&known.roster));
        }
        Outcome::Choice(self.plane.choose(&ChooseRequest {
            token: &choose.token,
            key: choose.key,
            now,
            settle: choose.settle,
            stages: &stages,
            preferences: &choose.preferences,
            last_resort: choose.last_resort,
            tried: &choose.tried,
        }))
    }

    fn learn(&mut self, roster: Arc<Roster>) {
        self.uses += 1;
        self.rosters.insert(roster.fingerprint, Known { roster, used: self.uses });
        if self.rosters.len() > MOST_ROSTERS {
            let oldest = self.rosters.iter().min_by_key(|(_, known)| known.used).map(|(name, _)| *name);
            oldest.and_then(|oldest| self.rosters.remove(&oldest));
        }
    }
}
