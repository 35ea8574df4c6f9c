//! Laws about the queue: in order, again until acknowledged, counted.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::super::Checked;
use super::SpoolBench;
use super::bench::scope;
use crate::call::{EventKind, Outcome, Signal};
use crate::conformance::fixture::{Script, token};
use crate::id::TenantId;
use crate::port::{SpoolId, SpoolLevel};

/// Signals of every kind, of three calls and of none.
fn signals() -> Vec<Signal> {
    let (one, two) = (Script::new("one", 1), Script::new("two", 2));
    vec![
        one.voice_through(20, 7),
        two.voice_to_number(None, "911"),
        one.update_ending("busy", Some(9)),
        one.fail_over(1, Outcome::Busy, 20, 8),
        two.cdr("ANSWER", 5),
        two.audit_only(EventKind::Cdr),
        Signal { token: None, ..Script::new("unnamed", 3).update("ringing") },
    ]
}

/// A signal as a spool may give it back: its audit is redacted by then, and compares as what it keeps.
fn kept(signal: &Signal) -> (Signal, String) {
    let payload = signal.audit.payload();
    (Signal { audit: crate::conformance::fixture::audit(""), ..signal.clone() }, payload)
}

pub(super) async fn a_new_spool_is_empty(bench: &SpoolBench) -> Checked {
    assert_eq!(bench.all().await?, []);
    assert!(bench.spool.is_empty());
    assert_eq!(bench.spool.level(), SpoolLevel::default());
    assert!(!bench.spool.holds(&scope(1), &token("one")));
    Ok(())
}

pub(super) async fn signals_come_back_whole_and_in_order(bench: &SpoolBench) -> Checked {
    let signals = signals();
    bench.append(1, &signals[..3]).await?;
    bench.append(2, &signals[3..4]).await?;
    bench.append(1, &signals[4..]).await?;
    let all = bench.all().await?;
    let given: Vec<_> = all.iter().map(|spooled| kept(&spooled.signal)).collect();
    assert_eq!(given, signals.iter().map(kept).collect::<Vec<_>>());
    let tenants: Vec<_> = all.iter().map(|spooled| spooled.tenant).collect();
    assert_eq!(tenants, [1, 1, 1, 2, 1, 1, 1].map(TenantId::new));
    assert!(all.windows(2).all(|pair| pair[0].id < pair[1].id), "ids rise");
    Ok(())
}

pub(super) async fn a_batch_may_be_of_several_tenants(bench: &SpoolBench) -> Checked {
    let script = Script::new("same", 1);
    let batch = [(scope(1), script.voice(7)), (scope(2), script.voice(8))];
    bench.spool.append(&batch).await?;
    let tenants: Vec<_> = bench.all().await?.iter().map(|spooled| spooled.tenant).collect();
    assert_eq!(tenants, [1, 2].map(TenantId::new));
    Ok(())
}

pub(super) async fn the_oldest_are_given_first_and_again_until_removed(bench: &SpoolBench) -> Checked {
    bench.append(1, &signals()).await?;
    let ids = bench.ids().await?;
    for _ in 0..2 {
        let oldest: Vec<_> = bench.spool.oldest(2).await?.iter().map(|spooled| spooled.id).collect();
        assert_eq!(oldest, ids[..2], "at most two, the same ones again");
    }
    bench.spool.remove(&ids[..1]).await?;
    bench.spool.remove(&[ids[3]]).await?;
    let left: Vec<_> = ids.iter().copied().filter(|id| *id != ids[0] && *id != ids[3]).collect();
    assert_eq!(bench.ids().await?, left);
    assert_eq!(bench.spool.oldest(0).await?, []);
    Ok(())
}

pub(super) async fn unknown_ids_are_passed_over(bench: &SpoolBench) -> Checked {
    bench.append(1, &signals()[..2]).await?;
    let ids = bench.ids().await?;
    let unknown = SpoolId::new(ids[1].get() + 1_000);
    bench.spool.remove(&[unknown, ids[0]]).await?;
    bench.spool.remove(&[ids[0]]).await?;
    bench.spool.remove(&[]).await?;
    bench.spool.set_aside(unknown, "nobody knows it").await?;
    bench.spool.set_aside(ids[0], "it is gone").await?;
    assert_eq!(bench.ids().await?, ids[1..]);
    let level = bench.spool.level();
    assert_eq!((level.signals, level.set_aside), (1, 0), "waiting, and set aside");
    Ok(())
}

pub(super) async fn ids_are_never_given_twice(bench: &SpoolBench) -> Checked {
    let mut seen = BTreeSet::new();
    for _ in 0..3 {
        bench.append(1, &signals()).await?;
        let ids = bench.ids().await?;
        assert_eq!(ids.len(), signals().len(), "what was appended is given");
        assert!(ids.iter().all(|id| seen.insert(*id)), "{ids:?} after {seen:?}");
        bench.spool.remove(&ids).await?;
    }
    Ok(())
}

pub(super) async fn what_is_set_aside_is_no_longer_given_but_counted(bench: &SpoolBench) -> Checked {
    bench.append(1, &signals()[..3]).await?;
    let ids = bench.ids().await?;
    bench.spool.set_aside(ids[1], "the store refuses it").await?;
    assert_eq!(bench.ids().await?, [ids[0], ids[2]]);
    let level = bench.spool.level();
    assert_eq!((level.signals, level.set_aside), (2, 1), "waiting, and set aside");
    bench.spool.remove(&[ids[1]]).await?;
    assert_eq!(bench.spool.level().set_aside, 1, "what is set aside is kept for inspection");
    bench.spool.remove(&ids).await?;
    let emptied = bench.spool.level();
    assert_eq!(
        (emptied.signals, emptied.bytes),
        (0, 0),
        "what is set aside takes no room of those that wait"
    );
    assert!(!bench.spool.holds(&scope(1), &token("two")), "the call's later signals need not wait");
    bench.append(1, &signals()[3..4]).await?;
    assert!(!bench.ids().await?.contains(&ids[1]), "what is set aside is never given again");
    Ok(())
}

pub(super) async fn it_holds_a_session_until_its_last_signal_is_removed(bench: &SpoolBench) -> Checked {
    bench.append(1, &signals()[..3]).await?;
    let ids = bench.ids().await?;
    let holds = |call: &str| bench.spool.holds(&scope(1), &token(call));
    assert_eq!(["one", "two", "three", "unnamed"].map(holds), [true, true, false, false]);
    assert!(!bench.spool.holds(&scope(2), &token("one")), "another tenant's session of that name");
    bench.spool.remove(&ids[..1]).await?;
    assert!(holds("one"), "its update waits");
    bench.spool.remove(&[ids[2]]).await?;
    assert_eq!(["one", "two"].map(holds), [false, true], "both of the first have left");
    bench.spool.remove(&ids[1..2]).await?;
    assert!(!holds("two"));
    Ok(())
}

pub(super) async fn it_holds_a_session_while_its_first_signal_is_appended(bench: &SpoolBench) -> Checked {
    let batch = [(scope(1), Script::new("one", 1).voice(7))];
    let mut append = bench.spool.append(&batch);
    let first = std::future::poll_fn(|context| std::task::Poll::Ready(append.as_mut().poll(context))).await;
    assert!(bench.spool.holds(&scope(1), &token("one")), "a later signal must not overtake it");
    match first {
        std::task::Poll::Ready(appended) => appended?,
        std::task::Poll::Pending => append.await?,
    }
    assert!(bench.spool.holds(&scope(1), &token("one")), "it waits");
    Ok(())
}

pub(super) async fn the_level_follows(bench: &SpoolBench) -> Checked {
    bench.append(1, &signals()).await?;
    let full = bench.spool.level();
    assert_eq!(full.signals, signals().len() as u64);
    assert!(full.bytes > 0, "{full:?}");
    assert!(!bench.spool.is_empty(), "{full:?}");
    let ids = bench.ids().await?;
    bench.spool.remove(&ids[..3]).await?;
    let less = bench.spool.level();
    assert_eq!(less.signals, full.signals - 3);
    assert!(less.bytes < full.bytes);
    bench.spool.remove(&ids).await?;
    assert_eq!(bench.spool.level(), SpoolLevel::default());
    assert!(bench.spool.is_empty());
    Ok(())
}

pub(super) async fn an_empty_batch_is_appended(bench: &SpoolBench) -> Checked {
    bench.spool.append(&[]).await?;
    assert!(bench.spool.is_empty());
    Ok(())
}

pub(super) async fn copies_are_kept_side_by_side(bench: &SpoolBench) -> Checked {
    let signal = Script::new("one", 1).voice(7);
    bench.append(1, &[signal.clone(), signal.clone()]).await?;
    bench.append(1, &[signal]).await?;
    assert_eq!(bench.ids().await?.len(), 3, "the store's receipt tells them, not the spool");
    Ok(())
}

pub(super) async fn a_spooled_webhook_holds_no_secret(bench: &SpoolBench) -> Checked {
    let mut signal = Script::new("one", 1).update("ringing");
    let body = br#"{"status":"ringing","token":"one","password":"hunter2"}"#;
    signal.audit = crate::call::Audit::of(bytes::Bytes::from_static(body));
    bench.append(1, &[signal]).await?;
    let given = bench.all().await?;
    assert_eq!(given.len(), 1, "what was appended is given");
    for spooled in given {
        assert!(!spooled.signal.audit.payload().contains("hunter2"));
        let written = serde_json::to_string(&spooled.signal);
        assert!(written.is_ok_and(|text| !text.contains("hunter2")));
    }
    Ok(())
}

pub(super) async fn appends_at_once_are_all_kept_and_in_batches(bench: &SpoolBench) -> Checked {
    let mut appending = tokio::task::JoinSet::new();
    for n in 0..20_u32 {
        let (spool, script) = (Arc::clone(&bench.spool), Script::new(&format!("call {n}"), n));
        appending.spawn(async move {
            spool.append(&[(scope(1), script.voice(7)), (scope(1), script.update("ringing"))]).await
        });
    }
    while let Some(appended) = appending.join_next().await {
        appended??;
    }
    let all = bench.all().await?;
    assert_eq!((all.len(), bench.spool.level().signals), (40, 40));
    let tokens: Vec<_> = all.into_iter().map(|spooled| spooled.signal.token).collect();
    assert!(tokens.chunks(2).all(|pair| pair[0] == pair[1]), "no batch is torn: {tokens:?}");
    Ok(())
}
