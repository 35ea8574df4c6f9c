//! `kill -9` of the server at random moments, twenty times in a row, under load from every side: nothing acknowledged is
//! missing, nothing is twice, and everything goes on where it was.

mod churn;
mod held;
mod mirror;
mod victim;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::task::JoinSet;

use crate::dice::{self, Dice};
use crate::process::apply;
use crate::records::{Kept, assert_listed, assert_windows, listed};
use crate::simulation::{MISSES, Simulation, StoreIs, dials, spread};
use crate::tenants::{CHAIN, LEVEL, TURNS};

use churn::Churn;
use held::Held;
use mirror::Mirror;
use victim::Victim;

const KILLS: usize = 20;
const DOMAINS: [&str; 3] = ["level.cloudonix.net", "turns.cloudonix.net", "chain.cloudonix.net"];

/// Whether load goes on.
#[derive(Default)]
pub(crate) struct Stop(AtomicBool);

impl Stop {
    fn say(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub(crate) fn said(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Everything that happens to the server besides being killed.
struct Load {
    simulations: [Simulation; 3],
    mirror: Arc<Mirror>,
    churn: Arc<Churn>,
    stop: Arc<Stop>,
    players: JoinSet<()>,
}

impl Load {
    fn start(folder: &Path, victim: &Victim, seed: u64) -> Self {
        let (address, stop) = (victim.address(), Arc::new(Stop::default()));
        let simulations = DOMAINS.map(|domain| {
            let more = ["--calls", "0", "--concurrency", "4", "--keep-going=60"];
            Simulation::start(folder, address, domain, seed, &[&MISSES[..], &more].concat())
                .with_store(StoreIs::AwayAtTimes)
        });
        let (mirror, churn) = (Arc::new(Mirror::default()), Arc::new(Churn::default()));
        let mut players = JoinSet::new();
        players.spawn(Arc::clone(&mirror).play(address, Dice::new(seed), Arc::clone(&stop)));
        for player in 0..churn::PLAYERS {
            players.spawn(Arc::clone(&churn).play(address, player, Arc::clone(&stop)));
        }
        Self { simulations, mirror, churn, stop, players }
    }

    /// What the platform has seen to its end is kept as it saw it.
    async fn check(&self, folder: &Path, whole: bool) {
        for (domain, simulation) in DOMAINS.into_iter().zip(&self.simulations) {
            let lines = simulation.lines();
            assert_listed(&listed(folder, domain), &lines);
            if whole {
                Kept::read(folder, domain).await.assert_agrees(&lines);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_server_that_is_killed_twenty_times_loses_nothing_acknowledged_doubles_nothing_and_goes_on() {
    let seed = dice::seed();
    let (folder, untouched) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let path = folder.path();
    apply(path, &[LEVEL, TURNS, CHAIN, mirror::TENANT, churn::TENANT, held::TENANT]);
    for entry in std::fs::read_dir(path).unwrap().map(Result::unwrap) {
        std::fs::copy(entry.path(), untouched.path().join(entry.file_name())).unwrap();
    }
    let mut victim = Victim::start(path, seed);
    let mut held = Held::fill(victim.address()).await;
    let load = Load::start(path, &victim, seed);
    for kill in 0..KILLS {
        victim.kill_and_restart(kill).await;
        load.check(path, kill % 5 == 4).await;
        load.mirror.repeat(victim.address(), victim.dice(), 25).await;
        held.check(victim.address(), kill).await;
    }
    load.stop.say();
    load.simulations.iter().for_each(Simulation::stop);
    load.players.join_all().await;
    let mut seen = Vec::new();
    for simulation in load.simulations {
        seen.push(simulation.finish().await);
    }
    // Once more, for what waited in the spool to be drained and for everything to be read from disk.
    victim.kill_and_restart(KILLS).await;
    let mut counts = Vec::new();
    for (domain, (_, lines)) in DOMAINS.into_iter().zip(&seen) {
        let (records, kept) = (listed(path, domain), Kept::read(path, domain).await);
        assert_eq!(
            (records.len(), kept.calls.len()),
            (lines.len(), lines.len()),
            "{domain}: records and calls"
        );
        assert_listed(&records, lines);
        kept.assert_agrees(lines);
        assert_eq!(kept.counts(), dials(lines), "{domain}: attempts and dials");
        counts.push(kept.counts());
    }
    assert_windows(path, &counts);
    assert!(spread(&counts[0], 3) <= 1, "{counts:?}");
    println!("{counts:?}; {} mirrored", load.mirror.len());
    load.mirror.repeat(victim.address(), victim.dice(), usize::MAX).await;
    load.churn.check(path, victim.address()).await;
    held.check(victim.address(), KILLS).await;
    victim.end();
    load.mirror.compare_with_one_that_lives(untouched.path()).await;
}
