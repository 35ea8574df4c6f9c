//! What became of cxroute's calls, as `/metrics` counts it: whether they were in the database when they were answered.

use std::fmt;
use std::net::SocketAddr;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};

use crate::http;

/// A server reads its committer's counts every second.
const COUNTED: Duration = Duration::from_millis(1_500);

/// A spool that takes longer to drain than this is not drained at all.
const DRAINING_LIMIT: Duration = Duration::from_secs(120);

/// Waits until a server's spool is empty: how long that took, nothing if it was at the first look.
pub(super) fn settle(server: SocketAddr) -> anyhow::Result<Duration> {
    let since = Instant::now();
    sleep(COUNTED);
    let mut took = Duration::ZERO;
    while counted(&page(server)?, "cxroute_spool_signals")? > 0.0 {
        took = since.elapsed();
        ensure!(took < DRAINING_LIMIT, "the spool did not drain within {DRAINING_LIMIT:?}");
        sleep(Duration::from_millis(250));
    }
    Ok(took)
}

fn page(server: SocketAddr) -> anyhow::Result<String> {
    let answer = http::get(server, "/metrics")?;
    ensure!(answer.status == 200, "expected /metrics to answer 200, got {answer:?}");
    Ok(answer.body)
}

fn counted(page: &str, series: &str) -> anyhow::Result<f64> {
    let count = page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    let count = count.with_context(|| format!("expected a series {series} in /metrics"))?;
    count.parse().with_context(|| format!("{series} is no number: {count:?}"))
}

/// Counts since the server's start, or of a span.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Fates {
    batches: f64,
    stored: f64,
    spooled: f64,
    drained: f64,
    refused: f64,
    late: f64,
}

impl Fates {
    /// Asks a server, when it has counted what it did last.
    pub(super) fn read(server: SocketAddr) -> anyhow::Result<Self> {
        sleep(COUNTED);
        Self::parse(&page(server)?)
    }

    fn parse(text: &str) -> anyhow::Result<Self> {
        let count = |series: &str| counted(text, series);
        let signals = |fate: &str| count(&format!("cxroute_signals_total{{fate=\"{fate}\"}}"));
        Ok(Self {
            batches: count("cxroute_commit_batches_total")?,
            stored: signals("stored")?,
            spooled: signals("spooled")?,
            drained: signals("drained")?,
            refused: signals("refused")?,
            late: count("cxroute_late_answers_total")?,
        })
    }

    /// What has happened since `then`.
    pub(super) fn since(&self, then: &Self) -> Self {
        Self {
            batches: self.batches - then.batches,
            stored: self.stored - then.stored,
            spooled: self.spooled - then.spooled,
            drained: self.drained - then.drained,
            refused: self.refused - then.refused,
            late: self.late - then.late,
        }
    }
}

impl fmt::Display for Fates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { batches, stored, spooled, drained, refused, late } = self;
        write!(
            f,
            "{stored} stored before their answer by {batches} transactions, {spooled} spooled ({drained} drained), \
             {refused} kept nowhere; {late} answers at the deadline"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "# TYPE cxroute_signals_total counter\n\
        cxroute_signals_total{fate=\"stored\"} 900\ncxroute_signals_total{fate=\"spooled\"} 100\n\
        cxroute_signals_total{fate=\"drained\"} 40\ncxroute_signals_total{fate=\"refused\"} 0\n\
        cxroute_commit_batches_total 50\ncxroute_late_answers_total 3\n";

    #[test]
    fn fates_are_read_from_the_metrics_and_told_apart_from_those_before() {
        let first = Fates::parse(PAGE).unwrap();
        let second = Fates::parse(&PAGE.replace("900", "950").replace("total 50", "total 60")).unwrap();
        let between = second.since(&first);
        assert_eq!((between.stored, between.spooled, between.batches), (50.0, 0.0, 10.0));
        let said = first.to_string();
        assert!(
            said.starts_with("900 stored before their answer by 50 transactions, 100 spooled (40 drained)"),
            "{said}"
        );
        assert!(said.ends_with("0 kept nowhere; 3 answers at the deadline"), "{said}");
    }

    #[test]
    fn a_page_without_a_series_is_refused_with_its_name() {
        let refusal = Fates::parse("cxroute_commit_batches_total 50\n").unwrap_err().to_string();
        assert!(refusal.contains("cxroute_signals_total{fate=\"stored\"}"), "{refusal}");
    }
}
