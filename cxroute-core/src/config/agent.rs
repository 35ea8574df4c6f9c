//! Voice agents and the pools that share a vendor account's limit.

use serde::{Deserialize, Serialize};

use crate::cloudonix::Provider;
use crate::id::{AgentId, PoolId, TenantId};
use crate::secret::{Place, Sealed};

/// A voice agent at a provider.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Agent {
    /// Unique within the tenant.
    pub id: AgentId,
    /// 1 to 255 characters, unique within the tenant.
    pub name: String,
    /// The vendor, as Cloudonix names it.
    pub provider: Provider,
    /// What the vendor is dialled by: a phone number, an agent's id, or the wss URL of a WebSocket provider. Sealed for
    /// the place that [`AgentField::place`] gives.
    pub service_value: Sealed,
    /// The vendor's user name, where it wants one; sealed for its [`AgentField::place`].
    pub username: Option<Sealed>,
    /// The vendor's password, where it wants one; sealed for its [`AgentField::place`].
    pub password: Option<Sealed>,
    /// A disabled agent takes no calls.
    pub enabled: bool,
    /// Live attempts across all groups and servers; none = no limit, 0 = takes none.
    pub max_concurrent_calls: Option<u32>,
    /// The pool whose limit it shares.
    pub pool: Option<PoolId>,
    /// The tenant's own notes.
    pub metadata: serde_json::Map<String, serde_json::Value>,
}

impl Agent {
    /// An enabled agent without credentials, limit, pool or notes.
    pub fn new(id: AgentId, name: impl Into<String>, provider: Provider, service_value: Sealed) -> Self {
        Self {
            id,
            name: name.into(),
            provider,
            service_value,
            username: None,
            password: None,
            enabled: true,
            max_concurrent_calls: None,
            pool: None,
            metadata: serde_json::Map::new(),
        }
    }
}

/// The sealed fields of an agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AgentField {
    /// [`Agent::service_value`].
    ServiceValue,
    /// [`Agent::username`].
    Username,
    /// [`Agent::password`].
    Password,
}

impl AgentField {
    /// Where this field of agent `row` (its id in decimal) of `tenant` is sealed for. The engine opens it for this place
    /// and no other.
    pub const fn place(self, tenant: TenantId, row: &str) -> Place<'_> {
        let field = match self {
            Self::ServiceValue => "service_value",
            Self::Username => "username",
            Self::Password => "password",
        };
        Place { tenant, table: "voice_agents", row, field }
    }
}

/// A limit shared by the agents of one vendor account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pool {
    /// Unique within the tenant.
    pub id: PoolId,
    /// 1 to 255 characters, unique within the tenant.
    pub name: String,
    /// Live attempts of all its agents; none = no limit, 0 = takes none.
    pub max_concurrent_calls: Option<u32>,
}
