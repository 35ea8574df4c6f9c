//! The services of `docker-compose.yml` as processes of this machine: the commands that the file names with the
//! variables that it gives, host names turned into loopback ports, folders of containers into private ones.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::client::PATIENCE;
use crate::compose::{Compose, Service, Variables};
use crate::database::Database;
use crate::dockerfile;
use crate::repository;

/// Where services listen within the deployment.
const PORTS: [(&str, u16); 5] =
    [("mysql", 3306), ("proxy", 8080), ("redis", 6379), ("server-1", 8080), ("server-2", 8080)];

/// A deployment on this machine; everything ends with it.
pub(crate) struct Stage {
    compose: Compose,
    ports: BTreeMap<&'static str, u16>,
    running: BTreeMap<String, Running>,
    folder: tempfile::TempDir,
}

enum Running {
    Process(Child),
    Database(Database),
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Self::Process(process) = self {
            let _ended_already = process.kill();
            let _status = process.wait();
        }
    }
}

impl Stage {
    /// A stage on which nothing runs yet.
    pub(crate) fn of(compose: Compose) -> Self {
        let stage = Self {
            compose,
            ports: free_ports(),
            running: BTreeMap::new(),
            folder: tempfile::tempdir().unwrap(),
        };
        for (name, service) in &stage.compose.services {
            for mount in &service.volumes {
                stage.mount(name, mount);
            }
        }
        stage
    }

    /// Starts a service: first what it depends on, until that is healthy.
    pub(crate) async fn up(&mut self, name: &str) {
        let dependencies: Vec<String> = self.service(name).depends_on.keys().cloned().collect();
        for other in dependencies {
            if !self.running.contains_key(&other) {
                Box::pin(self.up(&other)).await;
            }
            self.expect_healthy(&other).await;
        }
        let running = match name {
            "mysql" => Running::Database(self.mysql().await),
            _ => Running::Process(self.process(name)),
        };
        self.running.insert(name.to_owned(), running);
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self, name: &str) {
        match self.running.remove(name).unwrap() {
            Running::Process(ref mut process) => {
                process.kill().unwrap();
                process.wait().unwrap();
            }
            Running::Database(ref mut database) => database.kill(),
        }
    }

    /// Sends a service's process a signal such as `-STOP`.
    pub(crate) fn signal(&self, name: &str, signal: &str) {
        let Running::Process(process) = &self.running[name] else { panic!("{name} is no process") };
        let sent = Command::new("kill").args([signal, &process.id().to_string()]).status();
        assert!(sent.unwrap().success(), "{name}");
    }

    /// SIGTERM, as `docker compose stop` sends it; whether it ended well in the time that the file gives it.
    pub(crate) fn stop(&mut self, name: &str) -> bool {
        self.signal(name, "-TERM");
        let Some(Running::Process(ref mut process)) = self.running.remove(name) else { panic!("{name}") };
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            if let Some(status) = process.try_wait().unwrap() {
                return status.success();
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        false
    }

    /// Where a service listens.
    pub(crate) fn address(&self, name: &str) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.ports[name]))
    }

    /// `docker compose exec`: runs the image's program with these arguments and the service's variables.
    pub(crate) fn exec(&self, name: &str, line: &[&str]) -> String {
        let mut command = self.command(name, &dockerfile::stages().pop().unwrap().command("ENTRYPOINT")[0]);
        let output = command.args(line).output().unwrap();
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{line:?}: {complaint}\n{}", self.last_words(name));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs a service's health check once.
    pub(crate) fn is_healthy(&self, name: &str) -> bool {
        let image = dockerfile::stages().pop().unwrap();
        let check = self.service(name).healthcheck.as_ref().map(|check| check.test.clone());
        let check = check.unwrap_or_else(|| [vec!["CMD".to_owned()], image.healthcheck()].concat());
        let check: Vec<String> = check.iter().map(|word| self.localised(name, word)).collect();
        let mut command = match check[0].as_str() {
            "CMD" => {
                let mut command = self.command(name, &check[1]);
                command.args(&check[2..]);
                command
            }
            _ => {
                let mut command = self.command(name, "sh");
                command.args(["-c", &check[1]]);
                command
            }
        };
        command.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().success()
    }

    /// Waits until a service is healthy.
    pub(crate) async fn expect_healthy(&self, name: &str) {
        let begun = Instant::now();
        while !self.is_healthy(name) {
            assert!(
                begun.elapsed() < 3 * PATIENCE,
                "{name} does not get healthy:\n{}",
                self.last_words(name)
            );
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    fn service(&self, name: &str) -> &Service {
        &self.compose.services[name]
    }

    async fn mysql(&self) -> Database {
        let line = self.line("mysql");
        assert_eq!(line[0], "mysqld");
        let folder = self.folder.path().join("mysql");
        Database::start(&folder, self.ports["mysql"], &line[1..], &self.service("mysql").environment).await
    }

    fn process(&self, name: &str) -> Child {
        let line = self.line(name);
        let mut command = self.command(name, &line[0]);
        command.args(&line[1..]);
        if name == "redis" {
            command.args(["--bind", "127.0.0.1"]);
        }
        output_to(&mut command, &self.log(name));
        command.spawn().unwrap_or_else(|error| panic!("{name}: {line:?}: {error}"))
    }

    /// A service's command: its own, else the image's.
    fn line(&self, name: &str) -> Vec<String> {
        let service = self.service(name);
        let line = match &service.build {
            Some(_) => {
                let image = dockerfile::stages().pop().unwrap();
                assert!(service.command.is_empty(), "{name} has a command of its own");
                [image.command("ENTRYPOINT"), image.command("CMD")].concat()
            }
            None => service.command.clone(),
        };
        line.iter().map(|word| self.localised(name, word)).collect()
    }

    /// A program as a service runs it: with the service's variables and nothing else of cxroute's.
    fn command(&self, name: &str, of_image: &str) -> Command {
        let file = match of_image {
            "cxroute-server" => std::env::var_os("CXROUTE_SERVER_BIN")
                .map_or_else(|| env!("CARGO_BIN_EXE_cxroute-server").into(), PathBuf::from),
            "haproxy" => program("haproxy", "haproxy"),
            "redis-server" => program("redis-server", "redis-server"),
            other => other.into(),
        };
        let mut command = Command::new(file);
        let own = std::env::vars_os().map(|(name, _)| name);
        for variable in own.filter(|name| name.to_string_lossy().starts_with("CXROUTE_")) {
            command.env_remove(variable);
        }
        let service = self.service(name);
        if service.build.is_some() {
            command.envs(self.localised_all(name, dockerfile::stages().pop().unwrap().env()));
        }
        command.envs(self.localised_all(name, service.environment.clone()));
        command.env_remove("RUST_LOG").stdin(Stdio::null()).current_dir(self.home(name));
        command
    }

    fn localised_all(&self, name: &str, variables: Variables) -> Variables {
        variables.into_iter().map(|(key, value)| (key, self.localised(name, &value))).collect()
    }

    /// A text of a service, as it is on this machine.
    fn localised(&self, name: &str, text: &str) -> String {
        let mut text = text.to_owned();
        for (other, port) in PORTS {
            text = text.replace(&format!("{other}:{port}"), &format!("127.0.0.1:{}", self.ports[other]));
        }
        if let Some((_, port)) = PORTS.iter().find(|(of, _)| *of == name) {
            text = number_replaced(&text, *port, self.ports[name]);
        }
        for (_, target) in self.service(name).volumes.iter().map(|mount| mount.split_once(':').unwrap()) {
            let target = target.trim_end_matches(":ro");
            text = text.replace(target, self.place(name, target).to_str().unwrap());
        }
        text
    }

    /// A folder or file of the deployment's own becomes a private one: a volume is empty, a file of the repository is
    /// written as it is on this machine.
    fn mount(&self, name: &str, mount: &str) {
        let (source, target) = mount.split_once(':').unwrap();
        let place = self.place(name, target.trim_end_matches(":ro"));
        match source.strip_prefix("./") {
            Some(path) => {
                let text = std::fs::read_to_string(repository(path)).unwrap();
                std::fs::create_dir_all(place.parent().unwrap()).unwrap();
                std::fs::write(place, self.localised(name, &text)).unwrap();
            }
            None => std::fs::create_dir_all(place).unwrap(),
        }
    }

    fn place(&self, name: &str, target: &str) -> PathBuf {
        self.folder.path().join(name).join(target.trim_start_matches('/'))
    }

    fn home(&self, name: &str) -> PathBuf {
        let home = self.folder.path().join(name);
        std::fs::create_dir_all(&home).unwrap();
        home
    }

    fn log(&self, name: &str) -> PathBuf {
        self.home(name).join("log")
    }

    /// What a service said last.
    pub(crate) fn last_words(&self, name: &str) -> String {
        let said = std::fs::read_to_string(self.log(name)).unwrap_or_default();
        let lines: Vec<&str> = said.lines().collect();
        lines[lines.len().saturating_sub(30)..].join("\n")
    }
}

/// Where a program is: on the path, or where Debian keeps servers, to which only root's path leads.
pub(crate) fn program(name: &str, package: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into()]);
    folders.map(|folder| folder.join(name)).find(|file| file.is_file()).unwrap_or_else(|| {
        panic!("{name} is not installed: `cargo xtask test` installs it as root; else sudo apt-get install {package}")
    })
}

/// Everything that a process says goes to a file.
pub(crate) fn output_to(command: &mut Command, log: &Path) {
    std::fs::create_dir_all(log.parent().unwrap()).unwrap();
    let log = std::fs::File::create(log).unwrap();
    command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
}

/// A free port for each service, below those that the system hands out, so that no client is given one of them.
fn free_ports() -> BTreeMap<&'static str, u16> {
    let start = 12_000 + (std::process::id() % 8_000) as u16;
    let mut free =
        (start..20_000).chain(11_000..start).filter(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok());
    PORTS.map(|(name, _)| (name, free.next().expect("a free port"))).into()
}

/// The text with a number in place of another, where that stands by itself.
fn number_replaced(text: &str, number: u16, by: u16) -> String {
    let number = number.to_string();
    let (mut replaced, mut rest) = (String::new(), text);
    while let Some(at) = rest.find(&number) {
        let after = &rest[at + number.len()..];
        let before = rest[..at].chars().next_back().or(replaced.chars().next_back());
        let joins = |char: Option<char>| char.is_some_and(|char| char.is_ascii_alphanumeric());
        replaced.push_str(&rest[..at]);
        replaced.push_str(if joins(before) || joins(after.chars().next()) { &number } else { "" });
        if !(joins(before) || joins(after.chars().next())) {
            replaced.push_str(&by.to_string());
        }
        rest = after;
    }
    replaced.push_str(rest);
    replaced
}

#[test]
fn a_number_is_replaced_where_it_stands_by_itself() {
    for (text, expected) in [
        ("0.0.0.0:8080", "0.0.0.0:91"),
        ("/dev/tcp/127.0.0.1/8080 && x", "/dev/tcp/127.0.0.1/91 && x"),
        ("bind :8080\nbind :18080 a8080 80801", "bind :91\nbind :18080 a8080 80801"),
        ("8080 8080", "91 91"),
    ] {
        assert_eq!(number_replaced(text, 8080, 91), expected);
    }
}
