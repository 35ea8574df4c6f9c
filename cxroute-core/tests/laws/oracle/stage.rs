//! One stage of the oracle's choice: who is a candidate, who has come, who is picked.

use cxroute_core::config::Strategy;
use cxroute_core::id::{AgentId, GroupId, PoolId};
use cxroute_core::strategy::{CapKind, Preference, Roster, Seat, StageOutcome, Verdict};

use crate::world::at;

use super::{Health, Oracle, Stage, Standing, place};

impl Oracle {
    pub(super) fn stage(
        &mut self,
        roster: &Roster,
        said: &[Preference],
        tried: &[AgentId],
    ) -> (Stage, Option<(Seat, Option<u32>)>) {
        let mut seats = roster.seats.clone();
        seats.sort_by_key(place);
        let mut standings: Vec<Standing> = seats.iter().map(|seat| self.standing(seat, tried)).collect();
        if let Some(group) = roster.group {
            self.arrivals(group, roster, &seats, &standings);
        }
        let said = |index: usize| (said.len() == seats.len()).then(|| said[index]);
        for (index, standing) in standings.iter_mut().enumerate() {
            if said(index) == Some(Preference::Never) && !matches!(standing, Standing::Out(_)) {
                *standing = Standing::Out(Verdict::Excluded);
            }
        }
        let free = |s: &Standing| matches!(s, Standing::Free | Standing::Probe(_));
        let mut outcome = StageOutcome::Chosen;
        if !standings.iter().any(free) {
            let held = standings.iter().any(|s| matches!(s, Standing::Held(_)));
            outcome = if held { StageOutcome::ChosenDespiteHealth } else { StageOutcome::Nobody };
            for standing in standings.iter_mut().filter(|s| matches!(s, Standing::Held(_))) {
                *standing = Standing::Free;
            }
        }
        let mut candidates: Vec<usize> = (0..seats.len()).filter(|index| free(&standings[*index])).collect();
        let rank = |index: usize| match said(index) {
            Some(Preference::Rank(rank)) => rank,
            Some(Preference::Never) | None => 0,
        };
        let best = candidates.iter().map(|index| rank(*index)).min();
        for index in candidates.extract_if(.., |index| Some(rank(*index)) != best) {
            standings[index] = Standing::Out(Verdict::LessPreferred);
        }
        let chosen = self.by_strategy(roster, &seats, &candidates);
        let left = roster.group.and_then(|group| self.groups.get(&group)).map_or(0, |group| group.left);
        let level = chosen.map(|index| place(&seats[index]).0);
        let members = seats.iter().enumerate().map(|(index, seat)| {
            let verdict = match standings[index] {
                Standing::Probe(_) if chosen == Some(index) => Verdict::ChosenAsProbe,
                Standing::Free if chosen == Some(index) => Verdict::Chosen,
                Standing::Out(verdict) | Standing::Held(verdict) => verdict,
                _ if roster.strategy == Strategy::LoadBalanced => Verdict::HigherLoad,
                _ if roster.strategy == Strategy::Priority && level != Some(place(seat).0) => {
                    Verdict::LowerPriority
                }
                _ => Verdict::NotItsTurn,
            };
            let (real, given) = roster.group.map_or((0, 0), |group| {
                (self.real(group, seat.agent, left), self.given(group, seat.agent, left))
            });
            (seat.membership, verdict, real, given)
        });
        let stage = Stage { outcome, members: members.collect() };
        let probe = |index: usize| match standings[index] {
            Standing::Probe(episode) => Some(episode),
            _ => None,
        };
        (stage, chosen.map(|index| (seats[index], probe(index))))
    }

    fn standing(&self, seat: &Seat, tried: &[AgentId]) -> Standing {
        let full = |cap, limit: Option<u32>, live: u32| {
            limit.filter(|limit| live >= *limit).map(|limit| Verdict::AtCapacity { cap, live, limit })
        };
        if !seat.enabled {
            return Standing::Out(Verdict::Disabled);
        }
        if tried.contains(&seat.agent) {
            return Standing::Out(Verdict::Tried);
        }
        let pool = |pool: PoolId| self.live(|open| open.pool == Some(pool));
        let caps = [
            full(CapKind::Agent, seat.caps.agent, self.live(|open| open.agent == seat.agent)),
            full(
                CapKind::Membership,
                seat.caps.membership,
                self.live(|open| open.membership == Some(seat.membership)),
            ),
            full(CapKind::Pool, seat.caps.pool, seat.pool.map_or(0, pool)),
        ];
        if let Some(full) = caps.into_iter().flatten().next() {
            return Standing::Out(full);
        }
        match self.health.get(&seat.agent) {
            None | Some((Health::Fit { .. }, _)) => Standing::Free,
            Some((Health::Held { until, .. }, _)) if self.now < *until => {
                Standing::Held(Verdict::CoolingDown { until: at(*until) })
            }
            Some((Health::Held { probe: Some((.., lease)), .. }, _)) if self.now < *lease => {
                Standing::Held(Verdict::Probing)
            }
            Some((Health::Held { episode, .. }, _)) => Standing::Probe(*episode),
        }
    }

    /// Who came and who went since the group's last choice; newcomers join level.
    fn arrivals(&mut self, id: GroupId, roster: &Roster, seats: &[Seat], standings: &[Standing]) {
        let oldest = self.oldest(roster);
        let held = |agent| matches!(self.health.get(&agent), Some((Health::Held { .. }, _)));
        let here = |seat: &Seat| seat.enabled && !held(seat.agent);
        let mut group = self.groups.get(&id).cloned().unwrap_or_default();
        group.left = group.gone.max(oldest);
        let was = |agent| group.here.get(&agent).copied().unwrap_or(false);
        let came: Vec<Seat> =
            seats.iter().filter(|s| here(s) && !was(s.agent) && group.taking_calls).copied().collect();
        let old: Vec<usize> = (0..seats.len()).filter(|i| here(&seats[*i]) && was(seats[*i].agent)).collect();
        group.here.values_mut().for_each(|here| *here = false);
        group.here.extend(seats.iter().map(|seat| (seat.agent, here(seat))));
        group.taking_calls = true;
        let left = group.left;
        self.groups.insert(id, group);
        let load =
            |index: usize| (self.load(id, seats[index].agent, left), u64::from(seats[index].capacity.get()));
        let least = |among: &[usize]| {
            let mut best: Option<usize> = None;
            for index in among {
                let ((calls, weight), lower) = (load(*index), best.map(load));
                if lower.is_none_or(|(best_calls, best_weight)| calls * best_weight < best_calls * weight) {
                    best = Some(*index);
                }
            }
            best
        };
        let free: Vec<usize> = old.iter().filter(|i| standings[**i] == Standing::Free).copied().collect();
        let Some(reference) = least(&free).or_else(|| least(&old)) else { return };
        let reference = seats[reference];
        let levels: Vec<_> = came.iter().map(|seat| (seat.agent, self.level(id, seat, &reference))).collect();
        if let Some(group) = self.groups.get_mut(&id) {
            group.given.extend(levels);
        }
    }

    /// The reference's calls, scaled, never below the joiner's own: whatever oldest steps leave, the rest is level.
    fn level(&self, group: GroupId, joiner: &Seat, reference: &Seat) -> Vec<(i64, u64)> {
        let left = self.groups[&group].left;
        let mut steps: Vec<i64> = self.counted.iter().filter(|c| c.group == group).map(|c| c.step).collect();
        steps.extend(self.groups[&group].given.values().flatten().map(|(step, _)| *step));
        steps.retain(|step| *step >= left);
        steps.sort_unstable();
        steps.dedup();
        let mut level = Vec::new();
        let mut newer = 0;
        for step in steps.into_iter().rev() {
            let theirs = self.load(group, reference.agent, step);
            let scaled = theirs * u64::from(joiner.capacity.get()) / u64::from(reference.capacity.get());
            let own = self.real(group, joiner.agent, step) - self.real(group, joiner.agent, step + 1);
            let upto = scaled.max(newer + own);
            level.push((step, upto - newer - own));
            newer = upto;
        }
        level.retain(|(_, calls)| *calls > 0);
        level
    }

    fn by_strategy(&self, roster: &Roster, seats: &[Seat], candidates: &[usize]) -> Option<usize> {
        let first = *candidates.first()?;
        let Some(group) = roster.group else { return Some(first) };
        let after = |among: &[usize], turn: Option<u32>| {
            let taken = self.counted.iter().filter(|c| c.group == group && c.turn == Some(turn));
            let last = taken.max_by_key(|c| c.seq).map(|c| c.place);
            let next = among.iter().find(|index| last.is_none_or(|last| place(&seats[**index]) > last));
            next.or(among.first()).copied()
        };
        match roster.strategy {
            Strategy::RoundRobin => after(candidates, None),
            Strategy::Priority => {
                let level = place(&seats[first]).0;
                let among: Vec<usize> =
                    candidates.iter().filter(|i| place(&seats[**i]).0 == level).copied().collect();
                after(&among, Some(level as u32))
            }
            Strategy::LoadBalanced => {
                let left = self.groups[&group].left;
                let figures = |index: usize| {
                    let seat = &seats[index];
                    let load = self.load(group, seat.agent, left);
                    (load, u64::from(seat.capacity.get()), self.last(group, seat.agent))
                };
                let mut best = (first, figures(first));
                for index in &candidates[1..] {
                    let (load, weight, last) = figures(*index);
                    let (_, (best_load, best_weight, best_last)) = best;
                    if (load * best_weight, last) < (best_load * weight, best_last) {
                        best = (*index, (load, weight, last));
                    }
                }
                Some(best.0)
            }
        }
    }
}
