//! What every call of a run has in common: the options, checked and ready to be drawn from.

use std::path::PathBuf;

use super::link::BaseUrl;
use super::number::NumberTemplate;
use super::options::{Direction, SimulateOptions};
use super::outcome::Outcome;
use super::random::Random;
use super::run::SimulateError;
use super::share::Share;

/// The plot that calls are drawn from.
#[derive(Clone, Debug)]
pub(super) struct Script {
    pub(super) seed: u64,
    pub(super) domain: String,
    pub(super) base: BaseUrl,
    pub(super) direction: Direction,
    pub(super) max_stages: u32,
    pub(super) cdr_first: Share,
    to: Vec<NumberTemplate>,
    from: Vec<NumberTemplate>,
    misses: [(Outcome, Share); 4],
    ring_seconds: f64,
    talk_seconds: f64,
}

impl Script {
    /// Checks the options against each other and reads the file of numbers; `seed` is used when they name none.
    pub(super) fn new(options: &SimulateOptions, seed: u64) -> Result<Self, SimulateError> {
        let misses = options.misses();
        let total: f64 = misses.iter().map(|(_, share)| share.as_fraction()).sum();
        if total > 1.0 + 1e-9 {
            return Err(SimulateError::Shares { percent: total * 100.0 });
        }
        Ok(Self {
            seed: options.seed.unwrap_or(seed),
            domain: options.domain.clone(),
            base: options.url.clone(),
            direction: options.direction,
            max_stages: options.max_stages,
            cdr_first: options.cdr_first,
            to: dialled(options)?,
            from: or_default(options.from.clone(), NumberTemplate::DEFAULT_FROM),
            misses,
            ring_seconds: options.ring_seconds,
            talk_seconds: options.talk_seconds,
        })
    }

    /// Who calls whom.
    pub(super) fn parties(&self, random: &mut Random) -> (String, String) {
        let mut draw = |numbers: &[NumberTemplate]| match random.pick(numbers).cloned() {
            Some(template) => template.fill(random),
            None => String::new(),
        };
        (draw(&self.from), draw(&self.to))
    }

    /// How the next dial of a call ends.
    pub(super) fn outcome(&self, random: &mut Random) -> Outcome {
        let mut point = random.fraction();
        for (outcome, share) in self.misses {
            if point < share.as_fraction() {
                return outcome;
            }
            point -= share.as_fraction();
        }
        Outcome::Completed
    }

    /// How long an answered dial rings, in milliseconds.
    pub(super) fn ring(&self, random: &mut Random) -> i64 {
        around(self.ring_seconds, random)
    }

    /// How long people talk, in milliseconds.
    pub(super) fn talk(&self, random: &mut Random) -> i64 {
        around(self.talk_seconds, random)
    }
}

/// From half to one and a half times the average.
fn around(seconds: f64, random: &mut Random) -> i64 {
    (seconds * 1000.0 * (0.5 + random.fraction())) as i64
}

fn dialled(options: &SimulateOptions) -> Result<Vec<NumberTemplate>, SimulateError> {
    let mut numbers = options.to.clone();
    if let Some(path) = &options.to_file {
        let file = |source| SimulateError::NumberFile { path: PathBuf::from(path), source };
        let text = std::fs::read_to_string(path).map_err(|error| file(Box::new(error)))?;
        numbers.extend(NumberTemplate::list(&text).map_err(|error| file(Box::new(error)))?);
    }
    Ok(or_default(numbers, NumberTemplate::DEFAULT_TO))
}

fn or_default(numbers: Vec<NumberTemplate>, default: &str) -> Vec<NumberTemplate> {
    if numbers.is_empty() { default.parse().into_iter().collect() } else { numbers }
}
