//! A group that takes call after call: the bench on which the laws are measured, and a plane behind it.

use std::collections::BTreeMap;
use std::sync::Arc;

use cxroute_core::config::Strategy;
use cxroute_core::secret::Sealed;
use cxroute_core::strategy::{
    Choice, ChooseRequest, HealthSign, LastResort, Pick, Picked, Plane, Roster, Settle,
};

use crate::world::{START, World, at, key, plain, token};

/// One step of a 24-hour window.
pub(crate) const STEP: i64 = 900_000;

/// A group that takes call after call.
pub(crate) struct Desk {
    pub(crate) world: World,
    pub(crate) plane: Plane,
    pub(crate) now: i64,
    pub(crate) calls: usize,
    /// Whom each call got.
    pub(crate) agents: BTreeMap<usize, usize>,
}

impl Desk {
    pub(crate) fn new(strategy: Strategy, capacities: &[u32]) -> Self {
        Self {
            world: plain(strategy, capacities),
            plane: Plane::default(),
            now: START,
            calls: 0,
            agents: BTreeMap::new(),
        }
    }

    pub(crate) fn pick_on(&mut self, stages: &[Arc<Roster>], last_resort: LastResort) -> Arc<Pick> {
        self.calls += 1;
        self.pick_for(self.calls, self.calls as u64, None, stages, last_resort)
    }

    pub(crate) fn pick_for(
        &mut self,
        call: usize,
        signal: u64,
        settle: Option<Settle>,
        stages: &[Arc<Roster>],
        last_resort: LastResort,
    ) -> Arc<Pick> {
        match self.choose(call, signal, settle, stages, last_resort) {
            Choice::Made(pick) => pick,
            other => panic!("expected a new choice, got {other:?}"),
        }
    }

    pub(crate) fn choose(
        &mut self,
        call: usize,
        signal: u64,
        settle: Option<Settle>,
        stages: &[Arc<Roster>],
        last_resort: LastResort,
    ) -> Choice {
        let token = &token(call);
        let (key, now) = (key(signal), at(self.now));
        let request =
            ChooseRequest { token, key, now, settle, stages, preferences: &[], last_resort, tried: &[] };
        self.plane.choose(&request)
    }

    /// A call to the group that stays up.
    pub(crate) fn ring(&mut self) -> Option<usize> {
        let roster = self.world.roster(0);
        let pick = self.pick_on(&[roster], LastResort::End);
        self.confirm(self.calls, self.calls as u64);
        self.agents.extend(agent_of(&pick).map(|agent| (self.calls, agent)));
        agent_of(&pick)
    }

    /// Whom a call of [`Desk::ring`] got.
    pub(crate) fn agent_of_call(&self, call: usize) -> Option<usize> {
        self.agents.get(&call).copied()
    }

    /// A call to the group that ends at once.
    pub(crate) fn call(&mut self) -> Option<usize> {
        let agent = self.ring();
        self.plane.end(&token(self.calls), at(self.now));
        agent
    }

    pub(crate) fn confirm(&mut self, call: usize, signal: u64) {
        let until = at(self.now + 14_400_000);
        self.plane.complete(&token(call), key(signal), &Sealed::from_bytes(vec![1]), until);
    }

    pub(crate) fn result(&mut self, call: usize, sign: HealthSign) {
        let health = self.world.groups[0].health;
        self.plane.settle(&token(call), Settle { attempt: 1, sign, health }, at(self.now));
    }

    /// Fails an agent until it is held back.
    pub(crate) fn fail(&mut self, agent: usize) {
        let direct = self.world.direct(agent);
        for _ in 0..self.world.groups[0].health.max_consecutive_failures {
            self.pick_on(std::slice::from_ref(&direct), LastResort::End);
            self.result(self.calls, HealthSign::Failed);
        }
    }

    pub(crate) fn weights(&self) -> Vec<u64> {
        self.world.groups[0].members.iter().map(|member| member.capacity.into()).collect()
    }
}

pub(crate) fn agent_of(pick: &Pick) -> Option<usize> {
    match pick.picked {
        Picked::Seat(seat) => Some(seat.seat.agent.get() as usize),
        Picked::Number { .. } | Picked::Nobody => None,
    }
}
