//! cxroute decides which AI voice agent answers a phone call.
//!
//! A telephony platform, Cloudonix, POSTs a webhook when a call arrives. This library matches the dialled number against
//! the tenant's rules, picks an agent from a group, answers with CXML that dials it, fails over when it does not answer,
//! and follows the call to its end. It does so inside your service: you bring the HTTP server and the clock, it brings
//! everything between the payload and the answer. [`cxroute-server`](https://docs.rs/cxroute-server) is one such service.
//!
//! The default features pull in no runtime, no HTTP, no database and no cryptography.
//!
//! # A first call
//!
//! An [`Engine`](engine::Engine) is made of [`Parts`](engine::Parts); those in memory need nothing:
//!
//! ```
//! use std::sync::Arc;
//!
//! use cxroute_core::authority::Operator;
//! use cxroute_core::cloudonix::{Provider, VoiceRequest, Webhook};
//! use cxroute_core::config::{Agent, Domain, InboundRule, Target};
//! use cxroute_core::engine::{Arrival, Engine, Parts};
//! use cxroute_core::id::{AgentId, RuleId};
//! use cxroute_core::memory::MemoryStore;
//! use cxroute_core::port::Store as _;
//! use cxroute_core::secret::Sealed;
//! use cxroute_core::time::Timestamp;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (store, operator) = (Arc::new(MemoryStore::new()), Operator::assume());
//! let now = Timestamp::from_millis(1_767_225_600_000);
//!
//! // A tenant with one agent, and a rule that leads to it.
//! let domain = Domain::parse("example.cloudonix.net")?;
//! let tenant = store.create_tenant(&operator, "Example", &domain, now).await?;
//! let mut tx = store.begin(&operator.config(tenant)).await?;
//! let id = AgentId::new(tx.mint().await?);
//! let desk = Agent::new(id, "Desk", Provider::parse("retell")?, Sealed::from_bytes("+12127773456"));
//! tx.save_agent(&desk).await?;
//! let id = RuleId::new(tx.mint().await?);
//! tx.save_inbound_rule(&InboundRule::new(id, "+1212*".parse()?, Target::Agent(desk.id))).await?;
//! tx.commit(now).await?;
//!
//! // The engine answers the tenant's webhooks.
//! let engine = Engine::new(Parts::in_memory(store, "https://cx.example.com"), &Operator::assume());
//! let gate = engine.gate(&domain).await?.ok_or("no such tenant")?;
//! let admitted = engine.admit_operator(&gate, &operator);
//! let body = r#"{"Session":"s1","From":"+15551230000","To":"+12125550100","Direction":"inbound"}"#;
//! let arrival = Arrival { at: now, random: 7 };
//! let answer = engine.voice_request(&admitted, &VoiceRequest::read(&Webhook::of(body)), arrival).await;
//! assert!(answer.as_str().contains(r#"<Service provider="retell">+12127773456</Service>"#));
//! # Ok(())
//! # }
//! ```
//!
//! Each of Cloudonix's four webhooks has its method: [`voice_request`](engine::Engine::voice_request) and
//! [`dial_result`](engine::Engine::dial_result) answer with CXML, [`session_update`](engine::Engine::session_update) and
//! [`cdr`](engine::Engine::cdr) with a receipt. [`explain`](engine::Engine::explain) says what would happen to a call,
//! and why, without doing anything.
//!
//! # The concepts, in the order in which a call meets them
//!
//! **Authority.** A call belongs to a *tenant*, a customer with one Cloudonix domain. No function takes a tenant's id:
//! what a principal may do is the type of the scope in its hand ([`authority`]). A [`Gate`](engine::Gate) checks what a
//! webhook presents ([`Engine::admit`](engine::Engine::admit)) and gives an [`Admitted`](engine::Admitted), which every
//! method of the engine asks for. A service that embeds the engine proves authority in its own way and assumes the
//! [`Operator`](authority::Operator) in one place.
//!
//! **Payloads.** [`cloudonix`] reads what the platform sends: JSON, form or query, lenient, since a live call must be
//! answered whatever its payload looks like. A call is named by its [`SessionToken`](call::SessionToken).
//!
//! **Numbers and patterns.** The dialled string is kept as received; beside it stands a [`DialKey`](number::DialKey),
//! which [`Pattern`](pattern::Pattern)s match:
//!
//! ```
//! use cxroute_core::{number::DialKey, pattern::Pattern};
//!
//! let pattern: Pattern = "+1 (212) 55[1-5]*".parse()?;
//! assert_eq!(pattern.to_string(), "121255[1-5]*");
//! assert!(pattern.matches(&DialKey::of("+1-212-553-0000")));
//! # Ok::<(), cxroute_core::pattern::PatternError>(())
//! ```
//!
//! **Rules.** A [`RuleTable`](table::RuleTable) finds the rule that wins: the lowest priority, then the more specific
//! pattern, then the lower id. Its cost depends on the length of the number, not on the number of rules; a changed rule
//! makes a new table that shares the rest, so that readers never wait.
//!
//! ```
//! use cxroute_core::{id::RuleId, number::DialKey, table::{Rule, RuleTable}};
//!
//! let rule = |id, text: &str, payload| {
//!     Ok::<_, cxroute_core::pattern::PatternError>(Rule { id: RuleId::new(id), priority: 100, pattern: text.parse()?, payload })
//! };
//! let table: RuleTable<&str> = [rule(1, "+1*", "America")?, rule(2, "+1212*", "Manhattan")?].into_iter().collect();
//! let found = table.matches(&DialKey::of("+12125550100"), 2);
//! assert_eq!(found.iter().map(|m| *m.payload()).collect::<Vec<_>>(), ["Manhattan", "America"]);
//! # Ok::<(), cxroute_core::pattern::PatternError>(())
//! ```
//!
//! **Configuration.** [`config`] holds what people edit: agents, pools, groups, rules. A [`Snapshot`](engine::Snapshot)
//! is one tenant's configuration compiled for routing, immutable, with a revision.
//!
//! **Choosing.** A group's [`Strategy`](config::Strategy) picks among its *candidates*: enabled members, not tried in
//! this call, below their caps, not held back by health. The choice with all its bookkeeping is one atomic step of the
//! *execution plane*, a [`LiveState`](port::LiveState); [`strategy::Plane`] is that step as pure code, and
//! [`strategy::CustomStrategy`] the place for a strategy of your own.
//!
//! **Calls.** Every try to reach somebody is an *attempt*; everything that the platform says about a call is a
//! [`Signal`](call::Signal). [`call::step`] is the whole lifecycle as one pure, total function: signals may come late,
//! twice and out of order. What was decided, and why, is a [`Decision`](call::Decision) with its [`Trace`](call::Trace).
//!
//! **Durability.** The engine hands each signal to a [`Commit`](port::Commit) and answers when it is durable: in the
//! [`Store`](port::Store), or in the local [`Spool`](port::Spool) while the store is away. The store's *receipt* decides
//! what a copy of a webhook gets: the same bytes. `engine::Committer` (feature `runtime`) commits many webhooks in one
//! transaction.
//!
//! **Events.** What happened to a call waits in the store's outbox until a [`Publisher`](engine::Publisher) has told it to
//! those who listen, through [`Events`](port::Events). Who was away hears what came since, or that there was a gap.
//!
//! **Answers.** [`cxml`] has a type per verb; whatever the text, the document is well-formed:
//!
//! ```
//! use cxroute_core::cxml::{Response, Say};
//!
//! let document = Response::new(Say::new("Back at 9 < 10")).render();
//! assert!(document.ends_with("<Response><Say>Back at 9 &lt; 10</Say></Response>"));
//! ```
//!
//! **Secrets.** Agents' credentials and kept answers are [`Sealed`](secret::Sealed): adapters never see them open, only
//! the making of CXML does. A [`Vault`](secret::Vault) seals and opens; feature `seal` brings one of AES-256-GCM.
//!
//! # Adapters
//!
//! The world is behind the ports of [`port`]: `Store`, `LiveState`, `Events`, `Spool`, `Commit`. Those of [`memory`] are the
//! executable specification of the first three. An adapter of your own implements the traits; the kit of feature `conformance` (module
//! `conformance`) holds it against every law they have, one named test per law, with one line of code.
//!
//! # Features
//!
//! | feature | brings |
//! |---|---|
//! | `country` | `country:GB` patterns, by numbering-plan metadata compiled in at build time |
//! | `seal` | module `seal`: secrets under tenant keys derived from a master key, webhook keys as keyed hashes |
//! | `runtime` | `engine::Committer`: group commit, the spool and its draining, on a Tokio runtime |
//! | `conformance` | the conformance kit |
//!
//! # Examples
//!
//! In the repository, each by `cargo run -p cxroute-core --example NAME`: `embed` (the first call), `custom_strategy`,
//! `cxml`, and `adapter_with_kit` (an adapter with its whole test file).
//!
//! # References
//!
//! These pages cite the project's design papers, which are not part of the crate:
//!
//! - `domain.md §n`, also `domain rules §n`: the normative rules of routing.
//! - `FACTS §n`: what Cloudonix really sends.
//! - `architecture.md §n`: how the project's parts work together.
//!
//! # What core does not do
//!
//! It reads no clock, rolls no dice, spawns no task (but for the committer), and never panics on odd input. Time and
//! randomness come in as parameters ([`Arrival`](engine::Arrival)), so that equal calls give equal answers in your tests.

pub mod authority;
pub mod call;
pub mod cloudonix;
pub mod config;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod country;
pub mod cxml;
pub mod engine;
pub mod id;
pub mod memory;
pub mod number;
pub mod pattern;
pub mod port;
#[cfg(feature = "seal")]
pub mod seal;
pub mod secret;
pub mod strategy;
pub mod table;
pub mod time;
