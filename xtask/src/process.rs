//! Servers that a task starts and certainly ends: cxroute's own and its peers.

use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

use crate::http;

/// How long a server may take to its first good answer before the task gives up.
const START_LIMIT: Duration = Duration::from_secs(60);
/// How long a server may take to end after SIGTERM before it is killed.
const STOP_LIMIT: Duration = Duration::from_secs(15);
/// Distance of two readiness probes: fine enough to measure a start in milliseconds.
const PROBE_EVERY: Duration = Duration::from_micros(500);

/// A running server process; ended when dropped.
pub(crate) struct Server {
    child: Child,
    log: PathBuf,
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// From just before the process was made to its first good answer.
    pub(crate) ready_after: Duration,
}

impl Server {
    /// Starts `command`, its output in `log`, and waits until `is_ready` likes what `address` answers.
    pub(crate) fn start(
        mut command: Command,
        address: SocketAddr,
        log: &Path,
        is_ready: impl Fn(SocketAddr) -> bool,
    ) -> anyhow::Result<Self> {
        let output = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
        command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
        let started = Instant::now();
        let child = command.spawn().with_context(|| format!("cannot start {command:?}"))?;
        let mut server = Self { child, log: log.into(), address, ready_after: Duration::ZERO };
        while !is_ready(address) {
            if let Some(status) = server.child.try_wait()? {
                bail!("{command:?} ended with {status} before it answered:\n{}", server.last_words());
            }
            if started.elapsed() > START_LIMIT {
                bail!("{command:?} gave no good answer in {START_LIMIT:?}:\n{}", server.last_words());
            }
            sleep(PROBE_EVERY);
        }
        server.ready_after = started.elapsed();
        Ok(server)
    }

    /// Starts `cxroute-server serve` with `options` and waits for `/readyz`; `folder` takes spool and log.
    pub(crate) fn cxroute(binary: &Path, folder: &Path, options: &[&str]) -> anyhow::Result<Self> {
        let address = free_address()?;
        let mut command = Command::new(binary);
        command.arg("serve").arg("--listen").arg(address.to_string());
        command.arg("--spool").arg(folder.join("spool")).args(options).current_dir(folder);
        Self::start(command, address, &folder.join("server.log"), |address| {
            http::get(address, "/readyz").is_ok_and(|answer| answer.status == 200)
        })
    }

    /// The resident memory of the process in KiB (`VmRSS`; Linux).
    pub(crate) fn resident_kib(&self) -> anyhow::Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        resident_kib_of(&status).context("the process status has no VmRSS line")
    }

    /// The process's number.
    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    fn last_words(&self) -> String {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}

impl Drop for Server {
    /// SIGTERM first: a server with worker processes takes them along only when it may end by itself.
    fn drop(&mut self) {
        if !matches!(self.child.try_wait(), Ok(None)) {
            return;
        }
        let asked = Command::new("sh").arg("-c").arg(format!("kill -TERM {}", self.child.id())).status();
        let patience = Instant::now();
        while asked.is_ok() && patience.elapsed() < STOP_LIMIT {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            sleep(Duration::from_millis(10));
        }
        eprintln!("process {} did not end within {STOP_LIMIT:?} of SIGTERM: killed", self.child.id());
        let _already_gone = self.child.kill();
        let _already_reaped = self.child.wait();
    }
}

/// The processor time that a process with all its threads has taken since its start (Linux).
pub(crate) fn cpu_time(process: u32) -> anyhow::Result<Duration> {
    let status = fs::read_to_string(format!("/proc/{process}/stat"))?;
    cpu_time_of(&status)
        .with_context(|| format!("expected utime and stime of process {process}, got {status:?}"))
}

/// A loopback address whose port is free at this moment.
pub(crate) fn free_address() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?)
}

fn resident_kib_of(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

/// Fields 14 and 15, in hundredths of a second whatever the kernel's own clock is. Only the second field, a name in
/// brackets, may contain spaces.
fn cpu_time_of(status: &str) -> Option<Duration> {
    let (_, fields) = status.rsplit_once(") ")?;
    let mut fields = fields.split(' ').skip(11);
    let (user, system): (u64, u64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some(Duration::from_millis((user + system) * 10))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_that_of_user_and_system_whatever_the_process_is_called() {
        let status = "42 (a) b (c) S 1 42 42 0 -1 4194560 1 2 3 4 250 50 9 9 20 0 5 0 123";
        assert_eq!(cpu_time_of(status), Some(Duration::from_secs(3)));
        assert_eq!(cpu_time_of("42 (a) S 1 42"), None);
        assert!(cpu_time(std::process::id()).is_ok());
    }

    #[test]
    fn resident_memory_is_read_from_the_process_status() {
        assert_eq!(resident_kib_of("Name:\tx\nVmRSS:\t   38120 kB\nThreads:\t3\n"), Some(38_120));
        assert_eq!(resident_kib_of("Name:\tx\n"), None);
    }

    #[test]
    fn a_server_that_ends_before_it_answers_is_reported_with_its_last_words() {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", "echo no such store; exit 3"]);
        let address = free_address().unwrap();
        let failed = Server::start(command, address, &folder.path().join("log"), |_| false);
        let report = failed.err().unwrap().to_string();
        assert!(report.contains("exit status: 3") && report.contains("no such store"), "{report}");
    }

    #[test]
    fn a_dropped_server_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("sleep");
        command.arg("600");
        let server = Server::start(command, free_address().unwrap(), &folder.path().join("log"), |_| true);
        let server = server.unwrap();
        let process = PathBuf::from(format!("/proc/{}", server.child.id()));
        assert!(process.exists());
        drop(server);
        assert!(!process.exists());
    }
}
