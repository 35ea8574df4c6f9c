//! A server in this process, on a socket of its own, with one tenant.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cxroute_core::authority::Operator;
use cxroute_core::call::{Call, SessionToken};
use cxroute_core::config::Domain;
use cxroute_core::memory::{MemoryEvents, MemoryLive};
use cxroute_core::port::{CallFilter, Events as _, Page, Since, Store as _, Subscription};
use cxroute_core::seal::{Keyring, MasterKey};
use cxroute_core::time::Timestamp;
use cxroute_server::config_file::{Applier, Form, Mode};
use cxroute_server::server::{Backing, Committing, Server, ServerOptions};

use crate::client::{Reply, Request};
use crate::faulty::Faulty;
pub(crate) use crate::places::{CDR, DIAL, DOMAIN, KEY, UPDATE, VOICE};

/// Three agents that share calls 1:2:3, the last but for a cap; then an announcement.
pub(crate) const TENANT: &str = r#"
tenant: { name: T, domain: t.cloudonix.net }
webhook_keys: [the-key, the-old-key]
agents:
  - { name: A, provider: retell, service_value: "+12025550001", max_concurrent_calls: 20 }
  - { name: B, provider: vapi, service_value: "+12025550002", username: me, password: hunter2 }
  - { name: C, provider: retell, service_value: "+12025550003" }
groups:
  - name: Support
    strategy: load_balanced
    settings: { fallback: { say: "Nobody is there" } }
    members:
      - { agent: A, capacity: 1 }
      - { agent: B, capacity: 2, max_concurrent_calls: 70 }
      - { agent: C, capacity: 3, max_concurrent_calls: 60 }
inbound_rules:
  - { pattern: "+1202*", target: { group: Support } }
"#;

/// A running server and what it stands on.
pub(crate) struct Desk {
    pub(crate) address: SocketAddr,
    pub(crate) store: Arc<Faulty>,
    events: Arc<MemoryEvents>,
    keyring: Arc<Keyring>,
    server: Option<Server>,
    sessions: AtomicU64,
}

impl Desk {
    pub(crate) async fn open(yaml: &str) -> Self {
        Self::open_with(yaml, Duration::from_secs(10)).await
    }

    pub(crate) async fn open_with(yaml: &str, deadline: Duration) -> Self {
        let desk = Self::open_on(Arc::new(Faulty::new()), Committing::Direct, deadline).await;
        desk.apply(yaml).await;
        desk
    }

    /// On a store that is there already.
    pub(crate) async fn open_on(store: Arc<Faulty>, durability: Committing, deadline: Duration) -> Self {
        let events = Arc::new(MemoryEvents::starting(Timestamp::EPOCH));
        let keyring = Arc::new(Keyring::new(MasterKey::new([7; 32]), []));
        let options = ServerOptions {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            public_url: Some("https://cx.example.com".to_owned()),
            deadline,
            ..ServerOptions::default()
        };
        let backing = Backing {
            store: store.clone(),
            live: Arc::new(MemoryLive::new()),
            events: events.clone(),
            durability,
            vault: keyring.clone(),
            authenticator: Arc::new(keyring.webhook_keys()),
        };
        let server = Server::start(options, backing).await.unwrap();
        let (address, sessions) = (server.address(), AtomicU64::new(0));
        Self { address, store, events, keyring, server: Some(server), sessions }
    }

    pub(crate) async fn apply(&self, yaml: &str) {
        let operator = Operator::assume();
        let applier = Applier { store: &self.store.inner, keyring: &self.keyring, operator: &operator };
        let form = Form::parse(yaml).unwrap();
        applier.apply(&form, Mode::Commit, Timestamp::from_millis(1)).await.unwrap();
    }

    /// A session nobody has used.
    pub(crate) fn session(&self) -> String {
        format!("{:032x}", self.sessions.fetch_add(1, Ordering::Relaxed) + 1)
    }

    pub(crate) async fn send(&self, request: &Request) -> Reply {
        request.send(self.address).await
    }

    /// A voice request as Cloudonix sends it.
    pub(crate) async fn voice(&self, session: &str) -> Reply {
        self.send(&voice(session)).await
    }

    /// A result to the action URL of `answer`.
    pub(crate) async fn result(&self, answer: &Reply, session: &str, word: &str) -> Reply {
        let document = answer.document();
        let dial = document.descendants().find(|node| node.has_tag_name("Dial")).unwrap();
        let action = dial.attribute("action").unwrap();
        let path = action.strip_prefix("https://cx.example.com").unwrap();
        let body = format!(r#"{{"Session":"{session}","To":"+12025559999","DialCallStatus":"{word}"}}"#);
        self.send(&Request::post(path, body).key(KEY)).await
    }

    /// Somebody who listens to the tenant from now on.
    pub(crate) async fn listen(&self) -> Box<dyn Subscription> {
        self.events.subscribe(&self.scope().await, Since::Now).await.unwrap()
    }

    /// What the store keeps of a call.
    pub(crate) async fn call(&self, session: &str) -> Option<Call> {
        let token = SessionToken::new(session).unwrap();
        let mut reader = self.store.inner.read(&self.scope().await).await.unwrap();
        reader.call(&token).await.unwrap()
    }

    /// All calls that the store keeps.
    pub(crate) async fn calls(&self) -> Vec<Call> {
        let mut reader = self.store.inner.read(&self.scope().await).await.unwrap();
        reader.calls(&CallFilter::default(), Page { after: None, limit: 10_000 }).await.unwrap()
    }

    /// A line of `/metrics`, by what stands before its figure.
    pub(crate) async fn metric(&self, series: &str) -> u64 {
        let page = self.send(&Request::new("GET", "/metrics")).await;
        let line = page.text().lines().find_map(|line| line.strip_prefix(series)).unwrap_or("");
        line.trim().parse().unwrap_or_else(|_| panic!("no {series} in\n{}", page.text()))
    }

    pub(crate) fn take_server(&mut self) -> Server {
        self.server.take().unwrap()
    }

    async fn scope(&self) -> cxroute_core::authority::ReadScope {
        let operator = Operator::assume();
        let domain = Domain::parse(DOMAIN).unwrap();
        let tenant = self.store.inner.tenant_by_domain(&operator, &domain).await.unwrap().unwrap();
        operator.read(tenant)
    }
}

/// A voice request as Cloudonix sends it.
pub(crate) fn voice(session: &str) -> Request {
    let body = format!(
        r#"{{"CallSid":"{session}","AccountSid":"{DOMAIN}","ApiVersion":"1","From":"+13055550100","To":"+12025559999",
        "Direction":"inbound","CallStatus":"in-progress","Domain":"{DOMAIN}","Session":"{session}",
        "SessionData":{{"id":1,"token":"{session}","status":"NEW","profile":{{"trunk-sip-headers":{{"X":"y"}}}}}}}}"#
    );
    Request::post(VOICE, body)
        .key(KEY)
        .header("User-Agent", "Cloudonix APP.Core/5.3.673")
        .header("Content-Type", "application/json")
        .header("X-Cx-Apikey", "XI0123456789abcdef0123456789abcdef")
        .header("X-Cx-Domain", DOMAIN)
        .header("X-Cx-Session", session)
        .header("X-Cx-Stageid", &session[16..])
}
