//! Laws about gaps: what is lost is told, and nothing else is.

use super::super::{Broken, Checked};
use super::EventsBench;
use super::bench::{Listener, call_of};
use crate::port::{EventId, Heard, Since};

/// The number of the call that a listener hears of after a gap, of those of `publish_too_many`.
async fn after_a_gap(listener: &mut Listener) -> Result<usize, Broken> {
    assert_eq!(listener.next().await?, Heard::Gap);
    let call = call_of(&listener.event().await?);
    let number = call.strip_prefix("call ").and_then(|number| number.parse().ok());
    number.ok_or_else(|| Broken::because(format!("expected a call that was published, got {call:?}")))
}

/// Hears every event from this one on, to the last.
async fn to_the_last(listener: &mut Listener, first: usize) -> Checked {
    for n in first + 1..2_000 {
        assert_eq!(call_of(&listener.event().await?), format!("call {n}"));
    }
    listener.silence().await
}

pub(super) async fn who_was_away_for_too_long_is_told_of_a_gap_and_then_the_oldest_that_is_kept(
    bench: &EventsBench,
) -> Checked {
    let room = bench.newsroom().await?;
    let position = room.listen(Since::Now).await?.position();
    room.publish_too_many().await?;
    let mut late = room.listen(Since::After(position)).await?;
    let first = after_a_gap(&mut late).await?;
    assert!((1_001..=1_900).contains(&first), "the oldest that is kept is {first} of 2,000");
    to_the_last(&mut late, first).await
}

pub(super) async fn a_slow_listener_is_told_of_a_gap_and_slows_nobody(bench: &EventsBench) -> Checked {
    let room = bench.newsroom().await?;
    let mut slow = room.listen(Since::Now).await?;
    room.publish(&["first"]).await?;
    assert_eq!(slow.calls(1).await?, ["first"]);
    // Nobody waits for it.
    room.publish_too_many().await?;
    let first = after_a_gap(&mut slow).await?;
    to_the_last(&mut slow, first).await
}

pub(super) async fn events_that_were_given_up_are_told_as_a_gap_in_their_place(
    bench: &EventsBench,
) -> Checked {
    let room = bench.newsroom().await?;
    let mut listener = room.listen(Since::Now).await?;
    let start = listener.position();
    let waiting = [room.news("a"), room.gap(), room.gap(), room.news("b")];
    room.events.publish(&room.scope, room.term, &waiting).await?;
    let mut late = room.listen(Since::After(start)).await?;
    for listener in [&mut listener, &mut late] {
        assert_eq!(listener.calls(1).await?, ["a"]);
        assert_eq!(listener.next().await?, Heard::Gap);
        assert_eq!(listener.calls(1).await?, ["b"]);
    }
    room.events.publish(&room.scope, room.term, &[room.gap()]).await?;
    assert_eq!(listener.next().await?, Heard::Gap, "at once, whether anything follows or not");
    listener.silence().await?;
    room.publish(&["c"]).await?;
    assert_eq!(listener.calls(1).await?, ["c"]);
    Ok(())
}

pub(super) async fn an_id_that_never_was_is_told_a_gap(bench: &EventsBench) -> Checked {
    let room = bench.newsroom().await?;
    room.publish(&["a", "b"]).await?;
    let EventId { epoch, number } = room.listen(Since::Now).await?.position();
    for strange in [
        EventId::ZERO,
        EventId { epoch: epoch - 1, number: 1 },
        EventId { epoch, number: number + 1 },
        EventId { epoch: epoch + 1, number: 1 },
        EventId { epoch: u64::MAX, number: u64::MAX },
    ] {
        let mut listener = room.listen(Since::After(strange)).await?;
        assert_eq!(listener.next().await?, Heard::Gap, "{strange}");
        assert_eq!(listener.calls(2).await?, ["a", "b"], "{strange}");
    }
    Ok(())
}
