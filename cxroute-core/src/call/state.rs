//! The states of a call and the ways between them.

use serde::{Deserialize, Serialize};

use super::aggregate::{Outcome, RecordStatus};

/// Where a call is. The last four are terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallState {
    /// The webhook has arrived.
    Received,
    /// It waits for a decision.
    Queued,
    /// It is being decided.
    Routing,
    /// An agent or number is dialled.
    Connecting,
    /// Caller and agent talk.
    Connected,
    /// It ended after an answer.
    Completed,
    /// It could not be routed, or failed.
    Failed,
    /// The last agent was busy.
    Busy,
    /// The last agent did not answer, or the caller gave up.
    NoAnswer,
}

use CallState::{Busy, Completed, Connected, Connecting, Failed, NoAnswer, Queued, Received, Routing};

impl CallState {
    /// Every state.
    pub const ALL: [Self; 9] =
        [Received, Queued, Routing, Connecting, Connected, Completed, Failed, Busy, NoAnswer];

    /// Whether nothing leaves this state, but for a CDR's correction ([`Effect::Corrected`](super::Effect::Corrected)).
    pub const fn is_terminal(self) -> bool {
        matches!(self, Completed | Failed | Busy | NoAnswer)
    }

    /// Whether a call goes from this state to `next` by itself; a CDR besides corrects one terminal state to another.
    ///
    /// | from | to |
    /// |---|---|
    /// | `Received` | `Queued`, `Failed` |
    /// | `Queued` | `Routing`, `Failed` |
    /// | `Routing` | `Connecting`, `Failed` |
    /// | `Connecting` | `Connected`, `Busy`, `NoAnswer`, `Routing` (fail-over), `Failed` |
    /// | `Connected` | `Completed`, `Busy`, `NoAnswer`, `Failed` |
    pub const fn may_become(self, next: Self) -> bool {
        match self {
            Received => matches!(next, Queued | Failed),
            Queued => matches!(next, Routing | Failed),
            Routing => matches!(next, Connecting | Failed),
            Connecting => matches!(next, Connected | Busy | NoAnswer | Routing | Failed),
            Connected => matches!(next, Completed | Busy | NoAnswer | Failed),
            Completed | Failed | Busy | NoAnswer => false,
        }
    }

    /// The states after this one on the way to `goal`, `goal` last, along edges of the table; empty if `goal` is this
    /// state, or not ahead.
    pub fn path_to(self, goal: Self) -> &'static [Self] {
        const TO_CONNECTED: &[CallState] = &[Queued, Routing, Connecting, Connected];
        const TO_COMPLETED: &[CallState] = &[Queued, Routing, Connecting, Connected, Completed];
        const TO_BUSY: &[CallState] = &[Queued, Routing, Connecting, Busy];
        const TO_NO_ANSWER: &[CallState] = &[Queued, Routing, Connecting, NoAnswer];
        if self.is_terminal() || self == goal {
            return &[];
        }
        let rank = self as usize;
        match goal {
            Received => &[],
            Failed => &[Failed],
            Queued | Routing | Connecting | Connected => {
                let goal = goal as usize;
                if goal > rank { &TO_CONNECTED[rank..goal] } else { &[] }
            }
            Completed => &TO_COMPLETED[rank..],
            Busy if self == Connected => &[Busy],
            NoAnswer if self == Connected => &[NoAnswer],
            Busy => &TO_BUSY[rank..],
            NoAnswer => &TO_NO_ANSWER[rank..],
        }
    }

    /// The word of call records.
    pub const fn status(self) -> RecordStatus {
        match self {
            Received | Queued | Routing => RecordStatus::Queued,
            Connecting => RecordStatus::Ringing,
            Connected => RecordStatus::InProgress,
            Completed => RecordStatus::Completed,
            Failed => RecordStatus::Failed,
            Busy => RecordStatus::Busy,
            NoAnswer => RecordStatus::NoAnswer,
        }
    }

    /// The word of tables and APIs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Received => "received",
            Queued => "queued",
            Routing => "routing",
            Connecting => "connecting",
            Connected => "connected",
            Completed => "completed",
            Failed => "failed",
            Busy => "busy",
            NoAnswer => "no_answer",
        }
    }

    /// Reads the word of tables and APIs.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

impl From<Outcome> for CallState {
    /// The state in which a call ends when its last attempt comes to this.
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Completed => Completed,
            Outcome::Busy => Busy,
            Outcome::NoAnswer => NoAnswer,
            Outcome::Failed => Failed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_walks_along_edges_and_ends_at_its_goal() {
        for from in CallState::ALL {
            for goal in CallState::ALL {
                let mut at = from;
                for next in from.path_to(goal) {
                    assert!(at.may_become(*next), "{from:?} to {goal:?}: no edge {at:?} to {next:?}");
                    at = *next;
                }
                assert!(at == goal || from.path_to(goal).is_empty());
            }
        }
    }

    #[test]
    fn from_every_live_state_every_end_can_be_reached() {
        for from in CallState::ALL.into_iter().filter(|state| !state.is_terminal()) {
            for goal in [Completed, Failed, Busy, NoAnswer] {
                assert_eq!(from.path_to(goal).last(), Some(&goal), "{from:?} to {goal:?}");
            }
        }
    }

    #[test]
    fn the_table_of_transitions_is_the_one_of_the_domain_rules() {
        let mut edges = Vec::new();
        for from in CallState::ALL {
            for to in CallState::ALL.into_iter().filter(|to| from.may_become(*to)) {
                edges.push(format!("{} → {}", from.as_str(), to.as_str()));
            }
        }
        assert_eq!(
            edges,
            [
                "received → queued",
                "received → failed",
                "queued → routing",
                "queued → failed",
                "routing → connecting",
                "routing → failed",
                "connecting → routing",
                "connecting → connected",
                "connecting → failed",
                "connecting → busy",
                "connecting → no_answer",
                "connected → completed",
                "connected → failed",
                "connected → busy",
                "connected → no_answer",
            ]
        );
    }
}
