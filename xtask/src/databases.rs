//! Database servers of the tests: private ones on free loopback ports in a temporary folder, or those that the
//! environment names.

use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use xshell::{Shell, cmd};

use crate::process::{Server, free_address};
use crate::tools::{self, MARIADB};

/// Names the URL of a MariaDB server where databases may be created.
const MARIADB_URL: &str = "CXROUTE_TEST_MARIADB";
/// Names the URL of a MySQL server where databases may be created.
const MYSQL_URL: &str = "CXROUTE_TEST_MYSQL";
/// Names a program that runs a private MySQL: `start FOLDER PORT` prints its URL and writes
/// `FOLDER/pid`, `stop FOLDER` ends it.
const MYSQL_TOOL: &str = "CXROUTE_MYSQL_TOOL";

/// How long a server may take to end.
const STOP_LIMIT: Duration = Duration::from_secs(30);

/// Running servers; those that were started end with it.
pub(crate) struct Databases {
    urls: Vec<(&'static str, String)>,
    _mysql: Option<ToolServer>,
    _mariadb: Option<Server>,
    _folder: tempfile::TempDir,
}

/// A server that a program starts and stops.
struct ToolServer {
    tool: String,
    folder: std::path::PathBuf,
}

impl Databases {
    /// Starts what the environment does not name.
    pub(crate) fn start(sh: &Shell) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let (mariadb, mariadb_url) = match std::env::var(MARIADB_URL) {
            Ok(url) => (None, url),
            Err(_) => {
                let server = mariadb(sh, &folder.path().join("mariadb"))?;
                let url = format!("mysql://root@{}", server.address);
                (Some(server), url)
            }
        };
        let (mysql, mysql_url) = match (std::env::var(MYSQL_URL), std::env::var(MYSQL_TOOL)) {
            (Ok(url), _) => (None, url),
            (_, Ok(tool)) => {
                let (server, url) = mysql(tool, &folder.path().join("mysql"))?;
                (Some(server), url)
            }
            _ => {
                println!(
                    "no MySQL: neither {MYSQL_URL} (a URL) nor {MYSQL_TOOL} (a program) is set; \
                     what is tested on MySQL runs on MariaDB a second time"
                );
                (None, mariadb_url.clone())
            }
        };
        println!("MariaDB: {mariadb_url}, MySQL: {mysql_url}");
        let urls = vec![(MARIADB_URL, mariadb_url), (MYSQL_URL, mysql_url)];
        Ok(Self { urls, _mysql: mysql, _mariadb: mariadb, _folder: folder })
    }

    /// The variables that name them to tests.
    pub(crate) fn variables(&self) -> &[(&'static str, String)] {
        &self.urls
    }
}

/// Debian's MariaDB with an empty data folder. Tests that kill servers start their own: this one need not keep what a
/// power cut would take.
fn mariadb(sh: &Shell, folder: &Path) -> anyhow::Result<Server> {
    tools::require(sh, &[MARIADB])?;
    std::fs::create_dir_all(folder)?;
    let (data, socket) = (folder.join("data"), folder.join("socket"));
    // It refuses to run as root unless told so.
    let user = cmd!(sh, "id -un").quiet().read()?;
    let install = ["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db"];
    let (data_option, user_option) = (format!("--datadir={}", data.display()), format!("--user={user}"));
    cmd!(sh, "mariadb-install-db {install...} {data_option} {user_option}").quiet().ignore_stdout().run()?;
    let address = free_address()?;
    let mut command = Command::new(tools::find("mariadbd").context("mariadbd is gone")?);
    command.args([
        "--no-defaults",
        "--skip-log-bin",
        "--innodb-flush-log-at-trx-commit=0",
        "--max-connections=500",
    ]);
    command.arg(data_option).arg(user_option).arg(format!("--socket={}", socket.display()));
    command.arg(format!("--bind-address={}", address.ip())).arg(format!("--port={}", address.port()));
    Server::start(command, address, &folder.join("log"), greets)
}

/// Whether something there begins to speak, as database servers of this kind do by themselves.
fn greets(address: SocketAddr) -> bool {
    let Ok(mut stream) = TcpStream::connect_timeout(&address, Duration::from_millis(500)) else {
        return false;
    };
    let patient = stream.set_read_timeout(Some(Duration::from_millis(500)));
    let mut greeting = [0; 16];
    patient.is_ok() && std::io::Read::read(&mut stream, &mut greeting).is_ok_and(|read| read > 4)
}

fn mysql(tool: String, folder: &Path) -> anyhow::Result<(ToolServer, String)> {
    let address = free_address()?;
    let started = Command::new(&tool)
        .arg("start")
        .arg(folder)
        .arg(address.port().to_string())
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot start {tool}, which {MYSQL_TOOL} names"))?;
    ensure!(started.status.success(), "{tool} start ended with {}", started.status);
    let server = ToolServer { tool, folder: folder.into() };
    let printed = String::from_utf8(started.stdout)?;
    let url = printed.lines().find(|line| line.starts_with("mysql://"));
    let url = url.with_context(|| format!("{} start printed no mysql:// URL", server.tool))?;
    // The tests make databases of their own.
    let (server_url, _) = url.rsplit_once('/').context("the URL names no database")?;
    hurry(address);
    Ok((server, server_url.to_owned()))
}

/// Tells a MySQL that its commits may stay in the system's cache: a power cut takes them then, SIGKILL does not. Tests
/// are right without it, and slower.
fn hurry(address: SocketAddr) {
    let relax = "SET GLOBAL innodb_flush_log_at_trx_commit = 2; SET GLOBAL sync_binlog = 0";
    let (host, port) = (format!("--host={}", address.ip()), format!("--port={}", address.port()));
    let client =
        Command::new("mariadb").args(["--no-defaults", "--user=root", &host, &port, "-e", relax]).status();
    if !client.is_ok_and(|status| status.success()) {
        println!(
            "MySQL waits for the disk at every commit: the `mariadb` client could not tell it otherwise"
        );
    }
}

impl Drop for ToolServer {
    fn drop(&mut self) {
        let process = std::fs::read_to_string(self.folder.join("pid")).unwrap_or_default();
        let process = Path::new("/proc").join(process.trim());
        let stopped = Command::new(&self.tool).arg("stop").arg(&self.folder).status();
        if !stopped.is_ok_and(|status| status.success()) {
            eprintln!("{} stop {} failed", self.tool, self.folder.display());
            return;
        }
        // It has been told to end, and its folder goes next: a server that loses its data meanwhile may never end.
        let patience = Instant::now();
        while process.join("status").exists() {
            if patience.elapsed() > STOP_LIMIT {
                eprintln!("{} did not end within {STOP_LIMIT:?}", process.display());
                return;
            }
            sleep(Duration::from_millis(50));
        }
    }
}
