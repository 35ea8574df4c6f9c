//! What comes after the oracle's choice: results, confirmations, retractions, ends, crashes.

use cxroute_core::call::{EventKey, SessionToken};
use cxroute_core::id::AgentId;
use cxroute_core::strategy::{HealthSign, LiveAttempt, SessionImage, Settle, Settled};

use crate::world::at;

use super::{Attempt, Health, IDLE, Oracle, Session, State};

impl Oracle {
    pub(crate) fn settle(&mut self, token: &SessionToken, settle: Settle, now: i64) -> Settled {
        self.tick(now);
        self.seq += 1;
        self.settle_attempt(token, settle)
    }

    pub(super) fn settle_attempt(&mut self, token: &SessionToken, settle: Settle) -> Settled {
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
