//! Laws about hearing: everything, in order, once, and of one's own tenant only.

use super::super::{Broken, Checked};
use super::EventsBench;
use super::bench::{Listener, call_of};
use crate::conformance::fixture::seconds;
use crate::port::Since;

pub(super) async fn what_is_published_is_heard_in_order_with_rising_ids(bench: &EventsBench) -> Checked {
    let room = bench.newsroom().await?;
    let mut listener = room.listen(Since::Now).await?;
    let mut last = listener.position();
    for batch in [&["a", "b"][..], &["c"], &["a", "d", "e"]] {
        room.publish(batch).await?;
        for call in batch {
            let event = listener.event().await?;
            assert_eq!(call_of(&event), *call);
            assert!(event.id > last, "{} after {last}", event.id);
            assert_eq!(listener.position(), event.id);
            last = event.id;
        }
    }
    listener.silence().await
}

pub(super) async fn an_event_says_what_happened_to_which_call(bench: &EventsBench) -> Checked {
    let room = bench.newsroom().await?;
    let mut listener = room.listen(Since::Now).await?;
    let call = "odd \u{1F4DE} \"quoted\" \\ {braces} \u{0}";
    room.publish(&[call]).await?;
    let event = listener.event().await?;
    assert_eq!((event.event_type.as_str(), event.at), ("call_completed", seconds(7)));
    let expected = serde_json::json!({
        "session_token": call, "call_id": 17, "agent_id": 7, "group_id": 20, "status": "completed", "duration": 42,
    });
    assert_eq!(event.data, expected);
    Ok(())
}

pub(super) async fn who_listens_from_now_on_hears_nothing_older(bench: &EventsBench) -> Checked {
    let room = bench.newsroom().await?;
    room.publish(&["before"]).await?;
    let mut listener = room.listen(Since::Now).await?;
    room.publish(&["after"]).await?;
    assert_eq!(listener.calls(1).await?, ["after"]);
    listener.silence().await
}

pub(super) async fn who_resumes_hears_what_came_since_and_nothing_twice(bench: &EventsBench) -> Checked {
    let room = bench.newsroom().await?;
    let mut listener = room.listen(Since::Now).await?;
    let nothing_yet = listener.position();
    room.publish(&["a", "b", "c"]).await?;
    assert_eq!(listener.calls(2).await?, ["a", "b"]);
    let position = listener.position();
    drop(listener);
    room.publish(&["d"]).await?;
    let mut again = room.listen(Since::After(position)).await?;
    assert_eq!(again.calls(2).await?, ["c", "d"]);
    room.publish(&["e"]).await?;
    assert_eq!(again.calls(1).await?, ["e"]);
    let mut from_the_start = room.listen(Since::After(nothing_yet)).await?;
    assert_eq!(from_the_start.calls(5).await?, ["a", "b", "c", "d", "e"]);
    let mut up_to_date = room.listen(Since::After(again.position())).await?;
    up_to_date.silence().await
}

pub(super) async fn everybody_who_listens_hears_everything(bench: &EventsBench) -> Checked {
    let room = bench.newsroom().await?;
    let mut listeners = Vec::new();
    for _ in 0..5 {
        listeners.push(room.listen(Since::Now).await?);
    }
    let calls: Vec<String> = (0..90).map(|n| format!("call {n}")).collect();
    for batch in calls.chunks(7) {
        room.publish(&batch.iter().map(String::as_str).collect::<Vec<_>>()).await?;
    }
    let hearing = listeners
        .into_iter()
        .map(|mut listener: Listener| tokio::spawn(async move { listener.calls(90).await }));
    for heard in hearing.collect::<Vec<_>>() {
        assert_eq!(heard.await??, calls);
    }
    Ok(())
}

pub(super) async fn a_wait_that_is_given_up_loses_nothing(bench: &EventsBench) -> Checked {
    let room = bench.newsroom().await?;
    let mut listener = room.listen(Since::Now).await?;
    listener.silence().await?;
    room.publish(&["a", "b"]).await?;
    let mut heard = Vec::new();
    for tries in 0.. {
        // Long enough or not: what was heard is told, what was not is told next time.
        let wait = std::time::Duration::from_micros(50 << (tries % 16));
        if let Ok(next) = tokio::time::timeout(wait, listener.0.next()).await {
            let crate::port::Heard::Event(event) = next else { return Err(Broken::because("a gap")) };
            heard.push(call_of(&event));
        }
        if heard.len() == 2 {
            break;
        }
        if tries == 1_000 {
            return Err(Broken::because("two events were not heard in a thousand tries"));
        }
    }
    assert_eq!(heard, ["a", "b"]);
    Ok(())
}

pub(super) async fn tenants_hear_their_own_events_only(bench: &EventsBench) -> Checked {
    let (mine, theirs) = (bench.newsroom().await?, bench.newsroom().await?);
    let (mut me, mut them) = (mine.listen(Since::Now).await?, theirs.listen(Since::Now).await?);
    theirs.publish(&["theirs"]).await?;
    mine.publish(&["mine"]).await?;
    assert_eq!(me.calls(1).await?, ["mine"]);
    assert_eq!(them.calls(1).await?, ["theirs"]);
    me.silence().await?;
    them.silence().await
}

pub(super) async fn an_empty_publication_is_nothing(bench: &EventsBench) -> Checked {
    let room = bench.newsroom().await?;
    let mut listener = room.listen(Since::Now).await?;
    room.publish(&[]).await?;
    listener.silence().await
}
