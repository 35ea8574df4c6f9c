//! Recorded calls, played again under another configuration: how would last week have been distributed? (domain.md §8)
//!
//! A replay is an engine of its own, so that calls are routed by the very code that routes live ones: the configuration in
//! question, an execution plane that begins empty, a store in memory that forgets calls once they are over. Calls arrive
//! when they arrived, and an attempt comes to what the attempt of its number came to on record, after as long: windows,
//! caps, cool-downs and fail-overs happen as they would have happened.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Admitted, Arrival, Engine, EngineError, Parts};
use crate::authority::Operator;
use crate::call::{Attempt, Call, CallState, EndReason, Outcome, SessionToken};
use crate::cloudonix::{ATTEMPT_PARAMETER, DialResult, SESSION_PARAMETER, VoiceRequest, Webhook};
use crate::config::{Agent, Configuration, RuleDirection};
use crate::id::{AgentId, GroupId};
use crate::memory::MemoryStore;
use crate::port::{Store as _, StoreError};
use crate::secret::Sealed;
use crate::time::Timestamp;

/// Ended calls that the store keeps; up to twice as many can be live at a time.
const KEPT: usize = 20_000;

/// How calls were, or would be, distributed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Distribution {
    /// All calls.
    pub calls: u64,
    /// Those that no rule matches.
    pub unrouted: u64,
    /// Those that a rule matches, but of which nothing was dialled: nobody could take them.
    pub refused: u64,
    /// By agent.
    pub agents: BTreeMap<AgentId, Share>,
    /// By the group that chose.
    pub groups: BTreeMap<GroupId, Share>,
    /// What was dialled on trunks.
    pub numbers: Share,
}

/// What one agent or group had of the calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// Attempts: a call that failed over counts with each.
    pub attempts: u64,
    /// Attempts that were answered.
    pub answered: u64,
}

impl Distribution {
    /// Counts a call in.
    pub fn add(&mut self, call: &Call) {
        self.calls += 1;
        match call.reason {
            Some(EndReason::NoRoute) => self.unrouted += 1,
            _ if call.attempts.is_empty() => self.refused += 1,
            _ => {}
        }
        for attempt in &call.attempts {
            let share = match attempt.target.agent() {
                Some(agent) => self.agents.entry(agent).or_default(),
                None => &mut self.numbers,
            };
            share.add(attempt);
            if let Some(group) = attempt.target.group() {
                self.groups.entry(group).or_default().add(attempt);
            }
        }
    }
}

impl Share {
    fn add(&mut self, attempt: &Attempt) {
        self.attempts += 1;
        self.answered += u64::from(attempt.outcome == Some(Outcome::Completed));
    }
}

impl<'a> FromIterator<&'a Call> for Distribution {
    fn from_iter<I: IntoIterator<Item = &'a Call>>(calls: I) -> Self {
        let mut distribution = Self::default();
        calls.into_iter().for_each(|call| distribution.add(call));
        distribution
    }
}

/// Recorded calls on their way through another configuration.
pub struct Replay {
    engine: Engine,
    admitted: Admitted,
    /// The ends of attempts that are under way, in the order of time, and of what began them.
    ends: BTreeMap<(Timestamp, u64), End>,
    /// How many webhooks there were.
    webhooks: u64,
    distribution: Distribution,
}

/// An attempt that will end, and what later ones of its call will come to.
struct End {
    token: SessionToken,
    attempt: u16,
    script: Arc<[Scripted]>,
}

/// What an attempt comes to.
struct Scripted {
    /// The word of its result; none as long as it is under way.
    word: Option<Box<str>>,
    after: Duration,
}

impl Engine {
    /// Begins to play recorded calls under `configuration`, by this engine's custom strategy if it has one. Nothing of
    /// this engine is touched, no agent is dialled, and credentials of the configuration are not opened.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] if the configuration is not valid as a whole.
    pub async fn replay(&self, configuration: &Configuration) -> Result<Replay, EngineError> {
        let store = Arc::new(MemoryStore::keeping(KEPT));
        install(&store, &self.operator, configuration).await?;
        let mut engine = Self::new(Parts::in_memory(store, ""), &self.operator);
        engine.strategy.clone_from(&self.strategy);
        let tenant = &configuration.tenant;
        let gate = engine.gate(&tenant.domain).await?.ok_or(StoreError::NoTenant(tenant.id))?;
        let admitted = engine.admit_operator(&gate, &self.operator);
        Ok(Replay {
            engine,
            admitted,
            ends: BTreeMap::new(),
            webhooks: 0,
            distribution: Distribution::default(),
        })
    }
}

impl Replay {
    /// Plays a call that was received no earlier than those before it.
    ///
    /// Who called whom, when, and whether an outbound rule chose are the record's. An attempt beyond those on record comes
    /// to what the last one came to, and at once; a call without any is answered until its end. An attempt that is under
    /// way on record stays under way. Of calls beyond 40,000 at a time, the oldest count in [`Distribution::calls`] only.
    pub async fn play(&mut self, call: &Call) {
        self.play_until(call.received_at).await;
        let arrival = self.arrival(call.received_at);
        let direction = match call.direction {
            RuleDirection::Inbound => "inbound",
            RuleDirection::Outbound => "subscriber",
        };
        // A name of its own: what a record calls its session may be there twice.
        let session = format!("replay-{}", self.webhooks);
        let body =
            json!({ "Session": session, "From": &*call.from, "To": &*call.to, "Direction": direction });
        let body = body.to_string();
        let request = VoiceRequest::read(&Webhook::of(&body));
        self.engine.voice_request(&self.admitted, &request, arrival).await;
        if let Some(token) = SessionToken::new(&session) {
            self.go_on(token, call.received_at, script(call)).await;
        }
    }

    /// How the calls were distributed, once every attempt that is under way has ended.
    pub async fn finish(mut self) -> Distribution {
        self.play_until(Timestamp::from_millis(i64::MAX)).await;
        self.distribution
    }

    async fn play_until(&mut self, now: Timestamp) {
        while let Some(next) = self.ends.first_entry()
            && next.key().0 <= now
        {
            let ((at, _), End { token, attempt, script }) = next.remove_entry();
            let query = format!("{SESSION_PARAMETER}={token}&{ATTEMPT_PARAMETER}={attempt}");
            let (word, _) = scripted(&script, attempt);
            let body = json!({ "Session": token.as_str(), "DialCallStatus": word }).to_string();
            let result = DialResult::read(&Webhook { query: &query, ..Webhook::of(&body) });
            let arrival = self.arrival(at);
            self.engine.dial_result(&self.admitted, &result, arrival).await;
            self.go_on(token, at, script).await;
        }
    }

    /// Waits for the end of the attempt that was made, or counts a call that is over.
    async fn go_on(&mut self, token: SessionToken, now: Timestamp, script: Arc<[Scripted]>) {
        let Some(call) = self.engine.recorded(&self.admitted, &token).await else {
            self.distribution.calls += 1;
            return;
        };
        let open = call.open_attempt().filter(|_| !call.is_over()).map(|open| open.number);
        match open.map(|attempt| (attempt, scripted(&script, attempt))) {
            Some((attempt, (Some(_), after))) => {
                self.ends.insert((now.after(after), self.webhooks), End { token, attempt, script });
            }
            _ => self.distribution.add(&call),
        }
    }

    const fn arrival(&mut self, at: Timestamp) -> Arrival {
        self.webhooks += 1;
        Arrival { at, random: self.webhooks }
    }
}

/// What the attempts of a call come to.
fn script(call: &Call) -> Arc<[Scripted]> {
    let after = |from: Timestamp, end: Option<Timestamp>| end.map_or(Duration::ZERO, |end| end.since(from));
    if call.attempts.is_empty() {
        let after = after(call.received_at, call.end_time);
        let word = call.is_over().then(|| Outcome::Completed.as_str().into());
        return Arc::new([Scripted { word, after }]);
    }
    let attempts = call.attempts.iter().map(|attempt| Scripted {
        word: word(call, attempt).map(Into::into),
        after: after(attempt.started_at, attempt.ended_at.or(call.end_time)),
    });
    attempts.collect()
}

/// The word of a dial result. One that never came is told from what became of the call, once something has.
fn word<'a>(call: &'a Call, attempt: &'a Attempt) -> Option<&'a str> {
    let outcome = match (attempt.outcome, call.state) {
        // The platform's own word: health does not hold a cancelled attempt against the agent.
        (Some(Outcome::Failed), _) => {
            return Some(attempt.word.as_deref().unwrap_or(Outcome::Failed.as_str()));
        }
        (Some(outcome), _) => outcome,
        (None, _) if attempt.ended_at.is_none() && !call.is_over() => return None,
        (None, CallState::Connected | CallState::Completed) => Outcome::Completed,
        (None, _) => Outcome::NoAnswer,
    };
    Some(outcome.as_str())
}

/// The word of an attempt, and when it comes; attempts are numbered from 1.
fn scripted(script: &[Scripted], attempt: u16) -> (Option<&str>, Duration) {
    match script.get(usize::from(attempt).saturating_sub(1)) {
        Some(scripted) => (scripted.word.as_deref(), scripted.after),
        None => (script.last().and_then(|last| last.word.as_deref()), Duration::ZERO),
    }
}

/// Puts a configuration into a store of its own, without credentials: nobody is dialled.
async fn install(
    store: &MemoryStore,
    operator: &Operator,
    configuration: &Configuration,
) -> Result<(), StoreError> {
    let Configuration { revision: _, tenant, pools, agents, groups, inbound_rules, outbound_rules } =
        configuration;
    let id = store.create_tenant(operator, &tenant.name, &tenant.domain, Timestamp::EPOCH).await?;
    let mut tx = store.begin(&operator.config(id)).await?;
    tx.save_tenant(tenant).await?;
    for pool in pools {
        tx.save_pool(pool).await?;
    }
    for agent in agents {
        let service_value = Sealed::from_bytes("nobody");
        let agent = Agent { service_value, username: None, password: None, ..agent.clone() };
        tx.save_agent(&agent).await?;
    }
    for group in groups {
        tx.save_group(group).await?;
    }
    for rule in inbound_rules {
        tx.save_inbound_rule(rule).await?;
    }
    for rule in outbound_rules {
        tx.save_outbound_rule(rule).await?;
    }
    tx.commit(Timestamp::EPOCH).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "tests are the operator")]

    use super::*;
    use crate::call::AttemptTarget;
    use crate::cloudonix::Provider;
    use crate::config::{Domain, Group, InboundRule, Member, Strategy, Target};
    use crate::id::{CallId, MembershipId, RuleId};
    use crate::strategy::AttemptSeat;

    const T0: i64 = 1_767_225_600_000;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_millis(T0 + second * 1_000)
    }

    /// Agents 1 and 2 in a group that answers +1212.
    async fn configuration(strategy: Strategy) -> Configuration {
        let (store, operator) = (MemoryStore::new(), Operator::assume());
        let domain = Domain::parse("t.cloudonix.net").unwrap();
        let tenant = store.create_tenant(&operator, "T", &domain, at(0)).await.unwrap();
        let mut configuration =
            store.read(&operator.read(tenant)).await.unwrap().configuration().await.unwrap();
        for id in [1, 2] {
            let (provider, address) = (Provider::parse("vapi").unwrap(), Sealed::from_bytes("sealed"));
            configuration.agents.push(Agent::new(AgentId::new(id), format!("A{id}"), provider, address));
        }
        let member =
            |id| Member { priority: Some(id as u32), ..Member::new(MembershipId::new(id), AgentId::new(id)) };
        configuration.groups = vec![Group::new(GroupId::new(3), "G", strategy, vec![member(1), member(2)])];
        let target = Target::Group(GroupId::new(3));
        configuration.inbound_rules =
            vec![InboundRule::new(RuleId::new(4), "1212*".parse().unwrap(), target)];
        configuration
    }

    /// A call as agent 9 had it, which is in no configuration here.
    fn recorded(second: i64, to: &str, attempts: &[(Outcome, i64)]) -> Call {
        let mut end = second;
        let attempts = attempts.iter().zip(1..).map(|((outcome, seconds), number)| {
            let started_at = at(end);
            end += seconds;
            let (agent, ended_at) = (AgentId::new(9), Some(at(end)));
            let seat = AttemptSeat { agent, group: None, membership: None, pool: None };
            let (target, outcome) = (AttemptTarget::Agent(seat), Some(*outcome));
            Attempt { number, target, probe: None, started_at, ended_at, outcome, word: None }
        });
        let attempts = attempts.collect();
        Call {
            id: CallId::new(second as u64),
            token: SessionToken::new("all the same").unwrap(),
            direction: RuleDirection::Inbound,
            from: "+15550001".into(),
            to: to.into(),
            state: CallState::Completed,
            reason: None,
            attempts,
            early: Vec::new(),
            received_at: at(second),
            start_time: at(second),
            end_time: Some(at(end)),
            duration: None,
            session_ended: None,
            cdr: None,
            cdr_at: None,
            live_until: at(end),
        }
    }

    async fn played(configuration: &Configuration, calls: &[Call]) -> Distribution {
        let engine = Engine::new(Parts::in_memory(Arc::new(MemoryStore::new()), ""), &Operator::assume());
        let mut replay = engine.replay(configuration).await.unwrap();
        for call in calls {
            replay.play(call).await;
        }
        replay.finish().await
    }

    fn shares(distribution: &Distribution) -> Vec<(u64, u64, u64)> {
        let share = |(agent, share): (&AgentId, &Share)| (agent.get(), share.attempts, share.answered);
        distribution.agents.iter().map(share).collect()
    }

    #[tokio::test]
    async fn calls_are_distributed_as_the_other_configuration_would_have() {
        let calls: Vec<_> =
            (0..100).map(|n| recorded(n * 10, "+12125550", &[(Outcome::Completed, 300)])).collect();
        let recorded: Distribution = calls.iter().collect();
        assert_eq!(shares(&recorded), [(9, 100, 100)]);
        let distribution = played(&configuration(Strategy::RoundRobin).await, &calls).await;
        assert_eq!((distribution.calls, shares(&distribution)), (100, vec![(1, 50, 50), (2, 50, 50)]));
        assert_eq!(distribution.groups[&GroupId::new(3)], Share { attempts: 100, answered: 100 });
        let distribution = played(&configuration(Strategy::Priority).await, &calls).await;
        assert_eq!(shares(&distribution), [(1, 100, 100)]);
    }

    #[tokio::test]
    async fn calls_that_end_in_one_moment_all_count() {
        let calls: Vec<_> = (0..100)
            .map(|n| recorded(n, "1212", &[(Outcome::Busy, 100 - n), (Outcome::Completed, 50)]))
            .collect();
        let distribution = played(&configuration(Strategy::RoundRobin).await, &calls).await;
        assert_eq!((distribution.calls, shares(&distribution)), (100, vec![(1, 100, 50), (2, 100, 50)]));
    }

    #[tokio::test]
    async fn attempts_take_as_long_as_on_record_so_caps_hold_back_who_would_have_been_busy() {
        let mut configuration = configuration(Strategy::Priority).await;
        configuration.agents[0].max_concurrent_calls = Some(1);
        let calls = [0, 30, 59, 61, 90].map(|second| recorded(second, "1212", &[(Outcome::Completed, 60)]));
        // The first until 60, the fourth from 61 on.
        assert_eq!(shares(&played(&configuration, &calls).await), [(1, 2, 2), (2, 3, 3)]);
    }

    #[tokio::test]
    async fn attempts_come_to_what_they_came_to_on_record() {
        let configuration = configuration(Strategy::Priority).await;
        let calls = [
            recorded(0, "1212", &[(Outcome::Busy, 5), (Outcome::Completed, 60)]),
            // No more attempts on record than one: the second comes to the same.
            recorded(100, "1212", &[(Outcome::NoAnswer, 20)]),
            // None at all: answered.
            recorded(200, "1212", &[]),
        ];
        let distribution = played(&configuration, &calls).await;
        assert_eq!((distribution.calls, shares(&distribution)), (3, vec![(1, 3, 1), (2, 2, 1)]));
    }

    #[tokio::test]
    async fn what_is_under_way_on_record_is_under_way_and_takes_its_place() {
        let mut configuration = configuration(Strategy::Priority).await;
        configuration.agents[0].max_concurrent_calls = Some(2);
        let live = |second: i64, state: CallState, attempts: &[(Outcome, i64)]| {
            let mut call = Call { state, ..recorded(second, "1212", attempts) };
            if let Some(last) = call.attempts.last_mut() {
                (last.outcome, last.ended_at) = (None, None);
            }
            call
        };
        let calls = [
            live(0, CallState::Connecting, &[(Outcome::Completed, 0)]),
            live(10, CallState::Connected, &[(Outcome::Busy, 5), (Outcome::Completed, 0)]),
            live(20, CallState::Connecting, &[]),
            recorded(30, "1212", &[(Outcome::Completed, 60)]),
        ];
        // The first and the third ring at 1 and go nowhere else; 2 has the second call from 15 on, and the fourth.
        assert_eq!(shares(&played(&configuration, &calls).await), [(1, 3, 0), (2, 2, 1)]);
    }

    #[tokio::test]
    async fn calls_that_nobody_gets_are_told_apart() {
        let mut configuration = configuration(Strategy::Priority).await;
        for agent in &mut configuration.agents {
            agent.enabled = false;
        }
        let calls = ["1212", "1313"].map(|to| recorded(0, to, &[(Outcome::Completed, 60)]));
        let distribution = played(&configuration, &calls).await;
        assert_eq!((distribution.calls, distribution.unrouted, distribution.refused), (2, 1, 1));
        assert!(distribution.agents.is_empty());
    }

    #[tokio::test]
    async fn a_configuration_that_is_not_valid_is_refused() {
        let mut configuration = configuration(Strategy::Priority).await;
        configuration.agents.pop();
        let engine = Engine::new(Parts::in_memory(Arc::new(MemoryStore::new()), ""), &Operator::assume());
        let refused = engine.replay(&configuration).await.err();
        assert!(matches!(refused, Some(EngineError::Store(StoreError::Invalid(_)))), "{refused:?}");
    }
}
