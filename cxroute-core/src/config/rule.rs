//! Routing rules: a pattern and its target, inbound; two patterns and the trunks, outbound.

use serde::{Deserialize, Serialize};

use crate::id::{AgentId, GroupId, RuleId};
use crate::pattern::TypedPattern;

/// Which way a call goes, as its record says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleDirection {
    /// An inbound rule chose, or none did.
    Inbound,
    /// An outbound rule chose.
    Outbound,
}

impl RuleDirection {
    /// The word of records and APIs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Inbound => "inbound",
            Self::Outbound => "outbound",
        }
    }
}

/// Sends calls to matching numbers to an agent or a group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InboundRule {
    /// Unique among the tenant's inbound rules.
    pub id: RuleId,
    /// Matches `To`.
    pub pattern: TypedPattern,
    /// Where matching calls go.
    pub target: Target,
    /// The lowest wins.
    pub priority: u32,
    /// A disabled rule matches nothing.
    pub enabled: bool,
}

impl InboundRule {
    /// The priority of a rule for which none is given: others have room on both sides.
    pub const DEFAULT_PRIORITY: u32 = 100;

    /// An enabled rule of the default priority.
    pub const fn new(id: RuleId, pattern: TypedPattern, target: Target) -> Self {
        Self { id, pattern, target, priority: Self::DEFAULT_PRIORITY, enabled: true }
    }
}

/// Where an inbound rule sends its calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// One agent, with its caps and health, and nobody after it.
    Agent(AgentId),
    /// A group, which chooses.
    Group(GroupId),
}

/// Sends calls from matching callers to matching destinations out on trunks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OutboundRule {
    /// Unique among the tenant's outbound rules.
    pub id: RuleId,
    /// Matches `From`.
    pub caller_id: TypedPattern,
    /// Matches `To`.
    pub destination_pattern: TypedPattern,
    /// How the number is dialled.
    pub trunk_config: TrunkConfig,
    /// A disabled rule matches nothing.
    pub enabled: bool,
}

/// How an outbound number is dialled. Unknown keys are refused.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrunkConfig {
    /// Cloudonix trunks by name, tried in order; empty lets Cloudonix try every active trunk.
    #[serde(default)]
    pub trunks: Vec<String>,
    /// Shown to the callee instead of `From`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caller_id: Option<String>,
    /// How many leading digits of `To` are dropped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strip: Option<u8>,
    /// Put before the digits that are left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prepend: Option<String>,
    /// How long the callee may ring, in seconds: 5 to 600; absent: Cloudonix's 60.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<u16>,
}
