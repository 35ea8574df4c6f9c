//! Events on a Redis that is a test's own: one publisher at a time, scripts that run late, a Redis that dies, and what it
//! keeps.

use std::sync::Arc;
use std::time::{Duration, Instant};

use cxroute_core::authority::{IngestScope, Operator};
use cxroute_core::call::{CallEvent, CallEventKind, RecordStatus};
use cxroute_core::config::Domain;
use cxroute_core::conformance::fixture::{START, Script, seconds, token};
use cxroute_core::engine::{PublishError, Publisher, Round};
use cxroute_core::id::{CallId, TenantId};
use cxroute_core::memory::MemoryStore;
use cxroute_core::port::{
    EventId, Events as _, EventsError, Heard, News, OutboxId, Outgoing, Since, Store as _, Subscription, Term,
};
use cxroute_state_redis::{RedisEvents, RedisEventsOptions};

use crate::private_redis::PrivateRedis;

const TENANT: u64 = 5;

/// One server's events.
struct Desk {
    events: RedisEvents,
    operator: Operator,
    scope: IngestScope,
}

impl Desk {
    fn with(redis: &PrivateRedis, options: RedisEventsOptions) -> Self {
        let operator = operator();
        let scope = operator.ingest(TenantId::new(TENANT));
        Self { events: RedisEvents::open(&redis.url(), options).unwrap(), operator, scope }
    }

    /// A busy machine is not an absent Redis.
    fn patient(redis: &PrivateRedis) -> Self {
        let patience = Duration::from_secs(20);
        Self::with(redis, RedisEventsOptions { patience, ..RedisEventsOptions::default() })
    }

    /// As [`Self::patient`], with a lease that is soon over.
    fn soon_given_up(redis: &PrivateRedis) -> Self {
        let (patience, lease) = (Duration::from_secs(20), Duration::from_millis(300));
        Self::with(redis, RedisEventsOptions { patience, lease, ..RedisEventsOptions::default() })
    }

    /// Asks for the lead until it has it.
    async fn lead(&self) -> Term {
        let patience = Instant::now();
        loop {
            if let Ok(Some(term)) = self.events.lead(&self.operator).await {
                return term;
            }
            assert!(patience.elapsed() < Duration::from_secs(20), "it never leads");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn publish(&self, term: Term, waiting: &[Outgoing]) -> Result<(), EventsError> {
        self.events.publish(&self.scope, term, waiting).await
    }

    async fn listen(&self, since: Since) -> Box<dyn Subscription> {
        self.events.subscribe(self.scope.read(), since).await.unwrap()
    }
}

#[expect(clippy::disallowed_methods, reason = "the test plays the host")]
fn operator() -> Operator {
    Operator::assume()
}

/// What waits in an outbox under these numbers: events of the calls that are named by them.
fn waiting(numbers: std::ops::RangeInclusive<u64>) -> Vec<Outgoing> {
    let event = |number: u64| CallEvent {
        kind: CallEventKind::CallQueued,
        at: seconds(number),
        call_id: CallId::new(number),
        session_token: token(&number.to_string()),
        agent_id: None,
        group_id: None,
        status: RecordStatus::Queued,
        duration: None,
    };
    let outgoing = |number| Outgoing {
        id: OutboxId::new(number),
        tenant: TenantId::new(TENANT),
        news: News::Call(event(number)),
    };
    numbers.map(outgoing).collect()
}

/// What is heard next: the call that an event names, or a gap.
async fn next(listener: &mut Box<dyn Subscription>) -> String {
    match tokio::time::timeout(Duration::from_secs(20), listener.next()).await.unwrap() {
        Heard::Event(event) => event.data["session_token"].as_str().unwrap().to_owned(),
        Heard::Gap => "gap".to_owned(),
    }
}

async fn heard(listener: &mut Box<dyn Subscription>, count: usize) -> Vec<String> {
    let mut words = Vec::new();
    for _ in 0..count {
        words.push(next(listener).await);
    }
    words
}

/// How many events are in the stream.
fn entries(redis: &PrivateRedis) -> u64 {
    let said = redis.says(&["xrange", "tenant:{5}:events:stream", "-", "+"]);
    said.lines().filter(|line| line.starts_with('{')).count() as u64
}

#[tokio::test(flavor = "multi_thread")]
async fn listeners_on_every_server_are_woken_and_people_can_read_what_was_said() {
    let redis = PrivateRedis::start();
    let (one, two) = (Desk::patient(&redis), Desk::patient(&redis));
    let mut listeners = [one.listen(Since::Now).await, two.listen(Since::Now).await];
    let patience = Instant::now();
    while redis.says(&["pubsub", "numsub", "tenant:{5}:events"]).lines().last() != Some("2") {
        assert!(patience.elapsed() < Duration::from_secs(20), "nobody listens to the channel");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let (term, began) = (one.lead().await, Instant::now());
    for number in 1..=20 {
        one.publish(term, &waiting(number..=number)).await.unwrap();
        for listener in &mut listeners {
            assert_eq!(next(listener).await, number.to_string());
        }
    }
    assert!(began.elapsed() < Duration::from_secs(10), "they look now and then, nobody wakes them");
    let id = listeners[0].position();
    let said = redis.says(&["xrevrange", "tenant:{5}:events:stream", "+", "-", "COUNT", "1"]);
    let message = format!(
        "{{\"id\":\"{id}\",\"event_type\":\"call_queued\",\"data\":{{\"agent_id\":null,\"call_id\":20,\
         \"duration\":null,\"group_id\":null,\"session_token\":\"20\",\"status\":\"queued\"}},\
         \"timestamp\":\"{}\"}}",
        seconds(20)
    );
    assert_eq!(said.lines().collect::<Vec<_>>(), [&id.to_string(), "20", &message]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publisher_that_was_paused_does_nothing_after_another_has_taken_over() {
    let redis = PrivateRedis::start();
    let (paused, next_one) = (Desk::soon_given_up(&redis), Desk::soon_given_up(&redis));
    let first = paused.lead().await;
    assert_eq!(next_one.events.lead(&next_one.operator).await, Ok(None), "one at a time");
    paused.publish(first, &waiting(1..=1)).await.unwrap();
    let second = next_one.lead().await;
    assert!(second > first);
    next_one.publish(second, &waiting(2..=2)).await.unwrap();
    assert_eq!(paused.publish(first, &waiting(3..=3)).await, Err(EventsError::Superseded));
    assert_eq!(entries(&redis), 2, "what it published late is nowhere");
    let third = paused.lead().await;
    assert!(third > second, "and it comes after the other when its turn comes");
    paused.publish(third, &waiting(4..=4)).await.unwrap();
    assert_eq!(next_one.publish(second, &waiting(5..=5)).await, Err(EventsError::Superseded));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_publisher_published_before_it_died_is_not_published_again_by_the_next() {
    let redis = PrivateRedis::start();
    let (dies, next_one) = (Desk::soon_given_up(&redis), Desk::soon_given_up(&redis));
    let mut listener = next_one.listen(Since::Now).await;
    let term = dies.lead().await;
    dies.publish(term, &waiting(1..=150)).await.unwrap();
    // The store still has them, and some more.
    let term = next_one.lead().await;
    next_one.publish(term, &waiting(1..=200)).await.unwrap();
    let expected: Vec<String> = (1..=200).map(|number| number.to_string()).collect();
    assert_eq!(heard(&mut listener, 200).await, expected);
    assert_eq!(entries(&redis), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publication_that_runs_late_adds_nothing_to_the_one_that_came_after_it() {
    let redis = PrivateRedis::start();
    let options =
        RedisEventsOptions { patience: Duration::from_millis(500), ..RedisEventsOptions::default() };
    let (hasty, patient) = (Desk::with(&redis, options), Desk::patient(&redis));
    let mut listener = patient.listen(Since::Now).await;
    let term = hasty.lead().await;
    hasty.publish(term, &waiting(1..=1)).await.unwrap();
    for number in 2..=6 {
        redis.signal("STOP");
        let away = hasty.publish(term, &waiting(number..=number)).await;
        assert!(matches!(away, Err(EventsError::Unavailable { .. })), "{away:?}");
        redis.signal("CONT");
        let patience = Instant::now();
        while hasty.publish(term, &waiting(number..=number)).await.is_err() {
            assert!(patience.elapsed() < Duration::from_secs(20), "it is not back");
        }
    }
    assert_eq!(heard(&mut listener, 6).await, ["1", "2", "3", "4", "5", "6"]);
    assert_eq!(entries(&redis), 6);
    // One that runs after a later try of the same publisher.
    redis.says(&["hset", "tenant:{5}:events:head", "try", "1000000"]);
    assert_eq!(hasty.publish(term, &waiting(7..=7)).await, Err(EventsError::Superseded));
    assert_eq!(entries(&redis), 6, "it does nothing");
    let later = hasty.lead().await;
    assert!(later > term, "who was told so begins another term");
    hasty.publish(later, &waiting(7..=7)).await.unwrap();
    assert_eq!(next(&mut listener).await, "7");
}

#[tokio::test(flavor = "multi_thread")]
async fn events_wait_while_redis_is_away_and_come_behind_a_gap_when_it_was_started_anew() {
    let mut redis = PrivateRedis::start();
    let (store, operator) = (Arc::new(MemoryStore::new()), operator());
    let domain = Domain::parse("example.cloudonix.net").unwrap();
    let tenant = store.create_tenant(&operator, "Example", &domain, START).await.unwrap();
    let (scope, desk) = (Arc::new(operator.ingest(tenant)), Desk::patient(&redis));
    let options =
        RedisEventsOptions { patience: Duration::from_millis(500), ..RedisEventsOptions::default() };
    let events = Arc::new(RedisEvents::open(&redis.url(), options).unwrap());
    let mut publisher = Publisher::new(store.clone(), events.clone(), &operator);
    let take = async |call: &str, nth: u32| {
        let taken = store.ingest(vec![(scope.clone(), Script::new(call, nth).voice(7))]).await;
        assert!(taken[0].is_ok());
    };
    let mut listener = desk.events.subscribe(scope.read(), Since::Now).await.unwrap();
    take("before", 1).await;
    while !matches!(publisher.round().await, Ok(Round::Published(3))) {}
    assert_eq!(heard(&mut listener, 3).await, ["before", "before", "before"]);
    let before = listener.position();
    redis.kill();
    take("while it is away", 2).await;
    let failed = publisher.round().await;
    assert!(matches!(failed, Err(PublishError::Events(EventsError::Unavailable { .. }))), "{failed:?}");
    assert_eq!(store.outbox(&operator, 100).await.unwrap().len(), 3, "they wait");
    redis.restart();
    assert_eq!(
        redis.says(&["exists", &format!("tenant:{{{tenant}}}:events:head")]),
        "1",
        "it has what it had"
    );
    let patience = Instant::now();
    while publisher.round().await.is_err() {
        assert!(patience.elapsed() < Duration::from_secs(20), "nothing is published");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(store.outbox(&operator, 100).await.unwrap().len(), 0);
    let expected = ["gap", "while it is away", "while it is away", "while it is away"];
    assert_eq!(heard(&mut listener, 4).await, expected);
    assert!(listener.position() > before, "ids rise");
    let mut resumed = desk.events.subscribe(scope.read(), Since::After(before)).await.unwrap();
    assert_eq!(heard(&mut resumed, 4).await, expected, "who resumes is told, too");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_is_bounded_and_all_that_is_kept_goes_when_nobody_needs_it() {
    let redis = PrivateRedis::start();
    let desk = Desk::with(
        &redis,
        RedisEventsOptions {
            patience: Duration::from_secs(20),
            kept: 1_000,
            ..RedisEventsOptions::default()
        },
    );
    let term = desk.lead().await;
    let mut listener = desk.listen(Since::Now).await;
    for batch in 0..10 {
        desk.publish(term, &waiting(batch * 500 + 1..=batch * 500 + 500)).await.unwrap();
    }
    let stats = redis.says(&["info", "commandstats"]);
    let scripts = stats.lines().find(|line| line.starts_with("cmdstat_evalsha:")).unwrap_or_default();
    println!("scripts of 100 events each: {scripts}");
    let kept = entries(&redis);
    assert!((1_000..=1_200).contains(&kept), "{kept} of 5,000");
    let EventId { epoch, number } = desk.listen(Since::Now).await.position();
    assert_eq!((number, next(&mut listener).await.as_str()), (5_000, "gap"));
    assert_eq!(next(&mut listener).await, (5_001 - kept).to_string());
    assert_eq!(listener.position(), EventId { epoch, number: 5_001 - kept });
    let calls = redis.says(&["keys", "tenant:{5}:session:*:state"]);
    assert_eq!(calls.lines().count(), 5_000);
    let keys = redis.says(&["keys", "*:events*"]) + "\ntenant:{5}:session:77:state";
    assert_eq!(keys.lines().count(), 4, "{keys}");
    for key in keys.lines() {
        let left: i64 = redis.says(&["pttl", key]).parse().unwrap();
        assert!(left > 0, "{key} never goes");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn people_read_how_a_call_stands() {
    let redis = PrivateRedis::start();
    let (store, operator) = (Arc::new(MemoryStore::new()), operator());
    let domain = Domain::parse("example.cloudonix.net").unwrap();
    let tenant = store.create_tenant(&operator, "Example", &domain, START).await.unwrap();
    let scope = Arc::new(operator.ingest(tenant));
    let options = RedisEventsOptions { patience: Duration::from_secs(20), ..RedisEventsOptions::default() };
    let events = Arc::new(RedisEvents::open(&redis.url(), options).unwrap());
    let mut publisher = Publisher::new(store.clone(), events, &operator);
    let key = format!("tenant:{{{tenant}}}:session:a call:state");
    let fields = ["current_state", "start_time", "agent_id", "group_id", "metadata"];
    let script = Script::new("a call", 1);
    let id = script.voice_through(20, 7);
    let cxroute_core::call::SignalKind::Voice { call, .. } = &id.kind else { panic!("no voice request") };
    let (id, began) = (call.id, seconds(1).to_string());
    for (signal, state, duration, keep) in [
        (script.voice_through(20, 7), "connecting", "null", 80_000_000..=86_400_000),
        (script.update("connected"), "connected", "null", 80_000_000..=86_400_000),
        (script.cdr("ANSWER", 42), "completed", "42", 200_000..=300_000),
    ] {
        assert!(store.ingest(vec![(scope.clone(), signal)]).await[0].is_ok());
        assert!(matches!(publisher.round().await, Ok(Round::Published(_))));
        let said = redis.says(&[&["hmget", &key][..], &fields].concat());
        let metadata = format!("{{\"call_id\":{id},\"duration\":{duration}}}");
        assert_eq!(said.lines().collect::<Vec<_>>(), [state, &began, "7", "20", &metadata]);
        let left: i64 = redis.says(&["pttl", &key]).parse().unwrap();
        assert!(keep.contains(&left), "{state}: {left} ms");
    }
}
