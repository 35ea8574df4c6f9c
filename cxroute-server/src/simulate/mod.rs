//! `cxroute-server simulate`: plays Cloudonix against a running server, and reports what a platform would complain of.
//!
//! It is the trial partner of users and the load generator of benches and crash tests, so it shares no code with what
//! it tries: webhooks are built from its own templates (`payload`), answers are read by a general XML parser
//! (`cxml`) and judged (`judge`) by what FACTS say a platform does. Each call is a state machine without input or
//! output (`call`); `play` moves it, [`run`] starts calls on their schedule, [`Report`] says what came of it.

mod call;
mod client;
mod cxml;
mod judge;
mod latency;
mod link;
mod log;
mod number;
mod options;
mod outcome;
mod payload;
mod play;
mod random;
mod report;
mod run;
mod script;
mod share;
mod tally;
mod trust;
mod violation;
mod vocabulary;
mod webhook;

pub use link::{BaseUrl, BaseUrlError};
pub use number::{NumberError, NumberTemplate};
pub use options::{Direction, Rate, SimulateOptions, Speed};
pub use report::{
    Attempts, Calls, Decision, Note, Percentiles, Report, ReportForm, Violations, Waits, Webhooks,
};
pub use run::{SimulateError, run, run_until};
pub use share::{Share, ShareError};
pub use violation::{Violation, ViolationKind};

#[cfg(test)]
mod tests;
