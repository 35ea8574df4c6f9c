//! Laws about the plane's image: the books that a store keeps are [`Books`], and a plane that is rebuilt from them goes
//! on as if nothing had happened.

use std::time::Duration;

use super::super::{Broken, Checked};
use super::StoreBench;
use super::bench::Desk;
use crate::call::{Outcome, Signal};
use crate::config::Strategy;
use crate::conformance::fixture::{Exchange, Script, image_of, in_order, roster, seat, seconds};
use crate::strategy::{Books, Plane, PlaneImage, Seat};
use crate::time::Timestamp;

async fn image(desk: &Desk, now: Timestamp) -> Result<PlaneImage, Broken> {
    Ok(in_order(desk.read().await?.plane_image(now).await?))
}

/// Seats of several weights and levels, one of them limited, one in a pool.
fn seats(count: u64) -> Vec<Seat> {
    let seats = (1..=count).map(|agent| {
        let mut seat = seat(agent);
        seat.priority = Some(u32::try_from(agent % 3).unwrap_or(0));
        seat.caps.agent = (agent == 2).then_some(3);
        seat.pool = (agent % 2 == 0).then(|| crate::id::PoolId::new(5));
        seat
    });
    seats.collect()
}

/// A morning at the exchange: calls, failures that hold agents back, probes, joins, leaves, ends.
fn morning(exchange: &mut Exchange, strategy: Strategy) -> Vec<Signal> {
    let outcomes = [Outcome::Failed, Outcome::Completed, Outcome::NoAnswer, Outcome::Busy, Outcome::Failed];
    let mut signals = Vec::new();
    for n in 0..60_usize {
        let members = [3, 5, 4, 6][n / 15];
        exchange.reconfigure(vec![roster(20, strategy, seats(members)), roster(21, strategy, seats(2))]);
        let name = format!("call {n}");
        signals.push(exchange.voice(&name));
        signals.extend(exchange.result(&name, outcomes[n % outcomes.len()]));
        if n % 4 == 0 {
            signals.extend(exchange.update(&name, "connected"));
        }
        if n % 3 == 0 {
            signals.extend(exchange.cdr(&name, "ANSWER"));
        }
        exchange.advance(Duration::from_secs(400));
    }
    signals
}

async fn the_books_are_kept(bench: &StoreBench, strategy: Strategy) -> Checked {
    let desk = bench.tenant(&format!("books-{}.example", strategy.as_str())).await?;
    let mut exchange = Exchange::new(Vec::new());
    let mut books = Books::default();
    let signals = morning(&mut exchange, strategy);
    for signal in &signals {
        if let Some(decision) = signal.decision() {
            books.apply(&decision.delta);
        }
    }
    for batch in signals.chunks(7) {
        desk.take_all(batch.to_vec()).await?;
    }
    let (now, later) = (exchange.now(), exchange.now().after(Duration::from_secs(163 * 3_600)));
    assert_eq!(image(&desk, now).await?, image_of(&books, exchange.calls(), now));
    assert_eq!(image(&desk, later).await?, image_of(&books, exchange.calls(), later), "as steps expire");
    Ok(())
}

pub(super) async fn the_books_of_load_balancing_are_kept(bench: &StoreBench) -> Checked {
    the_books_are_kept(bench, Strategy::LoadBalanced).await
}

pub(super) async fn the_books_of_priorities_are_kept(bench: &StoreBench) -> Checked {
    the_books_are_kept(bench, Strategy::Priority).await
}

pub(super) async fn the_books_of_round_robin_are_kept(bench: &StoreBench) -> Checked {
    the_books_are_kept(bench, Strategy::RoundRobin).await
}

pub(super) async fn the_order_in_which_choices_commit_does_not_matter(bench: &StoreBench) -> Checked {
    let desk = bench.tenant("commit-order.example").await?;
    let mut exchange = Exchange::new(vec![roster(20, Strategy::LoadBalanced, seats(3))]);
    let mut signals: Vec<_> = (0..12)
        .map(|n| {
            if n == 6 {
                exchange.reconfigure(vec![roster(20, Strategy::LoadBalanced, seats(5))]);
            }
            exchange.advance(Duration::from_secs(600));
            exchange.voice(&format!("call {n}"))
        })
        .collect();
    let mut books = Books::default();
    signals.reverse();
    signals.swap(2, 7);
    for decision in signals.iter().filter_map(Signal::decision) {
        books.apply(&decision.delta);
    }
    desk.take_all(signals).await?;
    let now = exchange.now();
    assert_eq!(image(&desk, now).await?, image_of(&books, exchange.calls(), now));
    Ok(())
}

pub(super) async fn a_plane_that_is_rebuilt_goes_on_as_before(bench: &StoreBench) -> Checked {
    let desk = bench.tenant("rebuilt.example").await?;
    for strategy in [Strategy::LoadBalanced, Strategy::Priority, Strategy::RoundRobin] {
        let desk = match strategy {
            Strategy::LoadBalanced => Desk::of(desk.store.clone(), desk.id),
            other => bench.tenant(&format!("rebuilt-{}.example", other.as_str())).await?,
        };
        let mut exchange = Exchange::new(Vec::new());
        desk.take_all(morning(&mut exchange, strategy)).await?;
        let now = exchange.now();
        let plane = Plane::restore(desk.read().await?.plane_image(now).await?);
        let stages = vec![roster(20, strategy, seats(6)), roster(21, strategy, seats(2))];
        exchange.reconfigure(stages.clone());
        let mut rebuilt = Exchange::resume(plane, stages, now);
        for n in 0..40 {
            let name = format!("later {n}");
            let (before, after) = (exchange.voice(&name), rebuilt.voice(&name));
            let chosen = |signal: &Signal| signal.decision().map(|decision| decision.action.clone());
            assert_eq!(chosen(&after), chosen(&before), "{strategy:?}, choice {n} after the rebuilding");
            exchange.advance(Duration::from_secs(300));
            rebuilt.advance(Duration::from_secs(300));
        }
    }
    Ok(())
}

pub(super) async fn only_live_calls_are_in_the_image(bench: &StoreBench) -> Checked {
    let desk = bench.tenant("live.example").await?;
    let (open, over, ended) = (Script::new("open", 1), Script::new("over", 2), Script::new("ended", 3));
    let between = Script::new("between", 4);
    desk.take_all(vec![
        open.voice_through(20, 7),
        over.voice(7),
        over.cdr("ANSWER", 5),
        ended.voice(7),
        ended.update_ending("a-new-word", Some(9)),
        between.voice(7),
        between.fail_over(1, Outcome::Busy, 20, 8),
    ])
    .await?;
    let mut calls = Vec::new();
    for script in [&open, &over, &ended, &between] {
        calls.extend(desk.call(script.token()).await?);
    }
    assert_eq!(calls.len(), 4);
    for at in [seconds(60), seconds(14_400), seconds(14_401), seconds(14_404), seconds(20_000)] {
        let expected = image_of(&Books::default(), calls.iter(), at);
        assert_eq!(image(&desk, at).await?, expected, "at {at}");
    }
    assert_eq!(image(&desk, seconds(60)).await?.sessions.len(), 2);
    assert_eq!(image(&desk, seconds(14_401)).await?.sessions.len(), 1, "no longer than until live_until");
    Ok(())
}

pub(super) async fn choices_that_did_not_commit_are_not_in_the_books(bench: &StoreBench) -> Checked {
    let desk = bench.tenant("uncounted.example").await?;
    let mut exchange = Exchange::new(vec![roster(20, Strategy::RoundRobin, seats(3))]);
    let first = exchange.voice("call");
    let second = exchange.voice("other");
    desk.take(first.clone()).await?;
    let before = image(&desk, exchange.now()).await?;
    desk.take(first.clone()).await?;
    let mut refused = first;
    refused.key.hash ^= 1;
    if let crate::call::SignalKind::Voice { decision, .. } = &mut refused.kind {
        decision.delta = second.decision().map(|decision| decision.delta.clone()).unwrap_or_default();
    }
    let result = desk.take(refused.clone()).await?;
    assert!(matches!(result, crate::call::Ingested::Conflict(_)), "{result:?}");
    assert_eq!(image(&desk, exchange.now()).await?, before, "neither copies nor conflicts count");
    if let crate::call::SignalKind::Voice { basis, .. } = &mut refused.kind {
        basis.answered = true;
    }
    desk.take(refused).await?;
    let after = image(&desk, exchange.now()).await?;
    assert_eq!(after.groups, before.groups, "nor does what another decision outran");
    Ok(())
}
