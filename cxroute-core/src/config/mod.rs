//! A tenant's configuration: the aggregates that people edit and routing reads.
//!
//! Values are valid by construction where a type can say so; what spans aggregates (names unique, references that
//! exist, fallbacks without circles) is checked by [`Configuration::check`] before anything is saved.

mod agent;
mod check;
mod fallback;
mod group;
mod rule;
mod tenant;

pub use agent::{Agent, AgentField, Pool};
pub use check::{ConfigError, MAX_FALLBACK_GROUPS};
pub use fallback::Fallback;
pub use group::{
    Capacity, CapacityError, Group, GroupSettings, HealthSettings, Member, RetryOutcome, SettingsError,
    Strategy,
};
pub use rule::{InboundRule, OutboundRule, RuleDirection, Target, TrunkConfig};
pub use tenant::{CdrAuth, Domain, DomainError, GateKeys, Tenant, TenantSettings, TenantSettingsError};

use serde::{Deserialize, Serialize};

/// Everything that routing needs of one tenant, at one revision. Lists are in order of id.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Configuration {
    /// Rises by one with every committed change.
    pub revision: u64,
    /// The tenant itself.
    pub tenant: Tenant,
    /// Its pools.
    pub pools: Vec<Pool>,
    /// Its agents that are not deleted.
    pub agents: Vec<Agent>,
    /// Its groups with their members.
    pub groups: Vec<Group>,
    /// Its inbound rules, enabled or not.
    pub inbound_rules: Vec<InboundRule>,
    /// Its outbound rules, enabled or not.
    pub outbound_rules: Vec<OutboundRule>,
}
