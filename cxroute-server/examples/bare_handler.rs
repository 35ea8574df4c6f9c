//! The peer of `cargo xtask load`: the least that a durable webhook handler does, to measure the server against.
//!
//! The server's own HTTP stack and Tokio runtime; one round trip to Redis, for the script that the server appends a choice
//! by; one receipt in MySQL, of the columns of the server's and with the answer in it, inserted by one statement together
//! with those of all requests that came meanwhile, as the server's group commit does; and always the same CXML. It answers
//! when the receipt is committed. There are no tenants, keys, rules, calls or copies here: whatever the server does beyond
//! this is its price.

use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hasher as _};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use clap::Parser;
use http::{Response, StatusCode, header};
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, RedisError, Script};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, MySqlConnection};
use tokio::sync::{mpsc, oneshot};
use warp::Filter;

/// What the server appends a choice to a tenant's log by. The choice is the entry's number here.
const APPEND: &str = include_str!("../../cxroute-state-redis/src/lua/append.lua");
/// The keys of the one log that there is: its head, its entries, and a state that nobody writes.
const KEYS: [&str; 3] = ["{bare}:plane", "{bare}:log", "{bare}:snapshot"];
const EPOCH: &str = "bare";
/// As long as a choice that the server writes down.
const OPERATION: [u8; 200] = [b'o'; 200];
/// Nothing in the log is new to whoever is so far.
const FAR: u64 = 1 << 52;
const TABLE: &str = "CREATE TABLE IF NOT EXISTS receipts (
    session_token VARBINARY(255) NOT NULL, kind VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    hash BINARY(16) NOT NULL, attempt INT UNSIGNED, choice BIGINT NOT NULL, answer MEDIUMBLOB, received_at BIGINT NOT NULL,
    PRIMARY KEY (session_token, kind, hash)) ENGINE = InnoDB";
/// As many receipts share a transaction as with the server.
const MOST_IN_BATCH: usize = 256;
/// As long as the server's.
const CXML: &str = r#"<?xml version="1.0" encoding="UTF-8"?><Response><Dial callerId="+12025550147" action="http://127.0.0.1:8080/api/voice/dial/bench.cloudonix.net?session=0123456789abcdef0123456789abcdef&amp;attempt=1&amp;agent=1&amp;group=11" method="POST"><Service provider="retell">+12025550001</Service></Dial></Response>"#;

/// Where it listens and what it keeps its receipts in.
#[derive(Parser)]
struct Options {
    /// The address that webhooks are taken on
    #[arg(long)]
    listen: SocketAddr,
    /// mysql://user@host/database
    #[arg(long)]
    store: String,
    /// redis://host:port/0
    #[arg(long)]
    live: String,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let mut database = MySqlConnection::connect(&options.store).await?;
    database.execute(TABLE).await?;
    // What waits is the load, which notices.
    let patient = AsyncConnectionConfig::new().set_response_timeout(None);
    let redis = Client::open(options.live)?.get_multiplexed_async_connection_with_config(&patient).await?;
    begin_log(&mut redis.clone()).await?;
    tokio::spawn(shorten_log(redis.clone()));
    let (queue, receipts) = mpsc::unbounded_channel();
    tokio::spawn(commit(database, receipts));

    let handler = Arc::new(Handler { redis, append: Script::new(APPEND), queue });
    let webhook = warp::post()
        .and(warp::header("x-cx-session"))
        .and(warp::body::bytes())
        .then(move |session: String, body: Bytes| answer(Arc::clone(&handler), session, body));
    let ready = warp::get().map(|| "ready");
    warp::serve(webhook.or(ready)).run(options.listen).await;
    Ok(())
}

struct Handler {
    redis: MultiplexedConnection,
    append: Script,
    queue: mpsc::UnboundedSender<Receipt>,
}

struct Receipt {
    session: String,
    hash: u64,
    choice: i64,
    committed: oneshot::Sender<()>,
}

async fn answer(handler: Arc<Handler>, session: String, body: Bytes) -> Response<&'static str> {
    let kept = match handler.choose().await {
        Ok(choice) => handler.keep(session, &body, choice).await,
        Err(_) => None,
    };
    let mut response = Response::new(CXML);
    let xml = header::HeaderValue::from_static("application/xml");
    response.headers_mut().insert(header::CONTENT_TYPE, xml);
    if kept.is_none() {
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    }
    response
}

impl Handler {
    async fn choose(&self) -> Result<i64, RedisError> {
        let mut append = self.append.prepare_invoke();
        append.key(&KEYS[..]);
        append.arg(EPOCH).arg(0).arg(0).arg(FAR).arg("0-0").arg(&OPERATION[..]);
        let (_status, _now, number, _id, _due, _behind): (String, i64, i64, String, i64, redis::Value) =
            append.invoke_async(&mut self.redis.clone()).await?;
        Ok(number)
    }

    /// Returns when the receipt is committed; nothing if it is not.
    async fn keep(&self, session: String, body: &[u8], choice: i64) -> Option<()> {
        let mut hasher = DefaultHasher::new();
        hasher.write(body);
        let (committed, done) = oneshot::channel();
        self.queue.send(Receipt { session, hash: hasher.finish(), choice, committed }).ok()?;
        done.await.ok()
    }
}

/// Makes the log's head as the server makes a tenant's.
async fn begin_log(redis: &mut MultiplexedConnection) -> Result<(), RedisError> {
    let server: String = redis::cmd("INFO").arg("server").query_async(redis).await?;
    let run = server.lines().find_map(|line| line.strip_prefix("run_id:")).unwrap_or_default();
    let mut head = redis::cmd("HSET");
    head.arg(KEYS[0]).arg(&["epoch", EPOCH, "run", run, "n", "0", "bytes", "0", "size", "0"]);
    head.query_async(redis).await
}

/// Keeps the last entries, as the server's states do.
async fn shorten_log(mut redis: MultiplexedConnection) {
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let mut shorten = redis::cmd("XTRIM");
        shorten.arg(KEYS[1]).arg("MAXLEN").arg("~").arg(10_000);
        // If it is away, the load notices.
        let _away: Result<i64, RedisError> = shorten.query_async(&mut redis).await;
    }
}

/// Commits what has come while the batch before was committed, a statement a batch. A failed one is answered with 503.
async fn commit(mut database: MySqlConnection, mut receipts: mpsc::UnboundedReceiver<Receipt>) {
    let mut batch = Vec::new();
    while receipts.recv_many(&mut batch, MOST_IN_BATCH).await > 0 {
        let inserted = database.execute(AssertSqlSafe(insert(&batch))).await;
        for receipt in batch.drain(..).filter(|_| inserted.is_ok()) {
            // A client that went away does not take its answer.
            let _gone = receipt.committed.send(());
        }
    }
}

/// One statement, which is a transaction by itself. Tokens are written in hexadecimal, so nothing in them is SQL.
fn insert(batch: &[Receipt]) -> String {
    let columns = "session_token, kind, hash, attempt, choice, answer, received_at";
    let mut sql = format!("INSERT IGNORE INTO receipts ({columns}) VALUES ");
    for (at, Receipt { session, hash, choice, .. }) in batch.iter().enumerate() {
        sql.push_str(if at == 0 { "(x'" } else { ",(x'" });
        push_hex(&mut sql, session.as_bytes());
        let _infallible = write!(sql, "','voice_request',x'{hash:032x}',1,{choice},x'");
        push_hex(&mut sql, CXML.as_bytes());
        sql.push_str("',1767571200000)");
    }
    sql
}

fn push_hex(sql: &mut String, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for byte in bytes {
        sql.push(char::from(DIGITS[usize::from(byte >> 4)]));
        sql.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
}
