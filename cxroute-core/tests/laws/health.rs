//! Health on its own: what holds an agent back, what releases it, and what must not.

use std::time::Duration;

use cxroute_core::call::AttemptName;
use cxroute_core::config::HealthSettings;
use cxroute_core::strategy::{Fitness, Health, HealthSign, PROBE_LEASE, SUCCESSES_TO_RELEASE};
use cxroute_core::time::Timestamp;

use crate::world::{START, at, token};

use HealthSign::{Answered, Failed, Neutral};

const SETTINGS: HealthSettings = HealthSettings { max_consecutive_failures: 3, cooldown_seconds: 60 };

/// An agent, a clock and a supply of attempts.
struct Agent {
    health: Health,
    episodes: u32,
    now: Timestamp,
    attempts: u16,
}

impl Agent {
    fn fit() -> Self {
        Self { health: Health::default(), episodes: 0, now: at(START), attempts: 0 }
    }

    fn held() -> Self {
        let mut agent = Self::fit();
        for _ in 0..3 {
            agent.call(Failed);
        }
        agent
    }

    fn name(&mut self) -> AttemptName {
        self.attempts += 1;
        AttemptName { token: token(1), number: self.attempts }
    }

    fn observe(&mut self, sign: HealthSign, attempt: &AttemptName, probed: Option<u32>) {
        self.health.observe(sign, attempt, probed, SETTINGS, &mut self.episodes, self.now);
    }

    /// An ordinary call that comes to this.
    fn call(&mut self, sign: HealthSign) {
        let name = self.name();
        self.observe(sign, &name, None);
    }

    /// Sends a probe, which must be allowed now.
    fn probe(&mut self) -> (AttemptName, Option<u32>) {
        let Fitness::Probe(episode) = self.fitness() else { panic!("no probe allowed: {:?}", self.health) };
        let name = self.name();
        self.health.send_probe(name.clone(), self.now);
        (name, Some(episode))
    }

    fn probed(&mut self, sign: HealthSign) {
        let (name, probed) = self.probe();
        self.observe(sign, &name, probed);
    }

    fn fitness(&self) -> Fitness {
        self.health.fitness(self.now)
    }

    fn wait(&mut self, seconds: u64) {
        self.now = self.now.after(Duration::from_secs(seconds));
    }
}

#[test]
fn failures_in_a_row_hold_an_agent_back_for_the_cool_down_and_not_a_second_less() {
    let mut agent = Agent::fit();
    agent.call(Failed);
    agent.call(Failed);
    assert_eq!(agent.fitness(), Fitness::Fit);
    agent.call(Failed);
    let until = at(START + 60_000);
    assert_eq!(agent.fitness(), Fitness::CoolingDown(until));
    assert!(!agent.health.is_fit());
    agent.now = at(START + 59_999);
    assert_eq!(agent.fitness(), Fitness::CoolingDown(until));
    agent.now = until;
    assert_eq!(agent.fitness(), Fitness::Probe(1));
}

#[test]
fn an_answer_clears_the_failures_and_busy_does_not() {
    let mut agent = Agent::fit();
    for sign in [Failed, Failed, Answered, Failed, Failed] {
        agent.call(sign);
    }
    assert_eq!(agent.health, Health::Fit { failures: 2 });
    agent.call(Neutral);
    assert_eq!(agent.health, Health::Fit { failures: 2 });
    agent.call(Failed);
    assert!(!agent.health.is_fit());
}

#[test]
fn one_success_does_not_reopen_fully_three_do() {
    let mut agent = Agent::held();
    agent.wait(60);
    for _ in 1..SUCCESSES_TO_RELEASE {
        agent.probed(Answered);
        assert!(matches!(agent.fitness(), Fitness::Probe(_)));
    }
    agent.probed(Answered);
    assert_eq!(agent.health, Health::Fit { failures: 0 });
}

#[test]
fn one_call_at_a_time_probes() {
    let mut agent = Agent::held();
    agent.wait(60);
    let (name, probed) = agent.probe();
    assert_eq!(agent.fitness(), Fitness::Probing);
    agent.observe(Answered, &name, probed);
    assert_eq!(agent.fitness(), Fitness::Probe(1));
}

#[test]
fn a_probe_that_says_nothing_keeps_the_next_away_until_its_lease_expires() {
    let mut agent = Agent::held();
    agent.wait(60);
    let (first, probed) = agent.probe();
    agent.wait(PROBE_LEASE.as_secs() - 1);
    assert_eq!(agent.fitness(), Fitness::Probing);
    agent.wait(1);
    let (second, _) = agent.probe();
    // The first result comes late: it counts, and the second probe still keeps the third away.
    agent.observe(Answered, &first, probed);
    assert_eq!(agent.fitness(), Fitness::Probing);
    agent.observe(Neutral, &second, probed);
    assert_eq!(agent.fitness(), Fitness::Probe(1));
    assert!(matches!(agent.health, Health::Held { successes: 1, .. }));
}

#[test]
fn busy_returns_the_lease_and_says_nothing_else() {
    let mut agent = Agent::held();
    agent.wait(60);
    agent.probed(Answered);
    agent.probed(Neutral);
    assert!(matches!(agent.health, Health::Held { successes: 1, probe: None, .. }));
    assert_eq!(agent.fitness(), Fitness::Probe(1));
}

#[test]
fn a_failed_probe_restarts_the_cool_down_and_its_successes_are_forgotten() {
    let mut agent = Agent::held();
    agent.wait(60);
    agent.probed(Answered);
    agent.probed(Answered);
    agent.probed(Failed);
    assert_eq!(agent.fitness(), Fitness::CoolingDown(at(START + 120_000)));
    agent.wait(60);
    agent.probed(Answered);
    assert!(!agent.health.is_fit());
}

#[test]
fn probes_of_an_earlier_cool_down_release_nothing_in_this_one() {
    let mut agent = Agent::held();
    agent.wait(60);
    let mut slow = Vec::new();
    for _ in 0..3 {
        slow.push(agent.probe());
        agent.wait(PROBE_LEASE.as_secs());
    }
    agent.probed(Failed);
    for (name, probed) in slow {
        agent.observe(Answered, &name, probed);
    }
    assert!(matches!(agent.fitness(), Fitness::CoolingDown(_)), "{:?}", agent.health);
}

#[test]
fn a_failed_probe_leaves_the_slot_to_the_probe_that_holds_it() {
    let mut agent = Agent::held();
    agent.wait(60);
    let (first, probed) = agent.probe();
    agent.wait(PROBE_LEASE.as_secs());
    let (second, _) = agent.probe();
    agent.observe(Failed, &first, probed);
    agent.wait(60);
    assert_eq!(agent.fitness(), Fitness::Probing);
    // It was sent in the cool-down before: it gives nothing back here, its lease runs out.
    agent.observe(Answered, &second, probed);
    agent.wait(PROBE_LEASE.as_secs());
    assert_eq!(agent.fitness(), Fitness::Probe(2));
}

#[test]
fn while_held_back_only_probes_count() {
    let mut agent = Agent::held();
    for sign in [Answered, Answered, Answered, Failed] {
        agent.call(sign);
    }
    assert_eq!(agent.fitness(), Fitness::CoolingDown(at(START + 60_000)));
    agent.wait(60);
    agent.probe();
    agent.call(Answered);
    assert_eq!(agent.fitness(), Fitness::Probing, "another call's answer frees nobody's slot");
}

#[test]
fn a_late_probe_after_the_release_counts_like_any_call() {
    let mut agent = Agent::held();
    agent.wait(60);
    let (late, probed) = agent.probe();
    agent.wait(PROBE_LEASE.as_secs());
    for _ in 0..3 {
        agent.probed(Answered);
    }
    agent.observe(Failed, &late, probed);
    assert_eq!(agent.health, Health::Fit { failures: 1 });
}

#[test]
fn an_agent_that_is_held_back_again_begins_another_episode() {
    let mut agent = Agent::held();
    agent.wait(60);
    for _ in 0..3 {
        agent.probed(Answered);
    }
    for _ in 0..3 {
        agent.call(Failed);
    }
    agent.wait(60);
    assert_eq!(agent.fitness(), Fitness::Probe(2));
}

#[test]
fn a_probe_that_was_never_made_gives_its_slot_back() {
    let mut agent = Agent::held();
    agent.wait(60);
    let (name, _) = agent.probe();
    let other = agent.name();
    agent.health.recall_probe(&other);
    assert_eq!(agent.fitness(), Fitness::Probing);
    agent.health.recall_probe(&name);
    assert_eq!(agent.fitness(), Fitness::Probe(1));
}

#[test]
fn a_fit_agent_is_not_probed() {
    let mut agent = Agent::fit();
    let name = agent.name();
    agent.health.send_probe(name.clone(), agent.now);
    agent.health.recall_probe(&name);
    assert_eq!(agent.health, Health::default());
}
