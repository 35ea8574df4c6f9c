//! ARCHITECTURE.md and README.md tell the truth: invariants name tests that exist, README's code is compiled.

use crate::nothing_to_complain_about;
use crate::tree::{File, files, read};

/// An invariant: a numbered item of the section, with all its lines.
fn invariants(document: &str) -> Vec<String> {
    let section = document.lines().skip_while(|line| *line != "## Invariants").skip(1);
    let mut items: Vec<String> = Vec::new();
    for line in section.take_while(|line| !line.starts_with("## ")) {
        let number = line.split_once(". ").map(|(number, _)| number).unwrap_or_default();
        if !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()) {
            items.push(line.to_owned());
        } else if let Some(item) = items.last_mut() {
            item.push(' ');
            item.push_str(line.trim());
        }
    }
    items
}

/// The guards of an invariant: what stands in backticks as `path.rs::name`.
fn guards(invariant: &str) -> Vec<(&str, &str)> {
    let quoted = invariant.split('`').skip(1).step_by(2);
    quoted.filter_map(|text| text.split_once("::")).filter(|(path, _)| path.ends_with(".rs")).collect()
}

/// A test by its name, or the file's `compile_fail` example.
fn has_guard(text: &str, name: &str) -> bool {
    if name == "compile_fail" {
        return text.contains("```compile_fail");
    }
    text.lines().map(str::trim_start).any(|line| {
        let function =
            ["fn ", "async fn ", "pub fn ", "pub async fn ", "pub(crate) fn ", "pub(crate) async fn "]
                .iter()
                .find_map(|start| line.strip_prefix(start));
        function.and_then(|rest| rest.strip_prefix(name)).is_some_and(|rest| rest.starts_with(['(', '<']))
    })
}

fn unguarded(document: &str, tree: &[File]) -> Vec<String> {
    let mut complaints = Vec::new();
    for invariant in invariants(document) {
        let guards = guards(&invariant);
        if guards.is_empty() {
            complaints.push(format!("ARCHITECTURE.md: nothing guards: {invariant}"));
        }
        for (path, name) in guards {
            let file = tree.iter().find(|file| file.path == path);
            if !file.is_some_and(|file| has_guard(&file.text, name)) {
                complaints.push(format!("ARCHITECTURE.md: there is no {path}::{name}"));
            }
        }
    }
    complaints
}

#[test]
fn every_invariant_is_guarded_by_a_test_that_exists() {
    let document = read("ARCHITECTURE.md");
    assert!(invariants(&document).len() >= 3, "expected numbered invariants under `## Invariants`");
    nothing_to_complain_about(unguarded(&document, &files()));
}

#[test]
fn invariants_without_guard_or_with_a_lost_one_are_seen() {
    let tree =
        [File::planted("a/src/x.rs", "/// ```compile_fail\n#[test]\nfn holds() {}\n    async fn waits() {}")];
    for (text, expected) in [
        (
            "1. Kept. Guarded by\n   `a/src/x.rs::holds`.\n2. Also: `a/src/x.rs::waits`, `a/src/x.rs::compile_fail`.",
            0,
        ),
        ("1. Kept by nobody.", 1),
        ("1. `a/src/x.rs::hold`\n2. `a/src/y.rs::holds`", 2),
    ] {
        let complaints =
            unguarded(&format!("# A\n\n## Invariants\n\n{text}\n\n## Next\n\n1. No invariant.\n"), &tree);
        assert_eq!(complaints.len(), expected, "{text}\n{complaints:?}");
    }
}

#[test]
fn rust_code_of_the_readme_is_compiled_by_cores_doc_tests() {
    if read("README.md").contains("```rust") {
        let core = read("cxroute-core/src/lib.rs");
        assert!(
            core.contains("include_str!(\"../../README.md\")"),
            "cxroute-core/src/lib.rs must include README.md"
        );
    }
}

#[test]
fn every_local_link_of_the_documents_leads_somewhere() {
    let tree = files();
    let documents = tree.iter().filter(|file| file.is("md"));
    let lost = documents.flat_map(|file| {
        let folder = file.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let links =
            file.text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(link, _)| link);
        let local = links.filter(|link| !link.contains(':') && !link.starts_with('#'));
        let targets = local.map(move |link| (link, join(folder, link.split('#').next().unwrap_or(link))));
        let lost = targets.filter(|(_, target)| {
            !tree.iter().any(|file| file.path == *target || file.path.starts_with(&format!("{target}/")))
        });
        lost.map(|(link, _)| format!("{}: {link} leads nowhere", file.path)).collect::<Vec<_>>()
    });
    nothing_to_complain_about(lost.collect());
}

/// `link` from `folder`, with `..` resolved.
fn join(folder: &str, link: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in link.trim_end_matches('/').split('/') {
        match part {
            ".." => drop(parts.pop()),
            "." => {}
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[test]
fn links_are_resolved_from_their_document() {
    assert_eq!(join("docs/adr", "../cli.md"), "docs/cli.md");
    assert_eq!(join("", "./docs/adr/"), "docs/adr");
}
