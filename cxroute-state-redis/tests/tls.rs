//! Planes over TLS: on a single Redis, behind Sentinels, in a cluster; and certificates that are not believed.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod certificates;

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use cxroute_core::authority::{IngestScope, Operator};
use cxroute_core::call::{EventKey, EventKind};
use cxroute_core::config::Strategy;
use cxroute_core::conformance::fixture::{roster, seat, token};
use cxroute_core::id::TenantId;
use cxroute_core::port::{LiveError, LiveState as _};
use cxroute_core::strategy::{Choice, ChooseRequest, LastResort, PlaneImage, Roster};
use cxroute_core::time::Timestamp;
use cxroute_state_redis::{RedisLive, RedisLiveOptions};

use self::certificates::{Authority, Files};

/// What a busy machine may need.
const PATIENCE: Duration = Duration::from_secs(20);
/// A server that is not believed is tried again and again, and is away all the while.
const SOON: Duration = Duration::from_millis(700);

/// A Redis that speaks nothing but TLS, on a free loopback port; ended when dropped.
struct SecureRedis {
    child: Child,
    port: u16,
    _folder: tempfile::TempDir,
    files: Files,
}

impl SecureRedis {
    /// Shows a certificate for `names` that `authority` vouches for.
    fn start(authority: &Authority, names: &[&str], more: &[&str]) -> Self {
        Self::launch(authority, names, |command, _| {
            command.args(more);
        })
    }

    fn launch(authority: &Authority, names: &[&str], arrange: impl FnOnce(&mut Command, &Path)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let files = authority.furnish(folder.path(), names);
        let port = free_port();
        let mut command = Command::new("redis-server");
        arrange(&mut command, folder.path());
        command.args(["--bind", "127.0.0.1", "--port", "0", "--tls-port", &port.to_string(), "--save", ""]);
        command.args(["--tls-cert-file", &files.cert, "--tls-key-file", &files.key]);
        command.args(["--tls-ca-cert-file", &files.ca]).arg("--dir").arg(folder.path());
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
        let redis = Self { child, port, _folder: folder, files };
        redis.until(&["ping"], "PONG");
        redis
    }

    /// A URL of this scheme; `query` begins with its question mark.
    fn url(&self, scheme: &str, path: &str, query: &str) -> String {
        format!("{scheme}://127.0.0.1:{}{path}{query}", self.port)
    }

    /// `?ca=FILE` with the authority that it is vouched for by.
    fn believed(&self) -> String {
        format!("?ca={}", self.files.ca)
    }

    /// What `redis-cli` says to a command.
    fn says(&self, command: &[&str]) -> String {
        let Files { ca, cert, key } = &self.files;
        let port = self.port.to_string();
        let tls = ["--tls", "--cacert", ca, "--cert", cert, "--key", key, "-p", &port];
        let output = Command::new("redis-cli").args(tls).args(command).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    }

    /// Waits until it says so.
    fn until(&self, command: &[&str], expected: &str) {
        let began = Instant::now();
        while !self.says(command).contains(expected) {
            assert!(began.elapsed() < PATIENCE, "{command:?}: no {expected}: {}", self.says(command));
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for SecureRedis {
    fn drop(&mut self) {
        let _dead = self.child.kill();
        let _reaped = self.child.wait();
    }
}

fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

#[expect(clippy::disallowed_methods, reason = "the test plays the host")]
fn scope() -> IngestScope {
    Operator::assume().ingest(TenantId::new(5))
}

fn open(url: &str, patience: Duration) -> RedisLive {
    RedisLive::open(url, RedisLiveOptions { patience, ..RedisLiveOptions::default() }).unwrap()
}

async fn choose(live: &RedisLive, call: &str) -> Result<Choice, LiveError> {
    let stages: [Arc<Roster>; 1] = [roster(20, Strategy::RoundRobin, vec![seat(7), seat(8)])];
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let request = ChooseRequest {
        token: &token(call),
        key: EventKey { kind: EventKind::VoiceRequest, hash: 1 },
        now: Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap()),
        settle: None,
        stages: &stages,
        preferences: &[],
        last_resort: LastResort::End,
        tried: &[],
    };
    live.choose(&scope(), &request).await
}

/// A plane there is built and chooses.
async fn assert_chooses(url: &str) {
    let live = open(url, PATIENCE);
    assert_eq!(
        choose(&live, "a call").await,
        Err(LiveError::Lost),
        "{url}: it answers, and has no plane yet"
    );
    live.restore(&scope(), PlaneImage::default()).await.unwrap_or_else(|error| panic!("{url}: {error}"));
    let made = choose(&live, "a call").await;
    assert!(matches!(made, Ok(Choice::Made(_))), "{url}: {made:?}");
}

/// It is as good as away.
async fn assert_away(url: &str) {
    let away = choose(&open(url, SOON), "a call").await;
    assert!(matches!(away, Err(LiveError::Unavailable { .. })), "{url}: {away:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_is_believed_by_its_authority_and_its_name_and_not_otherwise() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let redis = SecureRedis::start(&ours, &["127.0.0.1", "localhost"], &["--tls-auth-clients", "no"]);
    let elsewhere = tempfile::tempdir().unwrap();
    let other = theirs.furnish(elsewhere.path(), &["127.0.0.1"]);
    assert_away(&redis.url("rediss", "/0", "")).await;
    assert_away(&redis.url("rediss", "/0", &format!("?ca={}", other.ca))).await;
    assert_away(&redis.url("redis", "/0", "")).await;
    assert_chooses(&redis.url("rediss", "/0", &redis.believed())).await;
    let named = format!("rediss://localhost:{}/1{}", redis.port, redis.believed());
    assert_eq!(choose(&open(&named, PATIENCE), "a call").await, Err(LiveError::Lost), "another database");
    let other_name = SecureRedis::start(&ours, &["redis.example.com"], &["--tls-auth-clients", "no"]);
    assert_away(&other_name.url("rediss", "/0", &other_name.believed())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_asks_for_a_certificate_is_shown_the_one_that_the_url_names() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let redis = SecureRedis::start(&ours, &["127.0.0.1"], &["--tls-auth-clients", "yes"]);
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let mine = ours.furnish(folders[0].path(), &["cxroute"]);
    let strange = theirs.furnish(folders[1].path(), &["cxroute"]);
    let shown = |files: &Files| format!("{}&cert={}&key={}", redis.believed(), files.cert, files.key);
    assert_away(&redis.url("rediss", "/0", &redis.believed())).await;
    assert_away(&redis.url("rediss", "/0", &shown(&strange))).await;
    assert_chooses(&redis.url("rediss", "/0", &shown(&mine))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_speaks_tls_on_every_node() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let bus = free_port().to_string();
    let cluster = ["--cluster-enabled", "yes", "--tls-cluster", "yes", "--cluster-port", &bus];
    let options =
        [&cluster[..], &["--cluster-announce-ip", "127.0.0.1", "--tls-auth-clients", "no"]].concat();
    let redis = SecureRedis::start(&ours, &["127.0.0.1"], &options);
    assert_eq!(redis.says(&["cluster", "addslotsrange", "0", "16383"]).trim(), "OK");
    redis.until(&["cluster", "info"], "cluster_state:ok");
    let elsewhere = tempfile::tempdir().unwrap();
    let other = theirs.furnish(elsewhere.path(), &["127.0.0.1"]);
    assert_away(&redis.url("rediss+cluster", "", &format!("?ca={}", other.ca))).await;
    assert_chooses(&redis.url("rediss+cluster", "", &redis.believed())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sentinels_and_the_master_that_they_name_speak_tls() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let master = SecureRedis::start(&ours, &["127.0.0.1"], &["--tls-auth-clients", "no"]);
    let monitor = format!("sentinel monitor main 127.0.0.1 {} 1\n", master.port);
    let sentinel = SecureRedis::launch(&ours, &["127.0.0.1"], |command, folder| {
        let file = folder.join("sentinel.conf");
        std::fs::write(&file, monitor).unwrap();
        command.arg(file).args(["--sentinel", "--tls-auth-clients", "no", "--tls-replication", "yes"]);
    });
    sentinel.until(&["sentinel", "master", "main"], "\nmaster\n");
    let elsewhere = tempfile::tempdir().unwrap();
    let other = theirs.furnish(elsewhere.path(), &["127.0.0.1"]);
    assert_away(&sentinel.url("rediss+sentinel", "/main/0", &format!("?ca={}", other.ca))).await;
    assert_chooses(&sentinel.url("rediss+sentinel", "/main/0", &sentinel.believed())).await;
}

#[tokio::test]
async fn what_a_url_says_of_tls_is_checked_at_once_and_files_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let [one, two] = ["one", "two"].map(|name| {
        let folder = folder.path().join(name);
        std::fs::create_dir(&folder).unwrap();
        Authority::new().furnish(&folder, &["cxroute"])
    });
    let (ca, cert, key, other) = (&one.ca, &one.cert, &one.key, &two.key);
    for (url, expected) in [
        ("rediss://me:hunter2@host/0#insecure".to_owned(), "a fragment"),
        ("rediss://me:hunter2@host/0?insecure=true".to_owned(), "a parameter other than ca, cert and key"),
        (format!("redis://me:hunter2@host/0?ca={ca}"), "a URL without it"),
        (format!("redis+cluster://me:hunter2@host:1?ca={ca}"), "a URL without it"),
        (format!("rediss://me:hunter2@host/0?ca={ca}x"), "ca.pemx"),
        (format!("rediss+sentinel://me:hunter2@host:1/main?ca={key}"), "without certificates in PEM"),
        (format!("rediss://me:hunter2@host/0?cert={cert}"), "one of cert and key"),
        (format!("rediss://me:hunter2@host/0?cert={cert}&key={cert}"), "without a private key in PEM"),
        (format!("rediss+cluster://me:hunter2@host:1?cert={cert}&key={other}"), "do not do"),
    ] {
        let Err(refused) = RedisLive::open(&url, RedisLiveOptions::default()) else { panic!("{url}") };
        let refused = refused.to_string();
        assert!(refused.starts_with("expected redis://") && refused.contains(expected), "{url}: {refused}");
        assert!(!refused.contains("hunter2") && !refused.contains("MIG"), "{refused}");
    }
}
