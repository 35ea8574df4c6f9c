//! Rules of Rust files: length, a place, names, and what code outside tests never says.

use crate::nothing_to_complain_about;
use crate::rust_code::code_of;
use crate::tree::{File, rust_files};

/// More lines than this and a file has two concerns.
const LINES: usize = 500;
/// Code that is forbidden everywhere, with what to do instead. Clippy sees most of it, but not in every build.
const NEVER: [(&str, &str); 5] = [
    ("todo!(", "write it"),
    ("unimplemented!(", "write it"),
    ("#[allow(", "mend it, or #[expect(lint, reason)]"),
    ("#![allow(", "mend it, or #![expect(lint, reason)]"),
    ("#[ignore", "a test runs or does not exist"),
];
/// Code that only tests may contain.
const ONLY_IN_TESTS: [&str; 2] = [".unwrap()", ".expect(\""];
/// Ends of type names that say nothing.
const EMPTY_NAMES: [&str; 4] = ["Manager", "Helper", "Utils", "Service"];

fn too_long(file: &File) -> Vec<String> {
    let lines = file.text.lines().count();
    if lines > LINES { vec![format!("{}: {lines} lines, at most {LINES}", file.path)] } else { Vec::new() }
}

fn without_a_place(file: &File) -> Vec<String> {
    let first = file.text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    if first.starts_with("//! ") {
        Vec::new()
    } else {
        vec![format!("{}: expected a first line `//! <its place>`, got {first:?}", file.path)]
    }
}

fn forbidden_code(file: &File) -> Vec<String> {
    let code = code_of(&file.text);
    let lines = code.lines().enumerate();
    let offences = lines.flat_map(|(at, line)| {
        let found = NEVER.iter().filter(move |(pattern, _)| line.contains(pattern));
        found.map(move |(pattern, instead)| (at + 1, *pattern, *instead))
    });
    offences.map(|(line, pattern, instead)| format!("{}:{line}: {pattern} ({instead})", file.path)).collect()
}

fn unwrapped_outside_tests(file: &File) -> Vec<String> {
    if !is_product_code(&file.path) {
        return Vec::new();
    }
    let code = code_of(&file.text);
    let lines: Vec<&str> = code.lines().collect();
    // By custom the test module is a file's last item.
    let is_test_module =
        |pair: &[&str]| pair[0].starts_with("#[cfg(") && pair[0].contains("test") && pair[1].starts_with("mod ") && pair[1].ends_with('{');
    let end = lines.windows(2).position(is_test_module).unwrap_or(lines.len());
    let product = lines[..end].iter().enumerate();
    let offences = product.filter(|(_, line)| ONLY_IN_TESTS.iter().any(|pattern| line.contains(pattern)));
    offences.map(|(at, line)| format!("{}:{}: only tests may: {}", file.path, at + 1, line.trim())).collect()
}

/// Sources that reach users; the conformance kit is tests by nature.
fn is_product_code(path: &str) -> bool {
    let in_tests = path.ends_with("/tests.rs") || path.contains("/tests/") || path.contains("conformance");
    path.contains("/src/") && !in_tests
}

fn empty_names(file: &File) -> Vec<String> {
    let code = code_of(&file.text);
    let mut complaints = Vec::new();
    for (at, line) in code.lines().enumerate() {
        let words: Vec<&str> = line.split(|char: char| !char.is_alphanumeric() && char != '_').collect();
        for pair in words.windows(2) {
            let is_type = ["struct", "enum", "trait", "type"].contains(&pair[0]);
            // The word alone can be the field's own, like CXML's `Service`.
            let is_empty = EMPTY_NAMES.iter().any(|end| pair[1].len() > end.len() && pair[1].ends_with(end));
            if (is_type && is_empty) || (pair[0] == "fn" && pair[1].starts_with("get_")) {
                complaints.push(format!("{}:{}: a name that says nothing: {}", file.path, at + 1, pair[1]));
            }
        }
    }
    complaints
}

/// The simulator is the product's opponent: it must not share its mistakes.
fn simulator_that_knows_core(file: &File) -> Vec<String> {
    let of_simulator = file.path.split('/').any(|part| part.trim_end_matches(".rs").starts_with("simulat"));
    if of_simulator && code_of(&file.text).contains("cxroute_core") {
        vec![format!("{}: the simulator uses nothing of cxroute_core", file.path)]
    } else {
        Vec::new()
    }
}

fn in_the_tree(rule: fn(&File) -> Vec<String>) -> Vec<String> {
    rust_files().iter().flat_map(rule).collect()
}

#[test]
fn no_rust_file_is_too_long() {
    nothing_to_complain_about(in_the_tree(too_long));
}

#[test]
fn every_rust_file_says_its_place_first() {
    nothing_to_complain_about(in_the_tree(without_a_place));
}

#[test]
fn nothing_is_left_undone_silenced_or_ignored() {
    nothing_to_complain_about(in_the_tree(forbidden_code));
}

#[test]
fn product_code_never_unwraps() {
    nothing_to_complain_about(in_the_tree(unwrapped_outside_tests));
}

#[test]
fn names_say_something() {
    nothing_to_complain_about(in_the_tree(empty_names));
}

#[test]
fn the_simulator_uses_nothing_of_core() {
    nothing_to_complain_about(in_the_tree(simulator_that_knows_core));
}

#[test]
fn each_rule_sees_its_offender_and_spares_the_others() {
    let long = "//! Long.\n".repeat(LINES + 1);
    type Rule = fn(&File) -> Vec<String>;
    let cases: [(Rule, &str, &str, usize); 17] = [
        (too_long, "a/src/x.rs", &long, 1),
        (too_long, "a/src/x.rs", &long[10..], 0),
        (without_a_place, "a/src/x.rs", "use std::fmt;\n//! Late.", 1),
        (without_a_place, "a/src/x.rs", "\n//! Here.", 0),
        (forbidden_code, "a/src/x.rs", "fn f() { todo!() }\n#[ignore = \"slow\"]\n#[allow(dead_code)]", 3),
        (forbidden_code, "a/src/x.rs", "// todo!() and #[allow(x)]\nlet text = \"#[ignore]\";", 0),
        (unwrapped_outside_tests, "a/src/x.rs", "x.unwrap();\ny.expect(\"y\");", 2),
        (
            unwrapped_outside_tests,
            "a/src/x.rs",
            "x.unwrap_or(1);\n#[cfg(test)]\nmod tests {\nx.unwrap(); }",
            0,
        ),
        (unwrapped_outside_tests, "a/tests/x.rs", "x.unwrap();", 0),
        (unwrapped_outside_tests, "a/src/x.rs", "#[cfg(test)]\nmod tests;\nx.unwrap();", 1),
        (empty_names, "a/src/x.rs", "pub struct CallManager;\nfn get_call() {}", 2),
        (empty_names, "a/src/x.rs", "pub struct Service;\nfn target() {}\nfn get(&self) {}", 0),
        (simulator_that_knows_core, "cxroute-server/src/simulate/wire.rs", "use cxroute_core::id;", 1),
        (simulator_that_knows_core, "cxroute-server/src/simulate.rs", "cxroute_core::id::CallId", 1),
        (simulator_that_knows_core, "cxroute-server/src/simulate.rs", "//! Nothing of cxroute_core.", 0),
        (simulator_that_knows_core, "cxroute-server/src/serve.rs", "use cxroute_core::id;", 0),
        (empty_names, "a/src/x.rs", "// struct FooHelper", 0),
    ];
    for (rule, path, text, expected) in cases {
        let complaints = rule(&File::planted(path, text));
        assert_eq!(complaints.len(), expected, "{path}: {text}\n{complaints:?}");
    }
}
