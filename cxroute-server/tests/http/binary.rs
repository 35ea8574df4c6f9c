//! The binary itself: the demo's first call, and an orderly end on SIGTERM.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use crate::client::{Connection, PATIENCE, Request};

/// A server process; killed when dropped.
struct Running {
    process: Child,
    address: SocketAddr,
}

impl Running {
    /// Starts `serve` in `folder` and waits until it says where it listens.
    fn serve(folder: &Path, options: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cxroute-server"));
        command.args(["serve", "--listen", "127.0.0.1:0", "--log-format", "json"]).args(options);
        let mut process = command.current_dir(folder).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines().map_while(Result::ok);
        let address = lines.find_map(|line| {
            let (_, rest) = line.split_once(r#""address":""#)?;
            rest.split('"').next()?.parse().ok()
        });
        // Somebody has to read what it says, or it would wait for it.
        std::thread::spawn(move || lines.count());
        Self { process, address: address.expect("the server says where it listens") }
    }

    fn terminate(&self) {
        let id = self.process.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    }

    async fn ended(&mut self) -> ExitStatus {
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
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ended_already = self.process.kill();
        let _status = self.process.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_answers_the_first_call_and_ends_in_order_on_sigterm() {
    let folder = tempfile::tempdir().unwrap();
    for options in [&["--demo", "--store", "memory:"][..], &["--demo", "--store", "sqlite:cxroute.db"]] {
        let mut server = Running::serve(folder.path(), options);
        let address = server.address;
        let body = r#"{"Session":"0123456789abcdef0123456789abcdef","Domain":"demo.cloudonix.net",
            "From":"+12125550199","To":"+12125550100","Direction":"inbound","CallStatus":"in-progress"}"#;
        let call = Request::post("/api/voice/application/demo.cloudonix.net", body).key("demo-key");
        let answer = call.send(address).await;
        assert!(answer.document().descendants().any(|node| node.has_tag_name("Dial")), "{answer:?}");
        assert!(answer.text().contains(&format!("http://{address}/api/voice/dial/")), "{answer:?}");
        let mut idle = Connection::open(address).await;
        idle.write(&Request::new("GET", "/readyz").bytes()).await;
        assert_eq!(idle.reply().await.unwrap().status, 200);
        server.terminate();
        let ended = server.ended().await;
        assert!(ended.success(), "{options:?}: {ended}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_is_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let options = ["--demo", "--store", "sqlite:cxroute.db"];
    let call = |session: &str| {
        let body = format!(r#"{{"Session":"{session}","To":"+12125550100","Direction":"inbound"}}"#);
        Request::post("/api/voice/application/demo.cloudonix.net", body).key("demo-key")
    };
    let options = [&options[..], &["--public-url", "https://cx.example.com"]].concat();
    let server = Running::serve(folder.path(), &options);
    let mut answers = Vec::new();
    for number in 0..20 {
        let session = format!("{number:032x}");
        answers.push((call(&session).send(server.address).await, session));
    }
    // Killed, not asked.
    drop(server);
    let server = Running::serve(folder.path(), &options);
    for (answer, session) in answers {
        assert_eq!(call(&session).send(server.address).await.body, answer.body, "{session}");
    }
}

#[test]
fn a_public_address_without_a_proxy_is_refused_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_cxroute-server"));
    let command = command.args(["serve", "--store", "memory:", "--listen", "0.0.0.0:0"]);
    let output = command.current_dir(folder.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("--behind-proxy") && said.contains("CXROUTE_BEHIND_PROXY"), "{said}");
}
