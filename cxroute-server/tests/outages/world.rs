//! Two servers on one store and one execution plane, all of them a trial's own.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use tokio::time::sleep;

use crate::client::Request;
use crate::dice;
use crate::kept::Answers;
use crate::load::{Excuse, Seen};
use crate::mysql::MySql;
use crate::process::{LIVE_URL, PUBLIC, Running, STORE_URL, apply, assert_calm, free_addresses};
use crate::records::assert_windows;
use crate::redis::Redis;
use crate::simulation::spread;
use crate::tenants::{CHAIN, LEVEL, TURNS};

/// So long servers have to recover by themselves once everything is back.
const RECOVERING: Duration = Duration::from_secs(20);

/// Signals that went to a spool.
const SPOOLED: &str = r#"cxroute_signals_total{fate="spooled"}"#;

/// The machine is one trial's at a time.
pub(crate) static ALONE: Mutex<()> = Mutex::new(());

/// What the execution plane is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PlaneOf {
    OneRedis,
    SixNodes,
}

/// Two servers and what they work with.
pub(crate) struct World {
    servers: [Option<Running>; 2],
    addresses: [SocketAddr; 2],
    options: Vec<&'static str>,
    pub(crate) mysql: MySql,
    /// One, or a cluster's nodes.
    pub(crate) redis: Vec<Redis>,
    seed: u64,
    spooled_by_dead: u64,
    /// What was not as promised so far.
    faults: Vec<String>,
    /// What was seen in earlier phases.
    earlier: Vec<Seen>,
    folder: tempfile::TempDir,
    _alone: MutexGuard<'static, ()>,
}

impl World {
    /// Starts everything, with three tenants; servers get these options besides.
    #[expect(
        clippy::await_holding_lock,
        reason = "each trial has a runtime of its own, and the thread to itself"
    )]
    pub(crate) async fn start(plane: PlaneOf, options: &[&'static str]) -> Self {
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let (folder, begun) = (folder(), Instant::now());
        let (store, live) = (folder.path().join("mysql"), folder.path().join("redis"));
        let starting = std::thread::spawn(move || MySql::start(&store));
        let redis = match plane {
            PlaneOf::OneRedis => vec![Redis::start(&live)],
            PlaneOf::SixNodes => Redis::cluster(&live),
        };
        let mysql = starting.join().unwrap();
        mysql.prepare().await;
        std::fs::write(folder.path().join(STORE_URL), mysql.url()).unwrap();
        std::fs::write(folder.path().join(LIVE_URL), live_url(&redis)).unwrap();
        apply(folder.path(), &[LEVEL, TURNS, CHAIN]);
        let (servers, addresses, seed) = ([None, None], free_addresses(), dice::seed() << 8);
        let options = options.to_vec();
        let mut world = Self {
            servers,
            addresses,
            options,
            mysql,
            redis,
            seed,
            spooled_by_dead: 0,
            faults: Vec::new(),
            earlier: Vec::new(),
            folder,
            _alone: alone,
        };
        world.launch(0);
        world.launch(1);
        println!("two servers after {:.1} s", begun.elapsed().as_secs_f64());
        world
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) const fn addresses(&self) -> [SocketAddr; 2] {
        self.addresses
    }

    /// Another one for each phase: no session is played twice.
    pub(crate) const fn seed(&mut self) -> u64 {
        self.seed += 1;
        self.seed
    }

    /// Starts a server, on its address and its spool, and waits until it listens.
    pub(crate) fn launch(&mut self, server: usize) {
        let spool = format!("spool-{server}");
        let line = [&["--public-url", PUBLIC, "--spool", &spool], &self.options[..]].concat();
        let running = Running::launch(self.path(), self.addresses[server], &line);
        assert_eq!(running.address(), self.addresses[server]);
        self.servers[server] = Some(running);
    }

    /// `kill -9` of a server.
    pub(crate) async fn kill(&mut self, server: usize) {
        self.spooled_by_dead += self.metric(server, SPOOLED).await;
        assert_calm(&self.servers[server].take().expect("it runs").kill());
    }

    /// What a server has counted, as a whole line of its metrics begins.
    pub(crate) async fn metric(&self, server: usize, name: &str) -> u64 {
        let answer = Request::new("GET", "/metrics").send(self.addresses[server]).await;
        let value =
            answer.text().lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok());
        value.unwrap_or_else(|| panic!("no metric {name}"))
    }

    /// How many signals the store did not take in time so far, by servers that were killed since, too.
    pub(crate) async fn spooled(&self) -> u64 {
        // It is told once a second.
        sleep(Duration::from_millis(1_100)).await;
        self.spooled_by_dead + self.metrics(SPOOLED).await
    }

    /// The same of both.
    pub(crate) async fn metrics(&self, name: &str) -> u64 {
        self.metric(0, name).await + self.metric(1, name).await
    }

    /// Waits until both servers are ready and nothing waits in their spools; how long that took.
    pub(crate) async fn recovered(&self) -> Duration {
        let begun = Instant::now();
        loop {
            let mut state = Vec::new();
            for (server, address) in self.addresses.into_iter().enumerate() {
                let ready = Request::new("GET", "/readyz").send(address).await;
                let waiting = self.metric(server, "cxroute_spool_signals").await;
                state.push((ready.status, waiting, ready.text().to_owned()));
            }
            if state.iter().all(|(ready, waiting, _)| (*ready, *waiting) == (200, 0)) {
                return begun.elapsed();
            }
            assert!(begun.elapsed() < RECOVERING, "not recovered within {RECOVERING:?}: {state:?}");
            sleep(Duration::from_millis(100)).await;
        }
    }

    /// Plays calls while nothing is wrong: what this machine can do.
    pub(crate) async fn control(&mut self) -> Seen {
        // The first call of a tenant loads its configuration and founds its plane.
        let first = self.load("first", 1).end().await;
        let control = self.load("control", 3).end().await;
        let spooled = self.spooled().await;
        self.note(control.faults(&control, slow(spooled)));
        self.earlier.push(first);
        control
    }
}

/// What is true of every trial after it.
pub(crate) struct Conclusion<'a> {
    pub(crate) control: &'a Seen,
    pub(crate) outage: &'a Seen,
    pub(crate) excused: &'a [Excuse],
    pub(crate) answers: Answers,
}

impl World {
    /// Calls were answered, the servers recover by themselves, what was acknowledged is kept, and what comes now is
    /// distributed exactly. Everything that is not so is said, not only the first.
    pub(crate) async fn conclude(&mut self, conclusion: Conclusion<'_>) {
        let Conclusion { control, outage, excused, answers } = conclusion;
        let recovered = self.recovered().await;
        let since = now_millis();
        let after = self.load("after", 4).end().await;
        self.recovered().await;
        let degraded = [self.degraded_since(0).await, self.degraded_since(since).await];
        let spooled = self.spooled().await;
        let drained = self.metrics(r#"cxroute_signals_total{fate="drained"}"#).await;
        println!(
            "recovered after {:.1} s; {spooled} signals spooled, {drained} drained; {} decisions without the plane, {} \
             of them after recovery",
            recovered.as_secs_f64(),
            degraded[0],
            degraded[1]
        );
        let excused = [excused, slow(spooled)].concat();
        self.note(outage.faults(control, &excused));
        self.note(after.faults(control, slow(spooled)));
        let set_aside = self.metrics("cxroute_spool_set_aside").await;
        self.note((set_aside > 0).then(|| format!("{set_aside} signals were set aside")));
        self.note((degraded[1] > 0).then(|| format!("{} decisions without the plane", degraded[1])));
        let first = std::mem::take(&mut self.earlier);
        let mut seen: Vec<&Seen> = first.iter().collect();
        seen.extend([control, outage, &after]);
        let counts = self.check_kept(&seen, answers).await;
        let dialled = after.dials();
        println!("level in all {:?}, turns afterwards {:?}", counts[0], dialled[1]);
        let path = self.path().to_owned();
        // New calls are distributed exactly: the plane counts what is kept, loads are level again, turns go round. Choices
        // that nobody could keep are counted by the plane alone.
        self.attempt("turns", || assert!(spread(&dialled[1], 5) <= 1, "{:?}", dialled[1]));
        if answers == Answers::Durable {
            self.attempt("windows", || assert_windows(&path, &counts));
            self.attempt("level", || assert!(spread(&counts[0], 3) <= 1, "{:?}", counts[0]));
        }
        self.assert_faultless();
    }

    /// Nothing was noted.
    pub(crate) fn assert_faultless(&self) {
        assert!(self.faults.is_empty(), "{:#?}", self.faults);
    }

    /// Keeps what was not as promised, to be said with all the rest.
    pub(crate) fn note(&mut self, faults: impl IntoIterator<Item = String>) {
        for fault in faults {
            println!("FAULT: {fault}");
            self.faults.push(fault);
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        for (at, server) in self.servers.iter_mut().enumerate() {
            let said = server.take().map(Running::kill).unwrap_or_default();
            let told: Vec<&String> = said.iter().filter(|line| !line.contains(r#""level":"INFO""#)).collect();
            println!("server {at} said {} lines, of them:", said.len());
            told.iter().take(20).for_each(|line| println!("  {line}"));
        }
    }
}

/// In memory where there is such a place: killed programs lose nothing of it either, and how long a disk takes that others
/// use, too, is not what is tried.
fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

/// Now, in milliseconds since the epoch.
pub(crate) fn now_millis() -> i64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    i64::try_from(now.as_millis()).unwrap()
}

/// What may go wrong on a machine on which the store does not take everything in time.
pub(crate) fn slow(spooled: u64) -> &'static [Excuse] {
    if spooled == 0 { &[] } else { &[Excuse::CopiesUnknown] }
}

fn live_url(redis: &[Redis]) -> String {
    match redis {
        [one] => format!("redis://{}/0", one.address()),
        nodes => {
            let hosts: Vec<String> = nodes.iter().map(|node| node.address().to_string()).collect();
            format!("redis+cluster://{}", hosts.join(","))
        }
    }
}
