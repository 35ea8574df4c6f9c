//! Ids: one newtype each, so that an agent's id is never taken for a group's.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(u64);

        impl $name {
            /// The id with this number.
            pub const fn new(number: u64) -> Self {
                Self(number)
            }

            /// The number, as APIs and tables carry it.
            pub const fn get(self) -> u64 {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )+};
}

ids! {
    /// A tenant: unique in a store.
    TenantId,
    /// A voice agent: unique within its tenant.
    AgentId,
    /// A pool of agents that share a vendor account's limit: unique within its tenant.
    PoolId,
    /// An agent group: unique within its tenant.
    GroupId,
    /// An agent's membership in a group: unique within its tenant.
    MembershipId,
    /// An inbound or outbound routing rule: unique within its tenant and direction.
    RuleId,
}

/// A call record's id: milliseconds since 2020-01-01 << 11 | 11 bits of the host's, so ids sort by time and fit in JSON's 53 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CallId(u64);

impl CallId {
    /// 2020-01-01T00:00:00Z in milliseconds since the Unix epoch.
    const EPOCH_MILLIS: i64 = 1_577_836_800_000;
    const RANDOM_BITS: u32 = 11;

    /// Mints the id of a call received at `at`; only the lowest 11 bits of `random` count.
    pub fn mint(at: crate::time::Timestamp, random: u64) -> Self {
        let millis = at.as_millis().saturating_sub(Self::EPOCH_MILLIS).max(0) as u64;
        let mask = (1 << Self::RANDOM_BITS) - 1;
        Self((millis << Self::RANDOM_BITS) | (random & mask))
    }

    /// When it was minted, to the millisecond.
    pub const fn minted_at(self) -> crate::time::Timestamp {
        let millis = (self.0 >> Self::RANDOM_BITS) as i64;
        crate::time::Timestamp::from_millis(millis.saturating_add(Self::EPOCH_MILLIS))
    }

    /// The id with this number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number, as APIs and tables carry it.
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
