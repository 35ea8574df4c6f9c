//! Picking from one stage: who is a candidate, who of them is chosen by the strategy, and why everyone else is not.

use std::cmp::Ordering;

use smallvec::SmallVec;

use super::book::GroupBook;
use super::custom::Preference;
use super::health::Fitness;
use super::ledger::{Join, LedgerDelta, Presence};
use super::plane::Plane;
use super::roster::{Roster, Seat};
use super::verdict::{
    CapKind, MemberVerdict, StageOutcome, StageTrace, TRACED_MEMBERS, Verdict, VerdictCounts,
};
use super::window::Tally;
use crate::config::Strategy;
use crate::id::AgentId;

/// What stands in a seat's way, before the strategy compares.
#[derive(Clone, Copy, PartialEq)]
enum Standing {
    /// Nothing.
    Candidate,
    /// Nothing, as the probe of this episode.
    Probe(u32),
    /// Health alone.
    Held(Verdict),
    /// Something else.
    Out(Verdict),
}

impl Standing {
    const fn takes(&self) -> bool {
        matches!(self, Self::Candidate | Self::Probe(_))
    }
}

type Standings = SmallVec<[Standing; 16]>;

impl Plane {
    /// Picks a seat of `roster`, with the reasons; books presence and joins, not the choice itself.
    pub(super) fn pick_from(
        &mut self,
        roster: &Roster,
        preferences: &[Preference],
        tried: &[AgentId],
        delta: &mut LedgerDelta,
    ) -> (StageTrace, Option<(Seat, Option<u32>)>) {
        let mut standings: Standings = roster.seats.iter().map(|seat| self.standing(seat, tried)).collect();
        self.greet(roster, &standings, delta);
        // The number of seats is the roster's: what was said of another is not said of this.
        let preferences = Some(preferences).filter(|said| said.len() == standings.len()).unwrap_or_default();
        keep_out(&mut standings, preferences);
        let mut outcome = StageOutcome::Chosen;
        if !standings.iter().any(Standing::takes) {
            outcome = StageOutcome::Nobody;
            for standing in &mut standings {
                if matches!(standing, Standing::Held(_)) {
                    *standing = Standing::Candidate;
                    outcome = StageOutcome::ChosenDespiteHealth;
                }
            }
        }
        keep_preferred(&mut standings, preferences);
        let book = roster.group.and_then(|group| self.groups.get(&group));
        let chosen = match roster.strategy {
            Strategy::LoadBalanced => least_loaded(roster, &standings, book),
            Strategy::Priority => in_turn_of_level(roster, &standings, book),
            Strategy::RoundRobin => in_turn(roster, &standings, book, None),
        };
        let trace = trace(roster, &standings, book, chosen, outcome);
        let found = chosen.map(|index| {
            let probe = match standings[index] {
                Standing::Probe(episode) => Some(episode),
                _ => None,
            };
            (roster.seats[index], probe)
        });
        (trace, found)
    }

    fn standing(&self, seat: &Seat, tried: &[AgentId]) -> Standing {
        if !seat.enabled {
            return Standing::Out(Verdict::Disabled);
        }
        if tried.contains(&seat.agent) {
            return Standing::Out(Verdict::Tried);
        }
        if let Some(full) = self.full(seat) {
            return Standing::Out(full);
        }
        let Some(book) = self.agents.get(&seat.agent) else { return Standing::Candidate };
        match book.health.health.fitness(self.now) {
            Fitness::Fit => Standing::Candidate,
            Fitness::Probe(episode) => Standing::Probe(episode),
            Fitness::CoolingDown(until) => Standing::Held(Verdict::CoolingDown { until }),
            Fitness::Probing => Standing::Held(Verdict::Probing),
        }
    }

    fn full(&self, seat: &Seat) -> Option<Verdict> {
        let reached = |cap, limit: Option<u32>, live: &dyn Fn() -> u32| {
            let limit = limit?;
            let live = live();
            (live >= limit).then_some(Verdict::AtCapacity { cap, live, limit })
        };
        reached(CapKind::Agent, seat.caps.agent, &|| self.agents.get(&seat.agent).map_or(0, |a| a.live))
            .or_else(|| {
                let live = || self.memberships.get(&seat.membership).copied().unwrap_or(0);
                reached(CapKind::Membership, seat.caps.membership, &live)
            })
            .or_else(|| {
                let live = || seat.pool.and_then(|pool| self.pools.get(&pool)).copied().unwrap_or(0);
                reached(CapKind::Pool, seat.caps.pool, &live)
            })
    }

    /// Moves the group's window to now, notes who has come and gone since the last choice, and gives newcomers the
    /// calls of the least loaded candidate that was there.
    fn greet(&mut self, roster: &Roster, standings: &Standings, delta: &mut LedgerDelta) {
        let Some(group) = roster.group else { return };
        let fit = |plane: &Self, seat: &Seat| {
            seat.enabled && plane.agents.get(&seat.agent).is_none_or(|book| book.health.health.is_fit())
        };
        let mut came: SmallVec<[Seat; 2]> = SmallVec::new();
        let now = self.now;
        let book = self.groups.entry(group).or_default();
        book.window.advance(now, roster.step);
        let begun = std::mem::replace(&mut book.begun, true);
        for seat in &roster.seats {
            let present = fit(self, seat);
            let Some(book) = self.groups.get_mut(&group) else { return };
            let member = book.members.entry(seat.agent).or_default();
            if member.present != present {
                member.present = present;
                delta.presence.push(Presence { group, agent: seat.agent, present });
                if present && begun {
                    came.push(*seat);
                }
            }
        }
        self.note_absent(roster, delta);
        if came.is_empty() {
            return;
        }
        let Some(reference) = self.reference(roster, standings, &came) else { return };
        let Some(book) = self.groups.get_mut(&group) else { return };
        for seat in came {
            let reference = (reference.agent, reference.capacity.get());
            book.window.join((seat.agent, seat.capacity.get()), reference);
            let (step_millis, steps) = book.window.virtual_steps(seat.agent);
            delta.joins.push(Join { group, agent: seat.agent, step_millis, steps });
        }
    }

    /// Members that left the roster altogether are away: they join when they come back.
    fn note_absent(&mut self, roster: &Roster, delta: &mut LedgerDelta) {
        let Some((group, book)) = roster.group.and_then(|group| Some((group, self.groups.get_mut(&group)?)))
        else {
            return;
        };
        if book.roster == roster.fingerprint {
            return;
        }
        book.roster = roster.fingerprint;
        let mut gone: SmallVec<[AgentId; 2]> = SmallVec::new();
        for (agent, member) in &mut book.members {
            if member.present && roster.seats.iter().all(|seat| seat.agent != *agent) {
                member.present = false;
                gone.push(*agent);
            }
        }
        gone.sort_unstable();
        delta.presence.extend(gone.into_iter().map(|agent| Presence { group, agent, present: false }));
    }

    /// The least loaded candidate that was there before the newcomers; if there is none, the least loaded of those who
    /// were there and are tried or full just now.
    fn reference(&self, roster: &Roster, standings: &Standings, came: &[Seat]) -> Option<Seat> {
        let book = roster.group.and_then(|group| self.groups.get(&group))?;
        let there = |seat: &&Seat| {
            book.members.get(&seat.agent).is_some_and(|member| member.present)
                && came.iter().all(|newcomer| newcomer.agent != seat.agent)
        };
        let least = |seats: &mut dyn Iterator<Item = &Seat>| {
            seats.min_by(|a, b| compare_load(a, book.tally(a.agent), b, book.tally(b.agent))).copied()
        };
        least(&mut candidates(roster, standings).map(|(_, seat)| seat).filter(there))
            .or_else(|| least(&mut roster.seats.iter().filter(there)))
    }
}

/// Nobody takes a call that the custom strategy keeps from them, not even when health is ignored.
fn keep_out(standings: &mut Standings, preferences: &[Preference]) {
    for (standing, preference) in standings.iter_mut().zip(preferences) {
        if *preference == Preference::Never && !matches!(standing, Standing::Out(_)) {
            *standing = Standing::Out(Verdict::Excluded);
        }
    }
}

/// Of the candidates, those that the call prefers most stay.
fn keep_preferred(standings: &mut Standings, preferences: &[Preference]) {
    let rank = |(standing, preference): (&Standing, &Preference)| match preference {
        Preference::Rank(rank) if standing.takes() => Some(*rank),
        Preference::Rank(_) | Preference::Never => None,
    };
    let Some(best) = standings.iter().zip(preferences).filter_map(rank).min() else { return };
    for (standing, preference) in standings.iter_mut().zip(preferences) {
        if standing.takes() && *preference != Preference::Rank(best) {
            *standing = Standing::Out(Verdict::LessPreferred);
        }
    }
}

/// calls/capacity, compared exactly by cross-multiplication.
fn compare_load(a: &Seat, tally_a: Tally, b: &Seat, tally_b: Tally) -> Ordering {
    let left = tally_a.load() * u64::from(b.capacity.get());
    let right = tally_b.load() * u64::from(a.capacity.get());
    left.cmp(&right)
}

fn candidates<'a>(
    roster: &'a Roster,
    standings: &'a Standings,
) -> impl DoubleEndedIterator<Item = (usize, &'a Seat)> + Clone {
    roster.seats.iter().enumerate().filter(move |(index, _)| standings[*index].takes())
}

/// The smallest calls/capacity; ties: the one chosen longest ago, then membership order.
fn least_loaded(roster: &Roster, standings: &Standings, book: Option<&GroupBook>) -> Option<usize> {
    let Some(book) = book else { return candidates(roster, standings).next().map(|(index, _)| index) };
    candidates(roster, standings)
        .min_by(|(_, a), (_, b)| {
            compare_load(a, book.tally(a.agent), b, book.tally(b.agent))
                .then_with(|| book.last(a.agent).cmp(&book.last(b.agent)))
        })
        .map(|(index, _)| index)
}

/// The candidate after the last turn in membership order, else the first; within one priority level if one is given.
fn in_turn(
    roster: &Roster,
    standings: &Standings,
    book: Option<&GroupBook>,
    level: Option<u32>,
) -> Option<usize> {
    let mut of_level =
        candidates(roster, standings).filter(|(_, seat)| level.is_none_or(|level| seat.order().0 == level));
    let first = of_level.clone().next()?;
    let Some(last) = book.and_then(|book| book.turn(level)) else { return Some(first.0) };
    let next = of_level.find(|(_, seat)| seat.order() > last).unwrap_or(first);
    Some(next.0)
}

/// The lowest level that has a candidate, in turns of its own.
fn in_turn_of_level(roster: &Roster, standings: &Standings, book: Option<&GroupBook>) -> Option<usize> {
    let (_, first) = candidates(roster, standings).next()?;
    in_turn(roster, standings, book, Some(first.order().0))
}

fn trace(
    roster: &Roster,
    standings: &Standings,
    book: Option<&GroupBook>,
    chosen: Option<usize>,
    outcome: StageOutcome,
) -> StageTrace {
    let level = chosen.map(|index| roster.seats[index].order().0);
    let verdict = |index: usize| match standings[index] {
        Standing::Probe(_) if chosen == Some(index) => Verdict::ChosenAsProbe,
        _ if chosen == Some(index) => Verdict::Chosen,
        Standing::Out(verdict) | Standing::Held(verdict) => verdict,
        Standing::Candidate | Standing::Probe(_) => match roster.strategy {
            Strategy::LoadBalanced => Verdict::HigherLoad,
            Strategy::Priority if level != Some(roster.seats[index].order().0) => Verdict::LowerPriority,
            Strategy::Priority | Strategy::RoundRobin => Verdict::NotItsTurn,
        },
    };
    let mut members = SmallVec::with_capacity(roster.seats.len().min(TRACED_MEMBERS));
    let mut others = VerdictCounts::default();
    let rest = (0..roster.seats.len()).filter(|index| chosen != Some(*index));
    for index in chosen.into_iter().chain(rest) {
        let (seat, verdict) = (&roster.seats[index], verdict(index));
        if members.len() == TRACED_MEMBERS {
            others.add(verdict);
            continue;
        }
        let tally = book.map_or(Tally::default(), |book| book.tally(seat.agent));
        members.push(MemberVerdict {
            agent: seat.agent,
            membership: seat.membership,
            verdict,
            calls: tally.calls,
            virtual_calls: tally.virtual_calls,
            capacity: seat.capacity.get(),
            priority: seat.priority,
        });
    }
    StageTrace { group: roster.group, strategy: roster.strategy, outcome, members, others }
}
