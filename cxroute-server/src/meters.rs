//! What the server counts: handles made once at the start, so that counting costs an addition and no look-up.
//!
//! No label takes a value from a request: there is one series per end point, class or reason, however many tenants
//! call. The names are part of what operators build on; a changed one belongs into the changelog.

use std::time::Duration;

use cxroute_core::engine::{Durability, Refused};
use metrics::{
    Counter, Gauge, Histogram, Unit, counter, describe_counter, describe_gauge, describe_histogram,
};
use metrics_exporter_prometheus::{BuildError, PrometheusBuilder, PrometheusHandle};

use crate::http::Endpoint;

/// Upper bounds of the latency histogram's buckets, in seconds.
const LATENCIES: [f64; 12] = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0];

/// Why a webhook was answered 401.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Reason {
    NoCredential,
    WrongCredential,
    WrongSignature,
    UnknownDomain,
    /// Header or body name another domain than the path.
    OtherDomain,
}

impl Reason {
    const ALL: [Self; 5] = [
        Self::NoCredential,
        Self::WrongCredential,
        Self::WrongSignature,
        Self::UnknownDomain,
        Self::OtherDomain,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::NoCredential => "no_credential",
            Self::WrongCredential => "wrong_credential",
            Self::WrongSignature => "wrong_signature",
            Self::UnknownDomain => "unknown_domain",
            Self::OtherDomain => "other_domain",
        }
    }
}

impl From<Refused> for Reason {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::NoCredential => Self::NoCredential,
            Refused::WrongCredential => Self::WrongCredential,
            Refused::WrongSignature => Self::WrongSignature,
        }
    }
}

/// Everything that is counted.
pub(crate) struct Meters {
    handle: PrometheusHandle,
    requests: [[Counter; 5]; Endpoint::ALL.len()],
    latencies: [Histogram; Endpoint::ALL.len()],
    decisions: [Counter; 4],
    unauthorized: [Counter; Reason::ALL.len()],
    /// Voice requests and dial results that were answered before their decision was made.
    pub(crate) late: Counter,
    /// Panics while a webhook was worked on.
    pub(crate) panics: Counter,
    /// Bodies that stalled, and bodies that broke off.
    pub(crate) stalled: Counter,
    pub(crate) broken: Counter,
    /// Snapshots that were replaced because a configuration changed.
    pub(crate) refreshed: Counter,
    pub(crate) refresh_failures: Counter,
    /// Rows that the store's upkeep deleted.
    pub(crate) trimmed: Counter,
    /// Events that this server published.
    pub(crate) events: Counter,
    pub(crate) connections: Gauge,
    pub(crate) tls_failures: Counter,
    pub(crate) spool_signals: Gauge,
    pub(crate) spool_bytes: Gauge,
    pub(crate) spool_set_aside: Gauge,
    /// What the committer has done.
    pub(crate) batches: Counter,
    pub(crate) stored: Counter,
    pub(crate) spooled: Counter,
    pub(crate) drained: Counter,
    pub(crate) refused: Counter,
}

impl Meters {
    /// Registers everything with a recorder of its own: two servers in one process do not mix.
    pub(crate) fn new() -> Result<Self, BuildError> {
        let recorder = PrometheusBuilder::new().set_buckets(&LATENCIES)?.build_recorder();
        let handle = recorder.handle();
        Ok(metrics::with_local_recorder(&recorder, || {
            describe();
            Self::registered(handle)
        }))
    }

    fn registered(handle: PrometheusHandle) -> Self {
        let signals = |fate: &'static str| counter!("cxroute_signals_total", "fate" => fate);
        let bodies = |end: &'static str| counter!("cxroute_incomplete_bodies_total", "end" => end);
        let spool = |name: &'static str| metrics::gauge!(name);
        Self {
            handle,
            requests: Endpoint::ALL.map(requests_of),
            latencies: Endpoint::ALL.map(
                |endpoint| metrics::histogram!("cxroute_request_seconds", "endpoint" => endpoint.name()),
            ),
            decisions: ["stored", "duplicate", "spooled", "not_durable"]
                .map(|durability| counter!("cxroute_decisions_total", "durability" => durability)),
            unauthorized: Reason::ALL
                .map(|reason| counter!("cxroute_unauthorized_total", "reason" => reason.name())),
            late: counter!("cxroute_late_answers_total"),
            panics: counter!("cxroute_panics_total"),
            stalled: bodies("stalled"),
            broken: bodies("broken"),
            refreshed: counter!("cxroute_snapshots_refreshed_total"),
            refresh_failures: counter!("cxroute_refresh_failures_total"),
            trimmed: counter!("cxroute_trimmed_rows_total"),
            events: counter!("cxroute_events_published_total"),
            connections: metrics::gauge!("cxroute_connections"),
            tls_failures: counter!("cxroute_tls_handshake_failures_total"),
            spool_signals: spool("cxroute_spool_signals"),
            spool_bytes: spool("cxroute_spool_bytes"),
            spool_set_aside: spool("cxroute_spool_set_aside"),
            batches: counter!("cxroute_commit_batches_total"),
            stored: signals("stored"),
            spooled: signals("spooled"),
            drained: signals("drained"),
            refused: signals("refused"),
        }
    }

    /// A webhook was answered with `status`, so long after its last byte.
    pub(crate) fn answered(&self, endpoint: Endpoint, status: http::StatusCode, after: Duration) {
        let class = usize::from(status.as_u16() / 100).clamp(1, 5) - 1;
        self.requests[endpoint as usize][class].increment(1);
        self.latencies[endpoint as usize].record(after.as_secs_f64());
    }

    /// A voice request or dial result was decided.
    pub(crate) fn decided(&self, durability: Durability) {
        let at = match durability {
            Durability::Stored => 0,
            Durability::Duplicate => 1,
            Durability::Spooled => 2,
            Durability::NotDurable => 3,
        };
        self.decisions[at].increment(1);
    }

    /// A webhook was refused.
    pub(crate) fn unauthorized(&self, reason: Reason) {
        self.unauthorized[reason as usize].increment(1);
    }

    /// Everything in Prometheus's text format.
    pub(crate) fn render(&self) -> String {
        self.handle.render()
    }

    /// Folds recorded latencies into their buckets; without it they pile up.
    pub(crate) fn fold(&self) {
        self.handle.run_upkeep();
    }
}

fn requests_of(endpoint: Endpoint) -> [Counter; 5] {
    ["1xx", "2xx", "3xx", "4xx", "5xx"]
        .map(|class| counter!("cxroute_requests_total", "endpoint" => endpoint.name(), "status" => class))
}

fn describe() {
    describe_counter!("cxroute_requests_total", "Webhooks answered, by end point and class of status");
    describe_histogram!("cxroute_request_seconds", Unit::Seconds, "From a webhook's last byte to its answer");
    describe_counter!("cxroute_decisions_total", "Voice requests and dial results decided, by durability");
    describe_counter!("cxroute_unauthorized_total", "Webhooks answered 401, by reason");
    describe_counter!("cxroute_late_answers_total", "Calls answered at the deadline, before their decision");
    describe_counter!("cxroute_panics_total", "Panics while a webhook was worked on");
    describe_counter!("cxroute_incomplete_bodies_total", "Bodies that stalled or broke off");
    describe_counter!("cxroute_snapshots_refreshed_total", "Configurations that were loaded again");
    describe_counter!("cxroute_refresh_failures_total", "Polls of the configurations that the store failed");
    describe_counter!(
        "cxroute_trimmed_rows_total",
        "Calls, receipts and other rows that the store's upkeep deleted"
    );
    describe_counter!("cxroute_events_published_total", "Events that this server published");
    describe_gauge!("cxroute_connections", "Open connections");
    describe_counter!("cxroute_tls_handshake_failures_total", "TLS handshakes that failed or took too long");
    describe_gauge!("cxroute_spool_signals", "Signals that wait in the spool");
    describe_gauge!("cxroute_spool_bytes", "Bytes that wait in the spool");
    describe_gauge!("cxroute_spool_set_aside", "Signals that the store refuses for their own sake");
    describe_counter!("cxroute_commit_batches_total", "Transactions of the group commit");
    describe_counter!("cxroute_signals_total", "Signals by what became of them");
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;

    #[test]
    fn what_is_counted_is_rendered_under_its_own_labels() {
        let meters = Meters::new().unwrap();
        for (at, endpoint) in Endpoint::ALL.into_iter().enumerate() {
            assert_eq!(endpoint as usize, at);
            meters.answered(endpoint, StatusCode::OK, Duration::from_millis(3));
        }
        meters.answered(Endpoint::Cdr, StatusCode::SERVICE_UNAVAILABLE, Duration::from_millis(3));
        for (at, reason) in Reason::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, at);
            meters.unauthorized(reason);
        }
        meters.decided(Durability::NotDurable);
        let text = meters.render();
        for line in [
            r#"cxroute_requests_total{endpoint="voice",status="2xx"} 1"#,
            r#"cxroute_requests_total{endpoint="cdr",status="5xx"} 1"#,
            r#"cxroute_request_seconds_bucket{endpoint="dial",le="0.005"} 1"#,
            r#"cxroute_request_seconds_bucket{endpoint="dial",le="0.002"} 0"#,
            r#"cxroute_unauthorized_total{reason="unknown_domain"} 1"#,
            r#"cxroute_decisions_total{durability="not_durable"} 1"#,
            r#"cxroute_decisions_total{durability="stored"} 0"#,
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
    }

    #[test]
    fn two_servers_do_not_mix() {
        let (one, two) = (Meters::new().unwrap(), Meters::new().unwrap());
        one.panics.increment(1);
        assert!(two.render().contains("cxroute_panics_total 0"));
    }
}
