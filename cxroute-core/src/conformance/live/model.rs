//! The model test of an execution plane: random operations come to what [`Plane`] answers.

use std::sync::Arc;
use std::time::Duration;

use proptest::collection::vec;
use proptest::option;
use proptest::prop_oneof;
use proptest::sample::select;
use proptest::strategy::Strategy as _;

use super::super::{Checked, for_all, operator};
use super::LiveBench;
use super::bench::{Ask, Line, delta_in_order, key, seen};
use crate::call::{EventKind, SessionToken};
use crate::config::{Capacity, HealthSettings, Strategy};
use crate::conformance::fixture::{START, answer, roster, seat, token};
use crate::id::{AgentId, GroupId, MembershipId, PoolId, TenantId};
use crate::port::LiveState;
use crate::strategy::{
    Adopted, AttemptSeat, Counted, HealthSign, LastResort, LiveAttempt, Plane, PlaneImage, Preference,
    Roster, Seat, SessionImage, Settle,
};
use crate::time::Timestamp;

/// One operation; calls, signals and attempts are named by small numbers, so that they meet.
#[derive(Clone, Debug)]
enum Operation {
    Wait(u64),
    Choose(Asked),
    Preview(Asked),
    Settle { call: u8, settle: Settle },
    Complete { call: u8, key: u128, open_for: u64 },
    Retract { call: u8, key: u128 },
    End { call: u8 },
    Stop { call: u8 },
    Hydrate { call: u8, attempts: Vec<(u64, Option<u64>)>, ended: bool },
    Adopt { call: u8, key: u128, number: u16, counts: bool, attempts: Vec<(u64, Option<u64>)>, ended: bool },
    Restore,
}

/// A choice that is asked for.
#[derive(Clone, Debug)]
struct Asked {
    call: u8,
    key: u128,
    settle: Option<Settle>,
    groups: Vec<Group>,
    number: LastResort,
    /// What a custom strategy says of the first stage's members, in order; short: of another roster.
    preferred: Vec<Preference>,
    tried: Option<u64>,
    /// The caller's clock lags by so many seconds.
    lag: u64,
}

/// A stage: its strategy is its group's, its members are picked from six.
#[derive(Clone, Debug)]
struct Group {
    strategy: Strategy,
    members: u8,
    disabled: u8,
    cap: Option<u32>,
    hours: u16,
    max_attempts: u16,
}

fn operations() -> impl proptest::strategy::Strategy<Value = Vec<Operation>> {
    let call = || 0_u8..5;
    let key = || 0_u128..3;
    let waits = select(vec![0, 1, 10, 31, 61, 121, 901, 3_600, 40_000, 100_000]);
    let attempt = (1_u64..7, option::of(1_u64..4_000));
    let adopted = attempt.clone();
    let told = prop_oneof![
        2 => (call(), key(), 1_u16..4, proptest::bool::ANY, vec(adopted, 0..3), proptest::bool::weighted(0.2))
            .prop_map(|(call, key, number, counts, attempts, ended)| Operation::Adopt {
                call,
                key,
                number,
                counts,
                attempts,
                ended,
            }),
        1 => proptest::strategy::Just(Operation::Restore),
    ];
    let operation = prop_oneof![
        4 => waits.prop_map(Operation::Wait),
        12 => asked().prop_map(Operation::Choose),
        2 => asked().prop_map(Operation::Preview),
        3 => (call(), settle()).prop_map(|(call, settle)| Operation::Settle { call, settle }),
        5 => (call(), key(), 1_u64..4_000)
            .prop_map(|(call, key, open_for)| Operation::Complete { call, key, open_for }),
        2 => (call(), key()).prop_map(|(call, key)| Operation::Retract { call, key }),
        2 => call().prop_map(|call| Operation::End { call }),
        1 => call().prop_map(|call| Operation::Stop { call }),
        1 => (call(), vec(attempt, 0..3), proptest::bool::weighted(0.2))
            .prop_map(|(call, attempts, ended)| Operation::Hydrate { call, attempts, ended }),
        3 => told,
    ];
    vec(operation, 1..60)
}

fn settle() -> impl proptest::strategy::Strategy<Value = Settle> {
    let sign =
        select(vec![HealthSign::Answered, HealthSign::Failed, HealthSign::Failed, HealthSign::Neutral]);
    let health = HealthSettings { max_consecutive_failures: 2, cooldown_seconds: 60 };
    (1_u16..4, sign).prop_map(move |(attempt, sign)| Settle { attempt, sign, health })
}

fn asked() -> impl proptest::strategy::Strategy<Value = Asked> {
    let number = select(vec![LastResort::End, LastResort::End, LastResort::Number]);
    let tried = option::weighted(0.1, 1_u64..7);
    let preferred = prop_oneof![
        3 => proptest::strategy::Just(Vec::new()),
        1 => vec(select(vec![Preference::Rank(1), Preference::Rank(2), Preference::Never]), 1..7),
    ];
    let lag = prop_oneof![9 => proptest::strategy::Just(0_u64), 1 => 1_u64..100];
    (0_u8..5, 0_u128..3, option::weighted(0.4, settle()), vec(group(), 1..4), number, preferred, tried, lag)
        .prop_map(|(call, key, settle, groups, number, preferred, tried, lag)| Asked {
            call,
            key,
            settle,
            groups,
            number,
            preferred,
            tried,
            lag,
        })
}

fn group() -> impl proptest::strategy::Strategy<Value = Group> {
    let strategy = select(vec![Strategy::LoadBalanced, Strategy::Priority, Strategy::RoundRobin]);
    let cap = option::weighted(0.4, 0_u32..4);
    let hours = select(vec![24_u16, 24, 24, 12]);
    let disabled = prop_oneof![3 => proptest::strategy::Just(0_u8), 1 => 0_u8..64];
    (strategy, 1_u8..64, disabled, cap, hours, select(vec![10_u16, 10, 2])).prop_map(
        |(strategy, members, disabled, cap, hours, max_attempts)| Group {
            strategy,
            members,
            disabled,
            cap,
            hours,
            max_attempts,
        },
    )
}

impl Group {
    fn roster(&self) -> Arc<Roster> {
        let seats = (0..6).filter(|member| self.members & (1 << member) != 0).map(|member| self.seat(member));
        let group = 20 + self.strategy as u64;
        let mut stage = Roster::clone(&roster(group, self.strategy, seats.collect()));
        stage.step = Roster::step_of(self.hours);
        stage.max_attempts = self.max_attempts;
        Arc::new(stage.seal())
    }

    fn seat(&self, member: u8) -> Seat {
        let agent = 1 + u64::from(member);
        let mut seat = seat(agent);
        // One agent is in several groups, by a membership of its own in each.
        seat.membership = MembershipId::new(100 * (1 + self.strategy as u64) + agent);
        seat.priority = (member != 5).then_some(1 + u32::from(member) % 2);
        seat.capacity = Capacity::new(1 + u32::from(member) * 3).unwrap_or(Capacity::ONE);
        seat.enabled = self.disabled & (1 << member) == 0;
        match member % 3 {
            0 => seat.caps.agent = self.cap,
            1 => seat.caps.membership = self.cap,
            _ => (seat.pool, seat.caps.pool) = (Some(PoolId::new(5)), self.cap),
        }
        seat
    }
}

impl Asked {
    fn ask(&self, now: Timestamp) -> Ask {
        let stages: Vec<_> = self.groups.iter().map(Group::roster).collect();
        let lagging = Timestamp::from_millis(now.as_millis() - 1_000 * self.lag as i64);
        Ask {
            key: signal(self.key),
            settle: self.settle,
            last_resort: self.number,
            preferences: vec![self.preferred.iter().copied().collect()],
            tried: self.tried.map(AgentId::new).into_iter().collect(),
            ..Ask::new(call(self.call).as_str(), lagging, &stages)
        }
    }
}

fn call(number: u8) -> SessionToken {
    token(&format!("call {number}"))
}

const fn signal(number: u128) -> crate::call::EventKey {
    key(EventKind::VoiceRequest, number)
}

fn image_of(number: u8, attempts: &[(u64, Option<u64>)], ended: bool, now: Timestamp) -> SessionImage {
    let attempt = |(number, (agent, open_for)): (u16, &(u64, Option<u64>))| LiveAttempt {
        number,
        seat: Some(AttemptSeat {
            agent: AgentId::new(*agent),
            group: Some(GroupId::new(20)),
            membership: Some(MembershipId::new(100 + agent)),
            pool: None,
        }),
        open_until: open_for.map(|span| now.after(Duration::from_secs(span))),
        probe: None,
    };
    SessionImage {
        token: call(number),
        attempts: (1..).zip(attempts).map(attempt).collect(),
        ended,
        forget_at: now.after(Duration::from_secs(7_200)),
    }
}

pub(super) async fn random_operations_behave_like_the_plane(bench: &LiveBench) -> Checked {
    let live = Arc::clone(&bench.live);
    let tenants = Arc::new(std::sync::atomic::AtomicU64::new(1_000));
    for_all(256, operations(), move |operations| {
        // Each case has a tenant of its own: the others' state lies beside it, as it does in life.
        let tenant = tenants.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let live = Arc::clone(&live);
        async move { behaves(live, TenantId::new(tenant), operations).await }
    })
    .await
}

async fn behaves(live: Arc<dyn LiveState>, tenant: TenantId, operations: Vec<Operation>) -> Checked {
    let line = Line { live, scope: Arc::new(operator().ingest(tenant)) };
    line.live.restore(&line.scope, PlaneImage::default()).await?;
    let (mut plane, mut now) = (Plane::default(), START);
    for (n, operation) in operations.iter().enumerate() {
        if let Operation::Wait(span) = operation {
            now = now.after(Duration::from_secs(*span));
        }
        same(&line, &mut plane, now, n, operation).await?;
    }
    // What can be seen of the state that is left, by strategy and with everybody there.
    for strategy in [Strategy::LoadBalanced, Strategy::Priority, Strategy::RoundRobin] {
        let group = Group { strategy, members: 63, disabled: 0, cap: Some(3), hours: 24, max_attempts: 10 };
        let last = Ask::new("last", now, &[group.roster()]);
        let expected = plane.preview(&last.request());
        assert_eq!(seen(&line.preview(&last).await?), seen(&expected), "in the end, {strategy:?}");
    }
    Ok(())
}

/// Does one operation on both.
async fn same(line: &Line, plane: &mut Plane, now: Timestamp, n: usize, operation: &Operation) -> Checked {
    let (live, scope) = (&line.live, &line.scope);
    match operation {
        Operation::Wait(_) => {}
        Operation::Choose(asked) => {
            let ask = asked.ask(now);
            let expected = plane.choose(&ask.request());
            assert_eq!(seen(&line.choose(&ask).await?), seen(&expected), "operation {n}");
        }
        Operation::Preview(asked) => {
            let ask = asked.ask(now);
            let expected = plane.preview(&ask.request());
            assert_eq!(seen(&line.preview(&ask).await?), seen(&expected), "operation {n}");
        }
        Operation::Settle { call: number, settle } => {
            let (settled, delta) = live.settle(scope, &call(*number), *settle, now).await?;
            let (expected, booked) = plane.settle(&call(*number), *settle, now);
            let got = (settled, delta_in_order(delta));
            assert_eq!(got, (expected, delta_in_order(booked)), "operation {n}");
        }
        Operation::Complete { call: number, key, open_for } => {
            let (given, until) =
                (answer(&format!("{number} {key}")), now.after(Duration::from_secs(*open_for)));
            live.complete(scope, &call(*number), signal(*key), &given, until).await?;
            plane.complete(&call(*number), signal(*key), &given, until);
        }
        Operation::Retract { call: number, key } => {
            live.retract(scope, &call(*number), signal(*key)).await?;
            plane.retract(&call(*number), signal(*key));
        }
        Operation::End { call: number } => {
            live.end(scope, &call(*number), now).await?;
            plane.end(&call(*number), now);
        }
        Operation::Stop { call: number } => {
            live.stop_attempts(scope, &call(*number)).await?;
            plane.stop_attempts(&call(*number));
        }
        Operation::Hydrate { call: number, attempts, ended } => {
            let image = image_of(*number, attempts, *ended, now);
            live.hydrate(scope, image.clone()).await?;
            plane.hydrate(image);
        }
        Operation::Adopt { call, key, number, counts, attempts, ended } => {
            let image = image_of(*call, attempts, *ended, now);
            let agent = image.attempts.iter().find(|attempt| attempt.number == *number);
            let counted = agent.filter(|_| *counts).and_then(|attempt| {
                let (agent, step_millis) = (attempt.seat?.agent, 900_000);
                let step = now.as_millis() / step_millis;
                Some(Counted { group: GroupId::new(20), agent, step_millis, step })
            });
            let attempt = agent.map(|attempt| attempt.number);
            let adopted = Adopted { at: now, key: signal(*key), attempt, counted, call: image };
            live.adopt(scope, adopted.clone(), now).await?;
            plane.adopt(adopted, now);
        }
        Operation::Restore => live.restore(scope, PlaneImage::default()).await?,
    }
    Ok(())
}
