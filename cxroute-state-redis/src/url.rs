//! URLs of Redis: single, Sentinel, cluster; with or without TLS.

use std::time::Duration;

use redis::cluster::ClusterClientBuilder;
use redis::sentinel::{SentinelClientBuilder, SentinelServerType};
use redis::{
    Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo, RedisError, TlsCertificates, TlsMode,
};

use crate::events::Hearing;
use crate::link::Source;
use crate::tls::TlsFiles;

/// Sockets of a cluster's nodes: whoever waits says how long, this only ends what nobody waits for any more.
const NODE: Duration = Duration::from_secs(2);

/// A URL is none of Redis. It never quotes the URL, which may hold a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}, got {got}")]
pub struct RedisUrlError {
    expected: &'static str,
    got: String,
}

const EXPECTED: &str = "redis://[user:password@]host[:port][/db], redis+cluster://host:port,host:port,… or \
                        redis+sentinel://host:port,…/master-name[/db]; with TLS rediss://…, rediss+cluster://… or \
                        rediss+sentinel://…, where ?ca=FILE names a private authority, &cert=FILE&key=FILE what this \
                        side shows";

fn refused(got: impl Into<String>) -> RedisUrlError {
    RedisUrlError { expected: EXPECTED, got: got.into() }
}

/// A URL, taken apart.
struct Parts<'a> {
    scheme: &'a str,
    /// A single node's.
    node_scheme: &'static str,
    place: &'a str,
    tls: Option<TlsCertificates>,
}

fn parts(url: &str) -> Result<Parts<'_>, RedisUrlError> {
    let (scheme, rest) = url.split_once("://").ok_or_else(|| refused("a text without a scheme"))?;
    // The driver has one, which believes any certificate.
    if rest.contains('#') {
        return Err(refused("a URL with a fragment"));
    }
    let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
    let node_scheme = if scheme.starts_with("rediss") { "rediss" } else { "redis" };
    let tls = match (node_scheme, query) {
        ("rediss", _) => Some(TlsFiles::named_by(query).and_then(TlsFiles::read).map_err(refused)?),
        (_, "") => None,
        _ => return Err(refused("parameters of TLS, and a URL without it")),
    };
    Ok(Parts { scheme, node_scheme, place, tls })
}

/// Where `url` says that Redis is.
pub(crate) fn source(url: &str) -> Result<Source, RedisUrlError> {
    let Parts { scheme, node_scheme, place, tls } = parts(url)?;
    match scheme {
        "redis" | "rediss" => {
            let client = client(format!("{node_scheme}://{place}"), tls);
            let client = client.map_err(|error| refused(format!("a URL that is none: {error}")))?;
            Ok(Source::Single(Box::new(client)))
        }
        "redis+cluster" | "rediss+cluster" => cluster(node_scheme, place, tls),
        "redis+sentinel" | "rediss+sentinel" => sentinel(node_scheme, place, tls),
        other => Err(refused(format!("a URL with the scheme {other:?}"))),
    }
}

/// Where the channels of the Redis that `url` names are heard.
pub(crate) fn hearing(url: &str) -> Result<Hearing, RedisUrlError> {
    Ok(match source(url)? {
        Source::Single(client) => Hearing::Single(client),
        Source::Sentinel(client) => Hearing::Sentinel(client),
        Source::Cluster(_) => {
            let Parts { node_scheme, place, tls, .. } = parts(url)?;
            let (nodes, _) = nodes(node_scheme, place)?;
            let client = |node| {
                client(node, tls.clone()).map_err(|error| refused(format!("a node that is none: {error}")))
            };
            Hearing::Nodes(nodes.into_iter().map(client).collect::<Result<_, _>>()?)
        }
    })
}

fn client(at: impl IntoConnectionInfo, tls: Option<TlsCertificates>) -> Result<Client, RedisError> {
    match tls {
        Some(tls) => Client::build_with_tls(at, tls),
        None => Client::open(at),
    }
}

/// User and password, which all nodes share, and the nodes.
fn nodes<'a>(scheme: &str, rest: &'a str) -> Result<(Vec<ConnectionInfo>, &'a str), RedisUrlError> {
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let (credentials, hosts) = match authority.rsplit_once('@') {
        Some((credentials, hosts)) => (format!("{credentials}@"), hosts),
        None => (String::new(), authority),
    };
    let node = |host: &str| {
        let url = format!("{scheme}://{credentials}{host}");
        url.into_connection_info().map_err(|error| refused(format!("a node that is none: {error}")))
    };
    let nodes = hosts.split(',').filter(|host| !host.is_empty()).map(node).collect::<Result<Vec<_>, _>>()?;
    if nodes.is_empty() { Err(refused("no node")) } else { Ok((nodes, path)) }
}

fn cluster(scheme: &str, rest: &str, tls: Option<TlsCertificates>) -> Result<Source, RedisUrlError> {
    let (nodes, path) = nodes(scheme, rest)?;
    if !path.is_empty() {
        return Err(refused("a database of a cluster, which has but one"));
    }
    let mut builder =
        ClusterClientBuilder::new(nodes).retries(1).connection_timeout(NODE).response_timeout(NODE);
    if let Some(tls) = tls {
        builder = builder.certs(tls);
    }
    let client = builder.build().map_err(|error| refused(format!("nodes that are no cluster's: {error}")))?;
    Ok(Source::Cluster(Box::new(client)))
}

fn sentinel(scheme: &str, rest: &str, tls: Option<TlsCertificates>) -> Result<Source, RedisUrlError> {
    let (nodes, path) = nodes(scheme, rest)?;
    let (master, db) = path.split_once('/').unwrap_or((path, "0"));
    let db: i64 = db.parse().map_err(|_| refused("a database that is no number"))?;
    if master.is_empty() {
        return Err(refused("Sentinels without the name of a master"));
    }
    let addresses: Vec<ConnectionAddr> = nodes.iter().map(|node| node.addr().clone()).collect();
    let builder = SentinelClientBuilder::new(addresses, master, SentinelServerType::Master);
    let build = |error| refused(format!("Sentinels that are none: {error}"));
    let mut builder = builder.map_err(build)?.set_client_to_redis_db(db);
    // Sentinels and servers alike: an installation that tells them apart gives Sentinels none.
    if let Some(node) = nodes.first() {
        if let Some(username) = node.redis_settings().username() {
            builder = builder.set_client_to_redis_username(username);
        }
        if let Some(password) = node.redis_settings().password() {
            builder = builder.set_client_to_redis_password(password);
        }
    }
    if let Some(tls) = tls {
        builder = builder
            .set_client_to_redis_tls_mode(TlsMode::Secure)
            .set_client_to_redis_certificates(tls.clone())
            .set_client_to_sentinel_certificates(tls);
    }
    Ok(Source::Sentinel(Box::new(builder.build().map_err(build)?)))
}
