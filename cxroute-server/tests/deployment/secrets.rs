//! `.env`, made by the very command that the operations page gives.

use std::path::Path;
use std::process::Command;

use crate::compose::Variables;
use crate::read;

const PAGE: &str = "docs/operations.md";
/// The page's command stands between these two lines; there is no second copy of it.
const MARKS: (&str, &str) = ("<!-- secrets -->", "<!-- end of secrets -->");

fn command() -> String {
    let page = read(PAGE);
    let block = page.split_once(MARKS.0).and_then(|(_, rest)| rest.split_once(MARKS.1));
    let (block, _) = block.unwrap_or_else(|| panic!("{PAGE} has no {} … {}", MARKS.0, MARKS.1));
    block.trim().lines().filter(|line| !line.starts_with("```")).collect::<Vec<_>>().join("\n")
}

/// Runs the command in `folder` and reads the file that it makes.
pub(crate) fn make(folder: &Path) -> Variables {
    let made = Command::new("sh").args(["-euc", &command()]).current_dir(folder).status().unwrap();
    assert!(made.success(), "{made}");
    let text = std::fs::read_to_string(folder.join(".env")).unwrap();
    let lines = text.lines().map(|line| line.split_once('=').unwrap_or_else(|| panic!("{line}")));
    lines.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[test]
fn the_operations_page_makes_fresh_secrets_that_only_their_owner_can_read() {
    use std::os::unix::fs::PermissionsExt as _;
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (first, second) = (make(one.path()), make(two.path()));
    assert!(first.len() >= 6, "{:?}", first.keys());
    for (name, value) in &first {
        let is_secret = ["PASSWORD", "KEY"].iter().any(|word| name.contains(word));
        assert_eq!(is_secret, second[name] != *value, "{name} is the same every time");
        assert!(!is_secret || value.len() >= 40, "{name} is short");
        // A `$` would be filled in; what stands in URLs must need no escape.
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "+/=:.-_".contains(c);
        assert!(value.chars().all(is_plain), "{name}");
        assert!(!name.ends_with("_PASSWORD") || value.chars().all(|c| c.is_ascii_alphanumeric()), "{name}");
    }
    let mode = std::fs::metadata(one.path().join(".env")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}
