//! The files of the repository: what git tracks and what it would take in.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A file with its path from the root.
pub(crate) struct File {
    /// With `/` on every system.
    pub(crate) path: String,
    /// Lossy where it is not UTF-8.
    pub(crate) text: String,
}

impl File {
    /// A file that exists only in a test.
    pub(crate) fn planted(path: &str, text: &str) -> Self {
        Self { path: path.into(), text: text.into() }
    }

    /// The name without folders and last extension.
    pub(crate) fn stem(&self) -> &str {
        Path::new(&self.path).file_stem().and_then(|stem| stem.to_str()).unwrap_or_default()
    }

    /// Whether the name ends in `.extension`.
    pub(crate) fn is(&self, extension: &str) -> bool {
        Path::new(&self.path).extension().is_some_and(|found| found == extension)
    }
}

/// The workspace's root.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

/// The text of the file at `path`.
pub(crate) fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("cannot read {path}: {error}"))
}

/// The paths that git tracks, with `untracked` also those it would take in.
pub(crate) fn paths(untracked: Untracked) -> Vec<String> {
    let mut git = Command::new("git");
    git.args(["ls-files", "-z", "--cached"]).current_dir(root());
    if untracked == Untracked::Too {
        git.args(["--others", "--exclude-standard"]);
    }
    let output = git.output().unwrap();
    assert!(output.status.success(), "git ls-files: {}", String::from_utf8_lossy(&output.stderr));
    let listing = String::from_utf8(output.stdout).unwrap();
    listing.split_terminator('\0').map(str::to_owned).collect()
}

/// Whether files count that git does not track yet.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Untracked {
    /// Only what is tracked.
    Not,
    /// Also what `git add --all` would take in.
    Too,
}

/// Every file that is there.
pub(crate) fn files() -> Vec<File> {
    let present = paths(Untracked::Too).into_iter().filter(|path| root().join(path).is_file());
    let read = |path: String| {
        let bytes = fs::read(root().join(&path)).unwrap();
        File { path, text: String::from_utf8_lossy(&bytes).into_owned() }
    };
    present.map(read).collect()
}

/// Every Rust file of the workspace and of `fuzz/`.
pub(crate) fn rust_files() -> Vec<File> {
    let found: Vec<File> = files().into_iter().filter(|file| file.is("rs")).collect();
    assert!(found.len() > 10, "expected the workspace's sources, found {} Rust files", found.len());
    found
}
