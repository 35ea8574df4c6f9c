//! The command line of `simulate`: every option, its default, and what it means.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, ValueEnum};
use secrecy::SecretString;

use super::link::BaseUrl;
use super::number::NumberTemplate;
use super::outcome::Outcome;
use super::report::ReportForm;
use super::share::Share;

/// What to simulate: a domain, a server, how many calls, and what happens to them.
///
/// Shares are `5%` or `0.05`. The secrets never print: they are [`SecretString`]s.
#[derive(Args, Clone, Debug)]
pub struct SimulateOptions {
    /// The Cloudonix domain whose calls are played.
    #[arg(value_name = "DOMAIN", value_parser = domain)]
    pub domain: String,
    /// The server under trial; action URLs with another host are sent here too, and noted.
    #[arg(long, default_value = BaseUrl::DEFAULT)]
    pub url: BaseUrl,
    /// Believes the certificates of these authorities (PEM), and no others, when --url is https (default: the public ones).
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// Another server of the same service; can be given several times. Webhooks go to any of them, and a copy to another
    /// one than the first.
    #[arg(long, value_name = "URL")]
    pub also: Vec<BaseUrl>,
    /// Sends a webhook that one server leaves without an answer to the next at once, as a proxy before them does.
    #[arg(long, requires = "also")]
    pub failover: bool,
    /// The webhook key, sent as `Authorization: Bearer`; without it no credential is sent.
    #[arg(long, env = "CXROUTE_WEBHOOK_KEY", hide_env_values = true, value_parser = secret)]
    pub key: Option<SecretString>,
    /// Signs every body: X-CX-Signature is its HMAC-SHA256 under this secret, in hexadecimal digits.
    #[arg(long, env = "CXROUTE_SIGNATURE_SECRET", hide_env_values = true, value_parser = secret)]
    pub signature_secret: Option<SecretString>,
    /// How many calls; 0: until interrupted.
    #[arg(long, default_value_t = 100)]
    pub calls: u64,
    /// Calls started per second, whatever the server does; 0: as fast as --concurrency allows.
    #[arg(long, default_value = "20")]
    pub rate: Rate,
    /// Calls at one time (default: 16 with --rate 0, else 4096).
    #[arg(long)]
    pub concurrency: Option<NonZeroUsize>,
    /// The share of dials that end busy.
    #[arg(long, default_value = "5%", value_name = "SHARE")]
    pub busy: Share,
    /// The share of dials that ring until their time-out.
    #[arg(long, default_value = "5%", value_name = "SHARE")]
    pub no_answer: Share,
    /// The share of dials that fail.
    #[arg(long, default_value = "0%", value_name = "SHARE")]
    pub failed: Share,
    /// The share of dials during which the caller hangs up.
    #[arg(long, default_value = "0%", value_name = "SHARE")]
    pub canceled: Share,
    /// The share of webhooks that are sent twice: at the same moment, at once after, or after the call.
    #[arg(long, default_value = "2%", value_name = "SHARE")]
    pub duplicates: Share,
    /// The share of session updates that come late, behind later webhooks.
    #[arg(long, default_value = "2%", value_name = "SHARE")]
    pub reorder: Share,
    /// The share of answered calls whose CDR comes before the dial result.
    #[arg(long, default_value = "2%", value_name = "SHARE")]
    pub cdr_first: Share,
    /// Whom calls dial; `#` is a random digit; can be given several times (default: +1234567890).
    #[arg(long, value_name = "NUMBER")]
    pub to: Vec<NumberTemplate>,
    /// More numbers to dial, one a line.
    #[arg(long, value_name = "FILE")]
    pub to_file: Option<PathBuf>,
    /// Who calls; `#` is a random digit; can be given several times (default: +1305555####).
    #[arg(long, value_name = "NUMBER")]
    pub from: Vec<NumberTemplate>,
    /// Where calls come from.
    #[arg(long, value_enum, default_value_t = Direction::Inbound)]
    pub direction: Direction,
    /// Makes a run repeatable, session tokens included (default: drawn, and reported).
    #[arg(long)]
    pub seed: Option<u64>,
    /// How fast a call's own time passes: `max` (no waiting) or a factor (1: real time).
    #[arg(long, default_value = "max")]
    pub speed: Speed,
    /// How long an answered dial rings on average, in seconds of the call's time.
    #[arg(long, default_value_t = 4.0, value_name = "SECONDS", value_parser = seconds)]
    pub ring_seconds: f64,
    /// How long people talk on average, in seconds of the call's time.
    #[arg(long, default_value_t = 30.0, value_name = "SECONDS", value_parser = seconds)]
    pub talk_seconds: f64,
    /// Repeats a webhook that got no answer, or a 5xx, with the same bytes for so long.
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, require_equals = true,
          default_missing_value = "60", value_parser = seconds)]
    pub keep_going: Option<f64>,
    /// How long one try waits for its answer, in seconds.
    #[arg(long, default_value_t = 10.0, value_name = "SECONDS", value_parser = seconds)]
    pub timeout: f64,
    /// The deadline of voice requests and dial results, in milliseconds; a later answer is a violation.
    #[arg(long, default_value_t = 500, value_name = "MS")]
    pub deadline_ms: u64,
    /// How many stages a call may have before it is called a loop.
    #[arg(long, default_value_t = 32, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub max_stages: u32,
    /// Writes one JSON line per call: what was sent, answered and expected; passwords are masked.
    #[arg(long, value_name = "FILE")]
    pub log: Option<PathBuf>,
    /// Prints the report as JSON.
    #[arg(long)]
    pub json: bool,
}

impl SimulateOptions {
    /// The command line's defaults for a domain.
    pub fn new(domain: impl Into<String>, url: BaseUrl) -> Self {
        let percent = |percent| Share::percent(percent).unwrap_or_default();
        Self {
            domain: domain.into(),
            url,
            ca: None,
            also: Vec::new(),
            failover: false,
            key: None,
            signature_secret: None,
            calls: 100,
            rate: Rate(20.0),
            concurrency: None,
            busy: percent(5.0),
            no_answer: percent(5.0),
            failed: Share::NONE,
            canceled: Share::NONE,
            duplicates: percent(2.0),
            reorder: percent(2.0),
            cdr_first: percent(2.0),
            to: Vec::new(),
            to_file: None,
            from: Vec::new(),
            direction: Direction::Inbound,
            seed: None,
            speed: Speed::Max,
            ring_seconds: 4.0,
            talk_seconds: 30.0,
            keep_going: None,
            timeout: 10.0,
            deadline_ms: 500,
            max_stages: 32,
            log: None,
            json: false,
        }
    }

    /// How the report is to be printed.
    pub fn report_form(&self) -> ReportForm {
        if self.json { ReportForm::Json } else { ReportForm::Text }
    }

    /// The servers under trial.
    pub(super) fn servers(&self) -> impl Iterator<Item = &BaseUrl> {
        std::iter::once(&self.url).chain(&self.also)
    }

    /// The share of each outcome of a dial that is not an answered one.
    pub(super) fn misses(&self) -> [(Outcome, Share); 4] {
        [
            (Outcome::Busy, self.busy),
            (Outcome::NoAnswer, self.no_answer),
            (Outcome::Failed, self.failed),
            (Outcome::Canceled, self.canceled),
        ]
    }

    /// How many calls may be played at one time.
    pub(super) fn concurrency(&self) -> usize {
        let unsaid = if self.rate.interval().is_some() { 4096 } else { 16 };
        self.concurrency.map_or(unsaid, NonZeroUsize::get)
    }
}

/// Calls started per second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate(f64);

impl Rate {
    /// As fast as the concurrency allows.
    pub const UNPACED: Self = Self(0.0);

    /// The time from one call to the next; `None` when calls are not paced.
    pub(super) fn interval(self) -> Option<Duration> {
        (self.0 > 0.0).then(|| Duration::from_secs_f64(1.0 / self.0))
    }
}

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let rate = text.parse().ok().filter(|rate| *rate == 0.0 || (0.001..=1e6).contains(rate));
        rate.map(Self).ok_or_else(|| "expected calls per second, 0.001 to 1000000, or 0 for no pacing".into())
    }
}

/// How fast a call's own time passes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Speed {
    /// Nothing waits: rings and talks take no time.
    Max,
    /// So many seconds of the call in one second of the clock.
    Factor(f64),
}

impl Speed {
    /// How long the clock runs while `span` of the call passes.
    pub(super) fn clock_time(self, span: Duration) -> Option<Duration> {
        match self {
            Self::Max => None,
            Self::Factor(factor) => Some(span.div_f64(factor)),
        }
    }
}

impl FromStr for Speed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "max" {
            return Ok(Self::Max);
        }
        let factor = text.parse().ok().filter(|factor| (0.01..=1e6).contains(factor));
        factor.map(Self::Factor).ok_or_else(|| "expected max, or a factor from 0.01 to 1000000".into())
    }
}

/// Where a call comes from (FACTS §1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Direction {
    /// From a trunk.
    Inbound,
    /// From a SIP subscriber.
    Subscriber,
    /// Started by REST.
    OutboundApi,
    /// Outbound.
    Outbound,
    /// From another application.
    Application,
}

impl Direction {
    /// The word of voice requests.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Inbound => "inbound",
            Self::Subscriber => "subscriber",
            Self::OutboundApi => "outbound-api",
            Self::Outbound => "outbound",
            Self::Application => "application",
        }
    }

    /// The word of session updates.
    pub(super) fn update_word(self) -> &'static str {
        match self {
            Self::Inbound => "incoming",
            Self::Application => "application",
            Self::Subscriber | Self::OutboundApi | Self::Outbound => "outgoing",
        }
    }

    /// The word of `X-Cx-Source`; only `SUBSCRIBER` has been captured, the others follow it.
    pub(super) fn source(self) -> &'static str {
        match self {
            Self::Inbound => "TRUNK",
            Self::Subscriber => "SUBSCRIBER",
            Self::OutboundApi => "OUTBOUND-API",
            Self::Outbound => "OUTBOUND",
            Self::Application => "APPLICATION",
        }
    }
}

fn secret(text: &str) -> Result<SecretString, String> {
    if text.is_empty() { Err("expected a secret, got nothing".to_owned()) } else { Ok(text.into()) }
}

fn domain(text: &str) -> Result<String, String> {
    let plain =
        !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'));
    let expected = "expected a Cloudonix domain such as name.cloudonix.net";
    if plain { Ok(text.to_owned()) } else { Err(expected.to_owned()) }
}

fn seconds(text: &str) -> Result<f64, String> {
    let seconds = text.parse().ok().filter(|seconds| (0.0..=86_400.0).contains(seconds));
    seconds.ok_or_else(|| "expected seconds, 0 to 86400".to_owned())
}

#[cfg(test)]
mod tests;
