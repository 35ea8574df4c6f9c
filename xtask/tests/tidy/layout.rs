//! Rules of the tree: what must be there, how files are called, migrations, fuzz targets.

use std::collections::BTreeMap;

use crate::nothing_to_complain_about;
use crate::rust_code::code_of;
use crate::tree::{File, Untracked, files, paths, read, rust_files};

/// What a clone has at least.
const COMMITTED: [&str; 9] = [
    ".ci/run",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "Cargo.lock",
    "Dockerfile",
    "LICENSE",
    "README.md",
    "docker-compose.yml",
    "docs/adr/0000-template.md",
];
/// File names that say nothing.
const EMPTY_NAMES: [&str; 9] =
    ["helper", "helpers", "manager", "managers", "misc", "service", "services", "util", "utils"];

fn empty_name(file: &File) -> Option<String> {
    let is_source = ["rs", "ts", "tsx", "lua"].iter().any(|extension| file.is(extension));
    let folder = file.path.rsplit('/').nth(1).unwrap_or_default();
    let stem = file.stem().to_lowercase();
    let is_empty = EMPTY_NAMES.contains(&stem.as_str()) || EMPTY_NAMES.contains(&folder);
    (is_source && is_empty).then(|| format!("{}: a name that says nothing", file.path))
}

/// Migrations `migrations/<database>/NNNN_name.sql` count 1, 2, 3 … in each folder.
fn misnumbered(paths: &[String]) -> Vec<String> {
    let mut folders: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for path in paths {
        if let Some((folder, name)) = path.rsplit_once('/')
            && folder.starts_with("migrations/")
        {
            folders.entry(folder).or_default().push(name);
        }
    }
    let mut complaints = Vec::new();
    for (folder, mut names) in folders {
        names.sort_unstable();
        for (at, name) in names.iter().enumerate() {
            let number = name.split_once('_').and_then(|(number, _)| number.parse::<usize>().ok());
            if number != Some(at + 1) || !name.ends_with(".sql") {
                complaints.push(format!("{folder}/{name}: expected number {} and .sql", at + 1));
            }
        }
    }
    complaints
}

/// A fuzz target has committed inputs, and a test on stable that replays them.
fn unreplayed(paths: &[String], code: &str) -> Vec<String> {
    let names = paths.iter().filter_map(|path| path.strip_prefix("fuzz/fuzz_targets/")?.strip_suffix(".rs"));
    let mut complaints = Vec::new();
    for target in names {
        if !paths.iter().any(|path| path.starts_with(&format!("fuzz/corpus/{target}/"))) {
            complaints.push(format!("fuzz target {target}: no committed input in fuzz/corpus/{target}/"));
        }
        if !code.contains(&format!("fn the_fuzz_corpus_of_{target}_still_holds(")) {
            complaints.push(format!("fuzz target {target}: no test the_fuzz_corpus_of_{target}_still_holds"));
        }
    }
    complaints
}

#[test]
fn a_clone_has_what_it_needs() {
    let tracked = paths(Untracked::Not);
    let lost = COMMITTED.iter().filter(|path| !tracked.iter().any(|tracked| tracked == *path));
    nothing_to_complain_about(lost.map(|path| format!("{path} is not committed")).collect());
    assert!(read("LICENSE").contains("MIT License"), "LICENSE is not the MIT License");
}

#[test]
fn files_have_names_that_say_something() {
    nothing_to_complain_about(files().iter().filter_map(empty_name).collect());
}

#[test]
fn migrations_are_numbered_without_gaps() {
    nothing_to_complain_about(misnumbered(&paths(Untracked::Too)));
}

#[test]
fn fuzz_corpora_are_replayed_by_the_tests() {
    let code: String = rust_files().iter().map(|file| code_of(&file.text)).collect();
    nothing_to_complain_about(unreplayed(&paths(Untracked::Too), &code));
}

#[test]
fn layout_rules_see_their_offenders() {
    let owned = |paths: &[&str]| paths.iter().map(|&path| path.to_owned()).collect::<Vec<_>>();
    for path in ["a/src/utils.rs", "a/src/helpers/mod.rs", "ui/src/Manager.tsx"] {
        assert!(empty_name(&File::planted(path, "")).is_some(), "{path}");
    }
    for path in ["a/src/pattern.rs", "docs/utils.md"] {
        assert!(empty_name(&File::planted(path, "")).is_none(), "{path}");
    }
    assert!(
        misnumbered(&owned(&["migrations/sqlite/0001_a.sql", "migrations/sqlite/0002_b.sql"])).is_empty()
    );
    assert_eq!(
        misnumbered(&owned(&["migrations/sqlite/0001_a.sql", "migrations/mysql/0002_b.sql"])).len(),
        1
    );
    let fuzz = owned(&["fuzz/fuzz_targets/pattern.rs", "fuzz/corpus/pattern/a"]);
    assert!(unreplayed(&fuzz, "fn the_fuzz_corpus_of_pattern_still_holds() {").is_empty());
    assert_eq!(unreplayed(&fuzz[..1], "").len(), 2);
}
