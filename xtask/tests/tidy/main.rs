//! Tidy rules: what no compiler sees, held over every file that git knows or would take in.
//!
//! A rule is a function from a file to its complaints. Each has two tests: the tree has no complaint, and planted
//! offenders get theirs.
#![expect(clippy::unwrap_used, clippy::panic, reason = "the crate is nothing but tests")]

mod architecture;
mod dependencies;
mod layout;
mod manifests;
mod rust;
mod rust_code;
mod text;
mod tree;

/// Fails with all complaints, one a line.
#[track_caller]
fn nothing_to_complain_about(complaints: Vec<String>) {
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}
