//! A tenant: a customer, one Cloudonix domain, its settings and the keys that open its webhooks.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::id::{CallId, TenantId};
use crate::secret::{Place, Sealed};
use crate::time::Timestamp;

/// A customer: one Cloudonix domain.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tenant {
    /// Unique in the store.
    pub id: TenantId,
    /// 1 to 255 characters.
    pub name: String,
    /// Unique in the store.
    pub domain: Domain,
    /// Limits and preferences.
    pub settings: TenantSettings,
    /// What authenticates its webhooks.
    pub keys: GateKeys,
}

/// A Cloudonix domain name, in lower case: 1 to 255 of letters, digits, `.`, `-`, `_`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Domain(String);

/// A text is no domain name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a domain name of 1 to 255 letters, digits, '.', '-' or '_', got {got:?}")]
pub struct DomainError {
    got: String,
}

impl Domain {
    /// Reads a domain name in any case.
    ///
    /// # Errors
    /// [`DomainError`] echoes at most 64 characters of what came.
    pub fn parse(text: &str) -> Result<Self, DomainError> {
        let valid = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
        if text.is_empty() || text.len() > 255 || !text.bytes().all(valid) {
            return Err(DomainError { got: text.chars().take(64).collect() });
        }
        Ok(Self(text.to_ascii_lowercase()))
    }

    /// The name in lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Domain {
    type Error = DomainError;

    fn try_from(text: String) -> Result<Self, DomainError> {
        Self::parse(&text)
    }
}

impl From<Domain> for String {
    fn from(domain: Domain) -> Self {
        domain.0
    }
}

/// A tenant's settings. Every key is optional; unknown keys are refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TenantSettings {
    /// IANA time zone that days are counted in.
    pub timezone: String,
    /// After this long an attempt whose end never came stops counting: 1 to 86,400 s.
    pub max_call_seconds: u32,
    /// How long call records are kept: 1 to 3,650 days.
    pub retention_days: u32,
    /// Whether a CDR must carry a credential.
    pub cdr_auth: CdrAuth,
}

/// Whether Cloudonix's CDRs carry the tenant's credential: they did not until 2025 (FACTS §6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CdrAuth {
    /// A CDR without a right credential is refused.
    Required,
    /// A CDR without any credential is taken; a wrong one is refused all the same.
    Optional,
}

impl Default for TenantSettings {
    fn default() -> Self {
        Self {
            timezone: "UTC".to_owned(),
            max_call_seconds: 14_400,
            retention_days: 400,
            cdr_auth: CdrAuth::Required,
        }
    }
}

/// A tenant's setting is out of its range.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TenantSettingsError {
    /// No such time zone.
    #[error("settings.timezone: expected an IANA time zone such as \"Europe/Berlin\", got {got:?}")]
    Timezone {
        /// What came.
        got: String,
    },
    /// A number outside its range.
    #[error("settings.{key}: expected {least} to {most}, got {got}")]
    Range {
        /// The setting.
        key: &'static str,
        /// The least allowed value.
        least: u32,
        /// The greatest allowed value.
        most: u32,
        /// What came.
        got: u32,
    },
}

impl TenantSettings {
    /// Checks every range.
    ///
    /// # Errors
    /// The first setting that is out of range.
    pub fn check(&self) -> Result<(), TenantSettingsError> {
        if jiff::tz::TimeZone::get(&self.timezone).is_err() {
            return Err(TenantSettingsError::Timezone { got: self.timezone.chars().take(64).collect() });
        }
        let range = |key, got, least, most| match (least..=most).contains(&got) {
            true => Ok(()),
            false => Err(TenantSettingsError::Range { key, least, most, got }),
        };
        range("max_call_seconds", self.max_call_seconds, 1, 86_400)?;
        range("retention_days", self.retention_days, 1, 3_650)
    }

    /// The least id of the calls that are kept at `now`: ids are minted from time, so older calls have lesser ones.
    pub fn oldest_kept(&self, now: Timestamp) -> CallId {
        let kept = i64::from(self.retention_days) * 86_400_000;
        CallId::mint(Timestamp::from_millis(now.as_millis().saturating_sub(kept)), 0)
    }
}

/// What authenticates a tenant's webhooks: keyed hashes of its keys, and the sealed signature secret.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GateKeys {
    /// HMAC-SHA256 of each valid webhook key; several during rotation, none lets nothing in.
    pub webhook_keys: Vec<[u8; 32]>,
    /// The secret of `X-CX-Signature`, checked when present.
    pub signature_secret: Option<Sealed>,
}

impl GateKeys {
    /// Where the signature secret of `tenant` is sealed for; `row` is the tenant's id in decimal.
    pub const fn signature_place(tenant: TenantId, row: &str) -> Place<'_> {
        Place { tenant, table: "tenants", row, field: "signature_secret" }
    }
}
