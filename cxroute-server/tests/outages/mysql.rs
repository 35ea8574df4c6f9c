//! A MySQL of a trial's own: a real one where `CXROUTE_MYSQL_TOOL` names a program that runs it, else Debian's MariaDB.
//!
//! Commits reach the operating system, which keeps them when the server is killed, but not the disk: it is no power cut
//! that is tried here, and the time that a shared disk takes is not what is measured.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sqlx::{AssertSqlSafe, Connection as _, Executor as _, MySqlConnection};

use crate::daemon::{Daemon, greets, listens, until};
use crate::process::free_address;

const DATABASE: &str = "cxroute";

/// A running server with an empty database.
pub(crate) struct MySql {
    folder: PathBuf,
    address: SocketAddr,
    tool: Option<String>,
    daemon: Option<Daemon>,
}

impl MySql {
    /// Starts one in `folder`, which does not exist yet.
    pub(crate) fn start(folder: &Path) -> Self {
        let tool = std::env::var("CXROUTE_MYSQL_TOOL").ok();
        let (folder, address) = (folder.to_owned(), free_address());
        let template = template(tool.as_deref(), address);
        copy(&template, &folder);
        let mut mysql = Self { folder, address, tool, daemon: None };
        mysql.launch();
        mysql
    }

    /// Makes the database; to be done once.
    pub(crate) async fn prepare(&self) {
        self.relax().await;
        self.execute(&self.server(), &format!("CREATE DATABASE {DATABASE}")).await;
    }

    /// Where it is, for servers.
    pub(crate) fn url(&self) -> String {
        format!("{}/{DATABASE}", self.server())
    }

    /// A connection of the trial's own.
    pub(crate) async fn connect(&self) -> MySqlConnection {
        MySqlConnection::connect(&self.url()).await.unwrap()
    }

    /// What it has counted, such as `Com_commit`.
    pub(crate) async fn count(connection: &mut MySqlConnection, name: &str) -> u64 {
        let status = format!("SHOW GLOBAL STATUS LIKE '{name}'");
        let row: (String, String) =
            sqlx::query_as(AssertSqlSafe(status)).fetch_one(connection).await.unwrap();
        row.1.parse().unwrap()
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) {
        self.daemon = None;
        until("MySQL has gone", || !listens(self.address));
    }

    /// Starts it again with what it has.
    pub(crate) async fn restart(&mut self) {
        self.launch();
        self.relax().await;
    }

    /// It does nothing more, and keeps its connections.
    pub(crate) fn stop(&self) {
        self.daemon.as_ref().expect("it runs").signal("-STOP");
    }

    /// It goes on.
    pub(crate) fn go_on(&self) {
        self.daemon.as_ref().expect("it runs").signal("-CONT");
    }

    fn server(&self) -> String {
        format!("mysql://root@{}", self.address)
    }

    fn launch(&mut self) {
        self.daemon = Some(launch(self.tool.as_deref(), &self.folder, self.address));
    }

    /// Options that the tool does not take.
    async fn relax(&self) {
        if self.tool.is_some() {
            self.execute(&self.server(), "SET GLOBAL innodb_flush_log_at_trx_commit = 2").await;
            self.execute(&self.server(), "SET GLOBAL sync_binlog = 0").await;
        }
    }

    async fn execute(&self, url: &str, sql: &str) {
        let mut connection = MySqlConnection::connect(url).await.unwrap();
        connection.execute(sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))).await.unwrap();
    }
}

fn launch(tool: Option<&str>, folder: &Path, address: SocketAddr) -> Daemon {
    let Some(tool) = tool else { return mariadb(folder, address) };
    let port = address.port().to_string();
    let started = Command::new(tool).arg("start").arg(folder).arg(&port).stdin(Stdio::null()).output();
    let started = started.unwrap();
    assert!(started.status.success(), "{}", String::from_utf8_lossy(&started.stderr));
    let id = std::fs::read_to_string(folder.join("pid")).unwrap();
    Daemon::running(id.trim().parse().unwrap())
}

fn mariadb(folder: &Path, address: SocketAddr) -> Daemon {
    let program = match Path::new("/usr/sbin/mariadbd") {
        there if there.exists() => there,
        _ => Path::new("mariadbd"),
    };
    let mut command = Command::new(program);
    command.args(["--no-defaults", "--skip-log-bin", "--innodb-flush-log-at-trx-commit=2"]);
    command.args(["--max-connections=300", "--innodb-log-file-size=16M", &user()]);
    command.arg(format!("--datadir={}", folder.join("data").display()));
    command.arg(format!("--socket={}", folder.join("socket").display()));
    command.arg(format!("--bind-address={}", address.ip())).arg(format!("--port={}", address.port()));
    let daemon = Daemon::start(&mut command, &folder.join("log"));
    until("MariaDB answers", || greets(address));
    daemon
}

/// It refuses to run as root unless told so.
fn user() -> String {
    let name = Command::new("id").arg("-un").output().unwrap().stdout;
    format!("--user={}", String::from_utf8(name).unwrap().trim())
}

/// An empty server's folder, made once in a run of the tests and copied by every trial: making it takes longer than most
/// trials do.
fn template(tool: Option<&str>, address: SocketAddr) -> PathBuf {
    let run = std::env::var("NEXTEST_RUN_ID").unwrap_or_else(|_| std::process::id().to_string());
    let place = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let kind = if tool.is_some() { "mysql" } else { "mariadb" };
    let made = place.join(format!("outages-{kind}-{run}"));
    if made.exists() {
        return made;
    }
    for old in std::fs::read_dir(place).unwrap().map(Result::unwrap) {
        if old.file_name().to_string_lossy().starts_with("outages-") {
            // Somebody else may be at it.
            let _gone = std::fs::remove_dir_all(old.path());
        }
    }
    let making = tempfile::tempdir_in(place).unwrap();
    let folder = making.path().join("server");
    match tool {
        Some(tool) => {
            let server = launch(Some(tool), &folder, address);
            server.signal("-TERM");
            until("the template's server has ended in order", || !folder.join("pid").exists());
        }
        None => {
            std::fs::create_dir(&folder).unwrap();
            let mut install = Command::new("mariadb-install-db");
            install.args(["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db"]);
            install.arg(format!("--datadir={}", folder.join("data").display())).arg(user());
            let installed = install.stdin(Stdio::null()).output().unwrap();
            assert!(installed.status.success(), "{}", String::from_utf8_lossy(&installed.stderr));
        }
    }
    std::fs::rename(&folder, &made).unwrap();
    made
}

fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").args(["-a", "--sparse=always"]).arg(from).arg(to).status().unwrap();
    assert!(copied.success(), "the template cannot be copied");
}
