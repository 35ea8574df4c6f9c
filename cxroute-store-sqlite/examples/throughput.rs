//! How many signals a second the store takes, each batch durable before the next one begins.
//!
//! `cargo run --release -p cxroute-store-sqlite --example throughput [BATCH [CALLS [FOLDER]]]`: calls of five signals
//! (voice request, two updates, dial result, CDR) of a load-balanced group of ten, in batches of 64 unless told.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cxroute_core::authority::Operator;
use cxroute_core::call::{Outcome, Signal};
use cxroute_core::config::{Domain, Strategy};
use cxroute_core::conformance::fixture::{Exchange, START, roster, seat};
use cxroute_core::port::Store;
use cxroute_store_sqlite::{SqliteStore, StoreOptions};

/// Calls that are under way at the same time.
const TOGETHER: usize = 100;

/// The signals of `calls` calls, as many at a time as a busy tenant has.
fn signals(calls: usize) -> Vec<Signal> {
    let mut exchange = Exchange::new(vec![roster(20, Strategy::LoadBalanced, (1..=10).map(seat).collect())]);
    let mut signals = Vec::new();
    for first in (0..calls).step_by(TOGETHER) {
        let names: Vec<String> = (first..first + TOGETHER).map(|n| format!("CA{n:032x}")).collect();
        for name in &names {
            signals.push(exchange.voice(name));
            exchange.advance(Duration::from_millis(20));
        }
        for word in ["ringing", "connected"] {
            signals.extend(names.iter().filter_map(|name| exchange.update(name, word)));
        }
        signals.extend(names.iter().filter_map(|name| exchange.result(name, Outcome::Completed)));
        signals.extend(names.iter().filter_map(|name| exchange.cdr(name, "ANSWER")));
    }
    signals
}

#[tokio::main]
#[expect(clippy::print_stdout, reason = "an example says what it measured")]
#[expect(clippy::disallowed_methods, reason = "an example is its own operator")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let batch: usize = arguments.next().map_or(Ok(64), |text| text.parse())?;
    let calls: usize = arguments.next().map_or(Ok(10_000), |text| text.parse())?;
    let folder = tempfile::tempdir()?;
    let folder = arguments.next().map_or(folder.path().to_owned(), PathBuf::from);
    let location = format!("sqlite:{}", folder.join("throughput.db").display());
    let store = SqliteStore::open(&location, &StoreOptions::default()).await?;
    let operator = Operator::assume();
    let domain = Domain::parse("throughput.example.net")?;
    let scope = Arc::new(operator.ingest(store.create_tenant(&operator, "Bench", &domain, START).await?));
    let signals = signals(calls);
    let (count, mut times) = (signals.len(), Vec::new());
    let begun = Instant::now();
    for signals in signals.chunks(batch) {
        let signals = signals.iter().map(|signal| (Arc::clone(&scope), signal.clone())).collect();
        let started = Instant::now();
        for done in store.ingest(signals).await {
            done?;
        }
        times.push(started.elapsed());
    }
    let took = begun.elapsed();
    times.sort_unstable();
    let at = |share: usize| times[(times.len() - 1) * share / 100];
    let rate = count as f64 / took.as_secs_f64();
    println!("{count} signals in batches of {batch}: {rate:.0} signals/s");
    println!("a batch: median {:?}, p99 {:?}, worst {:?}", at(50), at(99), at(100));
    println!("{} bytes a call", std::fs::metadata(store.file())?.len() / calls as u64);
    Ok(())
}
