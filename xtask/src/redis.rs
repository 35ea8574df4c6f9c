//! Redis servers of the tests and benches: a single one and a cluster of six nodes, private, on free loopback ports in a temporary
//! folder, or those that the environment names.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use xshell::{Shell, cmd};

use crate::process::{Server, free_address};
use crate::tools::{self, REDIS};

/// Names the URL of a Redis server.
const SINGLE_URL: &str = "CXROUTE_TEST_REDIS";
/// Names the URL of a cluster: `redis+cluster://host:port,host:port`.
const CLUSTER_URL: &str = "CXROUTE_TEST_REDIS_CLUSTER";
/// Three masters with a replica each.
const NODES: usize = 6;
/// How long a cluster may take to agree on its slots.
const AGREEING: Duration = Duration::from_secs(30);

/// Running servers; those that were started end with it.
pub(crate) struct RedisServers {
    urls: Vec<(&'static str, String)>,
    _servers: Vec<Server>,
    _folder: tempfile::TempDir,
}

impl RedisServers {
    /// Starts what the environment does not name.
    pub(crate) fn start(sh: &Shell) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let mut servers = Vec::new();
        let single = match std::env::var(SINGLE_URL) {
            Ok(url) => url,
            Err(_) => {
                let server = node(sh, &folder.path().join("single"), &[])?;
                let url = format!("redis://{}/0", server.address);
                servers.push(server);
                url
            }
        };
        let cluster = match std::env::var(CLUSTER_URL) {
            Ok(url) => url,
            Err(_) => {
                let nodes = cluster(sh, &folder.path().join("cluster"))?;
                let hosts: Vec<String> = nodes.iter().map(|node| node.address.to_string()).collect();
                servers.extend(nodes);
                format!("redis+cluster://{}", hosts.join(","))
            }
        };
        println!("Redis: {single}, {cluster}");
        let urls = vec![(SINGLE_URL, single), (CLUSTER_URL, cluster)];
        Ok(Self { urls, _servers: servers, _folder: folder })
    }

    /// The variables that name them to tests.
    pub(crate) fn variables(&self) -> &[(&'static str, String)] {
        &self.urls
    }
}

/// A Redis of a bench's own.
pub(crate) fn single(sh: &Shell, folder: &Path) -> anyhow::Result<Server> {
    node(sh, folder, &[])
}

/// Debian's Redis with an empty folder, which keeps nothing on disk.
fn node(sh: &Shell, folder: &Path, options: &[&str]) -> anyhow::Result<Server> {
    tools::require(sh, &[REDIS])?;
    std::fs::create_dir_all(folder)?;
    let address = free_address()?;
    let mut command = Command::new(tools::find("redis-server").context("redis-server is gone")?);
    command.args(["--bind", &address.ip().to_string(), "--port", &address.port().to_string()]);
    command.args(["--save", "", "--appendonly", "no", "--maxmemory-policy", "noeviction"]).args(options);
    command.current_dir(folder);
    Server::start(command, address, &folder.join("log"), |address| asked(address, "PING") == "+PONG")
}

fn cluster(sh: &Shell, folder: &Path) -> anyhow::Result<Vec<Server>> {
    let mut nodes = Vec::new();
    for number in 0..NODES {
        let bus = free_address()?.port().to_string();
        let options = ["--cluster-enabled", "yes", "--cluster-port", &bus, "--cluster-node-timeout", "2000"];
        nodes.push(node(sh, &folder.join(number.to_string()), &options)?);
    }
    let hosts: Vec<String> = nodes.iter().map(|node| node.address.to_string()).collect();
    let make = ["--cluster-replicas", "1", "--cluster-yes"];
    cmd!(sh, "redis-cli --cluster create {hosts...} {make...}").quiet().ignore_stdout().run()?;
    // Every node has to hear of it before a client may ask any.
    let patience = Instant::now();
    while !nodes.iter().all(|node| asked(node.address, "CLUSTER INFO").contains("cluster_state:ok")) {
        if patience.elapsed() > AGREEING {
            bail!("the cluster's nodes did not agree within {AGREEING:?}");
        }
        sleep(Duration::from_millis(50));
    }
    Ok(nodes)
}

/// What a server answers to one command, as far as it comes at once; nothing if it is not there.
fn asked(address: SocketAddr, command: &str) -> String {
    let mut answer = String::new();
    let mut ask = || -> std::io::Result<()> {
        let mut stream = TcpStream::connect_timeout(&address, Duration::from_millis(500))?;
        stream.set_read_timeout(Some(Duration::from_millis(500)))?;
        stream.write_all(format!("{command}\r\nQUIT\r\n").as_bytes())?;
        stream.read_to_string(&mut answer)?;
        Ok(())
    };
    // A server that is still starting answers nothing, or half; it is asked again.
    let _not_yet = ask();
    match answer.strip_suffix("+OK\r\n") {
        Some(answered) => answered.trim().to_owned(),
        None => String::new(),
    }
}
