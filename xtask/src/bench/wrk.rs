//! The load generator of the webhook benches: wrk with one script, and one call by hand that says whether a server routes.

use std::fmt;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context as _, ensure};
use xshell::{Shell, cmd};

use super::plan::Plan;
use crate::http;

const SCRIPT: &str = include_str!("../../peers/wrk/webhook.lua");
/// The tenant that is called.
pub(super) const DOMAIN: &str = "bench.cloudonix.net";
/// Its webhook key.
pub(super) const KEY: &str = "bench-key";

/// What a webhook looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// A form of five fields, which every peer can read.
    Form,
    /// What Cloudonix really sends: a JSON body and its headers.
    Json,
}

/// How a turn is driven.
#[derive(Clone, Copy, Debug)]
pub(super) struct Drive {
    pub(super) shape: Shape,
    pub(super) connections: u32,
    /// Requests a second at a steady rate; as many as it takes when absent.
    pub(super) rate: Option<f64>,
    pub(super) seconds: u32,
}

/// wrk, its script and its numbers; every turn's sessions are its own.
pub(super) struct Load<'a> {
    sh: &'a Shell,
    folder: &'a Path,
    turn: u32,
}

impl<'a> Load<'a> {
    /// Writes what wrk reads into `folder`.
    pub(super) fn new(sh: &'a Shell, folder: &'a Path, plan: &Plan) -> anyhow::Result<Self> {
        fs::write(folder.join("numbers"), plan.numbers())?;
        fs::write(folder.join("webhook.lua"), SCRIPT)?;
        Ok(Self { sh, folder, turn: 0 })
    }

    pub(super) fn drive(&mut self, server: SocketAddr, drive: Drive) -> anyhow::Result<Turn> {
        self.turn += 1;
        let tag = format!("{:024x}", self.turn);
        let (script, numbers) = (self.folder.join("webhook.lua"), self.folder.join("numbers"));
        let (url, seconds) = (format!("http://{server}"), format!("{}s", drive.seconds));
        let connections = drive.connections.to_string();
        let shape = match drive.shape {
            Shape::Form => "form",
            Shape::Json => "json",
        };
        let rate = drive.rate.map(|rate| format!("{rate:.1}"));
        let output = cmd!(
            self.sh,
            "wrk -t1 -c{connections} -d{seconds} -s {script} {url} -- {numbers} {shape} {DOMAIN} {KEY} {tag} {rate...}"
        );
        Turn::parse(&output.quiet().read()?)
    }
}

/// What wrk measured in one turn. Its quantiles count, for an answer that took longer than usual, those that its
/// connection would have had meanwhile.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Turn {
    pub(super) requests: f64,
    pub(super) per_second: f64,
    pub(super) p50_ms: f64,
    pub(super) p99_ms: f64,
    pub(super) p999_ms: f64,
    /// At a steady rate: the share of requests that were sent late, since no connection was free.
    pub(super) late: f64,
    /// By how much the latest one was late.
    pub(super) latest_ms: f64,
}

impl fmt::Display for Turn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { per_second, p50_ms, p99_ms, p999_ms, .. } = self;
        write!(
            f,
            "{per_second:8.0} requests/s   p50 {p50_ms:6.2} ms   p99 {p99_ms:6.2} ms   p99.9 {p999_ms:6.2} ms"
        )?;
        if self.late > 0.0 {
            write!(f, "   ({:.2} % sent late, by {:.0} ms at most)", self.late * 100.0, self.latest_ms)?;
        }
        Ok(())
    }
}

impl Turn {
    /// Reads the line that `webhook.lua` prints; any failed request spoils the turn.
    fn parse(output: &str) -> anyhow::Result<Self> {
        let line = output.lines().find_map(|line| line.strip_prefix("measured "));
        let line = line.with_context(|| format!("expected a line `measured …` from wrk, got {output:?}"))?;
        let figure = |name: &str| -> anyhow::Result<f64> {
            let field = line.split(' ').find_map(|field| field.strip_prefix(name)?.strip_prefix('='));
            let field = field.with_context(|| format!("no {name} in {line:?}"))?;
            field.parse().with_context(|| format!("{name} is no number in {line:?}"))
        };
        let requests = figure("requests")?;
        ensure!(figure("failed")? == 0.0, "requests failed: {line}");
        ensure!(requests > 0.0, "no request was answered: {line}");
        Ok(Self {
            requests,
            per_second: requests / figure("micros")? * 1e6,
            p50_ms: figure("p50")? / 1e3,
            p99_ms: figure("p99")? / 1e3,
            p999_ms: figure("p999")? / 1e3,
            late: figure("late")? / requests,
            latest_ms: figure("latest")? / 1e3,
        })
    }
}

/// A bench of servers that hang up on everybody would be fast and worthless.
pub(super) fn ensure_routes(who: &str, address: SocketAddr, plan: &Plan) -> anyhow::Result<()> {
    let answer = http::exchange(address, &call(plan))?;
    ensure!(
        answer.status == 200 && answer.body.contains("<Service"),
        "expected {who} to dial a Service for {}, got {answer:?}",
        plan.routed_number()
    );
    Ok(())
}

/// One call, as a form, to a number that a rule matches.
pub(super) fn call(plan: &Plan) -> Vec<u8> {
    let session = "f".repeat(32);
    let body = format!(
        "CallSid={session}&From=%2B12025550147&To={}&Session={session}&Domain={DOMAIN}",
        plan.routed_number()
    );
    format!(
        "POST /api/voice/application/{DOMAIN} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {KEY}\r\n\
         X-Cx-Session: {session}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_is_read_from_what_the_script_prints() {
        let turn = Turn::parse(
            "Running\nmeasured requests=1000 micros=500000 p50=400 p99=5000 p999=7500 late=10 latest=30000 failed=0\n",
        );
        let expected = Turn {
            requests: 1000.0,
            per_second: 2000.0,
            p50_ms: 0.4,
            p99_ms: 5.0,
            p999_ms: 7.5,
            late: 0.01,
            latest_ms: 30.0,
        };
        assert_eq!(turn.unwrap(), expected);
        assert!(expected.to_string().ends_with("(1.00 % sent late, by 30 ms at most)"), "{expected}");
    }

    #[test]
    fn a_turn_with_failed_requests_or_none_does_not_count() {
        for spoilt in [
            "measured requests=10 micros=5 p50=4 p99=5 p999=6 late=0 latest=0 failed=1",
            "measured requests=0 micros=5 p50=0 p99=0 p999=0 late=0 latest=0 failed=0",
            "nothing measured",
        ] {
            assert!(Turn::parse(spoilt).is_err(), "{spoilt}");
        }
    }
}
