//! Laws about signals of one call that several servers had spooled: in whatever order they drain, the call is the same.

use super::super::{Broken, Checked};
use super::StoreBench;
use crate::call::{Call, Ingested, Outcome, Signal, SignalKind, step};
use crate::config::Strategy;
use crate::conformance::fixture::{Exchange, in_order, roster, seat, token};

/// Some of the 120 orders of a call's five signals: every one of them comes first, and last.
const ORDERS: [[usize; 5]; 12] = [
    [0, 1, 2, 3, 4],
    [4, 3, 2, 1, 0],
    [3, 2, 1, 0, 4],
    [4, 0, 1, 2, 3],
    [1, 0, 3, 2, 4],
    [2, 0, 4, 1, 3],
    [2, 4, 3, 0, 1],
    [1, 4, 0, 3, 2],
    [3, 0, 4, 2, 1],
    [1, 2, 3, 4, 0],
    [4, 2, 0, 3, 1],
    [0, 3, 1, 4, 2],
];

/// What a call comes to, but for what follows from which of its signals was taken first.
fn drained(mut call: Call, like: &Call) -> Call {
    (call.received_at, call.live_until) = (like.received_at, like.live_until);
    call
}

/// A call that fails over twice, is answered, and ends: its signals as they stand in spools.
fn spooled(exchange: &mut Exchange) -> Result<Vec<Signal>, Broken> {
    let none = || Broken::because("a law's own mistake: the call has no open attempt");
    let mut signals = vec![exchange.voice("session")];
    for outcome in [Outcome::Busy, Outcome::NoAnswer, Outcome::Completed] {
        exchange.advance(std::time::Duration::from_secs(20));
        signals.push(exchange.result("session", outcome).ok_or_else(none)?);
    }
    exchange.advance(std::time::Duration::from_secs(20));
    signals.push(exchange.cdr("session", "ANSWER").ok_or_else(none)?);
    for signal in &mut signals {
        if let SignalKind::Voice { basis, .. } | SignalKind::Dial { basis, .. } = &mut signal.kind {
            basis.answered = true;
        }
    }
    Ok(signals)
}

pub(super) async fn spooled_signals_of_a_call_come_to_the_same_in_any_order(bench: &StoreBench) -> Checked {
    let mut exchange = Exchange::new(vec![roster(20, Strategy::RoundRobin, vec![seat(7), seat(8), seat(9)])]);
    let signals = spooled(&mut exchange)?;
    let expected = signals.iter().fold(None, |call, signal| step(call, signal).call);
    let expected = expected.ok_or_else(|| Broken::because("a law's own mistake: there is no call"))?;
    assert_eq!((expected.attempts.len(), expected.state.as_str()), (3, "completed"), "a law's own mistake");
    let now = exchange.now();
    for (nth, order) in ORDERS.iter().enumerate() {
        let desk = bench.tenant(&format!("spools-{nth}.example")).await?;
        let draining: Vec<Signal> = order.iter().map(|index| signals[*index].clone()).collect();
        // One by one, and all in one batch.
        let batches = if nth % 2 == 0 { draining.chunks(1) } else { draining.chunks(5) };
        for batch in batches {
            for taken in desk.take_all(batch.to_vec()).await? {
                assert!(matches!(taken, Ingested::Committed(Some(_))), "{order:?}: {taken:?}");
            }
        }
        let mut read = desk.read().await?;
        let detail = read.call_detail(&token("session")).await?.ok_or_else(|| Broken::because("no call"))?;
        assert_eq!(drained(detail.call, &expected), expected, "in the order {order:?}");
        assert_eq!(detail.traces.len(), 4, "in the order {order:?}");
        for signal in &signals {
            assert_eq!(read.answer(&token("session"), signal.key).await?, signal.answer, "{order:?}");
        }
        let image = in_order(read.plane_image(now).await?);
        assert_eq!(image, exchange.image(now), "in the order {order:?}");
    }
    Ok(())
}
