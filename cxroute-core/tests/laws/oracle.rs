//! The naive oracle of choosing: a list of every choice ever made, searched anew for every question, straight from the
//! words of domain.md §3 and §4. It shares no code with the plane.

use std::collections::BTreeMap;

use cxroute_core::call::{EventKey, SessionToken};
use cxroute_core::config::Strategy;
use cxroute_core::id::{AgentId, GroupId, MembershipId, PoolId};
use cxroute_core::strategy::{
    AttemptSeat, CapKind, Choice, ChooseRequest, HealthSign, LastResort, LiveAttempt, Picked, Roster, Seat,
    SessionImage, Settle, Settled, StageOutcome, Verdict,
};

use crate::world::at;

const PROVISIONAL: i64 = 30_000;
const IDLE: i64 = 300_000;
const PROBE: i64 = 120_000;

/// What a choice is expected to say.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Said {
    Made(Made),
    Recorded(u64),
    Answered,
    Open(u16),
    Ended(u16),
    Unknown,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Made {
    pub(crate) seq: u64,
    pub(crate) before: u16,
    pub(crate) who: Who,
    pub(crate) stages: Vec<Stage>,
    pub(crate) settled: Option<Settled>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Who {
    Seat { attempt: u16, stage: usize, seat: AttemptSeat, probe: Option<u32> },
    Number(u16),
    Nobody,
}

/// A stage's outcome, and verdict, calls and virtual calls of each member in membership order.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Stage {
    pub(crate) outcome: StageOutcome,
    pub(crate) members: Vec<(MembershipId, Verdict, u64, u64)>,
}

impl Said {
    /// What the plane said, in the oracle's words.
    pub(crate) fn by_plane(choice: &Choice) -> Self {
        let pick = match choice {
            Choice::Made(pick) => pick,
            Choice::Recorded(pick) => return Self::Recorded(pick.seq),
            Choice::Answered(_) => return Self::Answered,
            Choice::Open(open) => return Self::Open(open.attempt),
            Choice::Ended { attempts } => return Self::Ended(*attempts),
            Choice::Unknown => return Self::Unknown,
        };
        let who = match pick.picked {
            Picked::Seat(seat) => {
                Who::Seat { attempt: seat.attempt, stage: seat.stage, seat: seat.seat, probe: seat.probe }
            }
            Picked::Number { attempt } => Who::Number(attempt),
            Picked::Nobody => Who::Nobody,
        };
        let stage = |trace: &cxroute_core::strategy::StageTrace| {
            let mut members: Vec<_> = trace.members.iter().collect();
            members.sort_by_key(|member| (member.priority.is_none(), member.priority, member.membership));
            let figures = members.iter().map(|m| (m.membership, m.verdict, m.calls, m.virtual_calls));
            Stage { outcome: trace.outcome, members: figures.collect() }
        };
        let stages = pick.stages.iter().map(stage).collect();
        Self::Made(Made { seq: pick.seq, before: pick.attempts_before, who, stages, settled: pick.settled })
    }
}

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
            let (stage, chosen) = self.stage(roster, &tried);
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

    fn stage(&mut self, roster: &Roster, tried: &[AgentId]) -> (Stage, Option<(Seat, Option<u32>)>) {
        let mut seats = roster.seats.clone();
        seats.sort_by_key(place);
        let mut standings: Vec<Standing> = seats.iter().map(|seat| self.standing(seat, tried)).collect();
        if let Some(group) = roster.group {
            self.arrivals(group, roster, &seats, &standings);
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
        let candidates: Vec<usize> = (0..seats.len()).filter(|index| free(&standings[*index])).collect();
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

    // -- what comes after --------------------------------------------------------------------------------------------

    pub(crate) fn settle(&mut self, token: &SessionToken, settle: Settle, now: i64) -> Settled {
        self.tick(now);
        self.seq += 1;
        self.settle_attempt(token, settle)
    }

    fn settle_attempt(&mut self, token: &SessionToken, settle: Settle) -> Settled {
        let session = self.sessions.get_mut(token);
        let found = session.and_then(|s| s.attempts.iter_mut().find(|a| a.number == settle.attempt));
        let Some(attempt) = found else { return Settled::Unknown };
        let (open, probe) = (attempt.open_until.take(), attempt.probe.take());
        if open.is_none() && probe.is_none() {
            return Settled::Late;
        }
        if let Some(seat) = attempt.seat {
            self.sign(token, seat.agent, settle, probe);
        }
        if open.is_some() { Settled::Closed } else { Settled::Late }
    }

    fn sign(&mut self, token: &SessionToken, agent: AgentId, settle: Settle, probed: Option<u32>) {
        let cooldown = i64::from(settle.health.cooldown_seconds) * 1_000;
        let (health, episodes) = self.health.entry(agent).or_insert((Health::Fit { failures: 0 }, 0));
        let hold = |episodes: &mut u32, probe| {
            *episodes += 1;
            Health::Held { episode: *episodes, until: self.now + cooldown, successes: 0, probe }
        };
        let next = match (health.clone(), settle.sign) {
            (Health::Fit { .. }, HealthSign::Answered) => Health::Fit { failures: 0 },
            (Health::Fit { failures }, HealthSign::Failed) => {
                match failures + 1 >= settle.health.max_consecutive_failures {
                    true => hold(episodes, None),
                    false => Health::Fit { failures: failures + 1 },
                }
            }
            (Health::Held { episode, until, successes, probe }, sign) if probed == Some(episode) => {
                let probe = probe.filter(|(owner, number, _)| (owner, *number) != (token, settle.attempt));
                match sign {
                    HealthSign::Failed => hold(episodes, probe),
                    HealthSign::Answered if successes == 2 => Health::Fit { failures: 0 },
                    HealthSign::Answered => Health::Held { episode, until, successes: successes + 1, probe },
                    HealthSign::Neutral => Health::Held { episode, until, successes, probe },
                }
            }
            (same, _) => same,
        };
        *health = next;
    }

    pub(crate) fn complete(&mut self, token: &SessionToken, key: EventKey, open_until: i64) {
        let Some(session) = self.sessions.get_mut(token) else { return };
        let state = session.states.iter_mut().find(|(k, _)| *k == key);
        let Some((_, state)) = state else {
            session.states.push((key, State::Confirmed));
            return;
        };
        let State::Pending(seq, number) = std::mem::replace(state, State::Confirmed) else { return };
        if let Some(counted) = self.counted.iter().find(|counted| counted.seq == seq) {
            let group = self.groups.entry(counted.group).or_default();
            group.gone = group.gone.max(counted.oldest);
        }
        if let Some(number) = number
            && let Some(attempt) = session.attempts.iter_mut().find(|a| a.number == number)
            && attempt.open_until.is_some()
        {
            attempt.open_until = Some(open_until);
            Self::keep_until(session, open_until + IDLE);
        }
    }

    pub(crate) fn retract(&mut self, token: &SessionToken, key: EventKey) {
        let Some(session) = self.sessions.get_mut(token) else { return };
        let pending = |(k, state): &(EventKey, State)| *k == key && matches!(state, State::Pending(..));
        let Some(index) = session.states.iter().position(pending) else { return };
        let (_, State::Pending(seq, number)) = session.states.remove(index) else { return };
        session.attempts.retain(|attempt| Some(attempt.number) != number);
        self.counted.retain(|counted| counted.seq != seq);
        for (health, _) in self.health.values_mut() {
            if let Health::Held { probe, .. } = health
                && probe.as_ref().is_some_and(|(owner, n, _)| owner == token && Some(*n) == number)
            {
                *probe = None;
            }
        }
    }

    pub(crate) fn end(&mut self, token: &SessionToken, now: i64) {
        self.tick(now);
        let until = self.now + IDLE;
        let Some(session) = self.sessions.get_mut(token) else { return };
        session.ended = true;
        for attempt in &mut session.attempts {
            (attempt.open_until, attempt.probe) = (None, None);
        }
        Self::keep_until(session, until);
    }

    pub(crate) fn stop_attempts(&mut self, token: &SessionToken) {
        if let Some(session) = self.sessions.get_mut(token) {
            session.ended = true;
        }
    }

    // -- crash and restore -------------------------------------------------------------------------------------------

    /// The signals whose choices are not confirmed.
    pub(crate) fn pending(&self) -> Vec<(SessionToken, EventKey)> {
        let of = |token: &SessionToken| {
            self.pending_of(token).into_iter().map(|key| (token.clone(), key)).collect()
        };
        self.sessions.keys().flat_map(|token| -> Vec<_> { of(token) }).collect()
    }

    /// The calls as a store would tell them; the plane that is built from them knows no signals any more.
    pub(crate) fn crash(&mut self) -> Vec<SessionImage> {
        let attempt = |attempt: &Attempt| LiveAttempt {
            number: attempt.number,
            seat: attempt.seat,
            open_until: attempt.open_until.map(at),
            probe: attempt.probe,
        };
        self.sessions.values_mut().for_each(|session| session.states.clear());
        let image = |(token, session): (&SessionToken, &Session)| SessionImage {
            token: token.clone(),
            attempts: session.attempts.iter().map(attempt).collect(),
            ended: session.ended,
            forget_at: at(session.forget_at),
        };
        self.sessions.iter().map(image).collect()
    }

    /// Whether some agent has more live attempts than `cap` says; for checks on the outside.
    pub(crate) fn live_of(&self, agent: AgentId) -> u32 {
        self.live(|seat| seat.agent == agent)
    }
}
