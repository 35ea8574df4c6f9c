//! Rules of dependencies: each named once, with its purpose, and used.

use std::collections::BTreeSet;

use toml::{Table, Value};

use crate::nothing_to_complain_about;
use crate::rust_code::code_of;
use crate::tree::{read, rust_files};

const KINDS: [&str; 3] = ["dependencies", "dev-dependencies", "build-dependencies"];

fn members() -> Vec<String> {
    let root: Table = read("Cargo.toml").parse().unwrap();
    let members = root["workspace"]["members"].as_array().unwrap();
    members.iter().map(|member| member.as_str().unwrap().to_owned()).collect()
}

/// A manifest's dependencies of every kind, also those of `[target.…]`.
fn dependencies(manifest: &Table) -> Vec<(String, Value)> {
    let targets = manifest.get("target").and_then(Value::as_table).into_iter().flat_map(Table::values);
    let tables = std::iter::once(manifest).chain(targets.filter_map(Value::as_table));
    let kinds = tables.flat_map(|table| KINDS.iter().filter_map(|kind| table.get(*kind)?.as_table()));
    kinds.flat_map(|table| table.iter().map(|(name, value)| (name.clone(), value.clone()))).collect()
}

fn not_from_the_workspace(member: &str, manifest: &str) -> Vec<String> {
    let manifest: Table = manifest.parse().unwrap();
    let own = dependencies(&manifest).into_iter().filter(|(_, value)| {
        !value
            .as_table()
            .and_then(|table| table.get("workspace"))
            .is_some_and(|from| from == &Value::from(true))
    });
    own.map(|(name, _)| format!("{member}/Cargo.toml: {name} must be `workspace = true`")).collect()
}

/// Dependencies of the root manifest without a purpose; the workspace's own crates state theirs themselves.
fn without_purpose(manifest: &str) -> Vec<String> {
    let section = manifest.lines().skip_while(|line| *line != "[workspace.dependencies]").skip(1);
    let entries = section.take_while(|line| !line.starts_with('[')).filter(|line| !line.trim().is_empty());
    let foreign = entries.filter(|line| !line.starts_with('#') && !line.contains("path = "));
    let mute =
        foreign.filter(|line| line.split_once(" # ").is_none_or(|(_, purpose)| purpose.trim().is_empty()));
    mute.map(|line| format!("Cargo.toml: what for? {line}")).collect()
}

/// Dependencies that none of the crate's own code names.
fn unnamed(member: &str, manifest: &str, code: &str) -> Vec<String> {
    let manifest: Table = manifest.parse().unwrap();
    let words: BTreeSet<&str> = code.split(|char: char| !char.is_alphanumeric() && char != '_').collect();
    let names: BTreeSet<String> = dependencies(&manifest).into_iter().map(|(name, _)| name).collect();
    let unused = names.into_iter().filter(|name| !words.contains(name.replace('-', "_").as_str()));
    unused.map(|name| format!("{member}/Cargo.toml: no code names {name}")).collect()
}

#[test]
fn crates_take_every_dependency_from_the_workspace() {
    let complaints = members().into_iter().flat_map(|member| {
        let manifest = read(&format!("{member}/Cargo.toml"));
        not_from_the_workspace(&member, &manifest)
    });
    nothing_to_complain_about(complaints.collect());
}

#[test]
fn every_dependency_of_the_workspace_states_its_purpose() {
    nothing_to_complain_about(without_purpose(&read("Cargo.toml")));
}

#[test]
fn every_dependency_of_the_workspace_is_taken_by_a_crate() {
    let root: Table = read("Cargo.toml").parse().unwrap();
    let manifests =
        members().into_iter().map(|member| read(&format!("{member}/Cargo.toml")).parse().unwrap());
    let taken: BTreeSet<String> =
        manifests.flat_map(|manifest: Table| dependencies(&manifest)).map(|(name, _)| name).collect();
    let named = root["workspace"]["dependencies"].as_table().unwrap().keys();
    let idle = named.filter(|name| !taken.contains(*name));
    nothing_to_complain_about(idle.map(|name| format!("Cargo.toml: no crate takes {name}")).collect());
}

#[test]
fn every_dependency_of_a_crate_is_named_by_its_code() {
    let sources = rust_files();
    let complaints = members().into_iter().flat_map(|member| {
        let own = sources.iter().filter(|file| file.path.starts_with(&format!("{member}/")));
        let code: String = own.map(|file| code_of(&file.text)).collect();
        unnamed(&member, &read(&format!("{member}/Cargo.toml")), &code)
    });
    nothing_to_complain_about(complaints.collect());
}

#[test]
fn manifest_rules_see_their_offenders() {
    let manifest = "[dependencies]\na.workspace = true\nb = { workspace = true, features = [\"x\"] }\nc = \"1\"\n\
                    [target.'cfg(unix)'.dev-dependencies]\nd-e = { path = \"d\" }\n";
    assert_eq!(not_from_the_workspace("x", manifest).len(), 2);
    assert_eq!(unnamed("x", manifest, "use a::b;\nlet c = d_e::new();"), Vec::<String>::new());
    assert_eq!(unnamed("x", manifest, "use a::b;\nabc::d()").len(), 2);
    let root = "[workspace.dependencies]\nown = { path = \"own\" }\n\na = \"1\" # sums\nb = \"1\"\nc = \"1\" # \n[profile.dev]\nx = 1\n";
    assert_eq!(without_purpose(root).len(), 2);
}
