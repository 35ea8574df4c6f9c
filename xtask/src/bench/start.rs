//! Start: from `exec` to ready, and what an idle server holds in memory.

use std::thread::sleep;
use std::time::Duration;

use xshell::Shell;

use super::median;
use crate::process::Server;
use crate::workspace;

/// Starts measured; each on a folder and an SQLite store of its own.
const STARTS: usize = 12;
/// How long a server idles before its memory is read: background tasks have run by then.
const IDLE: Duration = Duration::from_secs(2);
const READY_GOAL_MS: f64 = 300.0;
const RESIDENT_GOAL_MIB: f64 = 40.0;

/// Prints readiness and resident memory over all starts.
pub(crate) fn run(sh: &Shell) -> anyhow::Result<()> {
    let binary = workspace::release_server(sh)?;
    let (mut ready, mut resident) = (Vec::new(), Vec::new());
    for _ in 0..STARTS {
        let folder = tempfile::tempdir()?;
        let server = Server::cxroute(&binary, folder.path(), &["--store", "sqlite:cxroute.db"])?;
        sleep(IDLE);
        ready.push(server.ready_after.as_secs_f64() * 1e3);
        resident.push(server.resident_kib()? as f64 / 1024.0);
    }
    println!("start: {STARTS} starts, each on an empty SQLite store (made and migrated by the start)");
    report("exec to /readyz 200", "ms", &mut ready, READY_GOAL_MS);
    report("resident when idle", "MiB", &mut resident, RESIDENT_GOAL_MIB);
    Ok(())
}

fn report(what: &str, unit: &str, figures: &mut [f64], goal: f64) {
    let middle = median(figures);
    let (least, most) = (figures[0], figures[figures.len() - 1]);
    let verdict = if most <= goal { "met by every start" } else { "MISSED" };
    println!(
        "  {what:20} min {least:6.1}  median {middle:6.1}  max {most:6.1} {unit}   goal ≤ {goal:.0} {unit}: {verdict}"
    );
}
