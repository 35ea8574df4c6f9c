//! Rules of every text: nothing provisional, nothing of one machine, nothing beyond the repository.

use crate::nothing_to_complain_about;
use crate::tree::{File, files};

/// What no file says, in halves so that this file does not say it either; and why.
const NEVER: [([&str; 2], &str); 11] = [
    (["for", " now"], "provisional"),
    (["FIX", "ME"], "provisional"),
    (["TO", "DO:"], "provisional"),
    (["/ro", "ot/"], "one machine's path"),
    (["/ho", "me/"], "one machine's path"),
    (["/wo", "rk/"], "one machine's path"),
    (["/Us", "ers/"], "one machine's path"),
    (["crates", ".io"], "a registry"),
    (["registry.", "npmjs"], "a registry"),
    (["pypi", ".org"], "a registry"),
    (["proxy.", "golang"], "a registry"),
];
/// Lock files are their tools' own.
const LOCKS: [&str; 3] = ["Cargo.lock", "fuzz/Cargo.lock", "ui/package-lock.json"];
/// The only file that may look beside the repository.
const CI: &str = ".ci/run";

fn unwelcome_words(file: &File) -> Vec<String> {
    let mut complaints = Vec::new();
    for (at, line) in file.text.lines().enumerate() {
        for (halves, why) in NEVER {
            if names(line, &halves.concat()) {
                complaints.push(format!("{}:{}: {why}: {}", file.path, at + 1, line.trim()));
            }
        }
        if file.is("rs") && names(&line.to_lowercase(), &["in produc", "tion"].concat()) {
            complaints.push(format!("{}:{}: is this not production? {}", file.path, at + 1, line.trim()));
        }
        if file.path != CI && line.contains(&["../sha", "red"].concat()) {
            complaints.push(format!("{}:{}: only {CI} looks outside", file.path, at + 1));
        }
    }
    complaints
}

/// Whether `line` has `pattern` as words or path of their own: `for nowhere` and `frame/work/` do not count.
fn names(line: &str, pattern: &str) -> bool {
    line.match_indices(pattern).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + pattern.len()..].chars().next();
        let joins = |char: Option<char>| char.is_some_and(|char| char.is_alphanumeric() || char == '_');
        let is_path = pattern.starts_with('/');
        !joins(before) && (is_path || !joins(after))
    })
}

#[test]
fn no_text_is_provisional_or_tied_to_a_machine() {
    let readable = files().into_iter().filter(|file| !LOCKS.contains(&file.path.as_str()));
    nothing_to_complain_about(readable.flat_map(|file| unwelcome_words(&file)).collect());
}

#[test]
fn unwelcome_words_are_seen_where_they_stand_and_only_there() {
    for (path, text, expected) in [
        ("a.md", ["good enough for", " now."].concat(), 1),
        ("a.md", "for nowhere, therefore now".to_owned(), 0),
        ("a.sh", ["cat /ho", "me/someone/x"].concat(), 1),
        ("a.md", "frame/work/ and /homework/".to_owned(), 0),
        ("a.toml", ["# see crates", ".io"].concat(), 1),
        ("a.rs", ["// In produc", "tion one would"].concat(), 1),
        ("a.md", ["MySQL in produc", "tion"].concat(), 0),
        ("a.md", ["see ../sha", "red/x"].concat(), 1),
        (CI, ["ls ../sha", "red/x"].concat(), 0),
    ] {
        let complaints = unwelcome_words(&File::planted(path, &text));
        assert_eq!(complaints.len(), expected, "{path}: {text}\n{complaints:?}");
    }
}
