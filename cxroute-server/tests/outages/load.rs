//! Calls that are played over both servers while something happens to them, and what they saw: each webhook goes to any
//! server, copies to the other one, and what a server leaves without an answer goes to the other at once.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use crate::simulation::{Line, MISSES, Simulation, dials};
use crate::stall::Stall;
use crate::world::World;

/// The tenants that are called: load-balanced, in turns, and by priority with caps and fallbacks.
pub(crate) const DOMAINS: [&str; 3] = ["level.cloudonix.net", "turns.cloudonix.net", "chain.cloudonix.net"];

/// Calls that each tenant gets in a second. One of a debug build takes ten times as long.
pub(crate) fn rate() -> u64 {
    if std::env::var_os("CXROUTE_SERVER_BIN").is_some() { 8 } else { 4 }
}

/// Calls that are being played.
pub(crate) struct Load {
    name: &'static str,
    simulations: Vec<Simulation>,
    stall: Stall,
}

/// What they saw.
pub(crate) struct Seen {
    name: &'static str,
    pub(crate) waits: Waits,
    /// How long the machine let a thread wait meanwhile.
    stall: Duration,
    /// By tenant, in the order of [`DOMAINS`].
    pub(crate) calls: Vec<Calls>,
}

/// What calls of one tenant saw.
pub(crate) struct Calls {
    pub(crate) report: Value,
    pub(crate) lines: Vec<Line>,
    pub(crate) told: Vec<Told>,
}

/// What calls waited for, as the simulator counts it: answers to voice requests and dial results, copies included.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub(crate) struct Waits {
    pub(crate) asked: u64,
    pub(crate) answered: u64,
    /// Those that came after 500 ms, or never.
    pub(crate) late: u64,
    pub(crate) failed_over: u64,
    pub(crate) slowest_ms: f64,
}

/// One call with everything that was sent.
#[derive(Debug, Deserialize)]
pub(crate) struct Told {
    pub(crate) session_token: String,
    pub(crate) documents: Vec<Document>,
    pub(crate) webhooks: Vec<Hook>,
    pub(crate) violations: Vec<Violation>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Document {
    pub(crate) cxml: String,
}

/// One webhook as it was sent.
#[derive(Debug, Deserialize)]
pub(crate) struct Hook {
    pub(crate) kind: String,
    pub(crate) copy: Option<String>,
    pub(crate) sent_ms: f64,
    pub(crate) waited_ms: f64,
    pub(crate) status: Option<u16>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Violation {
    pub(crate) kind: String,
    pub(crate) detail: String,
}

impl Hook {
    /// Whether a call waits for its answer.
    pub(crate) fn asks(&self) -> bool {
        self.kind == "voice" || self.kind == "dial"
    }
}

impl World {
    /// Begins to play calls for so long, of all tenants.
    pub(crate) fn load(&mut self, name: &'static str, seconds: u64) -> Load {
        let calls = (rate() * seconds).to_string();
        let rate = rate().to_string();
        // A call lives for some seconds of these in a fraction of one, so that some are under way whatever happens.
        let more = ["--calls", &calls, "--rate", &rate, "--speed", "20", "--talk-seconds", "10"];
        self.play(name, [&more; 3])
    }

    /// Begins to play calls by these options, for each tenant.
    pub(crate) fn play(&mut self, name: &'static str, options: [&[&str]; 3]) -> Load {
        let (folder, seed) = (self.path().join(name), self.seed());
        std::fs::create_dir(&folder).unwrap();
        let [one, other] = self.addresses();
        let also = format!("http://{other}");
        let both = ["--also", &also, "--failover", "--keep-going=60"];
        let start = |(domain, options): (&'static str, &[&str])| {
            // The first two are a rate.
            let line = [&both[..], &MISSES[2..], options].concat();
            Simulation::launch(&folder, one, domain, seed, &line)
        };
        let simulations = DOMAINS.into_iter().zip(options).map(start).collect();
        Load { name, simulations, stall: Stall::watch() }
    }
}

impl Load {
    /// Waits until all calls are over; prints and gives what they saw.
    pub(crate) async fn end(self) -> Seen {
        tokio::task::spawn_blocking(move || self.gather()).await.unwrap()
    }

    fn gather(self) -> Seen {
        let calls: Vec<Calls> = self.simulations.into_iter().map(Calls::of).collect();
        let mut waits = Waits::default();
        for of in calls.iter().map(|calls| Waits::deserialize(&calls.report["waits"]).unwrap()) {
            waits.asked += of.asked;
            waits.answered += of.answered;
            waits.late += of.late;
            waits.failed_over += of.failed_over;
            waits.slowest_ms = waits.slowest_ms.max(of.slowest_ms);
        }
        let seen = Seen { name: self.name, waits, stall: self.stall.worst(), calls };
        println!("{seen}");
        seen
    }
}

impl Calls {
    fn of(mut simulation: Simulation) -> Self {
        let report = simulation.ended();
        let log = std::fs::read_to_string(&simulation.log).unwrap();
        let told = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(report["calls"]["unfinished"], 0, "{report:#}");
        Self { report, lines: simulation.lines(), told }
    }
}

impl Seen {
    /// Whom each tenant's calls dialled, and how often.
    pub(crate) fn dials(&self) -> Vec<BTreeMap<String, u64>> {
        self.calls.iter().map(|calls| dials(&calls.lines)).collect()
    }

    /// All violations but those of the deadline, which [`Waits`] counts.
    pub(crate) fn violations(&self) -> impl Iterator<Item = &Violation> {
        let told = self.calls.iter().flat_map(|calls| &calls.told);
        told.flat_map(|told| &told.violations).filter(|violation| violation.kind != "deadline")
    }

    /// Every voice request and dial result was answered with valid CXML in time: within 500 ms, or as the machine did
    /// while nothing was wrong, which is said.
    ///
    /// What was not so, in words.
    #[must_use]
    pub(crate) fn faults(&self, control: &Self, excused: &[Excuse]) -> Vec<String> {
        let (waits, promised, mut faults) = (&self.waits, 500.0, Vec::new());
        if waits.answered != waits.asked {
            faults.push(format!("{}: {} of {} answers", self.name, waits.answered, waits.asked));
        }
        let limit = control.waits.slowest_ms.max(promised);
        if limit > promised {
            println!(
                "THE MACHINE IS TOO SLOW: with nothing wrong an answer took {limit:.0} ms, which is allowed here"
            );
        }
        if waits.slowest_ms > limit {
            let (late, slowest) = (waits.late, waits.slowest_ms);
            faults
                .push(format!("{}: {late} answers after 500 ms, the slowest after {slowest:.0}", self.name));
        }
        let wrong: Vec<&Violation> = self
            .violations()
            .filter(|violation| !excused.iter().any(|excuse| excuse.covers(violation)))
            .collect();
        let mut kinds: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for Violation { kind, detail } in wrong {
            kinds.entry(kind).or_default().push(detail);
        }
        for (kind, details) in kinds {
            let (count, some) = (details.len(), &details[..details.len().min(3)]);
            faults.push(format!("{}: {count} times {kind}, such as {some:#?}", self.name));
        }
        faults
    }
}

/// What may go wrong, since nobody can help it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Excuse {
    /// While the store is away a copy cannot be told from a first that another server took.
    CopiesUnknown,
    /// What neither store nor spool can keep is refused; a call is answered all the same.
    Refused,
}

impl Excuse {
    fn covers(self, violation: &Violation) -> bool {
        match self {
            Self::CopiesUnknown => violation.kind == "duplicate_not_recognised",
            Self::Refused => {
                violation.kind == "server_error" && violation.detail.starts_with("POST /api/voice/session/")
            }
        }
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Waits { asked, answered, late, failed_over, slowest_ms } = self.waits;
        let calls: usize = self.calls.iter().map(|calls| calls.lines.len()).sum();
        write!(
            f,
            "{}: {calls} calls, {answered} of {asked} answers, the slowest after {slowest_ms:.0} ms, ",
            self.name
        )?;
        write!(f, "{late} after more than 500 ms, {failed_over} at the other server; ")?;
        let mut kinds: BTreeMap<&str, u64> = BTreeMap::new();
        self.violations().for_each(|violation| *kinds.entry(&violation.kind).or_default() += 1);
        write!(
            f,
            "violations {kinds:?}; the machine itself stalled for {:.0} ms",
            self.stall.as_secs_f64() * 1e3
        )
    }
}
