//! What an embedding service gets with core: no runtime, no HTTP, no database, no crypto. And what TLS is made of.

use std::process::Command;

use toml::{Table, Value};

use crate::nothing_to_complain_about;
use crate::tree::{read, root};

/// Crates that core by default must not bring along, also as beginnings of names (`sqlx-core`).
const UNWELCOME: [&str; 18] = [
    "aes",
    "async-std",
    "cipher",
    "h2",
    "hkdf",
    "hmac",
    "hyper",
    "libsqlite3-sys",
    "mio",
    "openssl",
    "redis",
    "reqwest",
    "ring",
    "rustls",
    "smol",
    "socket2",
    "sqlx",
    "warp",
];
/// What TLS could be made of beside ring. Where two are compiled in, rustls knows none unless somebody chooses.
const OTHER_CRYPTO: [&str; 6] = ["aws-lc-rs", "aws-lc-sys", "boring", "native-tls", "openssl", "openssl-sys"];
/// Features of tokio that need no runtime.
const TOKIO_FEATURES: [&str; 2] = ["default", "sync"];

/// Complaints about `cargo tree --prefix none --format '{p}|{f}'` lines.
fn unwelcome(tree: &str) -> Vec<String> {
    let mut complaints = Vec::new();
    for line in tree.lines() {
        let (package, features) = line.split_once('|').unwrap_or((line, ""));
        let name = package.split(' ').next().unwrap_or_default();
        let is_of = |family: &&str| name == *family || name.starts_with(&format!("{family}-"));
        if UNWELCOME.iter().any(is_of) {
            complaints.push(format!("core by default depends on {name}"));
        }
        let features = features.trim_end_matches(" (*)").split(',').filter(|feature| !feature.is_empty());
        for feature in features.filter(|feature| name == "tokio" && !TOKIO_FEATURES.contains(feature)) {
            complaints.push(format!("core by default switches on tokio's {feature}"));
        }
    }
    complaints
}

#[test]
fn core_by_default_brings_no_runtime_http_database_or_crypto() {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["tree", "--locked", "--package", "cxroute-core", "--edges", "normal", "--prefix", "none"]);
    let output = cargo.args(["--format", "{p}|{f}"]).current_dir(root()).output().unwrap();
    assert!(output.status.success(), "cargo tree: {}", String::from_utf8_lossy(&output.stderr));
    let tree = String::from_utf8(output.stdout).unwrap();
    assert!(tree.starts_with("cxroute-core ") && tree.contains("\ntokio "), "unexpected tree:\n{tree}");
    nothing_to_complain_about(unwelcome(&tree));
}

/// The packages of a lock file.
fn locked(lock: &str) -> Vec<String> {
    let lock: Table = lock.parse().unwrap();
    let packages = lock["package"].as_array().unwrap().iter();
    packages.filter_map(|package| package.get("name").and_then(Value::as_str)).map(str::to_owned).collect()
}

fn other_crypto(lock: &str) -> Vec<String> {
    let others = locked(lock).into_iter().filter(|name| OTHER_CRYPTO.contains(&name.as_str()));
    others.map(|name| format!("Cargo.lock: {name}, beside ring")).collect()
}

#[test]
fn tls_is_made_of_one_cryptography() {
    let lock = read("Cargo.lock");
    let names = locked(&lock);
    assert!(["ring", "rustls"].iter().all(|name| names.iter().any(|locked| locked == name)), "{names:?}");
    nothing_to_complain_about(other_crypto(&lock));
}

#[test]
fn another_cryptography_in_the_lock_is_seen() {
    let lock = "[[package]]\nname = \"ring\"\n[[package]]\nname = \"aws-lc-rs\"\n[[package]]\nname = \"openssl-probe\"\n";
    assert_eq!(other_crypto(lock).len(), 1);
}

#[test]
fn runtimes_and_databases_in_the_tree_are_seen() {
    let tree = "cxroute-core v0.1.0 (x)|\ntokio v1.0.0|rt,sync (*)\nsqlx-core v0.9.0|any\naes-gcm v0.11.0|\nhypersonic v1.0.0|\n";
    let complaints = unwelcome(tree);
    assert_eq!(complaints.len(), 3, "{complaints:?}");
    assert!(unwelcome("tokio v1.0.0|default,sync\ntokio-util v1|rt").is_empty());
}
