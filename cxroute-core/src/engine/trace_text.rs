//! A trace for people: why a call goes where it goes, in words, with names for ids.

use std::fmt::{self, Write as _};

use crate::call::{RuleTrace, Trace};
use crate::id::{AgentId, GroupId};
use crate::port::Names;
use crate::strategy::{CapKind, MemberVerdict, StageOutcome, StageTrace, Verdict, VerdictCounts};

/// A trace in words: the number, the rule, then every stage with its members. Ends with a line end.
///
/// Names come from the store ([`names`](crate::port::ConfigReader::names)); where one is missing, the id stands for it.
#[derive(Clone, Copy, Debug)]
pub struct TraceText<'a> {
    trace: &'a Trace,
    names: &'a Names,
}

impl<'a> TraceText<'a> {
    /// Of this trace, with these names.
    pub const fn new(trace: &'a Trace, names: &'a Names) -> Self {
        Self { trace, names }
    }
}

impl fmt::Display for TraceText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let trace = self.trace;
        let (direction, dialled, caller) = (trace.direction.as_str(), Plain(&trace.dialled), &trace.caller);
        write!(f, "{direction} call to {dialled}")?;
        if *trace.normalised != *trace.dialled {
            write!(f, " (matched as {})", Plain(&trace.normalised))?;
        }
        let caller = Plain(if caller.is_empty() { "an unknown caller" } else { caller });
        writeln!(f, " from {caller}, at {}, configuration revision {}", trace.at, trace.revision)?;
        if trace.degraded {
            writeln!(f, "degraded: the execution plane was away, this server decided by itself")?;
        }
        match &trace.rule {
            Some(rule) => writeln!(f, "rule: {}", Rule(rule))?,
            None => writeln!(f, "rule: none matches")?,
        }
        for rule in &trace.next_best {
            writeln!(f, "  next best: {}", Rule(rule))?;
        }
        for stage in trace.stages.iter() {
            self.stage(f, stage)?;
        }
        match &trace.fallback {
            Some(fallback) => writeln!(f, "then: {}", Plain(fallback)),
            None => Ok(()),
        }
    }
}

impl TraceText<'_> {
    fn stage(&self, f: &mut fmt::Formatter<'_>, stage: &StageTrace) -> fmt::Result {
        let outcome = match stage.outcome {
            StageOutcome::Chosen => "chosen",
            StageOutcome::ChosenDespiteHealth => "chosen despite its health, which alone left nobody",
            StageOutcome::Nobody => "nobody can take the call",
            StageOutcome::MaxAttempts => "the call has had all its attempts",
        };
        match stage.group {
            Some(group) => writeln!(f, "{} ({}): {outcome}", self.group(group), stage.strategy.as_str())?,
            None => writeln!(f, "dialled directly: {outcome}")?,
        }
        for member in &stage.members {
            self.member(f, member)?;
        }
        others(f, &stage.others)
    }

    fn member(&self, f: &mut fmt::Formatter<'_>, member: &MemberVerdict) -> fmt::Result {
        let chosen = matches!(member.verdict, Verdict::Chosen | Verdict::ChosenAsProbe);
        let mark = if chosen { "->" } else { "  " };
        write!(f, "  {mark} {}: {}; ", self.agent(member.agent), Words(member.verdict))?;
        write!(f, "{} calls, capacity {}", member.calls, member.capacity)?;
        if member.virtual_calls > 0 {
            write!(f, ", {} given on joining", member.virtual_calls)?;
        }
        if let Some(priority) = member.priority {
            write!(f, ", priority {priority}")?;
        }
        writeln!(f)
    }

    fn agent(&self, id: AgentId) -> String {
        self.names.agents.get(&id).map_or_else(|| format!("agent {id}"), |name| Plain(name).to_string())
    }

    fn group(&self, id: GroupId) -> String {
        self.names
            .groups
            .get(&id)
            .map_or_else(|| format!("group {id}"), |name| format!("group {:?}", Plain(name).to_string()))
    }
}

struct Rule<'a>(&'a RuleTrace);

impl fmt::Display for Rule<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (id {}", self.0.pattern, self.0.id)?;
        match self.0.priority {
            Some(priority) => write!(f, ", priority {priority})"),
            None => f.write_str(")"),
        }
    }
}

struct Words(Verdict);

impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = match self.0 {
            Verdict::Chosen => "chosen",
            Verdict::ChosenAsProbe => "chosen, as the probe of its cool-down",
            Verdict::Disabled => "disabled",
            Verdict::Tried => "already tried in this call",
            Verdict::AtCapacity { cap, live, limit } => {
                let whose = match cap {
                    CapKind::Agent => "the agent's",
                    CapKind::Membership => "the membership's",
                    CapKind::Pool => "the pool's",
                };
                return write!(f, "at capacity, {live} live calls of {whose} {limit}");
            }
            Verdict::CoolingDown { until } => return write!(f, "cooling down until {until}"),
            Verdict::Probing => "held back while another call probes it",
            Verdict::HigherLoad => "higher load",
            Verdict::LowerPriority => "lower priority",
            Verdict::NotItsTurn => "not its turn",
            Verdict::LessPreferred => "less preferred by the custom strategy",
            Verdict::Excluded => "kept out by the custom strategy",
        };
        f.write_str(words)
    }
}

fn others(f: &mut fmt::Formatter<'_>, counts: &VerdictCounts) -> fmt::Result {
    let named = [
        (counts.disabled, "disabled"),
        (counts.tried, "already tried"),
        (counts.at_capacity, "at capacity"),
        (counts.cooling_down, "cooling down"),
        (counts.probing, "probed"),
        (counts.higher_load, "of higher load"),
        (counts.lower_priority, "of lower priority"),
        (counts.not_its_turn, "whose turn it is not"),
        (counts.less_preferred, "less preferred"),
        (counts.excluded, "kept out"),
    ];
    let words: Vec<String> = named
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
    if words.is_empty() { Ok(()) } else { writeln!(f, "     others: {}", words.join(", ")) }
}

/// Text that came from outside, without anything that would steer a terminal or break a line of a log.
#[derive(Clone, Copy, Debug)]
pub struct Plain<'a>(pub &'a str);

impl fmt::Display for Plain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            if c.is_control() { write!(f, "{}", c.escape_default())? } else { f.write_char(c)? }
        }
        Ok(())
    }
}
