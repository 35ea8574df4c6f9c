//! A program of a trial's own: killed, stopped and started again at will, and gone when the trial ends, however it ends.

use std::fs::File;
use std::io::Read as _;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a program may take to start.
const STARTING: Duration = Duration::from_secs(60);

/// A running program; killed when dropped.
pub(crate) struct Daemon {
    id: u32,
    /// None if somebody else started it.
    child: Option<Child>,
}

impl Daemon {
    /// Starts a program whose output goes to `log`.
    pub(crate) fn start(command: &mut Command, log: &Path) -> Self {
        let log = File::options().create(true).append(true).open(log).unwrap();
        let command = command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        let child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        Self { id: child.id(), child: Some(child) }
    }

    /// One that is running already.
    pub(crate) const fn running(id: u32) -> Self {
        Self { id, child: None }
    }

    /// Sends it a signal, such as `-STOP`.
    pub(crate) fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.id.to_string()]).stderr(Stdio::null()).status();
        // It may have gone by itself.
        let _gone = sent.unwrap();
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.signal("-KILL");
        if let Some(child) = &mut self.child {
            let _status = child.wait();
        }
    }
}

/// Waits until it is so.
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < STARTING, "{what}: not within {STARTING:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Whether somebody listens there.
pub(crate) fn listens(address: SocketAddr) -> bool {
    TcpStream::connect_timeout(&address, Duration::from_millis(500)).is_ok()
}

/// Whether somebody there begins to speak, as database servers do by themselves.
pub(crate) fn greets(address: SocketAddr) -> bool {
    let Ok(mut stream) = TcpStream::connect_timeout(&address, Duration::from_millis(500)) else {
        return false;
    };
    let patient = stream.set_read_timeout(Some(Duration::from_millis(500)));
    let mut greeting = [0; 16];
    patient.is_ok() && stream.read(&mut greeting).is_ok_and(|read| read > 4)
}
