//! The configuration file's form: one tenant, as an operator writes it.
//!
//! | in the file | what it means |
//! |---|---|
//! | a list (`pools`, `agents`, `groups`, `members`, `inbound_rules`, `outbound_rules`) | complete: what is stored and not in it is deleted |
//! | a list, `settings` or `metadata` that is absent | untouched; defaults where the entry is new |
//! | `settings` or `metadata` that is given | complete: a key that is not in it has its default |
//! | `webhook_key(s)`, `signature_secret`, `username`, `password` absent | kept |
//! | the same, null | cleared |
//! | any other key that is absent | its default: `enabled` true, `capacity` 1, an inbound rule's `priority` 100, else null |
//!
//! So what is stored after an apply follows from the file alone, but for what it leaves out on purpose. Entries are
//! recognised by their names; rules by their patterns (see [`super::plan`]). Unknown keys are refused.

use cxroute_core::cloudonix::Provider;
use cxroute_core::config::{
    Capacity, Domain, GroupSettings, InboundRule, Strategy, TenantSettings, TrunkConfig,
};
use cxroute_core::pattern::TypedPattern;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::value::{At, Given, Secret, expose, given};

/// A configuration file.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Form {
    /// The tenant; its domain names it.
    pub tenant: TenantForm,
    /// The only webhook key.
    #[serde(default, skip_serializing)]
    pub webhook_key: Given<Secret>,
    /// All webhook keys, for rotation; instead of `webhook_key`.
    #[serde(default, skip_serializing)]
    pub webhook_keys: Given<Vec<Secret>>,
    /// What `X-CX-Signature` is checked with.
    #[serde(default, skip_serializing)]
    pub signature_secret: Given<Secret>,
    /// Limits shared by agents of one vendor account.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub pools: Option<Vec<At<PoolForm>>>,
    /// Voice agents.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub agents: Option<Vec<At<AgentForm>>>,
    /// Groups of agents.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub groups: Option<Vec<At<GroupForm>>>,
    /// Rules on `To`.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub inbound_rules: Option<Vec<At<InboundForm>>>,
    /// Rules on `From` and `To`.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub outbound_rules: Option<Vec<At<OutboundForm>>>,
}

/// The tenant.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TenantForm {
    /// 1 to 255 characters.
    pub name: String,
    /// The Cloudonix domain: which tenant this is.
    pub domain: Domain,
    /// Limits and preferences.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub settings: Option<TenantSettings>,
}

/// A pool.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct PoolForm {
    /// Which pool this is.
    pub name: String,
    /// None = no limit, 0 = takes none.
    #[serde(default)]
    pub max_concurrent_calls: Option<u32>,
}

/// An agent.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct AgentForm {
    /// Which agent this is.
    pub name: String,
    /// The vendor, as Cloudonix names it.
    pub provider: Provider,
    /// What the vendor is dialled by.
    #[serde(serialize_with = "expose")]
    pub service_value: Secret,
    /// The vendor's user name.
    #[serde(default, skip_serializing)]
    pub username: Given<Secret>,
    /// The vendor's password.
    #[serde(default, skip_serializing)]
    pub password: Given<Secret>,
    /// A disabled agent takes no calls.
    #[serde(default = "enabled")]
    pub enabled: bool,
    /// None = no limit, 0 = takes none.
    #[serde(default)]
    pub max_concurrent_calls: Option<u32>,
    /// The pool whose limit it shares.
    #[serde(default)]
    pub pool: Option<String>,
    /// The tenant's own notes.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Map<String, Value>>,
}

/// A group.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct GroupForm {
    /// Which group this is.
    pub name: String,
    /// How a member is picked.
    pub strategy: Strategy,
    /// Window, fallback, limits.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub settings: Option<GroupSettings<String, String>>,
    /// Its members.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub members: Option<Vec<At<MemberForm>>>,
}

/// A member of a group.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct MemberForm {
    /// The agent: which membership this is.
    pub agent: String,
    /// 1 is first; none is last.
    #[serde(default)]
    pub priority: Option<u32>,
    /// The weight in load balancing.
    #[serde(default = "capacity")]
    pub capacity: Capacity,
    /// A disabled membership takes no calls.
    #[serde(default = "enabled")]
    pub enabled: bool,
    /// None = no limit, 0 = takes none.
    #[serde(default)]
    pub max_concurrent_calls: Option<u32>,
}

/// An inbound rule.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct InboundForm {
    /// Matches `To`.
    pub pattern: TypedPattern,
    /// Where matching calls go.
    pub target: TargetForm,
    /// The lowest wins.
    #[serde(default = "priority")]
    pub priority: u32,
    /// A disabled rule matches nothing.
    #[serde(default = "enabled")]
    pub enabled: bool,
}

/// `{ agent: Name }` or `{ group: Name }`.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TargetForm {
    /// An agent.
    Agent(String),
    /// A group.
    Group(String),
}

/// An outbound rule.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct OutboundForm {
    /// Matches `From`.
    pub caller_id: TypedPattern,
    /// Matches `To`.
    pub destination_pattern: TypedPattern,
    /// How the number is dialled.
    pub trunk_config: TrunkConfig,
    /// A disabled rule matches nothing.
    #[serde(default = "enabled")]
    pub enabled: bool,
}

const fn enabled() -> bool {
    true
}

const fn capacity() -> Capacity {
    Capacity::ONE
}

const fn priority() -> u32 {
    InboundRule::DEFAULT_PRIORITY
}
