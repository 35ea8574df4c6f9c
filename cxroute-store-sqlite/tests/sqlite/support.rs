//! What the tests are made of: a store in a private folder, configurations, and signals as the engine makes them.

use std::sync::Arc;

use bytes::Bytes;
use cxroute_core::authority::{IngestScope, Operator};
use cxroute_core::call::{
    Action, AttemptTarget, Audit, Basis, CdrFigures, CdrReport, Decision, DialReport, EndReason, EventKey,
    EventKind, Ingested, NewAttempt, NewCall, Outcome, SessionToken, Signal, SignalKind, Trace, UpdateReport,
    UpdateWord,
};
use cxroute_core::config::{
    Agent, Capacity, Domain, Group, GroupSettings, InboundRule, Member, OutboundRule, Pool, RuleDirection,
    Strategy, Target, TrunkConfig,
};
use cxroute_core::id::{AgentId, CallId, GroupId, MembershipId, PoolId, RuleId, TenantId};
use cxroute_core::pattern::TypedPattern;
use cxroute_core::port::{Store, StoreError, TenantRead};
use cxroute_core::secret::Sealed;
use cxroute_core::strategy::{AttemptSeat, HealthSign, LedgerDelta};
use cxroute_core::time::Timestamp;
use cxroute_store_sqlite::{SqliteStore, StoreOptions};

/// A Thursday noon.
pub(crate) const NOON: Timestamp = Timestamp::from_millis(1_769_688_000_000);

/// `millis` after noon.
pub(crate) fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(NOON.as_millis() + millis)
}

#[expect(clippy::disallowed_methods, reason = "a test is its own operator")]
pub(crate) fn operator() -> Operator {
    Operator::assume()
}

/// A store in a private folder, with one tenant.
pub(crate) struct Fixture {
    pub(crate) store: SqliteStore,
    pub(crate) tenant: TenantId,
    pub(crate) folder: tempfile::TempDir,
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path()).await;
        let tenant = create(&store, "one.example.net").await;
        Self { store, tenant, folder }
    }

    /// The same files, opened anew.
    pub(crate) async fn reopened(self) -> Self {
        let Self { store, tenant, folder } = self;
        store.close().await;
        Self { store: open(folder.path()).await, tenant, folder }
    }

    pub(crate) fn scope(&self) -> Arc<IngestScope> {
        Arc::new(operator().ingest(self.tenant))
    }

    pub(crate) async fn read(&self) -> Box<dyn TenantRead> {
        self.store.read(&operator().read(self.tenant)).await.unwrap()
    }

    pub(crate) async fn ingest(&self, signals: Vec<Signal>) -> Vec<Result<Ingested, StoreError>> {
        let scope = self.scope();
        self.store.ingest(signals.into_iter().map(|signal| (Arc::clone(&scope), signal)).collect()).await
    }

    /// Ingests one signal that is taken.
    pub(crate) async fn take(&self, signal: Signal) -> Ingested {
        self.ingest(vec![signal]).await.remove(0).unwrap()
    }

    /// Another connection to the database, for what no port shows.
    pub(crate) async fn sql(&self) -> sqlx::SqliteConnection {
        use sqlx::ConnectOptions;
        let options = sqlx::sqlite::SqliteConnectOptions::new();
        options.filename(self.store.file()).foreign_keys(true).connect().await.unwrap()
    }
}

pub(crate) async fn open(folder: &std::path::Path) -> SqliteStore {
    let location = format!("sqlite:{}", folder.join("cxroute.db").display());
    SqliteStore::open(&location, &StoreOptions::default()).await.unwrap()
}

pub(crate) async fn create(store: &SqliteStore, domain: &str) -> TenantId {
    let domain = Domain::parse(domain).unwrap();
    store.create_tenant(&operator(), "A tenant", &domain, NOON).await.unwrap()
}

pub(crate) fn token(name: &str) -> SessionToken {
    SessionToken::new(name).unwrap()
}

pub(crate) fn sealed(text: &str) -> Sealed {
    Sealed::from_bytes(text.as_bytes().to_vec())
}

pub(crate) fn pattern(text: &str) -> TypedPattern {
    serde_json::from_value(text.into()).unwrap()
}

pub(crate) fn pool(id: u64, name: &str) -> Pool {
    Pool { id: PoolId::new(id), name: name.into(), max_concurrent_calls: Some(10) }
}

pub(crate) fn agent(id: u64, name: &str) -> Agent {
    Agent {
        id: AgentId::new(id),
        name: name.into(),
        provider: serde_json::from_value("vapi".into()).unwrap(),
        service_value: sealed("the number"),
        username: None,
        password: Some(sealed("\u{0}\u{1} the password")),
        enabled: true,
        max_concurrent_calls: Some(0),
        pool: None,
        metadata: serde_json::from_str(r#"{"note": "it's \"odd\" – ✓", "n": [1, 2.5, null]}"#).unwrap(),
    }
}

pub(crate) fn member(id: u64, agent: u64) -> Member {
    Member {
        id: MembershipId::new(id),
        agent: AgentId::new(agent),
        priority: Some(1),
        capacity: Capacity::new(3).unwrap(),
        enabled: true,
        max_concurrent_calls: None,
    }
}

pub(crate) fn group(id: u64, name: &str, members: Vec<Member>) -> Group {
    let settings = GroupSettings { ring_timeout: Some(20), ..GroupSettings::default() };
    Group { id: GroupId::new(id), name: name.into(), strategy: Strategy::RoundRobin, settings, members }
}

pub(crate) fn inbound(id: u64, text: &str, target: Target) -> InboundRule {
    InboundRule { id: RuleId::new(id), pattern: pattern(text), target, priority: 10, enabled: true }
}

pub(crate) fn outbound(id: u64, caller: &str, destination: &str) -> OutboundRule {
    let trunk_config = TrunkConfig { trunks: vec!["a".into(), "b".into()], ..TrunkConfig::default() };
    OutboundRule {
        id: RuleId::new(id),
        caller_id: pattern(caller),
        destination_pattern: pattern(destination),
        trunk_config,
        enabled: false,
    }
}

pub(crate) fn key(kind: EventKind, name: u128) -> EventKey {
    EventKey { kind, hash: name }
}

pub(crate) fn seat(agent: u64, group: Option<u64>) -> AttemptSeat {
    AttemptSeat {
        agent: AgentId::new(agent),
        group: group.map(GroupId::new),
        membership: group.map(|_| MembershipId::new(agent + 100)),
        pool: Some(PoolId::new(9)),
    }
}

pub(crate) fn decision(action: Action, delta: LedgerDelta) -> Decision {
    let trace = Trace {
        at: NOON,
        revision: 1,
        direction: RuleDirection::Inbound,
        dialled: "+1 212 555 1234".into(),
        normalised: "12125551234".into(),
        caller: "alice".into(),
        rule: None,
        next_best: smallvec::SmallVec::new(),
        stages: smallvec::SmallVec::new(),
        fallback: Some("hang up".into()),
        degraded: false,
    };
    Decision { action, revision: 1, direction: RuleDirection::Inbound, trace: Arc::new(trace), delta }
}

pub(crate) fn dial(number: u16, seat: AttemptSeat) -> Action {
    Action::Dial(NewAttempt { number, target: AttemptTarget::Agent(seat), probe: None })
}

pub(crate) fn new_call(received_at: Timestamp, random: u64) -> NewCall {
    NewCall {
        id: CallId::mint(received_at, random),
        from: "alice \u{1F4DE} 'o''k'".into(),
        to: "+1 212 555 1234".into(),
        live_until: received_at.after(std::time::Duration::from_secs(14_400)),
    }
}

/// A voice request of a new call that dials agent 1 of group 2.
pub(crate) fn voice(name: &str, millis: i64) -> Signal {
    voice_with(name, millis, decision(dial(1, seat(1, Some(2))), LedgerDelta::default()), 0)
}

pub(crate) fn voice_with(name: &str, millis: i64, decision: Decision, attempts: u16) -> Signal {
    let received_at = at(millis);
    Signal {
        token: Some(token(name)),
        key: key(EventKind::VoiceRequest, (u128::from(attempts) << 100) | 1),
        received_at,
        kind: SignalKind::Voice {
            call: new_call(received_at, millis.unsigned_abs()),
            decision,
            basis: Basis { attempts, answered: false },
        },
        answer: Some(sealed(&format!("<Response>{name}</Response>"))),
        audit: Audit::of(Bytes::from(format!(r#"{{"Session":"{name}"}}"#))),
    }
}

/// The result of attempt `attempt`, after which nothing more is dialled.
pub(crate) fn result(name: &str, millis: i64, attempt: u16, outcome: Outcome) -> Signal {
    let reason = EndReason::AttemptsFailed;
    result_with(name, millis, attempt, outcome, decision(Action::End(reason), LedgerDelta::default()))
}

pub(crate) fn result_with(
    name: &str,
    millis: i64,
    attempt: u16,
    outcome: Outcome,
    decision: Decision,
) -> Signal {
    let received_at = at(millis);
    let sign = match outcome {
        Outcome::Completed => HealthSign::Answered,
        Outcome::Busy => HealthSign::Neutral,
        Outcome::NoAnswer | Outcome::Failed => HealthSign::Failed,
    };
    Signal {
        token: Some(token(name)),
        key: key(EventKind::DialResult, attempt.into()),
        received_at,
        kind: SignalKind::Dial {
            call: new_call(received_at, millis.unsigned_abs()),
            report: DialReport { attempt, outcome, sign, word: outcome.as_str().into() },
            decision,
            basis: Basis { attempts: attempt, answered: false },
        },
        answer: Some(sealed(&format!("<Response>{name} {attempt}</Response>"))),
        audit: Audit::of(Bytes::from_static(b"{}")),
    }
}

pub(crate) fn update(name: &str, millis: i64, word: UpdateWord, raw: &str) -> Signal {
    let report = UpdateReport { word, raw: raw.into(), ended_at: None };
    Signal {
        token: Some(token(name)),
        key: key(EventKind::SessionUpdate, millis.unsigned_abs().into()),
        received_at: at(millis),
        kind: SignalKind::Update(report),
        answer: None,
        audit: Audit::of(Bytes::from_static(b"{}")),
    }
}

pub(crate) fn cdr(name: &str, millis: i64, outcome: Option<Outcome>, billsec: u32) -> Signal {
    let figures = CdrFigures {
        disposition: outcome.map_or("WEIRD", Outcome::as_str).into(),
        call_id: Some("sip-1@example".into()),
        duration: Some(billsec + 3),
        billsec: Some(billsec),
        start: Some(at(0)),
        answer: None,
        end: Some(at(millis - 1)),
        recording_url: Some("https://example.net/r".into()),
    };
    let (from, to) = ("alice".into(), "bob".into());
    let id = CallId::mint(at(millis), millis.unsigned_abs());
    Signal {
        token: Some(token(name)),
        key: key(EventKind::Cdr, millis.unsigned_abs().into()),
        received_at: at(millis),
        kind: SignalKind::Cdr(CdrReport { outcome, figures, id, from, to }),
        answer: None,
        audit: Audit::of(Bytes::from_static(b"{}")),
    }
}

/// A webhook that only the audit keeps.
pub(crate) fn nameless(millis: i64) -> Signal {
    Signal {
        token: None,
        key: key(EventKind::VoiceRequest, 7),
        received_at: at(millis),
        kind: SignalKind::AuditOnly,
        answer: None,
        audit: Audit::of(Bytes::from_static(b"{}")),
    }
}
