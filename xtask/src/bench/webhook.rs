//! Webhook to CXML over HTTP: cxroute on in-memory adapters and Kamailio, in turns, on the same cores.
//!
//! wrk drives both with 16 connections. Both get the same form requests, byte for byte; cxroute besides gets
//! what Cloudonix really sends, a JSON body and the platform's headers. Every request is a call of its own. cxroute
//! authenticates, recognises duplicates and follows the call; the peer does none of that.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, ensure};
use xshell::{Shell, cmd};

use super::median;
use super::plan::Plan;
use crate::process::{Server, free_address};
use crate::{http, tools, workspace};

const CONFIG: &str = include_str!("../../peers/kamailio/kamailio.cfg");
const SCRIPT: &str = include_str!("../../peers/wrk/webhook.lua");
const DOMAIN: &str = "bench.cloudonix.net";
const KEY: &str = "bench-key";
const RULES: usize = 100_000;
const NUMBERS: usize = 100_000;
const SEED: u64 = 20_260_101;
const CONNECTIONS: &str = "16";
/// Seconds of each contender's warm-up, which is not counted.
const WARM_UP: u32 = 2;

/// How long is measured.
#[derive(Clone, Copy)]
pub(crate) struct Turns {
    /// How often every contender has its turn.
    pub(crate) rounds: u32,
    /// Seconds of one turn.
    pub(crate) seconds: u32,
}

/// Starts both sides, checks that both route, lets them take turns and prints every turn and the ratios.
pub(crate) fn run(sh: &Shell, turns: Turns) -> anyhow::Result<()> {
    tools::require(sh, &[tools::WRK, tools::KAMAILIO])?;
    let binary = workspace::release_server(sh)?;
    let folder = tempfile::tempdir()?;
    let plan = Plan::generate(SEED, RULES, NUMBERS);
    fs::write(folder.path().join("numbers"), plan.numbers())?;
    fs::write(folder.path().join("webhook.lua"), SCRIPT)?;

    let kamailio = start_kamailio(folder.path(), &plan)?;
    let cxroute = start_cxroute(&binary, folder.path(), &plan)?;
    println!(
        "webhook: {RULES} prefix rules, 10 destinations in turn, {CONNECTIONS} connections, {} rounds of {} s",
        turns.rounds, turns.seconds
    );
    let mut contenders = [
        Contender::new("kamailio, form", kamailio.address, "form"),
        Contender::new("cxroute, form", cxroute.address, "form"),
        Contender::new("cxroute, JSON", cxroute.address, "json"),
    ];
    let mut load = Load { sh, folder: folder.path(), turn: 0 };
    for contender in &contenders {
        load.drive(contender, WARM_UP)?;
    }
    for round in 1..=turns.rounds {
        for contender in &mut contenders {
            let turn = load.drive(contender, turns.seconds)?;
            println!("  round {round}  {:15} {turn}", contender.name);
            contender.turns.push(turn);
        }
    }
    report(&contenders);
    println!("  cxroute: {} MiB resident after the last round", cxroute.resident_kib()? / 1024);
    Ok(())
}

fn start_cxroute(binary: &Path, folder: &Path, plan: &Plan) -> anyhow::Result<Server> {
    fs::write(folder.join("bench.yaml"), plan.cxroute_config(DOMAIN, KEY))?;
    let options = ["--store", "memory:", "--live", "memory:", "--config", "bench.yaml"];
    let server = Server::cxroute(binary, folder, &options)?;
    ensure_routes("cxroute", server.address, plan)?;
    Ok(server)
}

fn start_kamailio(folder: &Path, plan: &Plan) -> anyhow::Result<Server> {
    let tables = folder.join("tables");
    fs::create_dir(&tables)?;
    for (name, content) in plan.kamailio_tables() {
        fs::write(tables.join(name), content)?;
    }
    let address = free_address()?;
    let config = CONFIG
        .replace("@PORT@", &address.port().to_string())
        .replace("@DATA@", &tables.display().to_string());
    fs::write(folder.join("kamailio.cfg"), config)?;
    let mut command = Command::new("kamailio");
    // In the foreground, shared and private memory in MiB, its files in our folder.
    command.args(["-DD", "-E", "-m", "512", "-M", "64", "-f"]).arg(folder.join("kamailio.cfg"));
    command.arg("-Y").arg(folder).arg("-P").arg(folder.join("kamailio.pid"));
    let server = Server::start(command, address, &folder.join("kamailio.log"), |address| {
        http::exchange(address, &form_call(plan)).is_ok_and(|answer| answer.status == 200)
    })?;
    ensure_routes("kamailio", address, plan)?;
    Ok(server)
}

/// A bench of two servers that hang up on everybody would be fast and worthless.
fn ensure_routes(who: &str, address: SocketAddr, plan: &Plan) -> anyhow::Result<()> {
    let answer = http::exchange(address, &form_call(plan))?;
    ensure!(
        answer.status == 200 && answer.body.contains("<Service"),
        "expected {who} to dial a Service for {}, got {answer:?}",
        plan.routed_number()
    );
    Ok(())
}

fn form_call(plan: &Plan) -> Vec<u8> {
    let session = "f".repeat(32);
    let body = format!(
        "CallSid={session}&From=%2B12025550147&To={}&Session={session}&Domain={DOMAIN}",
        plan.routed_number()
    );
    format!(
        "POST /api/voice/application/{DOMAIN} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {KEY}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// One server under one shape of request.
struct Contender {
    name: &'static str,
    address: SocketAddr,
    shape: &'static str,
    turns: Vec<Turn>,
}

impl Contender {
    fn new(name: &'static str, address: SocketAddr, shape: &'static str) -> Self {
        Self { name, address, shape, turns: Vec::new() }
    }

    fn median_of(&self, figure: impl Fn(&Turn) -> f64) -> f64 {
        median(&mut self.turns.iter().map(figure).collect::<Vec<_>>())
    }
}

/// What wrk measured in one turn.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Turn {
    per_second: f64,
    p50_ms: f64,
    p99_ms: f64,
}

impl std::fmt::Display for Turn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{:8.0} requests/s   p50 {:6.2} ms   p99 {:6.2} ms",
            self.per_second, self.p50_ms, self.p99_ms
        )
    }
}

impl Turn {
    /// Reads the line that `webhook.lua` prints; any failed request spoils the turn.
    fn parse(output: &str) -> anyhow::Result<Self> {
        let line = output.lines().find_map(|line| line.strip_prefix("measured "));
        let line = line.with_context(|| format!("expected a line `measured …` from wrk, got {output:?}"))?;
        let figure = |name: &str| -> anyhow::Result<f64> {
            let field = line.split(' ').find_map(|field| field.strip_prefix(name)?.strip_prefix('='));
            let field = field.with_context(|| format!("no {name} in {line:?}"))?;
            field.parse().with_context(|| format!("{name} is no number in {line:?}"))
        };
        ensure!(figure("failed")? == 0.0, "requests failed: {line}");
        ensure!(figure("requests")? > 0.0, "no request was answered: {line}");
        Ok(Self {
            per_second: figure("requests")? / figure("micros")? * 1e6,
            p50_ms: figure("p50")? / 1e3,
            p99_ms: figure("p99")? / 1e3,
        })
    }
}

/// The load generator; every turn's sessions are its own.
struct Load<'a> {
    sh: &'a Shell,
    folder: &'a Path,
    turn: u32,
}

impl Load<'_> {
    fn drive(&mut self, contender: &Contender, seconds: u32) -> anyhow::Result<Turn> {
        self.turn += 1;
        let tag = format!("{:024x}", self.turn);
        let (script, numbers) = (self.folder.join("webhook.lua"), self.folder.join("numbers"));
        let (url, shape) = (format!("http://{}", contender.address), contender.shape);
        let seconds = format!("{seconds}s");
        let output = cmd!(
            self.sh,
            "wrk -t1 -c{CONNECTIONS} -d{seconds} -s {script} {url} -- {numbers} {shape} {DOMAIN} {KEY} {tag}"
        );
        Turn::parse(&output.quiet().read()?)
    }
}

/// Medians over the rounds, then cxroute over the peer, round by round and in the middle.
fn report(contenders: &[Contender; 3]) {
    let [peer, ours @ ..] = contenders;
    for contender in contenders {
        let middle = Turn {
            per_second: contender.median_of(|turn| turn.per_second),
            p50_ms: contender.median_of(|turn| turn.p50_ms),
            p99_ms: contender.median_of(|turn| turn.p99_ms),
        };
        println!("  median   {:15} {middle}", contender.name);
    }
    for contender in ours {
        let rounds = || contender.turns.iter().zip(&peer.turns);
        let mut ratios: Vec<f64> = rounds().map(|(own, peer)| own.per_second / peer.per_second).collect();
        let mut p99: Vec<f64> = rounds().map(|(own, peer)| own.p99_ms / peer.p99_ms).collect();
        let (middle, middle_p99) = (median(&mut ratios), median(&mut p99));
        println!(
            "  {} / kamailio: throughput {middle:.2} (least {:.2}, goal > 1), p99 {middle_p99:.2} (most {:.2})",
            contender.name,
            ratios.first().unwrap_or(&f64::NAN),
            p99.last().unwrap_or(&f64::NAN)
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_is_read_from_what_the_script_prints() {
        let turn = Turn::parse("Running\nmeasured requests=1000 micros=500000 p50=400 p99=5000 failed=0\n");
        assert_eq!(turn.unwrap(), Turn { per_second: 2000.0, p50_ms: 0.4, p99_ms: 5.0 });
    }

    #[test]
    fn a_turn_with_failed_requests_or_none_does_not_count() {
        for spoilt in [
            "measured requests=10 micros=5 p50=4 p99=5 failed=1",
            "measured requests=0 micros=5 p50=0 p99=0 failed=0",
            "nothing measured",
        ] {
            assert!(Turn::parse(spoilt).is_err(), "{spoilt}");
        }
    }
}
