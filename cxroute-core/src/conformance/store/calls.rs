//! Laws about reading calls: newest first, page by page, filtered.

use super::super::{Broken, Checked};
use super::StoreBench;
use super::bench::Desk;
use crate::call::{Call, Outcome, SessionToken};
use crate::config::Strategy;
use crate::conformance::fixture::{START, Script, seconds, token};
use crate::conformance::fixture::{agent, group};
use crate::id::{AgentId, CallId, GroupId};
use crate::port::{CallFilter, Page};

async fn page(
    desk: &Desk,
    filter: &CallFilter,
    after: Option<CallId>,
    limit: u32,
) -> Result<Vec<Call>, Broken> {
    Ok(desk.read().await?.calls(filter, Page { after, limit }).await?)
}

/// Takes call after call in an order of their own, which is not that of their ids.
async fn with_calls(bench: &StoreBench, domain: &str, count: u32) -> Result<Desk, Broken> {
    let desk = bench.tenant(domain).await?;
    for n in 0..count {
        let nth = 1 + (n * 7) % count.max(1);
        let script = Script::new(&format!("call {nth}"), nth);
        let signal = if nth.is_multiple_of(2) { script.voice_through(20, 7) } else { script.voice(8) };
        desk.take(signal).await?;
    }
    Ok(desk)
}

fn numbers(calls: &[Call]) -> Vec<u32> {
    let number = |token: &SessionToken| token.as_str().strip_prefix("call ")?.parse().ok();
    calls.iter().filter_map(|call| number(&call.token)).collect()
}

pub(super) async fn calls_are_listed_newest_first(bench: &StoreBench) -> Checked {
    let desk = with_calls(bench, "listed.example", 10).await?;
    let listed = page(&desk, &CallFilter::default(), None, 100).await?;
    assert_eq!(numbers(&listed), (1..=10).rev().collect::<Vec<_>>());
    for call in &listed {
        assert_eq!(desk.call(&call.token).await?.as_ref(), Some(call), "the whole call");
    }
    let newest = page(&desk, &CallFilter::default(), None, 3).await?;
    assert_eq!(numbers(&newest), [10, 9, 8], "as many as asked for");
    Ok(())
}

pub(super) async fn a_list_of_no_calls_is_empty(bench: &StoreBench) -> Checked {
    let desk = bench.tenant("no-calls.example").await?;
    assert_eq!(page(&desk, &CallFilter::default(), None, 10).await?, []);
    assert_eq!(page(&desk, &CallFilter::default(), Some(CallId::new(1)), 10).await?, []);
    Ok(())
}

pub(super) async fn pages_are_complete_and_never_repeat_while_calls_arrive(bench: &StoreBench) -> Checked {
    let desk = with_calls(bench, "pages.example", 20).await?;
    let (mut seen, mut after, mut arriving) = (Vec::new(), None, 100);
    loop {
        let calls = page(&desk, &CallFilter::default(), after, 3).await?;
        let Some(last) = calls.last() else { break };
        assert!(calls.len() == 3 || seen.len() + calls.len() == 20, "fewer only at the end");
        after = Some(last.id);
        seen.extend(numbers(&calls));
        arriving += 1;
        desk.take(Script::new(&format!("late {arriving}"), arriving).voice(7)).await?;
        desk.take(Script::new(&format!("call {}", seen[0]), seen[0]).cdr("ANSWER", arriving)).await?;
    }
    assert_eq!(seen, (1..=20).rev().collect::<Vec<_>>());
    Ok(())
}

pub(super) async fn a_page_may_begin_after_a_call_that_is_not_there(bench: &StoreBench) -> Checked {
    let desk = with_calls(bench, "between.example", 5).await?;
    let third = Script::new("call 3", 3).id();
    let between = CallId::new(third.get() + 1);
    assert_eq!(numbers(&page(&desk, &CallFilter::default(), Some(between), 10).await?), [3, 2, 1]);
    assert_eq!(numbers(&page(&desk, &CallFilter::default(), Some(third), 10).await?), [2, 1], "older only");
    Ok(())
}

pub(super) async fn calls_are_filtered_by_the_agent_and_group_of_the_last_attempt(
    bench: &StoreBench,
) -> Checked {
    let desk = with_calls(bench, "filtered.example", 8).await?;
    desk.take(Script::new("call 4", 4).fail_over(1, Outcome::Busy, 21, 9)).await?;
    desk.take(Script::new("call 9", 9).voice_to_number(Some(20), "911")).await?;
    desk.take(Script::new("call 10", 10).voice_unrouted()).await?;
    let agent = |id| CallFilter { agent: Some(AgentId::new(id)), ..CallFilter::default() };
    let group = |id| CallFilter { group: Some(GroupId::new(id)), ..CallFilter::default() };
    let both = CallFilter { group: Some(GroupId::new(21)), ..agent(9) };
    let neither = CallFilter { group: Some(GroupId::new(20)), ..agent(9) };
    for (filter, expected) in [
        (agent(7), vec![8, 6, 2]),
        (agent(8), vec![7, 5, 3, 1]),
        (agent(9), vec![4]),
        (agent(10), vec![]),
        (group(20), vec![9, 8, 6, 2]),
        (group(21), vec![4]),
        (both, vec![4]),
        (neither, vec![]),
    ] {
        assert_eq!(numbers(&page(&desk, &filter, None, 100).await?), expected, "{filter:?}");
        let after = Some(Script::new("call 6", 6).id());
        let older: Vec<_> = expected.into_iter().filter(|n| *n < 6).collect();
        assert_eq!(numbers(&page(&desk, &filter, after, 100).await?), older, "{filter:?}, after call 6");
        let limited: Vec<_> = older.into_iter().take(2).collect();
        assert_eq!(numbers(&page(&desk, &filter, after, 2).await?), limited, "{filter:?}, at most two");
    }
    Ok(())
}

pub(super) async fn calls_are_filtered_by_the_time_of_receipt(bench: &StoreBench) -> Checked {
    let desk = with_calls(bench, "times.example", 6).await?;
    desk.take(Script::new("call 2", 2).cdr("ANSWER", 5)).await?;
    for (from, until, expected) in [
        (Some(seconds(3)), None, vec![6, 5, 4, 3]),
        (None, Some(seconds(3)), vec![2, 1]),
        (Some(seconds(2)), Some(seconds(5)), vec![4, 3, 2]),
        (Some(seconds(4)), Some(seconds(4)), vec![]),
        (Some(START), Some(seconds(100)), vec![6, 5, 4, 3, 2, 1]),
    ] {
        let filter = CallFilter { from, until, ..CallFilter::default() };
        let found = numbers(&page(&desk, &filter, None, 100).await?);
        assert_eq!(found, expected, "from (itself included) {from:?} until (excluded) {until:?}");
    }
    let agent = CallFilter { agent: Some(AgentId::new(8)), from: Some(seconds(2)), ..CallFilter::default() };
    assert_eq!(numbers(&page(&desk, &agent, None, 100).await?), [5, 3], "filters are combined");
    Ok(())
}

pub(super) async fn unknown_calls_are_none(bench: &StoreBench) -> Checked {
    let desk = with_calls(bench, "unknown.example", 1).await?;
    for unknown in ["call 2", "call 1 ", "CALL 1", "call", "%"] {
        assert_eq!(desk.call(&token(unknown)).await?, None, "{unknown:?}");
        assert_eq!(desk.detail(&token(unknown)).await?, None, "{unknown:?}");
        assert_eq!(desk.read().await?.audit(&token(unknown)).await?, [], "{unknown:?}");
    }
    Ok(())
}

pub(super) async fn tokens_that_differ_in_a_byte_are_two_calls(bench: &StoreBench) -> Checked {
    let desk = bench.tenant("bytes.example").await?;
    let long = "x".repeat(254);
    let (long_a, long_b) = (format!("{long}a"), format!("{long}b"));
    let (hashed_a, hashed_b) = (format!("{long}aa"), format!("{long}ab"));
    let tokens =
        ["Ab", "ab", "ab ", " ab", "äb", "a\u{308}b", "ab\0", &long_a, &long_b, &hashed_a, &hashed_b];
    for (text, nth) in tokens.iter().zip(1..) {
        desk.take(Script::new(text, nth).voice(u64::from(nth))).await?;
    }
    for (text, nth) in tokens.iter().zip(1..) {
        let call = desk.call(&token(text)).await?;
        assert_eq!(call.and_then(|call| call.agent()), Some(AgentId::new(nth)), "{text:?}");
    }
    Ok(())
}

pub(super) async fn names_are_kept_of_what_is_deleted_and_follow_what_is_renamed(
    bench: &StoreBench,
) -> Checked {
    let desk = bench.tenant("names-kept.example").await?;
    let mut tx = desk.begin().await?;
    let (a, b, one) = (tx.mint().await?, tx.mint().await?, tx.mint().await?);
    tx.save_agent(&agent(a, "Deleted")).await?;
    tx.save_agent(&agent(b, "Before")).await?;
    tx.save_group(&group(one, "Group", Strategy::Priority, Vec::new())).await?;
    tx.commit(START).await?;
    let mut tx = desk.begin().await?;
    tx.delete_agent(AgentId::new(a)).await?;
    tx.delete_group(GroupId::new(one)).await?;
    tx.save_agent(&agent(b, "After")).await?;
    tx.commit(START).await?;
    let mut tx = desk.begin().await?;
    let reused = tx.mint().await?;
    tx.save_agent(&agent(reused, "Deleted")).await?;
    tx.commit(START).await?;
    let names = desk.read().await?.names().await?;
    let agents = [(a, "Deleted"), (b, "After"), (reused, "Deleted")];
    let agents = agents.map(|(id, name)| (AgentId::new(id), name.to_owned()));
    assert_eq!(names.agents, agents.into());
    assert_eq!(names.groups, [(GroupId::new(one), "Group".to_owned())].into());
    Ok(())
}

pub(super) async fn deleting_agents_and_groups_leaves_calls_as_they_are(bench: &StoreBench) -> Checked {
    let desk = bench.tenant("kept-calls.example").await?;
    let mut tx = desk.begin().await?;
    let (a, one) = (tx.mint().await?, tx.mint().await?);
    tx.save_agent(&agent(a, "Agent")).await?;
    tx.save_group(&group(one, "Group", Strategy::Priority, Vec::new())).await?;
    tx.commit(START).await?;
    let script = Script::new("session", 1);
    desk.take(script.voice_through(one, a)).await?;
    let before = desk.detail(script.token()).await?;
    let mut tx = desk.begin().await?;
    tx.delete_agent(AgentId::new(a)).await?;
    tx.delete_group(GroupId::new(one)).await?;
    tx.commit(START).await?;
    assert_eq!(desk.detail(script.token()).await?, before);
    let filter = CallFilter { agent: Some(AgentId::new(a)), ..CallFilter::default() };
    assert_eq!(page(&desk, &filter, None, 10).await?.len(), 1);
    Ok(())
}
