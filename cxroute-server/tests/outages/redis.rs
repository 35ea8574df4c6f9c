//! A Redis of a trial's own, which keeps nothing on disk, or a cluster of them.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::daemon::{Daemon, listens, until};
use crate::process::free_addresses;

/// Three masters with a replica each.
const NODES: usize = 6;
/// A master that says nothing for so many milliseconds is given up by the others.
const NODE_TIMEOUT: &str = "1500";

/// A running Redis.
pub(crate) struct Redis {
    address: SocketAddr,
    folder: PathBuf,
    options: Vec<String>,
    daemon: Option<Daemon>,
}

impl Redis {
    /// Starts one that keeps its log in `folder`, which does not exist yet.
    pub(crate) fn start(folder: &Path) -> Self {
        let [address] = free_addresses();
        Self::node(folder, address, &[])
    }

    /// Starts six and makes a cluster of them.
    pub(crate) fn cluster(folder: &Path) -> Vec<Self> {
        let addresses: [SocketAddr; 2 * NODES] = free_addresses();
        let (nodes, buses) = addresses.split_at(NODES);
        let mut cluster = Vec::new();
        for (number, (address, bus)) in nodes.iter().zip(buses).enumerate() {
            let bus = bus.port().to_string();
            let options =
                ["--cluster-enabled", "yes", "--cluster-port", &bus, "--cluster-node-timeout", NODE_TIMEOUT];
            cluster.push(Self::node(&folder.join(number.to_string()), *address, &options));
        }
        let mut make = Command::new("redis-cli");
        make.args(["--cluster", "create"]).args(nodes.iter().map(SocketAddr::to_string));
        let made = make.args(["--cluster-replicas", "1", "--cluster-yes"]).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stdout));
        let agrees = |node: &Self| {
            let info = node.says(&["cluster", "info"]);
            info.contains("cluster_state:ok") && info.contains("cluster_slots_ok:16384")
        };
        until("the cluster's nodes agree", || cluster.iter().all(agrees));
        let has_replica = |node: &Self| node.says(&["role"]).contains("connected") || node.replicas() > 0;
        until("every master has its replica", || cluster.iter().all(has_replica));
        cluster
    }

    fn node(folder: &Path, address: SocketAddr, options: &[&str]) -> Self {
        std::fs::create_dir_all(folder).unwrap();
        let options = options.iter().map(|option| (*option).to_owned()).collect();
        let mut redis = Self { address, folder: folder.to_owned(), options, daemon: None };
        redis.restart();
        redis
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) {
        self.daemon = None;
        until("Redis has gone", || !listens(self.address));
    }

    /// Starts it again: it has nothing.
    pub(crate) fn restart(&mut self) {
        let mut command = Command::new("redis-server");
        command.args(["--bind", "127.0.0.1", "--port", &self.address.port().to_string()]);
        command.args(["--save", "", "--appendonly", "no", "--maxmemory-policy", "noeviction"]);
        command.args(&self.options).current_dir(&self.folder);
        self.daemon = Some(Daemon::start(&mut command, &self.folder.join("log")));
        until("Redis answers", || self.says(&["ping"]) == "PONG");
    }

    /// It does nothing more, and keeps its connections.
    pub(crate) fn stop(&self) {
        self.daemon.as_ref().expect("it runs").signal("-STOP");
    }

    /// It goes on.
    pub(crate) fn go_on(&self) {
        self.daemon.as_ref().expect("it runs").signal("-CONT");
    }

    /// What `redis-cli` says to a command.
    pub(crate) fn says(&self, command: &[&str]) -> String {
        let port = self.address.port().to_string();
        let output = Command::new("redis-cli").args(["-p", &port]).args(command).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// How often a command was called, scripts' own calls included.
    pub(crate) fn calls(&self, command: &str) -> u64 {
        let stats = self.says(&["info", "commandstats"]);
        let name = format!("cmdstat_{command}:calls=");
        let calls = stats.lines().find_map(|line| line.strip_prefix(&*name)?.split(',').next()?.parse().ok());
        calls.unwrap_or(0)
    }

    /// Whether it serves the slot of `key` now.
    pub(crate) fn is_master_of(&self, key: &str) -> bool {
        let is_master = self.says(&["role"]).starts_with("master");
        // Others say where it is.
        is_master && self.says(&["exists", key]).parse::<u64>().is_ok()
    }

    fn replicas(&self) -> u64 {
        let info = self.says(&["info", "replication"]);
        let connected = info.lines().find_map(|line| line.strip_prefix("connected_slaves:"));
        connected.and_then(|count| count.trim().parse().ok()).unwrap_or(0)
    }
}
