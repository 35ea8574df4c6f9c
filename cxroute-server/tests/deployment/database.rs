//! MySQL's stand-in: the MySQL that `CXROUTE_MYSQL_TOOL` runs, else Debian's MariaDB; set up as the image sets up its
//! own from the service's variables.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use sqlx::{AssertSqlSafe, Connection as _, Executor as _, MySqlConnection};

use crate::client::PATIENCE;
use crate::compose::Variables;
use crate::stage::{output_to, program};

/// A running server; ended when dropped.
pub(crate) enum Database {
    /// Debian's MariaDB.
    MariaDb(Child),
    /// A MySQL that a program starts and stops, with its data in the folder.
    Tool(String, PathBuf),
}

impl Database {
    /// Starts `mysqld` with `options` on `port`, its data in `folder`.
    pub(crate) async fn start(folder: &Path, port: u16, options: &[String], variables: &Variables) -> Self {
        let server = match std::env::var("CXROUTE_MYSQL_TOOL") {
            Ok(tool) => Self::by_tool(tool, folder, port),
            Err(_) => Self::mariadb(folder, port, options),
        };
        let mut root = connected(port).await;
        if matches!(server, Self::Tool(..)) {
            for option in options {
                root.execute(sqlx::raw_sql(AssertSqlSafe(global(option))))
                    .await
                    .unwrap_or_else(|error| panic!("{option}: {error}"));
            }
        }
        let of = |name: &str| &variables[name];
        let (database, user, password) = (of("MYSQL_DATABASE"), of("MYSQL_USER"), of("MYSQL_PASSWORD"));
        for statement in [
            format!("CREATE DATABASE `{database}`"),
            format!("CREATE USER '{user}'@'%' IDENTIFIED BY '{password}'"),
            format!("GRANT ALL ON `{database}`.* TO '{user}'@'%'"),
        ] {
            root.execute(sqlx::raw_sql(AssertSqlSafe(statement))).await.unwrap();
        }
        server
    }

    fn mariadb(folder: &Path, port: u16, options: &[String]) -> Self {
        let user = Command::new("id").arg("-un").output().unwrap().stdout;
        let user = format!("--user={}", String::from_utf8(user).unwrap().trim());
        let data = format!("--datadir={}", folder.join("data").display());
        let made = Command::new(program("mariadb-install-db", "mariadb-server"))
            .args([
                "--no-defaults",
                "--auth-root-authentication-method=normal",
                "--skip-test-db",
                &data,
                &user,
            ])
            .stdout(Stdio::null())
            .status();
        assert!(made.unwrap().success());
        let mut command = Command::new(program("mariadbd", "mariadb-server"));
        command.args(["--no-defaults", &data, &user, "--bind-address=127.0.0.1"]).args(options);
        command.arg(format!("--socket={}", folder.join("socket").display())).arg(format!("--port={port}"));
        output_to(&mut command, &folder.join("log"));
        Self::MariaDb(command.spawn().unwrap())
    }

    fn by_tool(tool: String, folder: &Path, port: u16) -> Self {
        let started =
            Command::new(&tool).arg("start").arg(folder).arg(port.to_string()).stdout(Stdio::null()).status();
        assert!(started.unwrap().success(), "{tool} start");
        Self::Tool(tool, folder.to_path_buf())
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self) {
        match self {
            Self::MariaDb(server) => {
                server.kill().unwrap();
                server.wait().unwrap();
            }
            Self::Tool(tool, folder) => {
                assert!(Command::new(tool).arg("kill").arg(folder).status().unwrap().success());
            }
        }
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        match self {
            Self::MariaDb(server) => {
                let _ended_already = server.kill();
                let _status = server.wait();
            }
            Self::Tool(tool, folder) => {
                let process = std::fs::read_to_string(folder.join("pid")).unwrap_or_default();
                let process = Path::new("/proc").join(process.trim()).join("status");
                let _ended_already =
                    Command::new(tool).arg("kill").arg(&*folder).stderr(Stdio::null()).status();
                // Its folder goes next.
                let begun = Instant::now();
                while process.exists() && begun.elapsed() < PATIENCE {
                    std::thread::sleep(Duration::from_millis(20));
                }
            }
        }
    }
}

/// A connection as root, as soon as there is one.
async fn connected(port: u16) -> MySqlConnection {
    let url = format!("mysql://root@127.0.0.1:{port}");
    let begun = Instant::now();
    loop {
        match MySqlConnection::connect(&url).await {
            Ok(connection) => return connection,
            Err(error) => {
                assert!(begun.elapsed() < 3 * PATIENCE, "MySQL's stand-in does not answer: {error}")
            }
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The statement that sets what an option of `mysqld` sets: the tool takes no options.
fn global(option: &str) -> String {
    // What is loose is no error where it is unknown: on a server of another make.
    let named = option.trim_start_matches("--").trim_start_matches("loose-");
    let (name, value) = named.split_once('=').unwrap_or_else(|| panic!("{option}"));
    let bytes = |number: &str, shift: u32| (number.parse::<u64>().unwrap() << shift).to_string();
    let value = match (value.strip_suffix('M'), value.strip_suffix('G')) {
        (Some(mebibytes), _) => bytes(mebibytes, 20),
        (_, Some(gibibytes)) => bytes(gibibytes, 30),
        _ => value.to_owned(),
    };
    format!("SET GLOBAL {} = {value}", name.replace('-', "_"))
}
