//! Tenants whose calls are simulated, one for each strategy. Agents are called by what they are dialled by.

/// Nobody is dialled twice in a call, so candidates are always the same
/// three, and none of them may be more than one call ahead.
pub(crate) const LEVEL: &str = r#"
tenant: { name: Level, domain: level.cloudonix.net }
webhook_key: the-key
agents:
  - { name: "+101", provider: vapi, service_value: "+101" }
  - { name: "+102", provider: retell, service_value: "+102" }
  - { name: "+103", provider: elevenlabs, service_value: "+103" }
groups:
  - name: Level
    strategy: load_balanced
    settings: { retry_on: [], health: { max_consecutive_failures: 1000 } }
    members: [ { agent: "+101" }, { agent: "+102" }, { agent: "+103" } ]
inbound_rules: [ { pattern: "*", target: { group: Level } } ]
"#;

/// The same for turns: nobody is more than one call ahead.
pub(crate) const TURNS: &str = r#"
tenant: { name: Turns, domain: turns.cloudonix.net }
webhook_key: the-key
agents:
  - { name: "+201", provider: vapi, service_value: "+201" }
  - { name: "+202", provider: vapi, service_value: "+202" }
  - { name: "+203", provider: vapi, service_value: "+203" }
  - { name: "+204", provider: vapi, service_value: "+204" }
  - { name: "+205", provider: vapi, service_value: "+205" }
groups:
  - name: Turns
    strategy: round_robin
    settings: { retry_on: [], health: { max_consecutive_failures: 1000 } }
    members: [ { agent: "+201" }, { agent: "+202" }, { agent: "+203" }, { agent: "+204" }, { agent: "+205" } ]
inbound_rules: [ { pattern: "+1*", target: { group: Turns } } ]
"#;

/// Fail-over down the levels and over to another group and a number, with caps that bind and health that holds back.
pub(crate) const CHAIN: &str = r#"
tenant: { name: Chain, domain: chain.cloudonix.net }
webhook_key: the-key
pools: [ { name: account, max_concurrent_calls: 6 } ]
agents:
  - { name: "+301", provider: vapi, service_value: "+301", pool: account, username: me, password: hunter2 }
  - { name: "+302", provider: vapi, service_value: "+302", pool: account }
  - { name: "+303", provider: retell, service_value: "+303", max_concurrent_calls: 3 }
  - { name: "+304", provider: retell, service_value: "+304" }
groups:
  - name: First
    strategy: priority
    settings: { fallback: { group: Second }, health: { max_consecutive_failures: 3, cooldown_seconds: 1 } }
    members:
      - { agent: "+301", priority: 1 }
      - { agent: "+302", priority: 1, max_concurrent_calls: 4 }
      - { agent: "+303", priority: 2 }
  - name: Second
    strategy: round_robin
    settings: { max_attempts: 5, fallback: { number: "+399", trunks: [out] } }
    members: [ { agent: "+303" }, { agent: "+304" }, { agent: "+301" } ]
inbound_rules:
  - { pattern: "+1*", target: { group: First } }
  - { pattern: "+2", target: { group: Second } }
"#;
