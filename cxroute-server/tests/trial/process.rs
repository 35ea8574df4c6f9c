//! The binary as a process: `serve`, which can be killed and started again on its address, and the other commands.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use crate::client::PATIENCE;

/// The base of action URLs, the same after a restart wherever it listens.
pub(crate) const PUBLIC: &str = "https://cx.example.com";

/// How trials start it. Whether the deadline is kept is measured elsewhere, on machines that do nothing else; a call that
/// is sent round by it would be another call to judge.
pub(crate) const PATIENT: [&str; 4] = ["--public-url", PUBLIC, "--deadline-ms", "10000"];

/// A file of this name in a trial's folder holds the URL of its store; without one it is the default, a file there.
pub(crate) const STORE_URL: &str = "store.url";

/// A file of this name in a trial's folder holds the URL of its execution plane; without one it is the process's own.
pub(crate) const LIVE_URL: &str = "live.url";

/// The master key of stores that are no files.
const MASTER_KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

/// A command line of the binary, to be run in `folder`, with nothing of this process's own settings.
pub(crate) fn command(folder: &Path, line: &[&str]) -> Command {
    let binary = std::env::var_os("CXROUTE_SERVER_BIN")
        .map_or_else(|| env!("CARGO_BIN_EXE_cxroute-server").into(), PathBuf::from);
    let mut command = Command::new(binary);
    let own = std::env::vars_os().map(|(name, _)| name);
    for name in own.filter(|name| name.to_string_lossy().starts_with("CXROUTE_")) {
        command.env_remove(name);
    }
    command.args(line).current_dir(folder).env_remove("RUST_LOG").stdin(Stdio::null());
    if let Ok(url) = std::fs::read_to_string(folder.join(STORE_URL)) {
        command.env("CXROUTE_STORE", url).env("CXROUTE_MASTER_KEY", MASTER_KEY);
    }
    if let Ok(url) = std::fs::read_to_string(folder.join(LIVE_URL)) {
        command.env("CXROUTE_LIVE", url);
    }
    command
}

/// Runs a command to its end; its standard output, if it succeeded.
pub(crate) fn run(folder: &Path, line: &[&str]) -> String {
    let Output { status, stdout, stderr } = command(folder, line).output().unwrap();
    let (said, complained) = (String::from_utf8(stdout).unwrap(), String::from_utf8_lossy(&stderr));
    assert!(status.success(), "{line:?}: {status}\n{said}\n{complained}");
    said
}

/// Applies configurations to the store in `folder`.
pub(crate) fn apply(folder: &Path, tenants: &[&str]) {
    for yaml in tenants {
        std::fs::write(folder.join("tenant.yaml"), yaml).unwrap();
        run(folder, &["config", "apply", "tenant.yaml"]);
    }
}

/// A free address that stays ours over restarts: ports below those that the system hands out, so that a client that
/// tries again and again cannot be given its own server's port.
pub(crate) fn free_address() -> SocketAddr {
    free_addresses::<1>()[0]
}

/// As many of them. None is given twice, whoever has come to use his by now.
pub(crate) fn free_addresses<const N: usize>() -> [SocketAddr; N] {
    static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    let mut given = GIVEN.lock().unwrap();
    let start = 20_000 + (std::process::id() % 10_000) as u16;
    let mut ports = (start..32_000).chain(20_000..start);
    std::array::from_fn(|_| {
        let free = |port: &u16| !given.contains(port) && TcpListener::bind(("127.0.0.1", *port)).is_ok();
        let port = ports.by_ref().find(free).expect("a free port");
        given.insert(port);
        SocketAddr::from(([127, 0, 0, 1], port))
    })
}

/// What a server has said on standard error so far.
#[derive(Default)]
struct Said {
    lines: Mutex<Vec<String>>,
    more: Condvar,
}

/// A server process; killed when dropped.
pub(crate) struct Running {
    process: Child,
    said: Arc<Said>,
    reader: Option<std::thread::JoinHandle<()>>,
}

impl Running {
    /// Starts `serve` in `folder` and waits until it says where it listens.
    pub(crate) fn serve(folder: &Path, options: &[&str]) -> Self {
        let server = Self::launch(folder, "127.0.0.1:0".parse().unwrap(), options);
        server.address();
        server
    }

    /// Starts `serve`, and does not wait.
    pub(crate) fn launch(folder: &Path, listen: SocketAddr, options: &[&str]) -> Self {
        let listen = listen.to_string();
        let line = [&["serve", "--listen", &listen, "--log-format", "json"], options].concat();
        let mut process = command(folder, &line).stderr(Stdio::piped()).spawn().unwrap();
        let (said, stderr) = (Arc::new(Said::default()), process.stderr.take().unwrap());
        let listener = Arc::clone(&said);
        // Somebody has to read what it says, or it would wait for it.
        let reader = std::thread::spawn(move || {
            for line in BufReader::new(stderr).split(b'\n').map_while(Result::ok) {
                listener.lines.lock().unwrap().push(String::from_utf8_lossy(&line).into_owned());
                listener.more.notify_all();
            }
        });
        Self { process, said, reader: Some(reader) }
    }

    /// Where it listens, as soon as it says so.
    pub(crate) fn address(&self) -> SocketAddr {
        self.hears("where it listens", |line| {
            let (_, rest) = line.split_once(r#""address":""#)?;
            rest.split('"').next()?.parse().ok()
        })
    }

    /// Waits until it says this.
    pub(crate) fn says(&self, words: &str) {
        self.hears(words, |line| line.contains(words).then_some(()));
    }

    /// What is found in a line, as soon as one has it.
    fn hears<T>(&self, what: &str, find: impl Fn(&str) -> Option<T>) -> T {
        let mut lines = self.said.lines.lock().unwrap();
        loop {
            if let Some(found) = lines.iter().find_map(|line| find(line)) {
                return found;
            }
            let (woken, waited) = self.said.more.wait_timeout(lines, PATIENCE).unwrap();
            assert!(!waited.timed_out(), "the server does not say {what}: {woken:#?}");
            lines = woken;
        }
    }

    /// `kill -9`, and a new life with the same store: what waited in the spool is in the store by then.
    pub(crate) fn again(self, folder: &Path, options: &[&str]) -> Self {
        assert_calm(&self.kill());
        Self::serve(folder, options)
    }

    /// `kill -9`; everything that it said.
    pub(crate) fn kill(mut self) -> Vec<String> {
        self.end();
        std::mem::take(&mut *self.said.lines.lock().unwrap())
    }

    pub(crate) fn hang_up(&self) {
        signal(&self.process, "-HUP");
    }

    pub(crate) fn terminate(&self) {
        signal(&self.process, "-TERM");
    }

    pub(crate) async fn ended(&mut self) -> ExitStatus {
        let ended = async {
            loop {
                match self.process.try_wait().unwrap() {
                    Some(status) => return status,
                    None => tokio::time::sleep(Duration::from_millis(10)).await,
                }
            }
        };
        tokio::time::timeout(PATIENCE, ended).await.expect("the server ends")
    }

    fn end(&mut self) {
        let _ended_already = self.process.kill();
        let _status = self.process.wait();
        if let Some(reader) = self.reader.take() {
            let _said_all = reader.join();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}

/// Sends a process a signal such as `-INT`.
pub(crate) fn signal(process: &Child, signal: &str) {
    let id = process.id().to_string();
    assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
}

/// A server that is through with a trial has said nothing of panics.
pub(crate) fn assert_calm(said: &[String]) {
    let alarms: Vec<_> = said.iter().filter(|line| line.contains("panicked")).collect();
    assert!(alarms.is_empty(), "{alarms:#?}");
}
