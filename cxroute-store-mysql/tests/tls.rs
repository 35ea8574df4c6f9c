//! Stores over TLS, on a MariaDB of the test's own and, where `CXROUTE_MYSQL_TOOL` names a program that runs one, on a
//! MySQL; and certificates that are not believed.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

#[path = "../../cxroute-state-redis/tests/certificates/mod.rs"]
mod certificates;

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use cxroute_core::port::{Retry, StoreError};
use cxroute_store_mysql::{MySqlStore, StoreOptions};
// The certificates' module, which is another crate's, is made with it.
use rcgen as _;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, MySqlConnection, Row as _};

use self::certificates::{Authority, Files};

/// A server that starts, or ends, takes no longer.
const PATIENCE: Duration = Duration::from_secs(60);

/// A database `cx`, and two users: `tls` is let in over TLS only, `any` in any way, without a password (MySQL wants none in
/// the clear). Whether a server takes a connection for local depends on how it looks at addresses.
const SET_UP: &str = "CREATE DATABASE IF NOT EXISTS cx;
    CREATE USER IF NOT EXISTS 'tls'@'%' IDENTIFIED BY 'hunter2' REQUIRE SSL;
    CREATE USER IF NOT EXISTS 'tls'@'localhost' IDENTIFIED BY 'hunter2' REQUIRE SSL;
    CREATE USER IF NOT EXISTS 'any'@'%' IDENTIFIED BY '';
    CREATE USER IF NOT EXISTS 'any'@'localhost' IDENTIFIED BY '';
    GRANT ALL ON cx.* TO 'tls'@'%'; GRANT ALL ON cx.* TO 'tls'@'localhost';
    GRANT ALL ON cx.* TO 'any'@'%'; GRANT ALL ON cx.* TO 'any'@'localhost'";

fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

fn run(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}: {complaint}", output.status);
    String::from_utf8(output.stdout).unwrap()
}

/// Waits for a server, and sets it up.
async fn set_up(port: u16, more: &str) {
    let began = Instant::now();
    let url = format!("mysql://root@127.0.0.1:{port}?ssl-mode=DISABLED");
    let mut root = loop {
        match MySqlConnection::connect(&url).await {
            Ok(connected) => break connected,
            Err(error) => assert!(began.elapsed() < PATIENCE, "no server on {port}: {error}"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    root.execute(sqlx::raw_sql(AssertSqlSafe(format!("{SET_UP};{more}")))).await.unwrap();
    root.close().await.unwrap();
}

/// A MariaDB on a free loopback port; ended when dropped.
struct MariaDb {
    child: Child,
    port: u16,
}

impl MariaDb {
    /// A new one, with its data in `folder`.
    fn install(folder: &Path) {
        let user = run(Command::new("id").arg("-un"));
        let (data, user) = (format!("--datadir={}", folder.join("data").display()), format!("--user={user}"));
        let install = ["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db"];
        run(Command::new("mariadb-install-db").args(install).args([&data, user.trim()]));
    }

    async fn start(folder: &Path, tls: &[String]) -> Self {
        let user = run(Command::new("id").arg("-un"));
        let (port, log) = (free_port(), std::fs::File::create(folder.join("log")).unwrap());
        let mut command = Command::new("mariadbd");
        command.args(["--no-defaults", "--skip-log-bin", "--innodb-flush-log-at-trx-commit=2"]).args(tls);
        command.arg(format!("--datadir={}", folder.join("data").display()));
        command.arg(format!("--socket={}", folder.join("socket").display()));
        command.arg(format!("--user={}", user.trim()));
        command.arg("--bind-address=127.0.0.1").arg(format!("--port={port}"));
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap();
        let server = Self { child, port };
        set_up(port, "").await;
        server
    }
}

impl Drop for MariaDb {
    fn drop(&mut self) {
        let _dead = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// A MySQL that a program starts and stops.
struct MySql {
    tool: String,
    folder: PathBuf,
    port: u16,
}

impl MySql {
    async fn start(tool: String, folder: &Path, files: &Files) -> Self {
        let (port, folder) = (free_port(), folder.to_owned());
        run(Command::new(&tool).arg("start").arg(&folder).arg(port.to_string()));
        let server = Self { tool, folder, port };
        let Files { ca, cert, key } = files;
        let shows = format!(
            "SET GLOBAL ssl_ca = '{ca}', GLOBAL ssl_cert = '{cert}', GLOBAL ssl_key = '{key}'; ALTER INSTANCE RELOAD TLS"
        );
        set_up(port, &shows).await;
        server
    }
}

impl Drop for MySql {
    fn drop(&mut self) {
        let process = std::fs::read_to_string(self.folder.join("pid")).unwrap_or_default();
        let process = Path::new("/proc").join(process.trim()).join("status");
        let _told = Command::new(&self.tool).arg("stop").arg(&self.folder).status();
        let began = Instant::now();
        while process.exists() && began.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

async fn opened(url: &str) -> Result<(), StoreError> {
    let opened = MySqlStore::open(url, &StoreOptions { patience: PATIENCE, ..StoreOptions::default() }).await;
    if let Ok(store) = &opened {
        store.close().await;
    }
    opened.map(drop)
}

/// It does not open, until somebody mends something, and the reason says `expected`.
async fn assert_refused(url: &str, expected: &str) {
    match opened(url).await {
        Err(StoreError::Unavailable { reason, retry: Retry::AfterMending }) => {
            assert!(reason.contains(expected) && !reason.contains("hunter2"), "{url}: {reason}");
        }
        other => panic!("{url}: expected {expected}, got {other:?}"),
    }
}

/// How a session of this URL is encrypted.
async fn cipher(url: &str) -> String {
    let mut connection = MySqlConnection::connect(url).await.unwrap_or_else(|error| panic!("{url}: {error}"));
    let status = connection.fetch_one("SHOW SESSION STATUS LIKE 'Ssl_cipher'").await.unwrap();
    status.get(1)
}

/// `server` shows a certificate for `localhost` that the authority in `ca` vouches for; nobody knows that in `other`.
async fn assert_believed_and_refused(port: u16, ca: &str, other: &str) {
    let url = |host: &str, query: &str| format!("mysql://tls:hunter2@{host}:{port}/cx?{query}");
    let identity = "ssl-mode=VERIFY_IDENTITY";
    let believed = format!("{identity}&ssl-ca={ca}");
    for (host, query) in [
        ("localhost", believed.clone()),
        ("127.0.0.1", format!("ssl-mode=VERIFY_CA&ssl-ca={ca}")),
        ("127.0.0.1", "ssl-mode=REQUIRED".to_owned()),
        ("127.0.0.1", "ssl-mode=PREFERRED".to_owned()),
    ] {
        let url = url(host, &query);
        opened(&url).await.unwrap_or_else(|error| panic!("{url}: {error}"));
        assert!(cipher(&url).await.starts_with("TLS_"), "{url}");
    }
    assert_eq!(cipher(&format!("mysql://any@127.0.0.1:{port}/cx?ssl-mode=DISABLED")).await, "");
    let hint = "ssl-ca=FILE in the URL names a private authority";
    assert_refused(&url("localhost", identity), hint).await;
    assert_refused(&url("localhost", identity), "UnknownIssuer").await;
    assert_refused(&url("localhost", &format!("{identity}&ssl-ca={other}")), "UnknownIssuer").await;
    let unnamed = format!("ssl-mode=VERIFY_CA&ssl-ca={other}");
    assert_refused(&url("localhost", &unnamed), "UnknownIssuer").await;
    assert_refused(&url("127.0.0.1", &believed), "not valid for name").await;
    // Without TLS such a user is not let in, whatever it is that says so.
    assert_refused(&url("127.0.0.1", "ssl-mode=DISABLED"), "").await;
}

#[tokio::test]
async fn a_database_over_tls_is_believed_by_its_authority_and_its_name_as_the_url_demands() {
    let folder = tempfile::tempdir().unwrap();
    let [ours, theirs, maria, mysql] = ["ours", "theirs", "maria", "mysql"].map(|name| {
        let folder = folder.path().join(name);
        std::fs::create_dir(&folder).unwrap();
        folder
    });
    let files = Authority::new().furnish(&ours, &["localhost"]);
    let other = Authority::new().furnish(&theirs, &["localhost"]);
    MariaDb::install(&maria);
    let tls = [("ca", &files.ca), ("cert", &files.cert), ("key", &files.key)];
    let tls = tls.map(|(option, file)| format!("--ssl-{option}={file}"));
    let server = MariaDb::start(&maria, &tls).await;
    assert_believed_and_refused(server.port, &files.ca, &other.ca).await;
    drop(server);
    let server = MariaDb::start(&maria, &["--skip-ssl".to_owned()]).await;
    let url = |query: &str| format!("mysql://any@localhost:{}/cx{query}", server.port);
    assert_refused(&url(&format!("?ssl-mode=VERIFY_IDENTITY&ssl-ca={}", files.ca)), "does not support TLS")
        .await;
    assert_refused(&url("?ssl-mode=REQUIRED"), "does not support TLS").await;
    opened(&url("")).await.unwrap();
    drop(server);
    match std::env::var("CXROUTE_MYSQL_TOOL") {
        Ok(tool) => {
            let server = MySql::start(tool, &mysql, &files).await;
            assert_believed_and_refused(server.port, &files.ca, &other.ca).await;
        }
        Err(_) => println!("no MySQL: CXROUTE_MYSQL_TOOL is not set; MariaDB alone was tried"),
    }
}
