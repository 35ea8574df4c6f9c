//! The plane's image: rebuilt from the store, a plane is the one that lived through the same choices.

use std::collections::BTreeSet;
use std::time::Duration;

use cxroute_core::call::{Outcome, Signal};
use cxroute_core::config::Strategy as Choosing;
use cxroute_core::conformance::fixture::{Exchange, in_order, roster, seat};
use cxroute_core::id::PoolId;
use cxroute_core::strategy::{Plane, Seat};
use proptest::prelude::{Strategy, any, prop_oneof};
use proptest::test_runner::{Config, TestRunner};

use crate::support::Fixture;

/// Something that happens at the exchange.
#[derive(Clone, Debug)]
enum Happens {
    Call,
    Result(u8, u8),
    Cdr(u8),
    Wait(u32),
    Members(u8),
}

const OUTCOMES: [Outcome; 4] = [Outcome::Completed, Outcome::Failed, Outcome::NoAnswer, Outcome::Busy];

fn happens() -> impl Strategy<Value = Vec<Happens>> {
    let one = prop_oneof![
        4 => proptest::strategy::Just(Happens::Call),
        4 => (any::<u8>(), 0..4_u8).prop_map(|(call, outcome)| Happens::Result(call, outcome)),
        2 => any::<u8>().prop_map(Happens::Cdr),
        2 => (1..20_000_u32).prop_map(Happens::Wait),
        1 => (1..6_u8).prop_map(Happens::Members),
    ];
    proptest::collection::vec(one, 1..60)
}

fn seats(count: u64) -> Vec<Seat> {
    let of = |agent: u64| Seat {
        priority: u32::try_from(agent % 2).ok(),
        pool: (agent > 2).then_some(PoolId::new(5)),
        ..seat(agent)
    };
    (1..=count).map(of).collect()
}

/// Lets things happen; the signals that came of them.
fn live(exchange: &mut Exchange, strategy: Choosing, happenings: &[Happens]) -> Vec<Signal> {
    let mut calls = 0_u32;
    let name = |which: u8, calls: u32| format!("call {}", u32::from(which) % calls.max(1));
    let (mut signals, mut ended) = (Vec::new(), BTreeSet::new());
    for happening in happenings {
        match happening {
            Happens::Call => {
                signals.push(exchange.voice(&format!("call {calls}")));
                calls += 1;
            }
            Happens::Result(call, outcome) => {
                signals.extend(exchange.result(&name(*call, calls), OUTCOMES[usize::from(*outcome)]));
            }
            Happens::Cdr(call) => {
                let name = name(*call, calls);
                if ended.insert(name.clone()) {
                    signals.extend(exchange.cdr(&name, "ANSWER"));
                }
            }
            Happens::Wait(seconds) => exchange.advance(Duration::from_secs(u64::from(*seconds))),
            Happens::Members(count) => {
                let stages =
                    vec![roster(20, strategy, seats((*count).into())), roster(21, strategy, seats(2))];
                exchange.reconfigure(stages);
            }
        }
    }
    signals
}

async fn goes_on_as_before(fixture: &Fixture, strategy: Choosing, happenings: &[Happens], batch: usize) {
    let stages = || vec![roster(20, strategy, seats(4)), roster(21, strategy, seats(2))];
    let mut lived = Exchange::new(stages());
    for signals in live(&mut lived, strategy, happenings).chunks(batch) {
        fixture.take(signals.to_vec()).await;
    }
    let now = lived.now();
    let image = fixture.read().await.plane_image(now).await.unwrap();
    assert_eq!(in_order(image.clone()), lived.image(now));
    let mut rebuilt = Exchange::resume(Plane::restore(image), stages(), now);
    lived.reconfigure(stages());
    for n in 0..24 {
        let name = format!("later {n}");
        let chosen = |signal: Signal| signal.decision().map(|decision| decision.action.clone());
        assert_eq!(
            chosen(rebuilt.voice(&name)),
            chosen(lived.voice(&name)),
            "choice {n} after the rebuilding"
        );
        lived.advance(Duration::from_secs(700));
        rebuilt.advance(Duration::from_secs(700));
    }
}

#[test]
fn a_plane_rebuilt_from_the_store_chooses_like_the_one_that_lived() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let config = Config { cases: 24, failure_persistence: None, ..Config::default() };
    let inputs = (happens(), 0..3_usize, 1..9_usize);
    let tried = TestRunner::new(config).run(&inputs, |(happenings, strategy, batch)| {
        let strategy = [Choosing::LoadBalanced, Choosing::Priority, Choosing::RoundRobin][strategy];
        runtime.block_on(async {
            let fixture = Fixture::new().await;
            goes_on_as_before(&fixture, strategy, &happenings, batch).await;
        });
        Ok(())
    });
    tried.unwrap();
}
