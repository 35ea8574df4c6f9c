//! From a decision to CXML: a pure function of decision, revision and attempt, so that copies get equal bytes.

use std::borrow::Cow;
use std::fmt::Write as _;

use compact_str::format_compact;

use super::snapshot::{Ending, Snapshot};
use crate::call::SessionToken;
use crate::cloudonix::{AGENT_PARAMETER, ATTEMPT_PARAMETER, GROUP_PARAMETER, SESSION_PARAMETER, Transport};
use crate::config::{Agent, AgentField, TrunkConfig};
use crate::cxml::{
    Action, Connect, Dial, Number, Pause, Reject, Response, Say, Seconds, Service, Stream, Trunks,
};
use crate::id::{AgentId, GroupId};
use crate::secret::{Clear, Sealed, Vault};

/// What is put on the line.
#[derive(Clone, Debug)]
pub(super) enum Line<'a> {
    /// An agent.
    Agent { agent: AgentId, group: Option<GroupId>, attempt: u16, ring_timeout: Option<u16> },
    /// A number of an outbound rule.
    Outbound { config: &'a TrunkConfig, attempt: u16 },
    /// What comes after the last stage; a number is an attempt.
    Ending { ending: &'a Ending, attempt: u16 },
    /// Nothing more.
    Hangup,
}

/// Who is on the line, and where results go.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parties<'a> {
    pub(super) token: &'a SessionToken,
    pub(super) from: &'a str,
    pub(super) to: &'a str,
    pub(super) public_url: &'a str,
}

/// Whether credentials are written out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Secrets {
    Shown,
    Masked,
}

impl Snapshot {
    /// The document for `line`. An agent that is gone or whose secrets do not open hangs up: compiling the snapshot
    /// has seen to it that none such is chosen.
    pub(super) fn document(
        &self,
        line: &Line<'_>,
        parties: Parties<'_>,
        vault: &dyn Vault,
        secrets: Secrets,
    ) -> String {
        let render = |response: Response<'_>| match secrets {
            Secrets::Shown => response.render(),
            Secrets::Masked => response.masked(),
        };
        match line {
            Line::Agent { agent, group, attempt, ring_timeout } => {
                let action = self.action(parties, *attempt, Some(*agent), *group);
                let Some(opened) = self.agent(*agent).and_then(|agent| Opened::of(self, agent, vault)) else {
                    return Response::hangup().render();
                };
                render(opened.response(parties, action, *ring_timeout))
            }
            Line::Outbound { config, attempt } => {
                let action = self.action(parties, *attempt, None, None);
                render(outbound(config, parties, action))
            }
            Line::Ending { ending: Ending::Number { group, number, trunks, ring_timeout }, attempt } => {
                let action = self.action(parties, *attempt, None, Some(*group));
                let dial = dial(Dial::new(Number::new(number.as_str())), parties, action);
                render(Response::new(timed(trunked(dial, trunks), *ring_timeout)))
            }
            Line::Ending { ending: Ending::Say(text), .. } => {
                render(Response::new(Say::new(text.as_str())).then(crate::cxml::Hangup))
            }
            Line::Ending { ending: Ending::Reject(reason), .. } => {
                render(Response::new(Reject::new(*reason)))
            }
            Line::Ending { ending: Ending::Hangup, .. } | Line::Hangup => render(Response::hangup()),
        }
    }

    /// The URL that a dial result comes to. It names session, attempt, agent and group, as the platform substitutes
    /// nothing and may send a body that names none of them.
    fn action(
        &self,
        parties: Parties<'_>,
        attempt: u16,
        agent: Option<AgentId>,
        group: Option<GroupId>,
    ) -> String {
        let mut url = String::with_capacity(160);
        url.push_str(parties.public_url);
        url.push_str("/api/voice/dial/");
        url.push_str(self.tenant().domain.as_str());
        // Writing to a String cannot fail.
        let _ = write!(url, "?{SESSION_PARAMETER}=");
        url.extend(form_urlencoded::byte_serialize(parties.token.as_str().as_bytes()));
        let _ = write!(url, "&{ATTEMPT_PARAMETER}={attempt}");
        if let Some(agent) = agent {
            let _ = write!(url, "&{AGENT_PARAMETER}={agent}");
        }
        if let Some(group) = group {
            let _ = write!(url, "&{GROUP_PARAMETER}={group}");
        }
        url
    }
}

/// An agent with its secrets open, for as long as it takes to write them.
struct Opened<'a> {
    agent: &'a Agent,
    value: Clear,
    username: Option<Clear>,
    password: Option<Clear>,
}

impl<'a> Opened<'a> {
    fn of(snapshot: &Snapshot, agent: &'a Agent, vault: &dyn Vault) -> Option<Self> {
        let row = format_compact!("{}", agent.id);
        let tenant = snapshot.tenant().id;
        let open = |field: AgentField, sealed: &Sealed| vault.open(field.place(tenant, &row), sealed).ok();
        let optional = |field, sealed: Option<&Sealed>| match sealed {
            Some(sealed) => open(field, sealed).map(Some),
            None => Some(None),
        };
        Some(Self {
            agent,
            value: open(AgentField::ServiceValue, &agent.service_value)?,
            username: optional(AgentField::Username, agent.username.as_ref())?,
            password: optional(AgentField::Password, agent.password.as_ref())?,
        })
    }

    fn response<'b>(
        &'b self,
        parties: Parties<'b>,
        action: String,
        ring_timeout: Option<u16>,
    ) -> Response<'b> {
        let value = self.value.expose();
        if self.agent.provider.transport() == Transport::Stream {
            return Response::new(Connect::new(Stream::new(value))).then(Pause::AFTER_CONNECT);
        }
        let mut service = Service::new(self.agent.provider.as_str(), value);
        if let Some(username) = &self.username {
            service = service.username(username.expose());
        }
        if let Some(password) = &self.password {
            service = service.password(password.expose());
        }
        Response::new(timed(dial(Dial::new(service), parties, action), ring_timeout))
    }
}

fn dial<'a>(dial: Dial<'a>, parties: Parties<'a>, action: String) -> Dial<'a> {
    let dial = dial.action(Action::post(action));
    if parties.from.is_empty() { dial } else { dial.caller_id(parties.from) }
}

fn timed(dial: Dial<'_>, ring_timeout: Option<u16>) -> Dial<'_> {
    match ring_timeout {
        Some(seconds) => dial.timeout(Seconds::new(seconds.into())),
        None => dial,
    }
}

/// Without trunks, or with names that a list cannot hold, Cloudonix tries every active one: better than nobody.
fn trunked<'a>(dial: Dial<'a>, trunks: &[String]) -> Dial<'a> {
    match Trunks::join(trunks) {
        Ok(trunks) => dial.trunks(trunks),
        Err(_) => dial,
    }
}

fn outbound<'a>(config: &'a TrunkConfig, parties: Parties<'a>, action: String) -> Response<'a> {
    let number = outbound_number(config, parties.to);
    let mut dial = dial(Dial::new(Number::new(number)), parties, action);
    if let Some(caller) = &config.caller_id {
        dial = dial.caller_id(caller.as_str());
    }
    Response::new(timed(trunked(dial, &config.trunks), config.timeout))
}

/// `To` as received, or its digits after strip and prepend.
pub(super) fn outbound_number<'a>(config: &TrunkConfig, to: &'a str) -> Cow<'a, str> {
    if config.strip.is_none() && config.prepend.is_none() {
        return Cow::Borrowed(to);
    }
    let key = crate::number::DialKey::of(to);
    let digits: String = key.as_str().chars().skip(config.strip.unwrap_or(0).into()).collect();
    Cow::Owned(format!("{}{digits}", config.prepend.as_deref().unwrap_or("")))
}
