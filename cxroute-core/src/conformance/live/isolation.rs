//! Laws about isolation: equal names in two tenants are two things.

use super::super::Checked;
use super::LiveBench;
use super::bench::{Ask, key, seen};
use crate::call::EventKind;
use crate::config::Strategy;
use crate::conformance::fixture::{START, answer, roster, seat, seconds};
use crate::id::PoolId;
use crate::port::LiveError;
use crate::strategy::{Choice, Plane};

pub(super) async fn restoring_one_tenant_restores_no_other(bench: &LiveBench) -> Checked {
    let _mine = bench.line().await?;
    let theirs = bench.lost();
    let ask = Ask::new("call", START, &[roster(20, Strategy::RoundRobin, vec![seat(7)])]);
    assert_eq!(theirs.choose(&ask).await, Err(LiveError::Lost));
    Ok(())
}

pub(super) async fn equal_calls_agents_groups_and_pools_of_two_tenants_are_apart(
    bench: &LiveBench,
) -> Checked {
    let (mine, theirs, mut alone) = (bench.line().await?, bench.line().await?, Plane::default());
    let mut limited = seat(7);
    (limited.caps.agent, limited.caps.membership) = (Some(2), Some(2));
    (limited.pool, limited.caps.pool) = (Some(PoolId::new(5)), Some(2));
    for (strategy, group) in
        [(Strategy::LoadBalanced, 20), (Strategy::Priority, 21), (Strategy::RoundRobin, 22)]
    {
        let stages = [roster(group, strategy, vec![limited, seat(8), seat(9)])];
        for n in 0..4 {
            let ask = Ask::new(&format!("call {group} {n}"), seconds(n), &stages);
            for copy in 0..3 {
                let other = Ask { key: key(EventKind::VoiceRequest, copy), ..ask.clone() };
                theirs.choose(&other).await?;
                theirs.choose(&Ask::new(&format!("their {group} {n} {copy}"), seconds(n), &stages)).await?;
            }
            theirs.live.complete(&theirs.scope, &ask.token, ask.key, &answer("theirs"), seconds(60)).await?;
            theirs.live.end(&theirs.scope, &ask.token, seconds(n)).await?;
            let expected = alone.choose(&ask.request());
            assert_eq!(seen(&mine.choose(&ask).await?), seen(&expected), "{strategy:?}, choice {n}");
        }
    }
    Ok(())
}

pub(super) async fn nothing_of_another_tenants_call_is_touched(bench: &LiveBench) -> Checked {
    let (mine, theirs) = (bench.line().await?, bench.line().await?);
    let stages = [roster(20, Strategy::RoundRobin, vec![seat(7)])];
    let ask = Ask::new("call", START, &stages);
    mine.made(&ask).await?;
    let (live, scope) = (&theirs.live, &theirs.scope);
    live.complete(scope, &ask.token, ask.key, &answer("theirs"), seconds(60)).await?;
    live.retract(scope, &ask.token, ask.key).await?;
    live.stop_attempts(scope, &ask.token).await?;
    live.end(scope, &ask.token, seconds(1)).await?;
    assert!(matches!(mine.choose(&ask).await?, Choice::Recorded(_)));
    let stage = Ask { key: key(EventKind::VoiceRequest, 2), ..ask };
    assert!(matches!(mine.choose(&stage).await?, Choice::Open(_)));
    Ok(())
}
