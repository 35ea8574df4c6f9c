//! A small, correct voice application server on a loopback port, which can be told to spoil its answers one way.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::{HeaderMap, Method, Response, StatusCode};
use serde_json::Value;
use tokio::net::TcpListener;
use warp::Filter;

pub(super) const KEY: &str = "key-of-the-trial";
const AGENTS: [&str; 3] = ["+12127770001", "+12127770002", "+12127770003"];

/// A webhook as the fake got it.
#[derive(Clone, Debug)]
pub(super) struct Hook {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) query: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// How many webhooks with these very bytes, stage and URL came before.
    pub(super) earlier: usize,
    /// The port that it came to.
    pub(super) port: u16,
}

/// An answer, correct until it is spoilt.
#[derive(Clone, Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) content_type: &'static str,
    pub(super) location: Option<&'static str>,
    pub(super) body: String,
    pub(super) comes: Comes,
}

/// Whether an answer comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comes {
    AtOnce,
    Never,
}

/// Changes a correct answer.
pub(super) type Spoil = fn(&Hook, &mut Reply);

/// The server's memory.
#[derive(Default)]
pub(super) struct Memory {
    /// Every webhook, in order of arrival.
    pub(super) hooks: Vec<Hook>,
    /// The first answer to each voice request and dial result.
    answers: HashMap<String, String>,
    /// The agents that were dialled in each call, in order.
    pub(super) tried: HashMap<String, Vec<&'static str>>,
    over: HashSet<String>,
    seen: HashMap<(String, String, String, Bytes), usize>,
    turn: usize,
}

pub(super) struct Fake {
    pub(super) address: std::net::SocketAddr,
    memory: Arc<Mutex<Memory>>,
}

impl Fake {
    /// A server that is correct but for `spoil`.
    pub(super) async fn start(spoil: Spoil) -> Self {
        Self::serve(TcpListener::bind("127.0.0.1:0").await.unwrap(), Arc::default(), spoil)
    }

    /// A server that drops its first `connections`, as one that is killed does.
    pub(super) async fn start_after_dropping(connections: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let memory = Arc::new(Mutex::new(Memory::default()));
        let kept = memory.clone();
        tokio::spawn(async move {
            for _ in 0..connections {
                drop(listener.accept().await.unwrap());
            }
            warp::serve(filter(kept, |_, _| {}, address.port())).incoming(listener).run().await;
        });
        Self { address, memory }
    }

    /// Another server of the same service.
    pub(super) async fn beside(&self, spoil: Spoil) -> Self {
        Self::serve(TcpListener::bind("127.0.0.1:0").await.unwrap(), self.memory.clone(), spoil)
    }

    /// A server that drops every connection.
    pub(super) async fn dying() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            loop {
                drop(listener.accept().await.unwrap());
            }
        });
        Self { address, memory: Arc::default() }
    }

    fn serve(listener: TcpListener, memory: Arc<Mutex<Memory>>, spoil: Spoil) -> Self {
        let address = listener.local_addr().unwrap();
        let filter = filter(memory.clone(), spoil, address.port());
        tokio::spawn(warp::serve(filter).incoming(listener).run());
        Self { address, memory }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(super) fn memory<T>(&self, look: impl FnOnce(&Memory) -> T) -> T {
        look(&self.memory.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn filter(
    memory: Arc<Mutex<Memory>>,
    spoil: Spoil,
    port: u16,
) -> impl Filter<Extract = (Response<String>,), Error = warp::Rejection> + Clone {
    let query = warp::query::raw().or(warp::any().map(String::new)).unify();
    warp::any()
        .and(warp::method())
        .and(warp::path::full())
        .and(query)
        .and(warp::header::headers_cloned())
        .and(warp::body::bytes())
        .then(move |method, path: warp::path::FullPath, query, headers, body| {
            let path = path.as_str().to_owned();
            let hook = Hook { method, path, query, headers, body, earlier: 0, port };
            let reply = {
                let mut memory = memory.lock().unwrap_or_else(PoisonError::into_inner);
                memory.take(hook, spoil)
            };
            answer(reply)
        })
}

async fn answer(reply: Reply) -> Response<String> {
    if reply.comes == Comes::Never {
        std::future::pending::<()>().await;
    }
    let mut response = Response::new(reply.body);
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap();
    let headers = response.headers_mut();
    headers.insert("content-type", reply.content_type.parse().unwrap());
    if let Some(location) = reply.location {
        headers.insert("location", location.parse().unwrap());
    }
    response
}

impl Memory {
    fn take(&mut self, mut hook: Hook, spoil: Spoil) -> Reply {
        let times = self.seen.entry(hook.fingerprint()).or_default();
        hook.earlier = *times;
        *times += 1;
        let mut reply = self.reply(&hook);
        spoil(&hook, &mut reply);
        self.hooks.push(hook);
        reply
    }

    fn reply(&mut self, hook: &Hook) -> Reply {
        let authorized = hook.header("authorization") == format!("Bearer {KEY}");
        if !authorized {
            return json(401, r#"{"message":"no"}"#);
        }
        match hook.path.as_str() {
            "/api/voice/application/trial.example" => self.cxml(hook),
            "/api/voice/dial/trial.example" => self.cxml(hook),
            "/api/voice/session/update/trial.example" | "/api/voice/session/cdr/trial.example" => {
                let over = hook.path.contains("/cdr/");
                if over {
                    self.over.insert(hook.token());
                }
                json(200, if hook.earlier > 0 { r#"{"status":"duplicate"}"# } else { r#"{"status":"ok"}"# })
            }
            _ => json(404, "{}"),
        }
    }

    fn cxml(&mut self, hook: &Hook) -> Reply {
        let key = format!("{} {} {}", hook.header("x-cx-session"), hook.header("x-cx-stageid"), hook.query);
        let known = self.answers.get(&key).cloned();
        let body = known.unwrap_or_else(|| self.decide(hook));
        self.answers.insert(key, body.clone());
        Reply { status: 200, content_type: "application/xml", location: None, body, comes: Comes::AtOnce }
    }

    fn decide(&mut self, hook: &Hook) -> String {
        let token = hook.header("x-cx-session").to_owned();
        let fields = hook.fields();
        let status = fields["DialCallStatus"].as_str().or(fields["CallStatus"].as_str()).unwrap_or_default();
        let done = matches!(status, "completed" | "answered") || self.over.contains(&token);
        let tried = self.tried.entry(token).or_default();
        self.turn += 1;
        let turn = self.turn;
        let agents = (0..AGENTS.len()).map(|at| AGENTS[(at + turn) % AGENTS.len()]);
        let next = agents.into_iter().find(|agent| !tried.contains(agent)).filter(|_| !done);
        let Some(agent) = next else { return "<Response><Hangup/></Response>".to_owned() };
        tried.push(agent);
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response><Dial callerId=\"+13055550100\" timeout=\"20\" \
             action=\"https://public.example/api/voice/dial/trial.example?attempt={}&amp;v=1\">\
             <Service provider=\"retell\" username=\"u\" password=\"s3cr3t\">{agent}</Service></Dial></Response>",
            tried.len()
        )
    }
}

impl Hook {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The body's fields; of an array of one, those of the one.
    pub(super) fn fields(&self) -> Value {
        match serde_json::from_slice(&self.body) {
            Ok(Value::Array(mut list)) if list.len() == 1 => list.remove(0),
            Ok(value) => value,
            Err(_) => Value::Null,
        }
    }

    /// The session token, wherever the kind of webhook has it.
    pub(super) fn token(&self) -> String {
        let fields = self.fields();
        let places = [&fields["Session"], &fields["token"], &fields["session"]["token"]];
        places.iter().find_map(|place| place.as_str()).unwrap_or_default().to_owned()
    }

    fn fingerprint(&self) -> (String, String, String, Bytes) {
        (self.path.clone(), self.query.clone(), self.header("x-cx-stageid").to_owned(), self.body.clone())
    }
}

fn json(status: u16, body: &str) -> Reply {
    let body = body.to_owned();
    Reply { status, content_type: "application/json", location: None, body, comes: Comes::AtOnce }
}
