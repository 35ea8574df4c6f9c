//! An agent's health: failures in a row hold it back, then one call at a time probes it, three successes release it.
//!
//! While an agent is held back only the results of its probes count: a call that was already on its way, or that was
//! sent because nobody else was left (fail open), says nothing about the cool-down, and a late result releases nothing
//! that is not its own.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::call::AttemptName;
use crate::config::HealthSettings;
use crate::time::Timestamp;

/// So many successful probes release an agent.
pub const SUCCESSES_TO_RELEASE: u32 = 3;

/// A probe that says nothing for this long no longer keeps the next one away. Its result counts whenever it comes.
pub const PROBE_LEASE: Duration = Duration::from_secs(120);

/// What an ended attempt says about its agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HealthSign {
    /// It answered.
    Answered,
    /// It failed or did not answer.
    Failed,
    /// It was busy, the caller gave up, or nobody knows: no sign at all.
    Neutral,
}

/// An agent's health, across all groups.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// Takes calls; so many failures in a row so far.
    Fit {
        /// Failures since the last answer.
        failures: u32,
    },
    /// Held back.
    Held {
        /// Which cool-down this is: an attempt that probed during another one says nothing here.
        episode: u32,
        /// No probe before this.
        until: Timestamp,
        /// Successful probes since the last failed one.
        successes: u32,
        /// The probe on its way, and until when it keeps the next one away.
        probe: Option<(AttemptName, Timestamp)>,
    },
}

impl Default for Health {
    fn default() -> Self {
        Self::Fit { failures: 0 }
    }
}

/// Whether health lets an agent be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fitness {
    /// Like anyone.
    Fit,
    /// Yes, as the probe of this episode.
    Probe(u32),
    /// Not before this.
    CoolingDown(Timestamp),
    /// Not while this probe is on its way.
    Probing,
}

impl Health {
    /// Whether the agent can be chosen at `now`.
    pub fn fitness(&self, now: Timestamp) -> Fitness {
        match self {
            Self::Fit { .. } => Fitness::Fit,
            Self::Held { until, .. } if now < *until => Fitness::CoolingDown(*until),
            Self::Held { probe: Some((_, lease)), .. } if now < *lease => Fitness::Probing,
            Self::Held { episode, .. } => Fitness::Probe(*episode),
        }
    }

    /// Whether the agent takes calls without restriction.
    pub const fn is_fit(&self) -> bool {
        matches!(self, Self::Fit { .. })
    }

    /// Sends `attempt` as the probe.
    pub fn send_probe(&mut self, attempt: AttemptName, now: Timestamp) {
        if let Self::Held { probe, .. } = self {
            *probe = Some((attempt, now.after(PROBE_LEASE)));
        }
    }

    /// `attempt` was never made: if it was the probe, it no longer keeps the next one away.
    pub fn recall_probe(&mut self, attempt: &AttemptName) {
        if let Self::Held { probe, .. } = self
            && probe.as_ref().is_some_and(|(owner, _)| owner == attempt)
        {
            *probe = None;
        }
    }

    /// Takes the sign of an ended attempt, which probed in `probed` if it was a probe. `episodes` counts the cool-downs
    /// that an agent has begun.
    pub fn observe(
        &mut self,
        sign: HealthSign,
        attempt: &AttemptName,
        probed: Option<u32>,
        settings: HealthSettings,
        episodes: &mut u32,
        now: Timestamp,
    ) {
        let cooldown = Duration::from_secs(settings.cooldown_seconds.into());
        match self {
            Self::Fit { failures } => match sign {
                HealthSign::Answered => *failures = 0,
                HealthSign::Neutral => {}
                HealthSign::Failed => {
                    *failures += 1;
                    if *failures >= settings.max_consecutive_failures {
                        *episodes += 1;
                        let until = now.after(cooldown);
                        *self = Self::Held { episode: *episodes, until, successes: 0, probe: None };
                    }
                }
            },
            Self::Held { episode, until, successes, probe } if probed == Some(*episode) => {
                if probe.as_ref().is_some_and(|(owner, _)| owner == attempt) {
                    *probe = None;
                }
                match sign {
                    HealthSign::Neutral => {}
                    HealthSign::Failed => {
                        // Probes that were sent before this are late from now on: they say nothing of the new cool-down.
                        *episodes += 1;
                        (*episode, *until, *successes) = (*episodes, now.after(cooldown), 0);
                    }
                    HealthSign::Answered => {
                        *successes += 1;
                        if *successes >= SUCCESSES_TO_RELEASE {
                            *self = Self::Fit { failures: 0 };
                        }
                    }
                }
            }
            Self::Held { .. } => {}
        }
    }
}
