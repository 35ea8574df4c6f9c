//! What goes on beside the calls: configurations are kept fresh, the store and the spool watched, latencies folded.

use std::sync::Arc;
use std::time::Duration;

use cxroute_core::config::Domain;
use cxroute_core::engine::{Committer, CommitterCounts, PublishError, Publisher, Round};
use cxroute_core::port::{EventsError, SpoolLevel, Store, StoreError, Upkeep};
use futures_util::{StreamExt as _, stream};
use tokio::time::{Instant, sleep, timeout};

use crate::cli::operator;
use crate::http::{App, Part};

/// A changed configuration is to be routed by within a second (domain.md §7.6).
const POLL: Duration = Duration::from_millis(500);
/// A store that is away is asked less and less often, down to this.
const SLOWEST_POLL: Duration = Duration::from_secs(5);
/// A store that does not answer a poll in time is away.
const POLL_LIMIT: Duration = Duration::from_secs(2);
/// Planes that calls found lost are looked for this often.
const RESTORE: Duration = Duration::from_millis(250);
/// Restoring them may take so long.
const RESTORE_LIMIT: Duration = Duration::from_secs(10);
/// So long a start waits for the store's first answer.
const FIRST_LOOK: Duration = Duration::from_millis(250);
/// So many tenants are loaded before their first calls come: those with the largest configurations of the spool. What is
/// left is loaded in no time.
const AHEAD: usize = 1_000;
/// So many of them at once: calls that come meanwhile have the rest of the store, and of this machine.
const AHEAD_AT_ONCE: usize = 2;
/// A server is ready after this at the latest, whatever is left to be loaded.
const AHEAD_LIMIT: Duration = Duration::from_secs(5);
/// Configurations that calls had to take from the spool are looked for this often.
const PROVE: Duration = Duration::from_millis(250);
/// Loading one from the store may take so long.
const PROVE_LIMIT: Duration = Duration::from_secs(30);
/// Configurations whose rules have changed are saved in the spool this often.
const SAVE: Duration = Duration::from_secs(60);
/// The store's house is kept this often.
const UPKEEP: Duration = Duration::from_secs(60);
/// While more is to be done, webhooks have the store to themselves for so long in between.
const BETWEEN: Duration = Duration::from_millis(200);
/// The outbox is looked into this often, by the server that publishes.
const PUBLISH: Duration = Duration::from_millis(50);
/// Webhooks have the store to themselves for so many times as long as a round took.
const PUBLISH_SHARE: u32 = 9;
/// The others ask this often whether it is still there; and who could not publish waits so long.
const PUBLISH_LATER: Duration = Duration::from_secs(1);
/// Readings are taken this often.
const READ: Duration = Duration::from_secs(1);
/// Signals that wait for so long although the store answers, without one getting out, are stuck.
const STUCK: Duration = Duration::from_secs(30);

/// Polls the revisions of all configurations, for ever.
pub(super) async fn refresh(app: Arc<App>) {
    let mut wait = POLL;
    let mut store = Part::Ok;
    loop {
        let refreshed = timeout(POLL_LIMIT, app.engine.refresh()).await;
        app.strangers.forget();
        let (now, failure) = match refreshed {
            Ok(Ok(changed)) => {
                app.meters.refreshed.increment(changed as u64);
                (Part::Ok, None)
            }
            Ok(Err(error)) => (Part::Away, Some(error.to_string())),
            Err(_) => (Part::Away, Some(format!("no answer within {POLL_LIMIT:?}"))),
        };
        app.readiness.set_store(now);
        if let Some(error) = failure {
            app.meters.refresh_failures.increment(1);
            if store == Part::Ok {
                tracing::warn!(error, "configurations cannot be polled; routing goes on by the last ones");
            }
        } else if store == Part::Away {
            tracing::info!("configurations are polled again");
        }
        store = now;
        wait = if now == Part::Ok { POLL } else { (wait * 2).min(SLOWEST_POLL) };
        sleep(wait).await;
    }
}

/// Whether the store is there, before anybody can ask; whom to load before they call. Where there is nobody the server is
/// ready.
pub(super) async fn first_look(app: &App) -> Vec<Domain> {
    if let Ok(Ok(_)) = timeout(FIRST_LOOK, app.engine.refresh()).await {
        app.readiness.set_store(Part::Ok);
    }
    let domains = match &app.spool {
        Some(spool) => spool.domains(AHEAD).await.unwrap_or_default(),
        None => Vec::new(),
    };
    if domains.is_empty() {
        app.readiness.serve();
    }
    domains
}

/// Loads tenants before their first calls come, and says that the server is ready; after that, for ever, loads from the
/// store what calls had to take from the spool, and saves there what has changed.
pub(super) async fn load(app: Arc<App>, domains: Vec<Domain>) {
    let ahead = load_ahead(&app, domains);
    tokio::pin!(ahead);
    let in_time = timeout(AHEAD_LIMIT, ahead.as_mut()).await;
    app.readiness.serve();
    if in_time.is_err() {
        ahead.await;
    }
    let mut saved = Instant::now();
    loop {
        prove(&app).await;
        if saved.elapsed() >= SAVE {
            // What is not saved now is saved the next time.
            let _store_is_away = timeout(PROVE_LIMIT, app.engine.save_snapshots()).await;
            saved = Instant::now();
        }
        sleep(PROVE).await;
    }
}

async fn load_ahead(app: &App, domains: Vec<Domain>) {
    let (began, tenants) = (Instant::now(), domains.len());
    let loading = stream::iter(domains).for_each_concurrent(AHEAD_AT_ONCE, |domain| async move {
        // What cannot be loaded now is loaded when it is called.
        let _loaded = app.engine.gate(&domain).await;
    });
    loading.await;
    if tenants > 0 {
        tracing::info!(tenants, took = ?began.elapsed(), "tenants of the spool are loaded");
    }
}

async fn prove(app: &App) {
    for gate in app.engine.unproven_gates() {
        let began = Instant::now();
        match timeout(PROVE_LIMIT, app.engine.prove_gate(&gate)).await {
            Ok(Ok(())) => {}
            // The poll of the configurations says so already.
            Ok(Err(_)) => return,
            Err(_) => {
                let domain = gate.snapshot().tenant().domain.to_string();
                tracing::warn!(domain, "a configuration cannot be loaded within {PROVE_LIMIT:?}");
            }
        }
        // Webhooks have the store to themselves for as long.
        sleep(began.elapsed()).await;
    }
}

/// Restores execution planes that calls could not wait for, for ever.
pub(super) async fn restore(app: Arc<App>) {
    loop {
        sleep(RESTORE).await;
        // A store that takes longer is away; it is asked again.
        let _tried_again = timeout(RESTORE_LIMIT, app.engine.restore_planes(crate::now())).await;
    }
}

/// Keeps the store's house, for ever.
pub(super) async fn upkeep(app: Arc<App>, store: Arc<dyn Store>) {
    let operator = operator();
    loop {
        let wait = match store.upkeep(&operator, crate::now()).await {
            Ok(done) if done.is_done() => UPKEEP,
            Ok(Upkeep { receipts, window_steps, partitions, events, calls, webhooks, dropped }) => {
                app.meters.trimmed.increment(receipts + window_steps + calls + webhooks);
                tracing::debug!(
                    receipts,
                    window_steps,
                    partitions,
                    calls,
                    webhooks,
                    dropped,
                    "upkeep of the store"
                );
                if events > 0 {
                    tracing::warn!(
                        events,
                        "events that nobody could publish were given up: listeners are told of a gap"
                    );
                }
                BETWEEN
            }
            // The poll of the configurations says so already.
            Err(StoreError::Unavailable { .. }) => UPKEEP,
            Err(error) => {
                tracing::warn!(%error, "upkeep of the store failed");
                UPKEEP
            }
        };
        sleep(wait).await;
    }
}

/// Publishes what waits in the store's outbox, for ever, while no other server does.
pub(super) async fn publish(app: Arc<App>, mut publisher: Publisher) {
    let mut fails = false;
    loop {
        let began = Instant::now();
        let (wait, failure) = match publisher.round().await {
            Ok(Round::Published(events)) => {
                app.meters.events.increment(events as u64);
                let took = began.elapsed();
                // After a full round more wait.
                let rest = if events < Publisher::MOST { PUBLISH.max(took * PUBLISH_SHARE) } else { took };
                (rest, None)
            }
            Ok(Round::Idle) => (PUBLISH, None),
            Ok(Round::Elsewhere) | Err(PublishError::Events(EventsError::Superseded)) => {
                (PUBLISH_LATER, None)
            }
            // The poll of the configurations says so already.
            Err(PublishError::Store(StoreError::Unavailable { .. })) => (PUBLISH_LATER, None),
            Err(error) => (PUBLISH_LATER, Some(error.to_string())),
        };
        match failure {
            Some(error) if !fails => {
                tracing::warn!(error, "events cannot be published; they wait in the store");
                fails = true;
            }
            None if fails => {
                tracing::info!("events are published again");
                fails = false;
            }
            _ => {}
        }
        sleep(wait).await;
    }
}

/// Reads the committer's counts and the spool's level, and folds latencies, for ever.
pub(super) async fn measure(app: Arc<App>, committer: Option<Arc<Committer>>) {
    let mut watch = Watch { drained: 0, moved: Instant::now() };
    loop {
        if let (Some(committer), Some(spool)) = (&committer, &app.spool) {
            let (counts, level) = (committer.counts(), spool.level());
            show(&app, counts, level);
            app.readiness.set_spool(watch.look(counts.drained, level, Instant::now()));
        }
        app.meters.fold();
        sleep(READ).await;
    }
}

fn show(app: &App, counts: CommitterCounts, level: SpoolLevel) {
    let meters = &app.meters;
    for (counter, value) in [
        (&meters.batches, counts.batches),
        (&meters.stored, counts.stored),
        (&meters.spooled, counts.spooled),
        (&meters.drained, counts.drained),
        (&meters.refused, counts.refused),
    ] {
        counter.absolute(value);
    }
    for (gauge, value) in [
        (&meters.spool_signals, level.signals),
        (&meters.spool_bytes, level.bytes),
        (&meters.spool_set_aside, level.set_aside),
    ] {
        gauge.set(value as f64);
    }
}

/// When something last got out of the spool, or nothing was in it.
struct Watch {
    drained: u64,
    moved: Instant,
}

impl Watch {
    fn look(&mut self, drained: u64, level: SpoolLevel, now: Instant) -> Part {
        if level.signals == 0 || drained != self.drained {
            *self = Self { drained, moved: now };
        }
        if now.duration_since(self.moved) >= STUCK { Part::Stuck } else { Part::Ok }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spool_is_stuck_when_it_holds_signals_and_none_gets_out() {
        let start = Instant::now();
        let mut watch = Watch { drained: 0, moved: start };
        let level = |signals| SpoolLevel { signals, ..SpoolLevel::default() };
        let mut at = |seconds, drained, signals| {
            watch.look(drained, level(signals), start + Duration::from_secs(seconds))
        };
        assert_eq!(at(100, 0, 0), Part::Ok);
        assert_eq!(at(129, 0, 5), Part::Ok);
        assert_eq!(at(130, 0, 5), Part::Stuck);
        assert_eq!(at(131, 1, 5), Part::Ok);
        assert_eq!(at(161, 1, 5), Part::Stuck);
        assert_eq!(at(162, 1, 0), Part::Ok);
    }
}
