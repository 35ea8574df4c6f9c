//! What the form accepts, refuses and says; what applying it changes; and the laws of apply and export.

mod applying;
mod laws;
mod reading;

use cxroute_core::authority::Operator;
use cxroute_core::config::Configuration;
use cxroute_core::memory::MemoryStore;
use cxroute_core::port::Store as _;
use cxroute_core::seal::{Keyring, MasterKey};
use cxroute_core::time::Timestamp;

use super::{Applied, Applier, ApplyError, Form, Mode};

/// A store, keys, and the authority to use them.
struct Bench {
    store: MemoryStore,
    keyring: Keyring,
    operator: Operator,
}

impl Bench {
    #[expect(clippy::disallowed_methods, reason = "a test is its own operator")]
    fn new() -> Self {
        let keyring = Keyring::new(MasterKey::new([1; 32]), []);
        Self { store: MemoryStore::new(), keyring, operator: Operator::assume() }
    }

    async fn apply(&self, form: &Form, mode: Mode) -> Result<Applied, ApplyError> {
        let applier = Applier { store: &self.store, keyring: &self.keyring, operator: &self.operator };
        applier.apply(form, mode, Timestamp::EPOCH).await
    }

    /// Applies a file; its changes.
    async fn changes(&self, yaml: &str) -> Vec<String> {
        self.apply(&Form::parse(yaml).unwrap(), Mode::Commit).await.unwrap().changes
    }

    /// Why a file is refused.
    async fn refusal(&self, yaml: &str) -> String {
        self.apply(&Form::parse(yaml).unwrap(), Mode::Commit).await.unwrap_err().to_string()
    }

    /// The stored configuration of the first tenant.
    async fn stored(&self) -> Configuration {
        let tenant = cxroute_core::id::TenantId::new(1);
        self.store.read(&self.operator.read(tenant)).await.unwrap().configuration().await.unwrap()
    }
}

/// The example of the documentation, complete.
const EXAMPLE: &str = r#"
tenant: { name: Example, domain: example.cloudonix.net, settings: { timezone: UTC, max_call_seconds: 14400, retention_days: 400, cdr_auth: required } }
webhook_key: "the bearer key"
signature_secret: null
pools: [ { name: vapi-main, max_concurrent_calls: 10 } ]
agents:
  - { name: Retell desk, provider: retell, service_value: "+12127773456", username: null, password: null, enabled: true, max_concurrent_calls: null, pool: null, metadata: {} }
  - { name: Vapi backup, provider: vapi, service_value: "+12127770000", username: me, password: hunter2, pool: vapi-main }
groups:
  - name: Support
    strategy: load_balanced
    settings: { window_hours: 24, fallback_enabled: true, fallback: { agent: Vapi backup } }
    members: [ { agent: Retell desk, priority: 1, capacity: 2, enabled: true, max_concurrent_calls: null } ]
inbound_rules:
  - { pattern: "+1234567890", target: { group: Support }, priority: 1, enabled: true }
outbound_rules:
  - { caller_id: "*", destination_pattern: "+1*", trunk_config: { trunks: [outbound-trunk] }, enabled: true }
"#;
