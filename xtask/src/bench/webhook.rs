//! Webhook to CXML over HTTP: cxroute on in-memory adapters and Kamailio, in turns, on the same cores.
//!
//! wrk drives both with 16 connections. Both get the same form requests, byte for byte; cxroute besides gets
//! what Cloudonix really sends, a JSON body and the platform's headers. Every request is a call of its own. cxroute
//! authenticates, recognises duplicates and follows the call; the peer does none of that.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use xshell::Shell;

use super::plan::{Plan, RULES};
use super::wrk::{self, DOMAIN, Drive, KEY, Load, Shape, Turn, ensure_routes};
use super::{Turns, median};
use crate::process::{Server, free_address};
use crate::{http, tools, workspace};

const CONFIG: &str = include_str!("../../peers/kamailio/kamailio.cfg");
const CONNECTIONS: u32 = 16;
/// Seconds of each contender's warm-up, which is not counted.
const WARM_UP: u32 = 2;

/// Starts both sides, checks that both route, lets them take turns and prints every turn and the ratios.
pub(crate) fn run(sh: &Shell, turns: Turns) -> anyhow::Result<()> {
    tools::require(sh, &[tools::WRK, tools::KAMAILIO])?;
    let binary = workspace::release_server(sh)?;
    let folder = tempfile::tempdir()?;
    let plan = Plan::standard();

    let kamailio = start_kamailio(folder.path(), &plan)?;
    let cxroute = start_cxroute(&binary, folder.path(), &plan)?;
    println!(
        "webhook: {RULES} prefix rules, 10 destinations in turn, {CONNECTIONS} connections, {} rounds of {} s",
        turns.rounds, turns.seconds
    );
    let mut contenders = [
        Contender::new("kamailio, form", kamailio.address, Shape::Form),
        Contender::new("cxroute, form", cxroute.address, Shape::Form),
        Contender::new("cxroute, JSON", cxroute.address, Shape::Json),
    ];
    let mut load = Load::new(sh, folder.path(), &plan)?;
    for contender in &contenders {
        load.drive(contender.address, contender.drive(WARM_UP))?;
    }
    for round in 1..=turns.rounds {
        for contender in &mut contenders {
            let turn = load.drive(contender.address, contender.drive(turns.seconds))?;
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
        http::exchange(address, &wrk::call(plan)).is_ok_and(|answer| answer.status == 200)
    })?;
    ensure_routes("kamailio", address, plan)?;
    Ok(server)
}

/// One server under one shape of request.
struct Contender {
    name: &'static str,
    address: SocketAddr,
    shape: Shape,
    turns: Vec<Turn>,
}

impl Contender {
    fn new(name: &'static str, address: SocketAddr, shape: Shape) -> Self {
        Self { name, address, shape, turns: Vec::new() }
    }

    fn drive(&self, seconds: u32) -> Drive {
        Drive { shape: self.shape, connections: CONNECTIONS, rate: None, seconds }
    }

    fn median_of(&self, figure: impl Fn(&Turn) -> f64) -> f64 {
        median(&mut self.turns.iter().map(figure).collect::<Vec<_>>())
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
            p999_ms: contender.median_of(|turn| turn.p999_ms),
            ..Turn::default()
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
