//! `cargo xtask bench`: the speed table, row by row. Ratios within one run count, absolute times do not.

pub(crate) mod durable;
mod fates;
mod plan;
mod start;
mod webhook;
mod wrk;

use clap::{Args, ValueEnum};
use xshell::{Shell, cmd};

/// Options of `cargo xtask bench`.
#[derive(Args)]
pub(crate) struct Options {
    /// Which rows; all when absent
    rows: Vec<Row>,
    #[command(flatten)]
    turns: Turns,
}

/// How long the rows are measured whose sides take turns.
#[derive(Args, Clone, Copy)]
pub(crate) struct Turns {
    /// How often the sides take turns
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Seconds a turn
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,
}

/// A row of the speed table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
enum Row {
    /// One look-up among 100,000 and 1,000,000 rules, against the named crates
    RuleLookup,
    /// One changed rule among 1,000,000
    RuleChange,
    /// Payload to CXML in process, on in-memory adapters
    Decision,
    /// Payload to CXML over HTTP, against Kamailio in the same run
    Webhook,
    /// Payload to CXML over HTTP with MySQL and Redis, against a bare handler in the same run
    Durable,
    /// Time to readiness and idle memory
    Start,
}

/// Runs the chosen rows in the table's order.
pub(crate) fn run(sh: &Shell, options: &Options) -> anyhow::Result<()> {
    let chosen = |row: &&Row| options.rows.is_empty() || options.rows.contains(row);
    for row in Row::value_variants().iter().filter(chosen) {
        match row {
            Row::RuleLookup => core_bench(sh, "rule_lookup")?,
            Row::RuleChange => core_bench(sh, "rule_change")?,
            Row::Decision => core_bench(sh, "decision")?,
            Row::Webhook => webhook::run(sh, options.turns)?,
            Row::Durable => durable::run(sh, &durable::DurableOptions::of(options.turns))?,
            Row::Start => start::run(sh)?,
        }
    }
    Ok(())
}

fn core_bench(sh: &Shell, bench: &str) -> anyhow::Result<()> {
    Ok(cmd!(sh, "cargo bench --locked --package cxroute-core --bench {bench}").run()?)
}

/// Sorts `figures` and gives the middle one, of an even number the mean of the two middle ones; NaN of none.
fn median(figures: &mut [f64]) -> f64 {
    figures.sort_by(f64::total_cmp);
    match (figures.len(), figures.len() / 2) {
        (0, _) => f64::NAN,
        (count, middle) if count % 2 == 0 => f64::midpoint(figures[middle - 1], figures[middle]),
        (_, middle) => figures[middle],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle() {
        assert_eq!(median(&mut [3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&mut [4.0, 1.0, 2.0, 3.0]), 2.5);
        assert!(median(&mut []).is_nan());
    }
}
