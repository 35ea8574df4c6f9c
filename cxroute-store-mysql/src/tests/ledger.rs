//! The ledger and the tables that it is folded into say the same, however the one is divided from the other.

#![expect(clippy::disallowed_methods, reason = "tests are the operator")]

use std::sync::Arc;
use std::time::Duration;

use cxroute_core::authority::Operator;
use cxroute_core::call::{Outcome, Signal, SignalKind};
use cxroute_core::config::{Domain, Strategy};
use cxroute_core::conformance::fixture::{Exchange, START, Script, in_order, roster, seat};
use cxroute_core::id::{AgentId, GroupId, MembershipId, TenantId};
use cxroute_core::port::Store as _;
use cxroute_core::strategy::{
    AgentHealth, Books, Counted, Health, HealthRow, Join, LedgerDelta, PlaneImage, Presence, Turn,
};
use sqlx::mysql::MySqlConnection;
use sqlx::{Connection as _, FromRow};

use super::{SERVERS, support};
use crate::{MySqlStore, StoreOptions};

/// A store that folds when it is told to.
async fn unfolded(database: &support::Database) -> MySqlStore {
    let options = StoreOptions { fold_after: u32::MAX, ..StoreOptions::default() };
    MySqlStore::open(&database.location(), &options).await.unwrap()
}

async fn tenant(store: &MySqlStore, domain: &str) -> TenantId {
    let domain = Domain::parse(domain).unwrap();
    store.create_tenant(&Operator::assume(), "One", &domain, START).await.unwrap()
}

async fn take(store: &MySqlStore, tenant: TenantId, signals: Vec<Signal>) {
    let scope = Arc::new(Operator::assume().ingest(tenant));
    let batch = signals.into_iter().map(|signal| (Arc::clone(&scope), signal)).collect();
    for taken in store.ingest(batch).await {
        taken.unwrap();
    }
}

async fn image(store: &MySqlStore, tenant: TenantId, exchange: &Exchange) -> PlaneImage {
    let mut read = store.read(&Operator::assume().read(tenant)).await.unwrap();
    in_order(read.plane_image(exchange.now()).await.unwrap())
}

async fn rows<T>(sql: &mut MySqlConnection, query: &'static str) -> Vec<T>
where
    T: for<'r> FromRow<'r, sqlx::mysql::MySqlRow> + Send + Unpin,
{
    sqlx::query_as(query).fetch_all(sql).await.unwrap()
}

/// A batch: members come and go, calls fail over until agents are held back, and after eight batches in one step or two the
/// window moves by a third.
fn batch(exchange: &mut Exchange, n: u64, strategy: Strategy) -> Vec<Signal> {
    let agents = 1..=3 + n % 5;
    let late = if n.is_multiple_of(3) { None } else { Some(20) };
    exchange.reconfigure(vec![roster(20, strategy, agents.chain(late).map(seat).collect())]);
    let mut signals = Vec::new();
    for call in 0..6 {
        let name = format!("call {n} {call}");
        signals.push(exchange.voice(&name));
        let outcome = if call % 2 == 0 { Outcome::NoAnswer } else { Outcome::Busy };
        signals.extend(n.is_multiple_of(2).then(|| exchange.result(&name, outcome)).flatten());
        signals.extend((call < 4).then(|| exchange.cdr(&name, "ANSWER")).flatten());
        exchange.advance(Duration::from_secs(10));
    }
    exchange.advance(Duration::from_secs(if n % 8 == 7 { 8 * 3_600 } else { 0 }));
    signals
}

#[tokio::test]
async fn books_are_the_same_before_and_after_they_are_folded() {
    for server in SERVERS {
        let database = support::Database::create(server).await;
        let (store, other) = (unfolded(&database).await, unfolded(&database).await);
        let mut sql = MySqlConnection::connect(&database.location()).await.unwrap();
        for strategy in [Strategy::LoadBalanced, Strategy::Priority, Strategy::RoundRobin] {
            let tenant = tenant(&store, &format!("{strategy:?}.example.net").to_lowercase()).await;
            let mut exchange = Exchange::new(Vec::new());
            for n in 0..40 {
                // In 40 batches the window of a day moves past its first steps.
                let signals = batch(&mut exchange, n, strategy);
                take(if n % 3 == 0 { &other } else { &store }, tenant, signals).await;
                let expected = exchange.image(exchange.now());
                let at = format!("{server} {strategy:?} {n}");
                assert_eq!(image(&store, tenant, &exchange).await, expected, "{at}, unfolded");
                if n % 4 == 3 {
                    if n % 8 == 3 { &store } else { &other }.folder().fold().await.unwrap();
                    let left: Vec<(i64,)> = rows(&mut sql, "SELECT id FROM ledger").await;
                    assert!(left.is_empty(), "{at}: {left:?}");
                    assert_eq!(image(&other, tenant, &exchange).await, expected, "{at}, folded");
                }
            }
        }
    }
}

/// A step of a window of a day, in milliseconds.
const STEP: i64 = 900_000;

/// Draws what an operation changed: numbers come in any order, and everything may be older than what is there.
fn drawn(seq: u64, draw: &mut impl FnMut(u64) -> u64) -> LedgerDelta {
    let (group, agent) = (GroupId::new(20 + draw(2)), AgentId::new(1 + draw(3)));
    let now = START.as_millis() / STEP;
    let mut delta = LedgerDelta { seq, ..LedgerDelta::default() };
    if draw(3) > 0 {
        // About the ends of the window, which has 96 steps.
        let back = [0, 1, 94, 95, 96, 97][draw(6) as usize];
        delta.counted = Some(Counted { group, agent, step_millis: STEP, step: now - back });
    }
    if draw(2) == 0 {
        let level = if draw(2) == 0 { None } else { Some(1) };
        let position = (draw(3) as u32, MembershipId::new(1 + draw(5)));
        delta.turn = Some((group, Turn { level, position }));
    }
    if draw(2) == 0 {
        delta.presence.push(Presence { group, agent, present: draw(2) == 0 });
    }
    if draw(3) == 0 {
        let steps = (0..draw(4)).map(|_| (now - draw(20).cast_signed(), draw(9) as u32)).collect();
        delta.joins.push(Join { group, agent, step_millis: STEP, steps });
    }
    if draw(3) == 0 {
        let health = AgentHealth { health: Health::Fit { failures: draw(5) as u32 }, episodes: 0 };
        delta.health.push(HealthRow { agent, health });
    }
    delta
}

fn with(mut signal: Signal, delta: LedgerDelta) -> Signal {
    if let SignalKind::Voice { decision, .. } = &mut signal.kind {
        decision.delta = delta;
    }
    signal
}

#[tokio::test]
async fn operations_in_any_order_come_to_the_same_in_the_ledger_and_in_the_tables() {
    // xorshift64 (Marsaglia 2003): the same draws in every run.
    let mut state = 88_172_645_463_325_252_u64;
    let mut draw = move |below: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) % below
    };
    for server in SERVERS {
        let database = support::Database::create(server).await;
        let store = unfolded(&database).await;
        for sequence in 0..60 {
            let tenant = tenant(&store, &format!("sequence-{sequence}.example.net")).await;
            let mut books = Books::default();
            for n in 0..10 {
                let delta = drawn(1 + draw(12), &mut draw);
                books.apply(&delta);
                take(&store, tenant, vec![with(Script::new(&format!("call {n}"), n).voice(7), delta)]).await;
                if draw(3) == 0 {
                    store.folder().fold().await.unwrap();
                }
                let mut read = store.read(&Operator::assume().read(tenant)).await.unwrap();
                let image = in_order(read.plane_image(START).await.unwrap());
                let of =
                    PlaneImage { seq: books.seq(), groups: books.groups(START), ..PlaneImage::default() };
                let expected = in_order(PlaneImage { health: books.health(), ..of });
                let found = PlaneImage { sessions: Vec::new(), at: expected.at, ..image };
                assert_eq!(found, expected, "{server}, sequence {sequence}, operation {n}");
            }
        }
    }
}

#[tokio::test]
async fn figures_of_calls_are_folded_once_whoever_folds_and_when() {
    for server in SERVERS {
        let database = support::Database::create(server).await;
        let (store, other) = (unfolded(&database).await, unfolded(&database).await);
        let tenant = tenant(&store, "one.example.net").await;
        let mut exchange = Exchange::new(Vec::new());
        for n in 0..30 {
            take(&store, tenant, batch(&mut exchange, n, Strategy::RoundRobin)).await;
            if n % 10 == 9 {
                let (one, two) = tokio::join!(store.folder().fold(), other.folder().fold());
                one.and(two).unwrap();
            }
        }
        let mut sql = MySqlConnection::connect(&database.location()).await.unwrap();
        let figures = "SELECT CAST(SUM(calls) AS SIGNED), CAST(SUM(completed) AS SIGNED) FROM rollups
            WHERE kind = 'tenant'";
        let figures: Vec<(i64, i64)> = rows(&mut sql, figures).await;
        let completed = exchange.calls().filter(|call| call.state.is_terminal()).count();
        assert_eq!(figures, [(30 * 6, i64::try_from(completed).unwrap())], "{server}");
    }
}

#[tokio::test]
async fn a_server_folds_by_itself_once_it_has_left_enough() {
    for server in SERVERS {
        let database = support::Database::create(server).await;
        let options = StoreOptions { fold_after: 3, ..StoreOptions::default() };
        let store = MySqlStore::open(&database.location(), &options).await.unwrap();
        let tenant = tenant(&store, "one.example.net").await;
        let mut exchange = Exchange::new(Vec::new());
        let mut sql = MySqlConnection::connect(&database.location()).await.unwrap();
        for n in 0..2 {
            take(&store, tenant, batch(&mut exchange, n, Strategy::Priority)).await;
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(rows::<(i64,)>(&mut sql, "SELECT id FROM ledger").await.len(), 2, "{server}");
        take(&store, tenant, batch(&mut exchange, 2, Strategy::Priority)).await;
        while !rows::<(i64,)>(&mut sql, "SELECT id FROM ledger").await.is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(image(&store, tenant, &exchange).await, exchange.image(exchange.now()), "{server}");
    }
}
