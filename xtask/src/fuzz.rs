//! `cargo xtask fuzz`: the targets of `fuzz/`, with cargo-fuzz on nightly.
//!
//! A target is `fuzz/fuzz_targets/<target>.rs`; its committed inputs are the files of `fuzz/corpus/<target>/`,
//! which an ordinary test replays on stable. What a run finds on its own goes to `auto-found` in that folder and
//! is not committed; an input that broke something is minimised and committed by hand.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, ensure};
use clap::Args;
use xshell::{Shell, cmd};

use crate::{tools, workspace};

/// Options of `cargo xtask fuzz`.
#[derive(Args)]
pub(crate) struct Options {
    /// The target; all in turn when absent
    target: Option<String>,
    /// Seconds for each target
    #[arg(long, default_value_t = 60)]
    seconds: u32,
}

/// Fuzzes the chosen targets, each for its time or until it breaks.
pub(crate) fn run(sh: &Shell, options: &Options) -> anyhow::Result<()> {
    let folder = workspace::root().join("fuzz");
    let all = targets(&folder.join("fuzz_targets"))?;
    let chosen = match &options.target {
        Some(target) => {
            ensure!(all.contains(target), "expected a fuzz target ({}), got {target:?}", all.join(", "));
            vec![target.clone()]
        }
        None => all,
    };
    tools::require(sh, &[tools::CARGO_FUZZ])?;
    let limit = format!("-max_total_time={}", options.seconds);
    let manifest = fs::read_to_string(folder.join("Cargo.toml"))?;
    for target in chosen {
        let committed = folder.join("corpus").join(&target);
        let found = committed.join("auto-found");
        fs::create_dir_all(&found)?;
        let extras = extras(&manifest, &target);
        cmd!(sh, "cargo +nightly fuzz run {extras...} {target} {found} {committed} -- {limit}").run()?;
    }
    Ok(())
}

/// For a target with a feature of its name, which brings in what only that target needs: the feature, and no address
/// sanitizer, under which SQLite's C source takes a compiler many minutes.
fn extras<'t>(manifest: &str, target: &'t str) -> Vec<&'t str> {
    let is_its = |line: &str| line.strip_prefix(target).is_some_and(|rest| rest.starts_with(" = ["));
    if manifest.lines().any(is_its) { vec!["--sanitizer", "none", "--features", target] } else { Vec::new() }
}

/// The names of the targets in `folder`, sorted.
fn targets(folder: &Path) -> anyhow::Result<Vec<String>> {
    let entries = fs::read_dir(folder).with_context(|| format!("no fuzz targets in {}", folder.display()))?;
    let mut names = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|ext| ext == "rs")
            && let Some(stem) = path.file_stem()
        {
            names.push(stem.to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_with_a_feature_of_its_name_is_built_with_it() {
        let manifest = "[features]\nconfig_file = [\"dep:server\"]\n[[bin]]\nname = \"config\"\n";
        assert_eq!(extras(manifest, "config_file")[2..], ["--features", "config_file"]);
        assert!(extras(manifest, "config").is_empty());
    }

    #[test]
    fn targets_are_the_rust_files_of_their_folder() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["pattern.rs", "cxml.rs", "notes.md"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        assert_eq!(targets(folder.path()).unwrap(), ["cxml", "pattern"]);
        assert!(targets(&folder.path().join("absent")).is_err());
    }
}
