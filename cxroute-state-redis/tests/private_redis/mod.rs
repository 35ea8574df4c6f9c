//! A Redis of a test's own, to be killed, stopped and started again.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A running Redis on a free loopback port; ended when dropped.
pub(crate) struct PrivateRedis {
    child: Child,
    address: SocketAddr,
    folder: tempfile::TempDir,
}

impl PrivateRedis {
    pub(crate) fn start() -> Self {
        let address = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let child = spawn(address, &folder);
        Self { child, address, folder }
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://{}/0", self.address)
    }

    /// Ends it as a crash does.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts it again, with what it has on disk.
    pub(crate) fn restart(&mut self) {
        self.child = spawn(self.address, &self.folder);
    }

    /// `STOP` or `CONT`.
    pub(crate) fn signal(&self, signal: &str) {
        let sent = Command::new("kill").arg(format!("-{signal}")).arg(self.child.id().to_string()).status();
        assert!(sent.unwrap().success());
    }

    /// What `redis-cli` says to a command.
    pub(crate) fn says(&self, command: &[&str]) -> String {
        let port = self.address.port().to_string();
        let output = Command::new("redis-cli").args(["-p", &port]).args(command).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }
}

impl Drop for PrivateRedis {
    fn drop(&mut self) {
        // It may be dead already.
        let _dead = self.child.kill();
        let _reaped = self.child.wait();
    }
}

fn spawn(address: SocketAddr, folder: &tempfile::TempDir) -> Child {
    let (port, patience) = (address.port().to_string(), Instant::now());
    let child = Command::new("redis-server")
        .args(["--bind", "127.0.0.1", "--port", &port, "--save", "", "--appendonly", "yes"])
        .args(["--appendfsync", "always", "--dir"])
        .arg(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    while TcpStream::connect(address).is_err() {
        assert!(patience.elapsed() < Duration::from_secs(20), "redis-server does not start");
        std::thread::sleep(Duration::from_millis(10));
    }
    child
}
