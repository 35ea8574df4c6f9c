//! Webhook to CXML, durable: cxroute on MySQL and Redis and a bare handler on the same servers, in turns, on the same
//! cores. MySQL commits to the disk.
//!
//! First wrk's 64 connections ask as fast as they are answered. What cxroute has put into its spool by then has still to
//! reach the database: the time until it is there counts as part of its turn, and so does the work. Then each contender
//! gets half of the requests a second that it could sustain, at a steady rate, and the bare handler besides those that
//! cxroute gets: what it needs for them is the machine's share of the latency. The bare handler is
//! `cxroute-server/examples/bare_handler.rs`.

use std::fmt;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use clap::Args;
use xshell::{Shell, cmd};

use super::fates::{Fates, settle};
use super::plan::{Plan, RULES};
use super::wrk::{DOMAIN, Drive, KEY, Load, Shape, Turn, ensure_routes};
use super::{Turns, median};
use crate::databases::{Commits, Database, Make};
use crate::process::{Server, cpu_time, free_address};
use crate::{http, redis, tools, workspace};

const CONNECTIONS: u32 = 64;
/// At a steady rate a slow answer must not keep the next request waiting.
const CONNECTIONS_IN_STEP: u32 = 256;
/// Seconds of each contender's warm-up, which is not counted.
const WARM_UP: u32 = 3;
/// How long the tenant's first call may take to be routed.
const LOADING_LIMIT: Duration = Duration::from_secs(60);
const THROUGHPUT_GOAL: f64 = 0.5;
const P99_GOAL_MS: f64 = 20.0;
/// 32 bytes in base64, which a database that servers share needs; it guards nothing here.
const MASTER_KEY: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

/// Options of `cargo xtask load`.
#[derive(Args)]
pub(crate) struct DurableOptions {
    #[command(flatten)]
    pub(crate) turns: Turns,
    /// Whose database; MySQL if `CXROUTE_MYSQL_TOOL` names a program that starts one, else MariaDB
    #[arg(long, value_enum)]
    pub(crate) store: Option<Make>,
    /// Connections that ask as fast as they are answered
    #[arg(long, default_value_t = CONNECTIONS)]
    pub(crate) connections: u32,
}

impl DurableOptions {
    /// What is measured unless something else is asked for.
    pub(crate) const fn of(turns: Turns) -> Self {
        Self { turns, store: None, connections: CONNECTIONS }
    }
}

/// Starts everything, lets the contenders take turns under full and under half load, and prints every turn, the ratios
/// and what became of cxroute's calls.
pub(crate) fn run(sh: &Shell, options: &DurableOptions) -> anyhow::Result<()> {
    tools::require(sh, &[tools::WRK])?;
    let (cxroute, bare) = (workspace::release_server(sh)?, workspace::release_bare_handler(sh)?);
    let folder = tempfile::tempdir()?;
    let plan = Plan::standard();
    let make = options.store.unwrap_or_else(Make::choose);
    let database = Database::start(sh, make, Commits::Durable, &folder.path().join("database"))?;
    let redis = redis::single(sh, &folder.path().join("redis"))?;
    let live = |number: u32| format!("redis://{}/{number}", redis.address);
    let bare = start_bare(&bare, folder.path(), &database.make("bare")?, &live(1))?;
    let cxroute = start_cxroute(sh, &cxroute, folder.path(), [&database.make("cxroute")?, &live(0)], &plan)?;
    ensure_routes("the bare handler", bare.address, &plan)?;
    routes_after(&cxroute, &plan)?;
    let Turns { rounds, seconds } = options.turns;
    println!(
        "durable: {} and Redis, {RULES} prefix rules, 10 destinations in turn, {rounds} rounds of {seconds} s",
        database.version()?
    );
    let others = [database.process()?, redis.process()];
    let mut bench = Bench { load: Load::new(sh, folder.path(), &plan)?, others, rounds, seconds };
    for (server, spool) in [(&bare, Spool::None), (&cxroute, Spool::Behind)] {
        bench.measure(&Series::new("warm-up", server, spool, None), options.connections, WARM_UP)?;
    }

    println!("  full load: {} connections, as fast as they are answered", options.connections);
    let since = Fates::read(cxroute.address)?;
    let mut full = [
        Series::new("bare", &bare, Spool::None, None),
        Series::new("cxroute", &cxroute, Spool::Behind, None),
    ];
    bench.take_turns(options.connections, &mut full)?;
    report_full(&full);
    println!("  cxroute's signals: {}", Fates::read(cxroute.address)?.since(&since));

    let [bare_rate, cxroute_rate] = [0, 1].map(|at: usize| Some(full[at].median(Measured::sustained) / 2.0));
    println!("  half load: a steady half of what each can sustain, {CONNECTIONS_IN_STEP} connections");
    let since = Fates::read(cxroute.address)?;
    let mut half = [
        Series::new("bare", &bare, Spool::None, bare_rate),
        Series::new("bare, cxroute's rate", &bare, Spool::None, cxroute_rate),
        Series::new("cxroute", &cxroute, Spool::Behind, cxroute_rate),
    ];
    bench.take_turns(CONNECTIONS_IN_STEP, &mut half)?;
    report_half(&half);
    println!("  cxroute's signals: {}", Fates::read(cxroute.address)?.since(&since));
    println!("  cxroute: {} MiB resident after the last round", cxroute.resident_kib()? / 1024);
    Ok(())
}

/// Applies the configuration, which may take longer than a start, and starts the server.
fn start_cxroute(
    sh: &Shell,
    binary: &Path,
    folder: &Path,
    [store, live]: [&str; 2],
    plan: &Plan,
) -> anyhow::Result<Server> {
    let (config, key) = (folder.join("bench.yaml"), folder.join("key"));
    fs::write(&config, plan.cxroute_config(DOMAIN, KEY))?;
    fs::write(&key, MASTER_KEY)?;
    let key = key.display().to_string();
    let options = ["--store", store, "--master-key-file", &key];
    cmd!(sh, "{binary} config apply {config} {options...}").quiet().ignore_stdout().run()?;
    Server::cxroute(binary, folder, &[options.as_slice(), &["--live", live]].concat())
}

fn start_bare(binary: &Path, folder: &Path, store: &str, live: &str) -> anyhow::Result<Server> {
    let address = free_address()?;
    let mut command = Command::new(binary);
    command.arg("--listen").arg(address.to_string()).args(["--store", store, "--live", live]);
    Server::start(command, address, &folder.join("bare.log"), |address| {
        http::get(address, "/readyz").is_ok_and(|answer| answer.status == 200)
    })
}

/// Waits until the tenant's rules are loaded, which the first call sets going.
fn routes_after(cxroute: &Server, plan: &Plan) -> anyhow::Result<()> {
    let asked = Instant::now();
    while let Err(error) = ensure_routes("cxroute", cxroute.address, plan) {
        if asked.elapsed() > LOADING_LIMIT {
            return Err(error);
        }
        sleep(Duration::from_millis(100));
    }
    println!(
        "cxroute: ready after {:.2} s, its rules loaded {:.2} s after the first call",
        cxroute.ready_after.as_secs_f64(),
        asked.elapsed().as_secs_f64()
    );
    Ok(())
}

/// What drives and what is watched.
struct Bench<'a> {
    load: Load<'a>,
    /// The processes of database and Redis.
    others: [u32; 2],
    rounds: u32,
    seconds: u32,
}

impl Bench<'_> {
    fn take_turns(&mut self, connections: u32, contenders: &mut [Series<'_>]) -> anyhow::Result<()> {
        for round in 1..=self.rounds {
            for contender in &mut *contenders {
                let turn = self.measure(contender, connections, self.seconds)?;
                println!("    round {round}  {:20} {turn}", contender.name);
                contender.turns.push(turn);
            }
        }
        Ok(())
    }

    fn measure(&mut self, of: &Series<'_>, connections: u32, seconds: u32) -> anyhow::Result<Measured> {
        let Series { server, spool, rate, .. } = *of;
        let [database, redis] = self.others;
        let spent = || -> anyhow::Result<[Duration; 3]> {
            Ok([cpu_time(server.process())?, cpu_time(database)?, cpu_time(redis)?])
        };
        let before = spent()?;
        let drive = Drive { shape: Shape::Json, connections, rate, seconds };
        let turn = self.load.drive(server.address, drive)?;
        let settled_after = match spool {
            Spool::None => Duration::ZERO,
            Spool::Behind => settle(server.address)?,
        };
        Ok(Measured { turn, settled_after, cpu_micros: per_call(before, spent()?, turn.requests) })
    }
}

fn per_call(before: [Duration; 3], after: [Duration; 3], calls: f64) -> [f64; 3] {
    [0, 1, 2].map(|at: usize| after[at].saturating_sub(before[at]).as_secs_f64() * 1e6 / calls)
}

/// A turn and its price.
#[derive(Clone, Copy, Debug)]
struct Measured {
    turn: Turn,
    /// How long after it the spool was empty.
    settled_after: Duration,
    /// Processor time per call in microseconds: the handler's own, the database's, Redis's.
    cpu_micros: [f64; 3],
}

impl Measured {
    /// Calls a second, all of them in the database.
    fn sustained(&self) -> f64 {
        self.turn.requests / (self.turn.requests / self.turn.per_second + self.settled_after.as_secs_f64())
    }

    fn cpu(&self) -> f64 {
        self.cpu_micros.iter().sum()
    }
}

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [own, database, redis] = self.cpu_micros;
        write!(
            f,
            "{}   CPU a call {own:4.0} + {database:4.0} (database) + {redis:3.0} (Redis) µs",
            self.turn
        )?;
        if self.settled_after > Duration::ZERO {
            let after = self.settled_after.as_secs_f64();
            write!(f, "   (spool empty {after:.1} s later: {:.0}/s sustained)", self.sustained())?;
        }
        Ok(())
    }
}

/// Whether calls may wait on a server's own disk for the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Spool {
    None,
    Behind,
}

/// A contender's turns under one load.
struct Series<'a> {
    name: &'static str,
    server: &'a Server,
    spool: Spool,
    /// Requests a second; as many as it takes when absent.
    rate: Option<f64>,
    turns: Vec<Measured>,
}

impl<'a> Series<'a> {
    const fn new(name: &'static str, server: &'a Server, spool: Spool, rate: Option<f64>) -> Self {
        Self { name, server, spool, rate, turns: Vec::new() }
    }

    fn median(&self, figure: impl Fn(&Measured) -> f64) -> f64 {
        median(&mut self.turns.iter().map(figure).collect::<Vec<_>>())
    }

    fn middle(&self) -> Measured {
        let turn = Turn {
            requests: self.median(|of| of.turn.requests),
            per_second: self.median(|of| of.turn.per_second),
            p50_ms: self.median(|of| of.turn.p50_ms),
            p99_ms: self.median(|of| of.turn.p99_ms),
            p999_ms: self.median(|of| of.turn.p999_ms),
            late: self.median(|of| of.turn.late),
            latest_ms: self.median(|of| of.turn.latest_ms),
        };
        let settled_after =
            Duration::from_secs_f64(self.median(|of| of.settled_after.as_secs_f64()).max(0.0));
        Measured {
            turn,
            settled_after,
            cpu_micros: [0, 1, 2].map(|at: usize| self.median(|of| of.cpu_micros[at])),
        }
    }
}

/// What one contender has by another's, round by round: the middle and the least.
fn ratios(ours: &[Measured], theirs: &[Measured], figure: impl Fn(&Measured) -> f64) -> (f64, f64) {
    let mut ratios: Vec<f64> =
        ours.iter().zip(theirs).map(|(ours, theirs)| figure(ours) / figure(theirs)).collect();
    let middle = median(&mut ratios);
    (middle, ratios.first().copied().unwrap_or(f64::NAN))
}

const fn verdict(is_met: bool) -> &'static str {
    if is_met { "met" } else { "MISSED" }
}

fn report_full(full: &[Series<'_>; 2]) {
    let [bare, cxroute] = full;
    for series in full {
        println!("    median   {:20} {}", series.name, series.middle());
    }
    let (throughput, least) = ratios(&cxroute.turns, &bare.turns, Measured::sustained);
    let ratio = |figure: fn(&Measured) -> f64| ratios(&cxroute.turns, &bare.turns, figure).0;
    println!(
        "  cxroute / bare: sustained throughput {throughput:.2} (least {least:.2}, goal ≥ {THROUGHPUT_GOAL}: {}), p50 {:.2}, \
         p99 {:.2}, CPU a call {:.2} (own {:.2}, database {:.2}, Redis {:.2})",
        verdict(throughput >= THROUGHPUT_GOAL),
        ratio(|of| of.turn.p50_ms),
        ratio(|of| of.turn.p99_ms),
        ratio(Measured::cpu),
        ratio(|of| of.cpu_micros[0]),
        ratio(|of| of.cpu_micros[1]),
        ratio(|of| of.cpu_micros[2]),
    );
}

fn report_half(half: &[Series<'_>; 3]) {
    for series in half {
        println!("    median   {:20} {}", series.name, series.middle());
    }
    let [_, bare, cxroute] = half;
    let p99 = |series: &Series<'_>| series.median(|of| of.turn.p99_ms);
    let most = cxroute.turns.iter().map(|of| of.turn.p99_ms).fold(f64::NAN, f64::max);
    println!(
        "  cxroute at {:.0} requests/s: p99 {:.1} ms (most {most:.1}, goal ≤ {P99_GOAL_MS} ms: {}); bare at this rate: {:.1} ms",
        cxroute.rate.unwrap_or(f64::NAN),
        p99(cxroute),
        verdict(p99(cxroute) <= P99_GOAL_MS),
        p99(bare),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(per_second: f64) -> Measured {
        let turn = Turn { requests: per_second * 5.0, per_second, ..Turn::default() };
        Measured { turn, settled_after: Duration::ZERO, cpu_micros: [30.0, 20.0, 10.0] }
    }

    #[test]
    fn a_calls_price_is_what_the_processes_took_meanwhile() {
        let at = |millis: [u64; 3]| millis.map(Duration::from_millis);
        assert_eq!(per_call(at([100, 50, 7]), at([300, 50, 8]), 1_000.0), [200.0, 0.0, 1.0]);
        assert_eq!(measured(1.0).cpu(), 60.0);
    }

    #[test]
    fn contenders_are_compared_within_their_rounds() {
        let turns = |figures: [f64; 3]| figures.map(measured);
        let (ours, theirs) = (turns([50.0, 20.0, 90.0]), turns([100.0, 100.0, 100.0]));
        assert_eq!(ratios(&ours, &theirs, |of| of.turn.per_second), (0.5, 0.2));
        assert!(ratios(&[], &[], |of| of.turn.per_second).0.is_nan());
    }

    #[test]
    fn what_waits_in_the_spool_after_a_turn_counts_as_not_yet_done() {
        let turn = Measured { settled_after: Duration::from_secs(15), ..measured(1_000.0) };
        assert_eq!((measured(1_000.0).sustained(), turn.sustained()), (1_000.0, 250.0));
        assert!(turn.to_string().ends_with("(spool empty 15.0 s later: 250/s sustained)"), "{turn}");
    }

    #[test]
    fn what_is_said_of_a_turn_names_each_processs_share() {
        let said = measured(1_234.0).to_string();
        for part in ["1234 requests/s", "CPU a call   30 +   20 (database) +  10 (Redis) µs"] {
            assert!(said.contains(part), "{part} is not in {said}");
        }
    }
}
