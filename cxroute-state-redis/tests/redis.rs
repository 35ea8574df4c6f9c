//! What the kit cannot ask, as it is this adapter's own: servers that share a log, a Redis that stops, dies and comes
//! back, what a choice costs it and what it keeps.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod events;
mod mirror;
mod private_redis;

use std::sync::Arc;
use std::time::{Duration, Instant};

use cxroute_core::authority::{IngestScope, Operator};
use cxroute_core::call::{EventKey, EventKind, SessionToken};
use cxroute_core::config::Strategy;
use cxroute_core::conformance::fixture::{answer, roster, seat, token};
use cxroute_core::id::{AgentId, GroupId, MembershipId, TenantId};
use cxroute_core::port::{LiveError, LiveState as _};
use cxroute_core::strategy::{
    Adopted, AttemptSeat, Choice, ChooseRequest, Counted, LastResort, LiveAttempt, Picked, PlaneImage,
    Roster, SessionImage,
};
use cxroute_core::time::Timestamp;
use cxroute_state_redis::{RedisLive, RedisLiveOptions};

use self::private_redis::PrivateRedis;

const KEY: EventKey = EventKey { kind: EventKind::VoiceRequest, hash: 1 };

/// A tenant's line to one server.
struct Line {
    live: RedisLive,
    scope: IngestScope,
}

impl Line {
    fn to(redis: &PrivateRedis, patience: Duration) -> Self {
        Self::with(redis, RedisLiveOptions { patience, ..RedisLiveOptions::default() })
    }

    #[expect(clippy::disallowed_methods, reason = "the test plays the host")]
    fn with(redis: &PrivateRedis, options: RedisLiveOptions) -> Self {
        let live = RedisLive::open(&redis.url(), options).unwrap();
        Self { live, scope: Operator::assume().ingest(TenantId::new(5)) }
    }

    fn patient(redis: &PrivateRedis) -> Self {
        Self::to(redis, Duration::from_secs(20))
    }

    async fn restore(&self) -> Result<(), LiveError> {
        self.live.restore(&self.scope, PlaneImage::default()).await
    }

    async fn choose(&self, call: &str, stages: &[Arc<Roster>]) -> Result<Choice, LiveError> {
        let token = token(call);
        self.live.choose(&self.scope, &request(&token, stages)).await
    }

    /// The agent that takes the call; nobody's is 0.
    async fn agent(&self, call: &str, stages: &[Arc<Roster>]) -> u64 {
        match self.choose(call, stages).await {
            Ok(Choice::Made(pick)) => match &pick.picked {
                Picked::Seat(seat) => seat.seat.agent.get(),
                Picked::Number { .. } | Picked::Nobody => 0,
            },
            other => panic!("expected a new choice, got {other:?}"),
        }
    }

    async fn complete(&self, call: &str, words: &str) {
        let open_until = now().after(Duration::from_secs(3_600));
        self.live.complete(&self.scope, &token(call), KEY, &answer(words), open_until).await.unwrap();
    }

    /// Asks until something else than [`LiveError::Unavailable`] comes.
    async fn once_it_is_there(&self, stages: &[Arc<Roster>]) -> Result<Choice, LiveError> {
        let patience = Instant::now();
        loop {
            match self.choose("a call that asks", stages).await {
                Err(LiveError::Unavailable { .. }) if patience.elapsed() < Duration::from_secs(20) => {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                other => return other,
            }
        }
    }
}

fn request<'a>(token: &'a SessionToken, stages: &'a [Arc<Roster>]) -> ChooseRequest<'a> {
    ChooseRequest {
        token,
        key: KEY,
        now: now(),
        settle: None,
        stages,
        preferences: &[],
        last_resort: LastResort::End,
        tried: &[],
    }
}

fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap())
}

fn turns() -> [Arc<Roster>; 1] {
    [roster(20, Strategy::RoundRobin, vec![seat(7), seat(8), seat(9)])]
}

fn capped() -> [Arc<Roster>; 1] {
    let mut one = seat(7);
    one.caps.agent = Some(1);
    [roster(20, Strategy::Priority, vec![one])]
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_at_once_take_turns_as_one() {
    let redis = PrivateRedis::start();
    let servers = Arc::new([Line::patient(&redis), Line::patient(&redis), Line::patient(&redis)]);
    servers[0].restore().await.unwrap();
    let mut calls = tokio::task::JoinSet::new();
    for call in 0..300 {
        let servers = Arc::clone(&servers);
        calls.spawn(async move { servers[call % 3].agent(&format!("call {call}"), &turns()).await });
    }
    let mut taken = [0; 10];
    for agent in calls.join_all().await {
        taken[usize::try_from(agent).unwrap()] += 1;
    }
    assert_eq!(taken[7..], [100, 100, 100]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_choice_costs_one_script_whatever_the_size_of_the_group_and_nothing_is_read_back() {
    let redis = PrivateRedis::start();
    let line = Line::patient(&redis);
    line.restore().await.unwrap();
    for members in [10_u64, 1_000] {
        let stages = [roster(members, Strategy::LoadBalanced, (1..=members).map(seat).collect())];
        line.agent(&format!("first {members}"), &stages).await;
        let before = calls(&redis);
        for call in 0..50 {
            line.agent(&format!("{members} {call}"), &stages).await;
        }
        let after = calls(&redis);
        // A look at what others wrote may fall in between; so may a script that shows people what was chosen.
        let [scripts, reads] = [0, 1].map(|n| after[n].0 - before[n].0);
        assert!((50..=56).contains(&scripts) && reads == 0, "{members}: {scripts} scripts, {reads} reads");
        let micros = (after[0].1 - before[0].1) / scripts;
        println!("{members} members: {micros} µs of Redis's time a choice");
        assert!(micros < 2_000, "{members} members: {micros} µs");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_far_behind_reads_all_that_others_wrote() {
    let redis = PrivateRedis::start();
    let (patience, follow) = (Duration::from_secs(20), Duration::from_secs(3_600));
    let options = RedisLiveOptions { patience, follow, ..RedisLiveOptions::default() };
    let busy = Line::patient(&redis);
    let behind = Line::with(&redis, options);
    busy.restore().await.unwrap();
    assert_eq!(behind.agent("its first", &turns()).await, 7);
    for (call, agent) in (0..250).zip([8, 9, 7].into_iter().cycle()) {
        assert_eq!(busy.agent(&format!("call {call}"), &turns()).await, agent);
    }
    assert_eq!(behind.agent("its next", &turns()).await, 9);
    let Ok(Choice::Recorded(pick)) = behind.choose("call 249", &turns()).await else {
        panic!("it knows what the other chose")
    };
    assert!(matches!(&pick.picked, Picked::Seat(seat) if seat.seat.agent == AgentId::new(8)), "{pick:?}");
}

/// How often scripts and reads were called, and how many microseconds they took.
fn calls(redis: &PrivateRedis) -> [(u64, u64); 2] {
    let stats = redis.says(&["info", "commandstats"]);
    ["cmdstat_evalsha:", "cmdstat_xrange:"].map(|name| {
        let line = stats.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("calls=0,usec=0");
        let field = |name: &str| {
            let value = line.trim().split(',').find_map(|field| field.strip_prefix(name));
            value.and_then(|value| value.parse().ok()).unwrap_or(0)
        };
        (field("calls="), field("usec="))
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_comes_late_starts_from_the_state_that_others_wrote_and_the_log_is_cut() {
    let redis = PrivateRedis::start();
    let line = Line::patient(&redis);
    line.restore().await.unwrap();
    let founded: u64 = redis.says(&["hget", "tenant:{5}:plane", "n"]).parse().unwrap();
    let (calls, words) = (3_000, "a".repeat(2_000));
    for call in 0..calls {
        let call = format!("call {call}");
        line.agent(&call, &turns()).await;
        line.complete(&call, &words).await;
        line.live.end(&line.scope, &token(&call), now()).await.unwrap();
    }
    let patience = Instant::now();
    let number = || redis.says(&["hget", "tenant:{5}:plane", "n"]).parse::<u64>().unwrap();
    let (written, left) = loop {
        line.agent(&format!("more {}", patience.elapsed().as_nanos()), &turns()).await;
        let left: u64 = redis.says(&["xlen", "tenant:{5}:plane:log"]).parse().unwrap();
        let written = number() - founded;
        if left < written || patience.elapsed() > Duration::from_secs(20) {
            break (written, left);
        }
    };
    assert!(left < written, "{left} entries of {written} are left");
    let expected = line.agent("one more", &turns()).await;
    let late = Line::patient(&redis);
    assert_eq!(late.agent("the next", &turns()).await, 7 + (expected - 7 + 1) % 3, "the turn goes on");
    let copy = late.choose("call 2999", &turns()).await.unwrap();
    assert_eq!(copy, Choice::Answered(answer(&words)), "it knows what the others answered");
    let lasting = "local keys = {} for _, key in ipairs(redis.call('KEYS', '*')) do
        if redis.call('PTTL', key) < 0 then keys[#keys + 1] = key end end return keys";
    assert_eq!(redis.says(&["eval", lasting, "0"]), "", "keys that never go");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_was_started_anew_is_not_believed_even_if_it_kept_everything() {
    let mut redis = PrivateRedis::start();
    let line = Line::patient(&redis);
    line.restore().await.unwrap();
    line.agent("before", &turns()).await;
    redis.kill();
    redis.restart();
    assert_eq!(redis.says(&["exists", "tenant:{5}:plane"]), "1", "it has what it had");
    assert_eq!(line.once_it_is_there(&turns()).await, Err(LiveError::Lost));
    line.restore().await.unwrap();
    assert_eq!(line.agent("after", &turns()).await, 7, "built anew, from an empty store");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_stops_is_away_at_once_and_what_it_runs_late_does_nothing() {
    let redis = PrivateRedis::start();
    let patience = Duration::from_millis(500);
    let line = Line::to(&redis, patience);
    line.once_it_is_there(&turns()).await.expect_err("there is no plane yet");
    line.restore().await.unwrap();
    line.agent("before", &turns()).await;
    let entries = redis.says(&["xlen", "tenant:{5}:plane:log"]);
    redis.signal("STOP");
    let began = Instant::now();
    let away = line.choose("while it is away", &turns()).await;
    assert!(matches!(away, Err(LiveError::Unavailable { .. })), "{away:?}");
    assert!(began.elapsed() < patience * 3, "{:?}", began.elapsed());
    for call in 0..20 {
        let again = line.choose(&format!("again {call}"), &turns()).await;
        assert!(matches!(again, Err(LiveError::Unavailable { .. })), "{again:?}");
    }
    assert!(began.elapsed() < patience * 5, "the later ones did not wait: {:?}", began.elapsed());
    tokio::time::sleep(patience * 2).await;
    redis.signal("CONT");
    // What was sent before it stopped has run by the time that this is answered.
    assert_eq!(redis.says(&["xlen", "tenant:{5}:plane:log"]), entries, "late scripts did nothing");
    let Ok(Choice::Made(pick) | Choice::Recorded(pick)) = line.once_it_is_there(&turns()).await else {
        panic!("it lost nothing")
    };
    let calls: u64 = pick.stages[0].members.iter().map(|member| member.calls).sum();
    assert_eq!(calls, 1, "of all that was asked while it was away it knows nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plane_that_was_away_is_told_what_it_missed_and_goes_on() {
    let redis = PrivateRedis::start();
    let patience = Duration::from_millis(500);
    let line = Line::to(&redis, patience);
    line.once_it_is_there(&capped()).await.expect_err("there is no plane yet");
    line.restore().await.unwrap();
    redis.signal("STOP");
    line.choose("while it is away", &capped()).await.unwrap_err();
    // What a server decided by itself meanwhile, and what came of it.
    for call in ["ended", "lasting"] {
        let _kept = line.live.adopt(&line.scope, elsewhere(call), now()).await;
    }
    let _kept = line.live.end(&line.scope, &token("ended"), now()).await;
    redis.signal("CONT");
    let Ok(Choice::Made(pick) | Choice::Recorded(pick)) = line.once_it_is_there(&capped()).await else {
        panic!("it lost nothing")
    };
    assert_eq!(pick.picked, Picked::Nobody, "the one seat is taken");
    assert_eq!(pick.stages[0].members[0].calls, 2, "both calls count");
    line.live.end(&line.scope, &token("lasting"), now()).await.unwrap();
    assert_eq!(line.agent("another", &capped()).await, 7);
}

/// A call that another server gave to the one agent of [`capped`].
fn elsewhere(call: &str) -> Adopted {
    let seat = AttemptSeat {
        agent: AgentId::new(7),
        group: Some(GroupId::new(20)),
        membership: Some(MembershipId::new(7)),
        pool: None,
    };
    let (at, until) = (now(), now().after(Duration::from_secs(3_600)));
    let step_millis = 900_000;
    let counted = Counted {
        group: GroupId::new(20),
        agent: AgentId::new(7),
        step_millis,
        step: at.as_millis() / step_millis,
    };
    let attempt = LiveAttempt { number: 1, seat: Some(seat), open_until: Some(until), probe: None };
    let call = SessionImage { token: token(call), attempts: vec![attempt], ended: false, forget_at: until };
    Adopted { at, key: KEY, attempt: Some(1), counted: Some(counted), call }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_comes_late_to_ten_thousand_live_calls_knows_them_soon() {
    let redis = PrivateRedis::start();
    let line = Line::patient(&redis);
    let sessions = (0..10_000).map(|call| elsewhere(&format!("call {call}")).call).collect();
    let image = PlaneImage { sessions, ..PlaneImage::default() };
    line.live.restore(&line.scope, image).await.unwrap();
    // As patient as a server's calls are.
    let late = Line::to(&redis, Duration::from_millis(60));
    let began = Instant::now();
    let choice = late.once_it_is_there(&capped()).await.unwrap();
    let (took, state) = (began.elapsed(), redis.says(&["hget", "tenant:{5}:plane", "size"]));
    println!("a state of {state} bytes was there after {took:?}");
    let (Choice::Made(pick) | Choice::Recorded(pick)) = choice else {
        panic!("expected a choice, got {choice:?}")
    };
    assert_eq!(pick.picked, Picked::Nobody, "10,000 calls are more than the one seat takes");
    assert!(took < Duration::from_secs(3), "{took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_choice_that_is_confirmed_after_the_plane_was_built_anew_still_counts() {
    let mut redis = PrivateRedis::start();
    let line = Line::patient(&redis);
    line.restore().await.unwrap();
    assert_eq!(line.agent("a call", &capped()).await, 7);
    redis.kill();
    redis.restart();
    assert_eq!(line.once_it_is_there(&capped()).await, Err(LiveError::Lost));
    line.restore().await.unwrap();
    line.complete("a call", "durable meanwhile").await;
    assert_eq!(line.agent("another", &capped()).await, 0, "the one seat is taken");
    line.live.end(&line.scope, &token("a call"), now()).await.unwrap();
    assert_eq!(line.agent("a third", &capped()).await, 7, "and free again");
}

#[tokio::test]
async fn a_redis_that_was_never_there_is_away_within_the_callers_patience() {
    let redis = PrivateRedis::start();
    let line = Line::to(&redis, Duration::from_millis(100));
    drop(redis);
    let began = Instant::now();
    let away = line.choose("a call", &turns()).await;
    assert!(matches!(away, Err(LiveError::Unavailable { .. })), "{away:?}");
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_url_that_is_none_is_refused_with_the_choices_but_without_its_password() {
    for url in [
        "redis",
        "http://me:hunter2@host",
        "redis://me:hunter2@host:a-port",
        "redis+cluster://me:hunter2@",
        "redis+cluster://me:hunter2@host:1/3",
        "redis+sentinel://me:hunter2@host:1",
        "redis+sentinel://me:hunter2@host:1/main/db",
    ] {
        let Err(refused) = RedisLive::open(url, RedisLiveOptions::default()) else { panic!("{url}") };
        let refused = refused.to_string();
        assert!(refused.starts_with("expected redis://"), "{refused}");
        assert!(!refused.contains("hunter2"), "{refused}");
    }
}
