//! The deployment started on this machine: it takes calls through the proxy, and goes on when a server dies.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::client::{PATIENCE, Reply, Request};
use crate::compose::Compose;
use crate::stage::{Stage, program};
use crate::structure::{MAIN, variables};

const DOMAIN: &str = "deployed.cloudonix.net";

const TENANT: &str = r#"
tenant: { name: Deployed, domain: deployed.cloudonix.net }
webhook_key: the-key
agents:
  - { name: "+901", provider: vapi, service_value: "+901" }
  - { name: "+902", provider: vapi, service_value: "+902" }
groups:
  - { name: Turns, strategy: round_robin, members: [ { agent: "+901" }, { agent: "+902" } ] }
inbound_rules: [ { pattern: "*", target: { group: Turns } } ]
"#;

fn voice(number: u32) -> Request {
    let session = format!("{number:032x}");
    let body = format!(
        r#"{{"CallSid":"{session}","Session":"{session}","Domain":"{DOMAIN}","From":"+13055550100","To":"+12025559999",
        "Direction":"inbound","CallStatus":"in-progress"}}"#
    );
    let path = format!("/api/voice/application/{DOMAIN}");
    Request::post(&path, body).key("the-key").header("Content-Type", "application/json")
}

/// Whom a call's answer dials; the answer has to be one.
fn dialled(answer: &Reply) -> String {
    answer.dialled().unwrap_or_else(|| panic!("nobody is dialled: {answer:?}"))
}

/// A series of a server's own metrics.
async fn metric(address: SocketAddr, series: &str) -> u64 {
    let page = Request::new("GET", "/metrics").send(address).await;
    let line = page.text().lines().find_map(|line| line.strip_prefix(series).map(str::trim));
    line.unwrap_or_else(|| panic!("no {series}")).parse().unwrap()
}

/// What a server has answered so far at the voice end point.
async fn answered(address: SocketAddr) -> u64 {
    metric(address, r#"cxroute_requests_total{endpoint="voice",status="2xx"}"#).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_compose_file_names_takes_calls_and_goes_on_without_one_of_its_servers() {
    let mut stage = deployed().await;
    let answers = both_take_calls_as_one(&stage).await;
    the_second_goes_on_without_the_first(&mut stage, &answers).await;
    the_first_comes_back_and_goes_on_while_the_second_hangs(&mut stage).await;
    all_are_in_the_store(&stage, 25).await;
    // Whoever is asked to end leaves in order, and no call notices.
    assert!(stage.stop("server-2"), "{}", stage.last_words("server-2"));
    for number in 25..35 {
        dialled(&voice(number).send(stage.address("proxy")).await);
    }
    health_checks_see_who_is_gone(&mut stage).await;
}

/// Everything that the file names but `MinIO`, healthy and with a tenant.
async fn deployed() -> Stage {
    let mut compose = Compose::filled(MAIN, &variables()).unwrap();
    for name in ["server-1", "server-2"] {
        // Whether the deadline is kept is measured elsewhere, on machines that do nothing else.
        let server = compose.services.get_mut(name).unwrap();
        server.environment.insert("CXROUTE_DEADLINE_MS".to_owned(), "10000".to_owned());
    }
    let mut stage = Stage::of(compose);
    stage.up("proxy").await;
    stage.expect_healthy("proxy").await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tenant.yaml");
    std::fs::write(&file, TENANT).unwrap();
    let applied = stage.exec("server-1", &["config", "apply", file.to_str().unwrap()]);
    assert!(applied.contains("; revision "), "{applied}");
    stage
}

/// The first ten calls, through the proxy.
async fn both_take_calls_as_one(stage: &Stage) -> Vec<Reply> {
    let proxy = stage.address("proxy");
    let [one, two] = ["server-1", "server-2"].map(|name| stage.address(name));
    let mut answers = Vec::new();
    for number in 0..10 {
        answers.push(voice(number).send(proxy).await);
    }
    let turns: Vec<String> = answers.iter().map(dialled).collect();
    assert_eq!(turns, ["+901", "+902"].repeat(5));
    assert!(answers[0].text().contains("https://voice.example.com/api/voice/dial/"), "{:?}", answers[0]);
    let (first, second) = (answered(one).await, answered(two).await);
    assert!(first > 0 && second > 0 && first + second == 10, "{first} and {second}");
    for server in [one, two] {
        assert_eq!(metric(server, r#"cxroute_decisions_total{durability="not_durable"}"#).await, 0);
    }
    // Nobody outside is told more than what webhooks are answered.
    for path in ["/metrics", "/readyz", "/"] {
        assert_eq!(Request::new("GET", path).send(proxy).await.status, 404, "{path}");
    }
    answers
}

/// Copies of what the dead server answered are answered with the same bytes, and the next turn is the next one's.
async fn the_second_goes_on_without_the_first(stage: &mut Stage, answers: &[Reply]) {
    let proxy = stage.address("proxy");
    stage.kill("server-1");
    assert!(!stage.is_healthy("server-1"));
    for (number, answer) in (0..).zip(answers) {
        let begun = Instant::now();
        let copy = voice(number).send(proxy).await;
        assert_eq!((copy.status, copy.text()), (200, answer.text()), "call {number}");
        // Nothing has waited for the dead server.
        assert!(begun.elapsed() < Duration::from_secs(2), "call {number} took {:?}", begun.elapsed());
    }
    for number in 10..20 {
        assert_eq!(dialled(&voice(number).send(proxy).await), ["+901", "+902"][number as usize % 2]);
    }
    assert!(stage.is_healthy("proxy"));
}

/// It comes back on its own volume. Nobody waits long for one that hangs: its calls are sent to the other.
async fn the_first_comes_back_and_goes_on_while_the_second_hangs(stage: &mut Stage) {
    let (proxy, one) = (stage.address("proxy"), stage.address("server-1"));
    stage.up("server-1").await;
    stage.expect_healthy("server-1").await;
    until("the proxy sends calls to the first server again", async || {
        dialled(&voice(20).send(proxy).await);
        answered(one).await > 0
    })
    .await;
    stage.signal("server-2", "-STOP");
    for number in 21..25 {
        dialled(&voice(number).send(proxy).await);
    }
    stage.signal("server-2", "-CONT");
    stage.expect_healthy("server-2").await;
}

/// Also what the first server had acknowledged when it was killed, should this machine's MySQL have been too slow for it:
/// that was in its spool.
async fn all_are_in_the_store(stage: &Stage, calls: usize) {
    until("all calls are in the store", async || {
        let listed = stage.exec("server-2", &["calls", DOMAIN, "--json", "--limit", "100"]);
        serde_json::from_str::<Vec<serde_json::Value>>(&listed).unwrap().len() == calls
    })
    .await;
}

/// A check that cannot fail is none. Without servers the proxy is not well either.
async fn health_checks_see_who_is_gone(stage: &mut Stage) {
    assert!(stage.is_healthy("proxy"));
    stage.kill("server-1");
    until("the proxy is unhealthy", async || !stage.is_healthy("proxy")).await;
    for name in ["redis", "mysql"] {
        assert!(stage.is_healthy(name), "{name}");
        stage.kill(name);
        until("it is unhealthy", async || !stage.is_healthy(name)).await;
    }
}

async fn until(what: &str, is_so: impl AsyncFn() -> bool) {
    let begun = Instant::now();
    while !is_so().await {
        assert!(begun.elapsed() < PATIENCE, "{what}: not in {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// `deploy/tls.yml` adds a second file to the proxy's: both are read, with a certificate in the place that they name.
#[test]
fn the_proxy_reads_its_configuration_for_tls() {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = (folder.path().join("certificate.pem"), folder.path().join("key.pem"));
    let made = std::process::Command::new(program("openssl", "openssl"))
        .args([
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=voice.example.com",
        ])
        .arg("-keyout")
        .arg(&key)
        .arg("-out")
        .arg(&certificate)
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let pem = folder.path().join("server.pem");
    let both = [std::fs::read(&certificate).unwrap(), std::fs::read(&key).unwrap()].concat();
    std::fs::write(&pem, both).unwrap();

    let service = &Compose::filled("deploy/tls.yml", &variables()).unwrap().services["proxy"];
    let main = &Compose::filled(MAIN, &variables()).unwrap().services["proxy"];
    assert!(service.command.starts_with(&main.command), "{:?}", service.command);
    let mut line = service.command.clone();
    for mount in main.volumes.iter().chain(&service.volumes) {
        let (source, target) = mount.split_once(':').unwrap();
        let target = target.trim_end_matches(":ro");
        let Some(source) = source.strip_prefix("./") else { continue };
        let text = crate::read(source).replace("/usr/local/etc/haproxy/server.pem", pem.to_str().unwrap());
        let file = folder.path().join(source.replace('/', "_"));
        std::fs::write(&file, text).unwrap();
        line.iter_mut().filter(|word| *word == target).for_each(|word| *word = file.display().to_string());
    }
    assert!(service.volumes.iter().any(|mount| mount.ends_with(":/usr/local/etc/haproxy/server.pem:ro")));
    let checked =
        std::process::Command::new(program("haproxy", "haproxy")).args(&line[1..]).arg("-c").output();
    let checked = checked.unwrap();
    assert!(checked.status.success(), "{line:?}: {}", String::from_utf8_lossy(&checked.stderr));
}
