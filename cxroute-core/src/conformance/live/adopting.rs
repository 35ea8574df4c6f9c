//! Laws about choices that became durable without the plane: told, each counts once.

use std::sync::Arc;

use super::super::Checked;
use super::LiveBench;
use super::bench::{Ask, Line, agent_of, key};
use crate::call::EventKind;
use crate::config::Strategy;
use crate::conformance::fixture::{START, roster, seat, seconds, token};
use crate::id::{AgentId, GroupId, MembershipId};
use crate::port::LiveError;
use crate::strategy::{
    Adopted, AttemptSeat, Counted, LiveAttempt, PlaneImage, Roster, SessionImage, WINDOW_STEPS,
};
use crate::time::Timestamp;

const GROUP: u64 = 20;

/// Two agents; the first takes one call at a time.
fn two(strategy: Strategy) -> [Arc<Roster>; 1] {
    let mut limited = seat(7);
    limited.caps.agent = Some(1);
    [roster(GROUP, strategy, vec![limited, seat(8)])]
}

/// The first attempt of this call, made elsewhere at `at` with agent 7, durable since.
fn adopted(call: &str, stages: &[Arc<Roster>], at: Timestamp) -> Adopted {
    let step_millis = i64::try_from(stages[0].step.as_millis()).unwrap_or(i64::MAX);
    let seat = AttemptSeat {
        agent: AgentId::new(7),
        group: Some(GroupId::new(GROUP)),
        membership: Some(MembershipId::new(7)),
        pool: None,
    };
    let until = seconds(14_400);
    let attempt = LiveAttempt { number: 1, seat: Some(seat), open_until: Some(until), probe: None };
    Adopted {
        at,
        key: key(EventKind::VoiceRequest, 1),
        attempt: Some(1),
        counted: Some(Counted {
            group: GroupId::new(GROUP),
            agent: AgentId::new(7),
            step_millis,
            step: at.as_millis() / step_millis,
        }),
        call: SessionImage { token: token(call), attempts: vec![attempt], ended: false, forget_at: until },
    }
}

async fn adopt(line: &Line, adopted: &Adopted) -> Result<(), LiveError> {
    line.live.adopt(&line.scope, adopted.clone(), adopted.at).await
}

/// How many calls each of the two has in the window, as a trace says.
async fn calls(line: &Line, now: Timestamp, stages: &[Arc<Roster>]) -> Result<Vec<u64>, LiveError> {
    let crate::strategy::Choice::Made(pick) = line.preview(&Ask::new("calls", now, stages)).await? else {
        return Ok(Vec::new());
    };
    let mut members: Vec<_> = pick.stages[0].members.iter().map(|m| (m.agent, m.calls)).collect();
    members.sort_unstable();
    Ok(members.into_iter().map(|(_, calls)| calls).collect())
}

pub(super) async fn a_choice_that_was_made_elsewhere_counts_once(bench: &LiveBench) -> Checked {
    for strategy in [Strategy::LoadBalanced, Strategy::Priority, Strategy::RoundRobin] {
        let (line, stages) = (bench.line().await?, two(strategy));
        let elsewhere = adopted("elsewhere", &stages, START);
        for _ in 0..3 {
            adopt(&line, &elsewhere).await?;
        }
        assert_eq!(calls(&line, seconds(1), &stages).await?, [1, 0], "{strategy:?}: in the window");
        let here = Ask::new("here", seconds(1), &stages);
        assert_eq!(line.agent(&here).await?, Some(8), "{strategy:?}: against its cap");
        let again =
            Ask { key: key(EventKind::VoiceRequest, 2), ..Ask::new("elsewhere", seconds(2), &stages) };
        let open = line.choose(&again).await?;
        assert!(matches!(open, crate::strategy::Choice::Open(_)), "{strategy:?}: {open:?}");
        line.live.end(&line.scope, &elsewhere.call.token, seconds(3)).await?;
        adopt(&line, &elsewhere).await?;
        let next = Ask { tried: vec![AgentId::new(8)], ..Ask::new("next", seconds(4), &stages) };
        assert_eq!(line.agent(&next).await?, Some(7), "{strategy:?}: its end frees the cap for good");
        assert_eq!(calls(&line, seconds(5), &stages).await?, [2, 1], "{strategy:?}: and takes no count");
        // By then its step has left the window.
        let later = START.after(stages[0].step * (WINDOW_STEPS as u32 + 1));
        assert_eq!(calls(&line, later, &stages).await?, [0, 0], "{strategy:?}: it leaves the window");
    }
    Ok(())
}

pub(super) async fn a_durable_choice_takes_the_place_of_one_that_is_not(bench: &LiveBench) -> Checked {
    let (line, stages) = (bench.line().await?, two(Strategy::LoadBalanced));
    let ask = Ask { tried: vec![AgentId::new(7)], ..Ask::new("call", START, &stages) };
    assert_eq!(line.agent(&ask).await?, Some(8), "what the plane chose");
    adopt(&line, &adopted("call", &stages, START)).await?;
    assert_eq!(calls(&line, seconds(1), &stages).await?, [1, 0], "what became durable");
    // The plane's own, told, is confirmed by that: its lease does not bring it back.
    let own = Ask { tried: vec![AgentId::new(7)], ..Ask::new("own", START, &stages) };
    let pick = line.made(&own).await?;
    let mut durable = adopted("own", &stages, START);
    durable.counted = pick.delta.counted;
    durable.call.attempts[0].seat = match &pick.picked {
        crate::strategy::Picked::Seat(seat) => Some(seat.seat),
        _ => None,
    };
    adopt(&line, &durable).await?;
    assert_eq!(agent_of(&pick), Some(8));
    assert_eq!(calls(&line, seconds(120), &stages).await?, [1, 1]);
    Ok(())
}

pub(super) async fn what_an_image_held_counts_no_more(bench: &LiveBench) -> Checked {
    let stages = two(Strategy::LoadBalanced);
    let line = bench.lost();
    let image = PlaneImage { at: seconds(60), ..PlaneImage::default() };
    line.live.restore(&line.scope, image).await?;
    adopt(&line, &adopted("before", &stages, seconds(59))).await?;
    assert_eq!(calls(&line, seconds(61), &stages).await?, [0, 0], "the image has it");
    line.live.end(&line.scope, &token("before"), seconds(61)).await?;
    adopt(&line, &adopted("since", &stages, seconds(60))).await?;
    assert_eq!(calls(&line, seconds(61), &stages).await?, [1, 0], "it came after the image");
    Ok(())
}

pub(super) async fn a_call_that_was_heard_of_is_counted_when_its_choice_is_told(
    bench: &LiveBench,
) -> Checked {
    let (line, stages) = (bench.line().await?, two(Strategy::LoadBalanced));
    let elsewhere = adopted("elsewhere", &stages, START);
    line.live.hydrate(&line.scope, elsewhere.call.clone()).await?;
    assert_eq!(calls(&line, seconds(1), &stages).await?, [0, 0], "who told of the call told of no choice");
    for _ in 0..2 {
        adopt(&line, &elsewhere).await?;
    }
    assert_eq!(calls(&line, seconds(1), &stages).await?, [1, 0]);
    Ok(())
}
