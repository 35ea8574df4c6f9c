//! What happens to a call that no member of a group can take.

use serde::{Deserialize, Serialize};

use super::group::SettingsError;
use crate::cxml::RejectReason;
use crate::id::{AgentId, GroupId};

/// The end of a group's road: `{agent}`, `{group}`, `{number, trunks}`, `{say}`, `{reject}` or `{hangup: true}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    try_from = "Form<A, G>",
    into = "Form<A, G>",
    bound(
        serialize = "A: Serialize + Clone, G: Serialize + Clone",
        deserialize = "A: Deserialize<'de>, G: Deserialize<'de>"
    )
)]
pub enum Fallback<A = AgentId, G = GroupId> {
    /// One more agent, with its caps and health.
    Agent(A),
    /// Another group, with its own settings and its own fallback.
    Group(G),
    /// A number, dialled on trunks.
    Number {
        /// As it is dialled.
        number: String,
        /// Cloudonix trunks by name, in order; empty lets Cloudonix choose.
        trunks: Vec<String>,
    },
    /// An announcement, then the end.
    Say(String),
    /// The call is rejected.
    Reject(RejectReason),
    /// The call ends.
    Hangup,
}

impl<A, G> Fallback<A, G> {
    pub(super) fn check(&self) -> Result<(), SettingsError> {
        let length = |key, got: usize, most| match (1..=most).contains(&got) {
            true => Ok(()),
            false => Err(SettingsError::Length { key, most, got }),
        };
        match self {
            Self::Number { number, .. } => length("number", number.chars().count(), 255),
            Self::Say(text) => length("say", text.chars().count(), 4_000),
            _ => Ok(()),
        }
    }

    pub(super) fn try_map<B, H, E>(
        self,
        agent: impl FnOnce(A) -> Result<B, E>,
        group: impl FnOnce(G) -> Result<H, E>,
    ) -> Result<Fallback<B, H>, E> {
        Ok(match self {
            Self::Agent(reference) => Fallback::Agent(agent(reference)?),
            Self::Group(reference) => Fallback::Group(group(reference)?),
            Self::Number { number, trunks } => Fallback::Number { number, trunks },
            Self::Say(text) => Fallback::Say(text),
            Self::Reject(reason) => Fallback::Reject(reason),
            Self::Hangup => Fallback::Hangup,
        })
    }
}

/// The written form: one of its keys, `trunks` only beside `number`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Form<A, G> {
    #[serde(default = "none", skip_serializing_if = "Option::is_none")]
    agent: Option<A>,
    #[serde(default = "none", skip_serializing_if = "Option::is_none")]
    group: Option<G>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    number: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    trunks: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    say: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reject: Option<RejectReason>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hangup: Option<bool>,
}

const fn none<T>() -> Option<T> {
    None
}

impl<A, G> Default for Form<A, G> {
    fn default() -> Self {
        Self { agent: None, group: None, number: None, trunks: None, say: None, reject: None, hangup: None }
    }
}

impl<A, G> From<Fallback<A, G>> for Form<A, G> {
    fn from(fallback: Fallback<A, G>) -> Self {
        let form = Self::default();
        match fallback {
            Fallback::Agent(agent) => Self { agent: Some(agent), ..form },
            Fallback::Group(group) => Self { group: Some(group), ..form },
            Fallback::Number { number, trunks } => {
                Self { number: Some(number), trunks: (!trunks.is_empty()).then_some(trunks), ..form }
            }
            Fallback::Say(text) => Self { say: Some(text), ..form },
            Fallback::Reject(reason) => Self { reject: Some(reason), ..form },
            Fallback::Hangup => Self { hangup: Some(true), ..form },
        }
    }
}

/// A written fallback is not exactly one of the forms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("fallback: expected exactly one of agent, group, number (with trunks), say, reject or hangup: true")]
struct FormError;

impl<A, G> TryFrom<Form<A, G>> for Fallback<A, G> {
    type Error = FormError;

    fn try_from(form: Form<A, G>) -> Result<Self, FormError> {
        let Form { agent, group, number, trunks, say, reject, hangup } = form;
        match (agent, group, number, trunks, say, reject, hangup) {
            (Some(agent), None, None, None, None, None, None) => Ok(Self::Agent(agent)),
            (None, Some(group), None, None, None, None, None) => Ok(Self::Group(group)),
            (None, None, Some(number), trunks, None, None, None) => {
                Ok(Self::Number { number, trunks: trunks.unwrap_or_default() })
            }
            (None, None, None, None, Some(text), None, None) => Ok(Self::Say(text)),
            (None, None, None, None, None, Some(reason), None) => Ok(Self::Reject(reason)),
            (None, None, None, None, None, None, Some(true)) => Ok(Self::Hangup),
            _ => Err(FormError),
        }
    }
}
