//! The peer of `cargo xtask load`: the least that a durable webhook handler does, to measure the server against.
//!
//! The server's own HTTP stack and Tokio runtime; one round trip to Redis, for a script that counts; one receipt in
//! MySQL, inserted by one statement together with those of all requests that came meanwhile, as the server's group
//! commit does; and always the same CXML. It answers when the receipt is committed. There are no tenants, keys, rules,
//! calls or copies here: whatever the server does beyond this is its price.

use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hasher as _};
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use clap::Parser;
use http::{Response, StatusCode, header};
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, RedisError, Script};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, MySqlConnection};
use tokio::sync::{mpsc, oneshot};
use warp::Filter;

/// Who is chosen: a number that grows.
const COUNT: &str = "return redis.call('INCR', KEYS[1])";
const TABLE: &str = "CREATE TABLE IF NOT EXISTS receipts (
    session_token VARBINARY(255) NOT NULL, hash BIGINT UNSIGNED NOT NULL, choice BIGINT NOT NULL,
    PRIMARY KEY (session_token, hash)) ENGINE = InnoDB";
/// As many receipts share a transaction as with the server.
const MOST_IN_BATCH: usize = 256;
const CXML: &str = r#"<?xml version="1.0" encoding="UTF-8"?><Response><Dial><Service provider="retell">+12025550001</Service></Dial></Response>"#;

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
    let (queue, receipts) = mpsc::unbounded_channel();
    tokio::spawn(commit(database, receipts));

    let handler = Arc::new(Handler { redis, count: Script::new(COUNT), queue });
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
    count: Script,
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
        self.count.key("choices").invoke_async(&mut self.redis.clone()).await
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
    let mut sql = "INSERT IGNORE INTO receipts (session_token, hash, choice) VALUES ".to_owned();
    for (at, Receipt { session, hash, choice, .. }) in batch.iter().enumerate() {
        sql.push_str(if at == 0 { "(x'" } else { ",(x'" });
        for byte in session.bytes() {
            let _infallible = write!(sql, "{byte:02x}");
        }
        let _infallible = write!(sql, "',{hash},{choice})");
    }
    sql
}
