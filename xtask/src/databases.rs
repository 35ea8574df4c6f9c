//! Database servers of the tests and benches: private ones on free loopback ports in a temporary folder, or, for tests,
//! those that the environment names.

use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use clap::ValueEnum;
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

/// What a commit waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Commits {
    /// For the disk, as is the default: what is committed survives a power cut. Log and buffers are set up for that, as
    /// docs/operations.md says.
    Durable,
    /// For nothing, or the system's cache: a power cut takes what is committed, and MariaDB's SIGKILL the last second of
    /// it. Tests are right without it, and slower; those that kill servers start their own.
    Hasty,
}

/// Whose database server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Make {
    /// Oracle's, by the program that `CXROUTE_MYSQL_TOOL` names
    #[value(name = "mysql")]
    MySql,
    /// Debian's MariaDB
    #[value(name = "mariadb")]
    MariaDb,
}

impl Make {
    /// MySQL where there is one.
    pub(crate) fn choose() -> Self {
        if std::env::var_os(MYSQL_TOOL).is_some() { Self::MySql } else { Self::MariaDb }
    }
}

/// A database server of a bench's own; ended when dropped.
pub(crate) struct Database {
    running: Running,
    address: SocketAddr,
}

enum Running {
    MySql(ToolServer),
    MariaDb(Server),
}

impl Database {
    /// Starts one with empty data in `folder`.
    pub(crate) fn start(sh: &Shell, make: Make, commits: Commits, folder: &Path) -> anyhow::Result<Self> {
        let (running, address) = match make {
            Make::MariaDb => {
                let server = mariadb(sh, folder, commits)?;
                let address = server.address;
                (Running::MariaDb(server), address)
            }
            Make::MySql => {
                // Its client comes with Debian's MariaDB.
                tools::require(sh, &[MARIADB])?;
                let tool = std::env::var(MYSQL_TOOL).with_context(|| {
                    format!("no MySQL: expected {MYSQL_TOOL} to name a program that starts one")
                })?;
                let (server, _, address) = mysql(tool, folder, commits)?;
                (Running::MySql(server), address)
            }
        };
        Ok(Self { running, address })
    }

    /// Makes an empty database and says its URL.
    pub(crate) fn make(&self, name: &str) -> anyhow::Result<String> {
        tell(self.address, &format!("CREATE DATABASE {name}"))?;
        Ok(format!("mysql://root@{}/{name}?ssl-mode=DISABLED", self.address))
    }

    /// What it calls itself.
    pub(crate) fn version(&self) -> anyhow::Result<String> {
        tell(self.address, "SELECT VERSION()")
    }

    /// The number of its process.
    pub(crate) fn process(&self) -> anyhow::Result<u32> {
        match &self.running {
            Running::MariaDb(server) => Ok(server.process()),
            Running::MySql(server) => {
                let file = server.folder.join("pid");
                let number = std::fs::read_to_string(&file)?;
                number
                    .trim()
                    .parse()
                    .with_context(|| format!("{} holds no process: {number:?}", file.display()))
            }
        }
    }
}

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
    folder: PathBuf,
}

impl Databases {
    /// Starts what the environment does not name.
    pub(crate) fn start(sh: &Shell) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let (mariadb, mariadb_url) = match std::env::var(MARIADB_URL) {
            Ok(url) => (None, url),
            Err(_) => {
                let server = mariadb(sh, &folder.path().join("mariadb"), Commits::Hasty)?;
                let url = format!("mysql://root@{}", server.address);
                (Some(server), url)
            }
        };
        let (mysql, mysql_url) = match (std::env::var(MYSQL_URL), std::env::var(MYSQL_TOOL)) {
            (Ok(url), _) => (None, url),
            (_, Ok(tool)) => {
                let (server, url, _) = mysql(tool, &folder.path().join("mysql"), Commits::Hasty)?;
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

/// Debian's MariaDB with an empty data folder.
fn mariadb(sh: &Shell, folder: &Path, commits: Commits) -> anyhow::Result<Server> {
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
    let flush = match commits {
        Commits::Durable => "--innodb-flush-log-at-trx-commit=1",
        Commits::Hasty => "--innodb-flush-log-at-trx-commit=0",
    };
    command.args(["--no-defaults", "--skip-log-bin", flush, "--max-connections=500"]);
    if commits == Commits::Durable {
        command.args(["--innodb-log-file-size=1G", "--innodb-buffer-pool-size=1G"]);
    }
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

/// A MySQL with an empty data folder: the server, its URL without a database, its address.
fn mysql(tool: String, folder: &Path, commits: Commits) -> anyhow::Result<(ToolServer, String, SocketAddr)> {
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
    // It starts with commits that wait for the disk, and sized for a small machine's leisure.
    let set = match commits {
        Commits::Hasty => "SET GLOBAL innodb_flush_log_at_trx_commit = 2; SET GLOBAL sync_binlog = 0",
        Commits::Durable => {
            "SET GLOBAL innodb_redo_log_capacity = 1073741824; SET GLOBAL innodb_buffer_pool_size = 1073741824;
             SET GLOBAL innodb_log_writer_threads = ON"
        }
    };
    if let Err(error) = tell(address, set) {
        println!("MySQL stays as it starts, it could not be told otherwise ({set}): {error:#}");
    }
    Ok((server, server_url.to_owned(), address))
}

/// Lets Debian's client tell a server something; what it answers.
fn tell(address: SocketAddr, sql: &str) -> anyhow::Result<String> {
    let (host, port) = (format!("--host={}", address.ip()), format!("--port={}", address.port()));
    let options = ["--no-defaults", "--user=root", "--skip-column-names", "--batch", &host, &port, "-e", sql];
    let told = Command::new("mariadb").args(options).output().context("cannot start the mariadb client")?;
    ensure!(told.status.success(), "{sql}: {}", String::from_utf8_lossy(&told.stderr).trim());
    Ok(String::from_utf8(told.stdout)?.trim().to_owned())
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
