//! The naive oracle of choosing: a list of every choice ever made, searched anew for every question, straight from the
//! words of domain.md §3 and §4. It shares no code with the plane.

mod after;
mod said;
mod stage;

pub(crate) use said::{Made, Said, Stage, Who};

use std::collections::BTreeMap;

use cxroute_core::call::{EventKey, SessionToken};
use cxroute_core::config::Strategy;
use cxroute_core::id::{AgentId, GroupId};
use cxroute_core::strategy::{AttemptSeat, ChooseRequest, LastResort, Roster, Seat, StageOutcome, Verdict};

const PROVISIONAL: i64 = 30_000;
const IDLE: i64 = 300_000;
const PROBE: i64 = 120_000;

/// One counted choice.
#[derive(Clone, Debug)]
struct Counted {
    seq: u64,
    group: GroupId,
    agent: AgentId,
    /// None for load balancing; then the level, none for the whole group.
    turn: Option<Option<u32>>,
    place: (u64, u64),
    /// Its step's last millisecond.
    step: i64,
    /// When the oldest step began that was in the window then.
    oldest: i64,
}

#[derive(Clone, Debug, Default)]
struct Group {
    /// Steps that ended before this have left the window for good: a choice after them was confirmed.
    gone: i64,
    /// Steps that end at this or later are in the window.
    left: i64,
    taking_calls: bool,
    here: BTreeMap<AgentId, bool>,
    /// By agent: (step's last millisecond, virtual calls).
    given: BTreeMap<AgentId, Vec<(i64, u64)>>,
}

#[derive(Clone, Debug)]
enum Health {
    Fit { failures: u32 },
    Held { episode: u32, until: i64, successes: u32, probe: Option<(SessionToken, u16, i64)> },
}

#[derive(Clone, Debug)]
struct Attempt {
    number: u16,
    seat: Option<AttemptSeat>,
    open_until: Option<i64>,
    probe: Option<u32>,
}

#[derive(Clone, Debug)]
enum State {
    /// Not confirmed: the choice's sequence number, its attempt.
    Pending(u64, Option<u16>),
    Confirmed,
}

#[derive(Clone, Debug, Default)]
struct Session {
    attempts: Vec<Attempt>,
    states: Vec<(EventKey, State)>,
    ended: bool,
    forget_at: i64,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Oracle {
    pub(crate) now: i64,
    seq: u64,
    counted: Vec<Counted>,
    groups: BTreeMap<GroupId, Group>,
    health: BTreeMap<AgentId, (Health, u32)>,
    sessions: BTreeMap<SessionToken, Session>,
}

/// Why a member is no candidate, or what it is one as.
#[derive(Clone, Copy, PartialEq)]
enum Standing {
    Free,
    Probe(u32),
    Held(Verdict),
    Out(Verdict),
}

fn place(seat: &Seat) -> (u64, u64) {
    (seat.priority.map_or(u64::from(u32::MAX), u64::from), seat.membership.get())
}

impl Oracle {
    // -- what counts -------------------------------------------------------------------------------------------------

    fn real(&self, group: GroupId, agent: AgentId, from: i64) -> u64 {
        let counts = |c: &&Counted| c.group == group && c.agent == agent && c.step >= from;
        self.counted.iter().filter(counts).count() as u64
    }

    fn given(&self, group: GroupId, agent: AgentId, from: i64) -> u64 {
        let given = self.groups.get(&group).and_then(|group| group.given.get(&agent));
        given.map_or(0, |given| given.iter().filter(|(step, _)| *step >= from).map(|(_, calls)| calls).sum())
    }

    fn load(&self, group: GroupId, agent: AgentId, from: i64) -> u64 {
        self.real(group, agent, from) + self.given(group, agent, from)
    }

    fn last(&self, group: GroupId, agent: AgentId) -> u64 {
        let of = |c: &&Counted| c.group == group && c.agent == agent;
        self.counted.iter().filter(of).map(|c| c.seq).max().unwrap_or(0)
    }

    fn live(&self, which: impl Fn(&AttemptSeat) -> bool) -> u32 {
        let attempts = self.sessions.values().flat_map(|session| &session.attempts);
        let open = attempts.filter(|attempt| attempt.open_until.is_some());
        open.filter_map(|attempt| attempt.seat.as_ref()).filter(|seat| which(seat)).count() as u32
    }

    // -- time --------------------------------------------------------------------------------------------------------

    fn tick(&mut self, now: i64) {
        self.now = self.now.max(now);
        let now = self.now;
        let mut back = Vec::new();
        for (token, session) in &mut self.sessions {
            for attempt in &mut session.attempts {
                if attempt.open_until.is_some_and(|until| until <= now) {
                    attempt.open_until = None;
                    let pending = |(_, state): &&(EventKey, State)| matches!(state, State::Pending(_, number) if *number == Some(attempt.number));
                    back.extend(session.states.iter().find(pending).map(|(key, _)| (token.clone(), *key)));
                }
            }
        }
        for (token, key) in back {
            self.retract(&token, key);
        }
        let idle: Vec<_> =
            self.sessions.iter().filter(|(_, s)| s.forget_at <= now).map(|(t, _)| t.clone()).collect();
        for token in idle {
            for key in self.pending_of(&token) {
                self.retract(&token, key);
            }
            self.sessions.remove(&token);
        }
    }

    fn pending_of(&self, token: &SessionToken) -> Vec<EventKey> {
        let states = self.sessions.get(token).map(|session| session.states.as_slice()).unwrap_or_default();
        let pending = states.iter().filter(|(_, state)| matches!(state, State::Pending(..)));
        pending.map(|(key, _)| *key).collect()
    }

    fn keep_until(session: &mut Session, until: i64) {
        let open = session.attempts.iter().filter_map(|attempt| attempt.open_until).max();
        session.forget_at = until.max(open.map_or(0, |open| open + IDLE));
    }

    // -- choosing ----------------------------------------------------------------------------------------------------

    pub(crate) fn choose(&mut self, request: &ChooseRequest<'_>) -> Said {
        self.tick(request.now.as_millis());
        match self.sessions.get(request.token) {
            Some(session) => match session.states.iter().find(|(key, _)| *key == request.key) {
                Some((_, State::Pending(seq, _))) => return Said::Recorded(*seq),
                Some((_, State::Confirmed)) => return Said::Answered,
                None => {}
            },
            None if request.settle.is_some() => return Said::Unknown,
            None => {}
        }
        let settled = request.settle.map(|settle| self.settle_attempt(request.token, settle));
        let session = self.sessions.entry(request.token.clone()).or_default();
        let before = session.attempts.len() as u16;
        if session.ended && settled.is_none() {
            return Said::Ended(before);
        }
        if let Some(open) = session.attempts.iter().rev().find(|attempt| attempt.open_until.is_some()) {
            return Said::Open(open.number);
        }
        let ended = session.ended;
        self.seq += 1;
        let mut made = Made { seq: self.seq, before, who: Who::Nobody, stages: Vec::new(), settled };
        if !ended {
            self.walk(request, &mut made);
        }
        self.record(request, &made);
        Said::Made(made)
    }

    fn walk(&mut self, request: &ChooseRequest<'_>, made: &mut Made) {
        let session = &self.sessions[request.token];
        let mut tried: Vec<AgentId> =
            session.attempts.iter().filter_map(|attempt| attempt.seat.map(|seat| seat.agent)).collect();
        tried.extend(request.tried);
        let numbers = session.attempts.iter().any(|attempt| attempt.seat.is_none());
        if made.before >= 24 {
            return;
        }
        let attempt = 1 + session.attempts.iter().map(|attempt| attempt.number).max().unwrap_or(0);
        for (index, roster) in request.stages.iter().enumerate() {
            if roster.group.is_some() && made.before >= roster.max_attempts {
                made.stages.push(Stage { outcome: StageOutcome::MaxAttempts, members: Vec::new() });
                continue;
            }
            let said = request.preferences.get(index).map(|said| said.as_slice()).unwrap_or_default();
            let (stage, chosen) = self.stage(roster, said, &tried);
            made.stages.push(stage);
            let Some((seat, probe)) = chosen else { continue };
            let place = place(&seat);
            if let Some(group) = roster.group {
                let turn = match roster.strategy {
                    Strategy::LoadBalanced => None,
                    Strategy::Priority => Some(Some(place.0 as u32)),
                    Strategy::RoundRobin => Some(None),
                };
                let step = self.step_start(roster) + roster.step.as_millis() as i64 - 1;
                let oldest = self.oldest(roster);
                self.counted.push(Counted {
                    seq: made.seq,
                    group,
                    agent: seat.agent,
                    turn,
                    place,
                    step,
                    oldest,
                });
            }
            let membership = roster.group.map(|_| seat.membership);
            let chosen = AttemptSeat { agent: seat.agent, group: roster.group, membership, pool: seat.pool };
            if probe.is_some()
                && let Some((Health::Held { probe, .. }, _)) = self.health.get_mut(&seat.agent)
            {
                *probe = Some((request.token.clone(), attempt, self.now + PROBE));
            }
            made.who = Who::Seat { attempt, stage: index, seat: chosen, probe };
            return;
        }
        if request.last_resort == LastResort::Number && !(numbers && request.settle.is_some()) {
            made.who = Who::Number(attempt);
        }
    }

    fn step_start(&self, roster: &Roster) -> i64 {
        let step = roster.step.as_millis() as i64;
        self.now.div_euclid(step) * step
    }

    fn oldest(&self, roster: &Roster) -> i64 {
        self.step_start(roster) - 95 * roster.step.as_millis() as i64
    }

    fn record(&mut self, request: &ChooseRequest<'_>, made: &Made) {
        let now = self.now;
        let session = self.sessions.entry(request.token.clone()).or_default();
        let open_until = Some(now + PROVISIONAL);
        let attempt = match made.who {
            Who::Seat { attempt, seat, probe, .. } => {
                Some(Attempt { number: attempt, seat: Some(seat), open_until, probe })
            }
            Who::Number(number) => Some(Attempt { number, seat: None, open_until, probe: None }),
            Who::Nobody => None,
        };
        let number = attempt.as_ref().map(|attempt| attempt.number);
        session.attempts.extend(attempt);
        session.states.push((request.key, State::Pending(made.seq, number)));
        let until = session.forget_at.max(now + IDLE);
        Self::keep_until(session, until);
    }
}
