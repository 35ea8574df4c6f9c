//! The engine on the in-memory adapters, call by call: what the platform is told, and what the store keeps.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "helpers of tests, which are the operator"
)]

use std::sync::Arc;
use std::sync::atomic::Ordering;

use cxroute_core::authority::Operator;
use cxroute_core::call::{CallState, EndReason, SessionToken};
use cxroute_core::cloudonix::{Cdr, DialResult, SessionUpdate, VoiceRequest, Webhook};
use cxroute_core::config::{
    Agent, Capacity, Domain, Group, GroupSettings, InboundRule, Member, OutboundRule, Target,
};
use cxroute_core::engine::{
    Admitted, Answer, Arrival, Direct, Distribution, Durability, Engine, Origin, Parts, Question, Receipt,
};
use cxroute_core::id::{AgentId, GroupId, MembershipId, RuleId};
use cxroute_core::memory::{MemoryLive, MemoryStore};
use cxroute_core::port::{CallFilter, Page, Store};
use cxroute_core::secret::{NoVault, Sealed};
use cxroute_core::strategy::{CallFacts, Candidate, CustomStrategy, Preference, Verdict};
use cxroute_core::time::Timestamp;

mod away;

use crate::away::{Away, AwayLive};

const T0: i64 = 1_767_225_600_000;

/// One engine, one tenant, and the platform's side of its calls.
struct Desk {
    engine: Engine,
    store: Arc<MemoryStore>,
    admitted: Admitted,
    now: i64,
}

fn agent(id: u64, name: &str) -> Agent {
    Agent {
        id: AgentId::new(id),
        name: name.into(),
        provider: serde_json::from_value("vapi".into()).unwrap(),
        service_value: Sealed::from_bytes(format!("+1212555000{id}").into_bytes()),
        username: None,
        password: None,
        enabled: true,
        max_concurrent_calls: None,
        pool: None,
        metadata: serde_json::Map::new(),
    }
}

fn member(id: u64, agent: u64) -> Member {
    Member {
        id: MembershipId::new(id),
        agent: AgentId::new(agent),
        priority: Some(u32::try_from(id).unwrap()),
        capacity: Capacity::ONE,
        enabled: true,
        max_concurrent_calls: None,
    }
}

impl Desk {
    async fn open(settings: GroupSettings) -> Self {
        let store = Arc::new(MemoryStore::new());
        let operator = Operator::assume();
        let domain = Domain::parse("example.cloudonix.net").unwrap();
        let tenant =
            store.create_tenant(&operator, "Example", &domain, Timestamp::from_millis(T0)).await.unwrap();
        let mut tx = store.begin(&operator.config(tenant)).await.unwrap();
        for id in 1..=3 {
            tx.save_agent(&agent(id, &format!("agent {id}"))).await.unwrap();
        }
        let group = Group {
            id: GroupId::new(10),
            name: "Support".into(),
            strategy: cxroute_core::config::Strategy::Priority,
            settings,
            members: vec![member(1, 1), member(2, 2), member(3, 3)],
        };
        tx.save_group(&group).await.unwrap();
        let rule = InboundRule {
            id: RuleId::new(20),
            pattern: serde_json::from_value("+1212*".into()).unwrap(),
            target: Target::Group(GroupId::new(10)),
            priority: 1,
            enabled: true,
        };
        tx.save_inbound_rule(&rule).await.unwrap();
        let outbound = OutboundRule {
            id: RuleId::new(21),
            caller_id: serde_json::from_value("*".into()).unwrap(),
            destination_pattern: serde_json::from_value("+44*".into()).unwrap(),
            trunk_config: serde_json::from_str(r#"{"trunks": ["a", "b"], "strip": 2, "prepend": "0"}"#)
                .unwrap(),
            enabled: true,
        };
        tx.save_outbound_rule(&outbound).await.unwrap();
        tx.commit(Timestamp::from_millis(T0)).await.unwrap();
        let engine = Engine::new(
            Parts {
                store: store.clone(),
                live: Arc::new(MemoryLive::new()),
                commit: Arc::new(Direct::new(store.clone())),
                vault: Arc::new(NoVault),
                authenticator: None,
                spool: None,
                public_url: "https://cx.example.com".into(),
            },
            &Operator::assume(),
        );
        let gate = engine.gate(&domain).await.unwrap().unwrap();
        let admitted = engine.admit_operator(&gate, &Operator::assume());
        Self { engine, store, admitted, now: T0 }
    }

    fn arrival(&mut self) -> Arrival {
        self.now += 1_000;
        Arrival { at: Timestamp::from_millis(self.now), random: self.now as u64 }
    }

    async fn voice(&mut self, session: &str, stage: &str, to: &str) -> Answer {
        let arrival = self.arrival();
        let body = format!(
            r#"{{"Session":"{session}","From":"+15551230000","To":"{to}","Direction":"inbound","Stage":"{stage}"}}"#
        );
        let webhook = Webhook { path: "/api/voice/application/example.cloudonix.net", ..Webhook::of(&body) };
        self.engine.voice_request(&self.admitted, &VoiceRequest::read(&webhook), arrival).await
    }

    /// Sends a result to the action URL of `answer`.
    async fn result(&mut self, answer: &Answer, session: &str, word: &str) -> Answer {
        let arrival = self.arrival();
        let text = String::from_utf8(answer.cxml.to_vec()).unwrap();
        let document = roxmltree::Document::parse(&text).unwrap();
        let dial = document.descendants().find(|node| node.has_tag_name("Dial")).unwrap();
        let action = dial.attribute("action").unwrap();
        let (path, query) = action.strip_prefix("https://cx.example.com").unwrap().split_once('?').unwrap();
        let body = format!(r#"{{"Session":"{session}","To":"+12125551234","DialCallStatus":"{word}"}}"#);
        let webhook = Webhook { path, query, ..Webhook::of(&body) };
        self.engine.dial_result(&self.admitted, &DialResult::read(&webhook), arrival).await
    }

    async fn update(&mut self, session: &str, status: &str, end: i64) -> Receipt {
        let arrival = self.arrival();
        let body = format!(
            r#"{{"token":"{session}","status":"{status}","modifiedAt":"{}","callEndTime":{end}}}"#,
            arrival.at
        );
        let update = SessionUpdate::read(&Webhook::of(&body));
        self.engine.session_update(&self.admitted, &update, arrival).await.unwrap()
    }

    async fn cdr(&mut self, session: &str, disposition: &str, billsec: u32) -> Receipt {
        let arrival = self.arrival();
        let body = format!(
            r#"{{"session":{{"token":"{session}"}},"disposition":"{disposition}","billsec":{billsec},"duration":60}}"#
        );
        self.engine.cdr(&self.admitted, &Cdr::read(&Webhook::of(&body)), arrival).await.unwrap()
    }

    async fn call(&self, session: &str) -> cxroute_core::port::CallDetail {
        let scope = Operator::assume().read(self.admitted.tenant());
        let mut reader = self.store.read(&scope).await.unwrap();
        reader.call_detail(&SessionToken::new(session).unwrap()).await.unwrap().unwrap()
    }
}

fn dialled(answer: &Answer) -> Option<String> {
    let text = String::from_utf8(answer.cxml.to_vec()).unwrap();
    let document = roxmltree::Document::parse(&text).unwrap();
    let noun = document.descendants().find(|n| n.has_tag_name("Service") || n.has_tag_name("Number"))?;
    noun.text().map(str::to_owned)
}

#[tokio::test]
async fn a_call_is_routed_answered_and_followed_to_its_cdr() {
    let mut desk = Desk::open(GroupSettings::default()).await;
    let answer = desk.voice("s1", "1", "+1 (212) 555-1234").await;
    assert_eq!(answer.durability, Durability::Stored);
    assert_eq!(
        std::str::from_utf8(&answer.cxml).unwrap(),
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response><Dial callerId=\"+15551230000\" \
         action=\"https://cx.example.com/api/voice/dial/example.cloudonix.net?session=s1&amp;attempt=1&amp;agent=1&amp;group=10\" \
         method=\"POST\"><Service provider=\"vapi\">+12125550001</Service></Dial></Response>"
    );
    assert_eq!(desk.update("s1", "ringing", 0).await, Receipt::Taken);
    assert_eq!(desk.update("s1", "connected", 0).await, Receipt::Taken);
    assert_eq!(desk.call("s1").await.call.state, CallState::Connected);
    let end = desk.result(&answer, "s1", "completed").await;
    assert_eq!(dialled(&end), None);
    assert_eq!(desk.cdr("s1", "ANSWERED", 42).await, Receipt::Taken);
    assert_eq!(desk.cdr("s1", "ANSWERED", 42).await, Receipt::Duplicate);
    let detail = desk.call("s1").await;
    assert_eq!(detail.call.state, CallState::Completed);
    assert_eq!(detail.call.duration, Some(42));
    assert_eq!(detail.call.agent(), Some(AgentId::new(1)));
    let states: Vec<_> = detail
        .history
        .iter()
        .filter(|entry| entry.effect == cxroute_core::call::Effect::Entered)
        .map(|entry| entry.state.as_str())
        .collect();
    assert_eq!(states, ["received", "queued", "routing", "connecting", "connected", "completed"]);
}

#[tokio::test]
async fn a_copy_of_a_voice_request_gets_the_same_bytes_and_no_new_choice() {
    let mut desk = Desk::open(GroupSettings::default()).await;
    let first = desk.voice("s1", "1", "+12125551234").await;
    let copy = desk.voice("s1", "1", "+12125551234").await;
    assert_eq!((copy.durability, &copy.cxml), (Durability::Duplicate, &first.cxml));
    let again = desk.voice("s1", "2", "+12125551234").await;
    assert_eq!((again.durability, &again.cxml), (Durability::Stored, &first.cxml));
    assert_eq!(desk.call("s1").await.call.attempts.len(), 1);
}

#[tokio::test]
async fn a_failed_attempt_goes_on_to_the_next_agent_and_the_last_one_ends_the_call() {
    let mut desk = Desk::open(GroupSettings::default()).await;
    let first = desk.voice("s1", "1", "+12125551234").await;
    let second = desk.result(&first, "s1", "no-answer").await;
    assert_eq!(dialled(&second).as_deref(), Some("+12125550002"));
    let copy = desk.result(&first, "s1", "no-answer").await;
    assert_eq!((copy.durability, &copy.cxml), (Durability::Duplicate, &second.cxml));
    let third = desk.result(&second, "s1", "failed").await;
    assert_eq!(dialled(&third).as_deref(), Some("+12125550003"));
    let end = desk.result(&third, "s1", "busy").await;
    assert_eq!(dialled(&end), None);
    let call = desk.call("s1").await.call;
    assert_eq!((call.state, call.reason), (CallState::Busy, Some(EndReason::AttemptsFailed)));
    let again = desk.voice("s1", "9", "+12125551234").await;
    assert_eq!(dialled(&again), None);
}

#[tokio::test]
async fn a_result_that_is_not_retried_ends_the_call_and_a_fallback_is_used_when_nobody_is_left() {
    let settings = r#"{"retry_on": ["busy"], "max_attempts": 1, "fallback": {"say": "Please call again."}}"#;
    let mut desk = Desk::open(serde_json::from_str(settings).unwrap()).await;
    let first = desk.voice("s1", "1", "+12125551234").await;
    let end = desk.result(&first, "s1", "no-answer").await;
    assert!(!std::str::from_utf8(&end.cxml).unwrap().contains("Say"));
    assert_eq!(desk.call("s1").await.call.state, CallState::NoAnswer);
    let first = desk.voice("s2", "1", "+12125551234").await;
    let said = desk.result(&first, "s2", "busy").await;
    assert!(std::str::from_utf8(&said.cxml).unwrap().contains("<Say>Please call again.</Say><Hangup/>"));
    desk.cdr("s2", "ANSWERED", 3).await;
    let call = desk.call("s2").await.call;
    assert_eq!((call.state, call.reason), (CallState::Failed, Some(EndReason::Announcement)));
}

#[tokio::test]
async fn a_number_without_a_rule_hangs_up_and_the_record_says_why() {
    let mut desk = Desk::open(GroupSettings::default()).await;
    let answer = desk.voice("s1", "1", "+4930123456").await;
    assert_eq!(dialled(&answer), None);
    let detail = desk.call("s1").await;
    assert_eq!((detail.call.state, detail.call.reason), (CallState::Failed, Some(EndReason::NoRoute)));
    assert!(detail.traces[0].rule.is_none());
}

#[tokio::test]
async fn a_subscriber_goes_out_on_trunks_by_the_outbound_rule() {
    let mut desk = Desk::open(GroupSettings::default()).await;
    let arrival = desk.arrival();
    let body = r#"{"Session":"s1","From":"1004","To":"+44 20 7946 0000","Direction":"subscriber"}"#;
    let request = VoiceRequest::read(&Webhook::of(body));
    let answer = desk.engine.voice_request(&desk.admitted, &request, arrival).await;
    let text = std::str::from_utf8(&answer.cxml).unwrap();
    assert!(text.contains(r#"<Dial trunks="a,b" callerId="1004""#), "{text}");
    assert_eq!(dialled(&answer).as_deref(), Some("02079460000"));
}

#[tokio::test]
async fn a_dry_run_says_what_would_happen_and_changes_nothing() {
    let mut desk = Desk::open(GroupSettings::default()).await;
    let question = Question {
        to: "+12125551234".into(),
        from: "+15551230000".into(),
        origin: Origin::Inbound,
        at: Timestamp::from_millis(T0),
    };
    let one = desk.engine.explain(&desk.admitted, &question, None).await.unwrap();
    let two = desk.engine.explain(&desk.admitted, &question, None).await.unwrap();
    assert_eq!(one.trace, two.trace);
    assert!(one.cxml.contains("+12125550001"));
    let answer = desk.voice("s1", "1", "+12125551234").await;
    assert_eq!(dialled(&answer).as_deref(), Some("+12125550001"));
    assert_eq!(desk.call("s1").await.traces[0].stages, one.trace.stages);
}

#[tokio::test]
async fn calls_that_are_replayed_under_the_same_configuration_are_distributed_as_they_were() {
    let mut desk = Desk::open(GroupSettings::default()).await;
    let outcomes = [&["completed"][..], &["no-answer", "completed"], &["busy", "failed", "canceled"]];
    for (number, words) in outcomes.into_iter().cycle().take(30).enumerate() {
        let session = format!("s{number}");
        let mut answer = desk.voice(&session, "1", "+12125551234").await;
        for word in words {
            desk.now += 20_000;
            answer = desk.result(&answer, &session, word).await;
        }
    }
    desk.voice("nowhere", "1", "+4930123456").await;
    let scope = Operator::assume().read(desk.admitted.tenant());
    let mut reader = desk.store.read(&scope).await.unwrap();
    let mut calls = reader.calls(&CallFilter::default(), Page { after: None, limit: 1_000 }).await.unwrap();
    calls.sort_by_key(|call| call.received_at);
    let mut replay = desk.engine.replay(&reader.configuration().await.unwrap()).await.unwrap();
    for call in &calls {
        replay.play(call).await;
    }
    let (recorded, replayed) = (calls.iter().collect::<Distribution>(), replay.finish().await);
    assert_eq!(recorded, replayed);
    assert_eq!((recorded.calls, recorded.unrouted, recorded.agents.len()), (31, 1, 3));
}

#[tokio::test]
async fn a_webhook_without_a_session_is_answered_with_a_hangup_and_audited() {
    let mut desk = Desk::open(GroupSettings::default()).await;
    let arrival = desk.arrival();
    let request = VoiceRequest::read(&Webhook::of(b"\xff\x00 not a payload"));
    let answer = desk.engine.voice_request(&desk.admitted, &request, arrival).await;
    assert_eq!(dialled(&answer), None);
    let scope = Operator::assume().read(desk.admitted.tenant());
    assert_eq!(desk.store.read(&scope).await.unwrap().audit_count().await.unwrap(), 1);
}

#[tokio::test]
async fn a_call_whose_session_ended_gets_no_further_attempt() {
    let mut desk = Desk::open(GroupSettings::default()).await;
    let first = desk.voice("s1", "1", "+12125551234").await;
    desk.update("s1", "cancel", T0 + 9_000).await;
    let end = desk.result(&first, "s1", "no-answer").await;
    assert_eq!(dialled(&end), None);
    assert_eq!(desk.call("s1").await.call.attempts.len(), 1);
}

#[tokio::test]
async fn a_restarted_execution_plane_goes_on_where_the_store_says() {
    let mut desk = Desk::open(GroupSettings::default()).await;
    let first = desk.voice("s1", "1", "+12125551234").await;
    let parts = Parts {
        store: desk.store.clone(),
        live: Arc::new(MemoryLive::new()),
        commit: Arc::new(Direct::new(desk.store.clone())),
        vault: Arc::new(NoVault),
        authenticator: None,
        spool: None,
        public_url: "https://cx.example.com".into(),
    };
    desk.engine = Engine::new(parts, &Operator::assume());
    let copy = desk.voice("s1", "1", "+12125551234").await;
    assert_eq!((copy.durability, &copy.cxml), (Durability::Duplicate, &first.cxml));
    let second = desk.result(&first, "s1", "failed").await;
    assert_eq!(dialled(&second).as_deref(), Some("+12125550002"));
    assert_eq!(desk.call("s1").await.call.attempts.len(), 2);
}

#[tokio::test]
async fn a_server_that_starts_while_the_store_is_away_goes_on_where_the_store_says_once_it_is_back() {
    let mut desk = Desk::open(GroupSettings::default()).await;
    desk.voice("s1", "1", "+12125551234").await;
    desk.voice("s2", "1", "+12125551234").await;
    let store = Arc::new(Away::new(desk.store.clone()));
    let commit = Arc::new(Direct::new(store.clone()));
    let parts = Parts::in_memory(desk.store.clone(), "https://cx.example.com");
    desk.engine = Engine::new(Parts { store: store.clone(), commit, ..parts }, &Operator::assume());
    store.away.store(true, Ordering::Relaxed);
    for session in ["s3", "s4", "s5"] {
        let answer = desk.voice(session, "1", "+12125551234").await;
        assert_eq!(
            (dialled(&answer).as_deref(), answer.durability),
            (Some("+12125550001"), Durability::NotDurable)
        );
    }
    store.away.store(false, Ordering::Relaxed);
    desk.voice("s6", "1", "+12125551234").await;
    let traces = desk.call("s6").await.traces;
    assert!(!traces[0].degraded);
    assert_eq!(traces[0].stages[0].members[0].calls, 2, "s1 and s2 are all that the store knows of");
    assert_eq!(desk.voice("s3", "1", "+12125551234").await.durability, Durability::Stored);
}

#[tokio::test]
async fn a_plane_that_was_away_is_told_what_was_chosen_meanwhile() {
    let mut desk = Desk::open(GroupSettings::default()).await;
    let live = Arc::new(AwayLive::default());
    let parts = Parts::in_memory(desk.store.clone(), "https://cx.example.com");
    desk.engine = Engine::new(Parts { live: live.clone(), ..parts }, &Operator::assume());
    desk.voice("s1", "1", "+12125551234").await;
    live.away.store(true, Ordering::Relaxed);
    let second = desk.voice("s2", "1", "+12125551234").await;
    desk.voice("s3", "1", "+12125551234").await;
    desk.cdr("s3", "ANSWER", 60).await;
    assert!(desk.call("s2").await.traces[0].degraded);
    live.away.store(false, Ordering::Relaxed);
    desk.voice("s4", "1", "+12125551234").await;
    let trace = &desk.call("s4").await.traces[0];
    assert_eq!((trace.degraded, trace.stages[0].members[0].calls), (false, 3), "s1, s2 and s3 are counted");
    let next = desk.result(&second, "s2", "busy").await;
    assert_eq!(dialled(&next).as_deref(), Some("+12125550002"), "the plane goes on with s2");
    assert!(!desk.call("s2").await.traces[1].degraded);
}

/// Says what the test tells it to of an agent, by name.
struct Told(fn(&str) -> Preference);

impl CustomStrategy for Told {
    fn preference(&self, call: &CallFacts<'_>, candidate: &Candidate<'_>) -> Preference {
        assert_eq!((call.from, call.to, candidate.group_name), ("+15551230000", "+12125551234", "Support"));
        assert_eq!(candidate.seat.agent, candidate.agent.id);
        (self.0)(&candidate.agent.name)
    }
}

#[tokio::test]
async fn a_custom_strategy_orders_a_groups_members_and_the_trace_says_so() {
    let mut desk = Desk::open(GroupSettings::default()).await;
    desk.engine = desk.engine.with_strategy(Arc::new(Told(|agent| match agent {
        "agent 1" => Preference::Never,
        "agent 2" => Preference::Rank(9),
        _ => Preference::Rank(3),
    })));
    let question = Question {
        to: "+12125551234".into(),
        from: "+15551230000".into(),
        origin: Origin::Inbound,
        at: Timestamp::from_millis(T0),
    };
    let explanation = desk.engine.explain(&desk.admitted, &question, None).await.unwrap();
    let verdicts: Vec<_> = explanation.trace.stages[0].members.iter().map(|member| member.verdict).collect();
    assert_eq!(verdicts, [Verdict::Chosen, Verdict::Excluded, Verdict::LessPreferred]);
    let first = desk.voice("s1", "1", "+12125551234").await;
    assert_eq!(dialled(&first).unwrap(), "+12125550003");
    let second = desk.result(&first, "s1", "no-answer").await;
    assert_eq!(dialled(&second).unwrap(), "+12125550002");
    let caller = "callerId=\"+15551230000\"";
    assert!(std::str::from_utf8(&second.cxml).unwrap().contains(caller), "the result did not say who called");
    let third = desk.result(&second, "s1", "no-answer").await;
    assert_eq!(dialled(&third), None, "who is kept out is kept out to the end");
}

#[tokio::test]
async fn a_custom_strategy_that_panics_leaves_the_call_to_the_group() {
    let mut desk = Desk::open(GroupSettings::default()).await;
    desk.engine = desk.engine.with_strategy(Arc::new(Told(|agent| panic!("no opinion on {agent}"))));
    let answer = desk.voice("s1", "1", "+12125551234").await;
    assert_eq!(dialled(&answer).unwrap(), "+12125550001");
}

#[tokio::test]
async fn a_result_whose_query_was_lost_in_part_goes_on_from_the_record() {
    for (n, lost) in ["&agent=1&group=10", "&group=10", "&agent=1"].into_iter().enumerate() {
        let mut desk = Desk::open(GroupSettings::default()).await;
        let session = format!("s{n}");
        let first = desk.voice(&session, "1", "+12125551234").await;
        let text = String::from_utf8(first.cxml.to_vec()).unwrap().replace(&lost.replace('&', "&amp;"), "");
        let second = desk.result(&Answer { cxml: text.into(), ..first }, &session, "busy").await;
        assert_eq!(dialled(&second).as_deref(), Some("+12125550002"), "without {lost}");
    }
}
