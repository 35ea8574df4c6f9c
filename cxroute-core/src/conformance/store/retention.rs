//! Laws about retention: calls go once they are older than their tenant says, with everything of theirs, and nothing else.

use std::collections::BTreeMap;

use super::super::{Broken, Checked};
use super::StoreBench;
use super::bench::Desk;
use super::copies::upkeep;
use crate::call::{Ingested, Outcome, Signal, SignalKind};
use crate::conformance::fixture::{Script, in_order, seconds};
use crate::port::{AuditEntry, CallDetail, CallFilter, Page};
use crate::time::Timestamp;

const DAY: u32 = 86_400;

fn day(days: u32) -> Timestamp {
    seconds(u64::from(days) * u64::from(DAY))
}

/// A call that counts as live for 200 days.
fn long(mut signal: Signal) -> Signal {
    if let SignalKind::Voice { call, .. } = &mut signal.kind {
        call.live_until = day(200);
    }
    signal
}

/// A call's script, its signals, and whether it is kept after day 40 by who keeps calls for 30 days.
fn calls() -> Vec<(Script, Vec<Signal>, bool)> {
    let told = |name: &str, second: u32, kept: bool, signals: fn(&Script) -> Vec<Signal>| {
        let script = Script::new(name, second);
        let signals = signals(&script);
        (script, signals, kept)
    };
    let whole = |script: &Script| {
        let failed_over = script.fail_over(1, Outcome::Busy, 20, 8);
        vec![script.voice_through(20, 7), script.update("ringing"), failed_over, script.cdr("ANSWER", 30)]
    };
    vec![
        told("whole", DAY, false, whole),
        told("of a CDR alone", 2 * DAY, false, |script| vec![script.cdr("BUSY", 0)]),
        told("never ended", 3 * DAY, false, |script| vec![script.voice_through(20, 7)]),
        told("one second too old", 10 * DAY - 1, false, whole),
        told("live", DAY, true, |script| vec![long(script.voice_through(20, 7)), script.update("connected")]),
        told("without a CDR yet", DAY, true, |script| {
            vec![long(script.voice_through(20, 7)), script.result(1, Outcome::Completed)]
        }),
        told("just young enough", 10 * DAY, true, whole),
        told("young", 35 * DAY, true, whole),
    ]
}

/// A tenant that keeps calls for so many days and has had these, each in a batch of its own.
async fn keeping(bench: &StoreBench, domain: &str, days: u32) -> Result<Desk, Broken> {
    let desk = bench.tenant(domain).await?;
    let mut tx = desk.begin().await?;
    let mut tenant = tx.tenant().await?;
    tenant.settings.retention_days = days;
    tx.save_tenant(&tenant).await?;
    tx.commit(day(0)).await?;
    for (_, signals, _) in calls() {
        desk.take_all(signals).await?;
    }
    Ok(desk)
}

/// Everything that can be read of a call.
type Read = (Option<CallDetail>, Vec<AuditEntry>, usize);

/// What is kept of the tenant's calls.
async fn kept(desk: &Desk) -> Result<BTreeMap<String, Read>, Broken> {
    let mut read = desk.read().await?;
    let mut kept = BTreeMap::new();
    for (script, signals, _) in calls() {
        let token = script.token();
        let mut answers = 0;
        for signal in &signals {
            answers += usize::from(read.answer(token, signal.key).await?.is_some());
        }
        let of_call = (read.call_detail(token).await?, read.audit(token).await?, answers);
        kept.insert(token.as_str().to_owned(), of_call);
    }
    Ok(kept)
}

pub(super) async fn calls_go_with_everything_of_theirs_once_they_are_older_than_retention(
    bench: &StoreBench,
) -> Checked {
    let short = keeping(bench, "short.example", 30).await?;
    let lasting = keeping(bench, "lasting.example", 60).await?;
    // What is gone by day 40 whatever the retention: receipts, two days after they were taken.
    upkeep(bench, day(3)).await?;
    let now = day(40);
    let before = (kept(&short).await?, kept(&lasting).await?);
    let image = in_order(short.read().await?.plane_image(now).await?);
    assert_eq!(image.sessions.len(), 1, "a law's own mistake: one call is live");
    upkeep(bench, now).await?;
    let after = (kept(&short).await?, kept(&lasting).await?);
    let mut audited = 0;
    for (script, _, stays) in calls() {
        let token = script.token().as_str();
        let ((detail, audit, answers), (was, was_audited, _)) = (&after.0[token], &before.0[token]);
        if stays {
            assert_eq!((detail, audit), (was, was_audited), "{token}");
        } else {
            assert_eq!((detail.is_none(), audit.len(), *answers), (true, 0, 0), "{token}");
        }
        audited += audit.len() as u64;
        let ((detail, audit, _), (was, was_audited, _)) = (&after.1[token], &before.1[token]);
        assert_eq!((detail, audit), (was, was_audited), "another tenant's {token}");
    }
    let mut read = short.read().await?;
    assert_eq!(read.audit_count().await?, audited);
    let listed = read.calls(&CallFilter::default(), Page { after: None, limit: 100 }).await?;
    assert_eq!(listed.len(), calls().iter().filter(|(.., stays)| *stays).count());
    assert_eq!(in_order(read.plane_image(now).await?), image, "the books and live calls stay");
    Ok(())
}

pub(super) async fn what_comes_for_a_call_after_its_retention_is_new(bench: &StoreBench) -> Checked {
    let desk = keeping(bench, "again.example", 30).await?;
    upkeep(bench, day(40)).await?;
    let again = Script::new("whole", 40 * DAY);
    let stray = desk.take(again.update("connected")).await?;
    assert_eq!(stray, Ingested::Committed(None), "an update of a call that nobody knows");
    match desk.take(again.voice_through(20, 9)).await? {
        Ingested::Committed(Some(call)) => assert_eq!((call.id, call.attempts.len()), (again.id(), 1)),
        other => return Err(Broken::because(format!("expected a new call, got {other:?}"))),
    }
    upkeep(bench, day(41)).await?;
    assert!(desk.call(again.token()).await?.is_some(), "it is as old as it is, not as its name");
    Ok(())
}

pub(super) async fn calls_that_live_on_go_once_they_have_ended(bench: &StoreBench) -> Checked {
    let desk = keeping(bench, "living.example", 30).await?;
    let left = async |now: Timestamp| -> Result<Vec<String>, Broken> {
        upkeep(bench, now).await?;
        let kept = kept(&desk).await?;
        Ok(kept.into_iter().filter(|(_, (detail, ..))| detail.is_some()).map(|(token, _)| token).collect())
    };
    assert_eq!(left(day(100)).await?, ["live", "without a CDR yet"]);
    desk.take(Script::new("live", DAY).cdr("ANSWER", 9)).await?;
    assert_eq!(left(day(101)).await?, ["without a CDR yet"]);
    assert_eq!(left(day(201)).await?, [""; 0]);
    Ok(())
}
