//! `cargo xtask check`: formatting, lints, documentation, tidy rules, and core on its default features.

use xshell::{Shell, cmd};

use crate::tools;

/// Everything that is checked without running the product.
pub(crate) fn run(sh: &Shell) -> anyhow::Result<()> {
    lints(sh)?;
    cmd!(sh, "cargo test --locked --package xtask").run()?;
    Ok(())
}

/// The checks without the tidy tests, which `cargo xtask test` runs among all others.
pub(crate) fn lints(sh: &Shell) -> anyhow::Result<()> {
    tools::require(sh, &[tools::C_COMPILER, tools::RUSTFMT, tools::CLIPPY])?;
    cmd!(sh, "cargo fmt --all --check").run()?;
    cmd!(sh, "cargo clippy --locked --workspace --all-targets --all-features -- -D warnings").run()?;
    {
        let _deny = sh.push_env("RUSTDOCFLAGS", "-D warnings");
        cmd!(sh, "cargo doc --locked --workspace --all-features --no-deps").run()?;
    }
    // The build of an embedding service: no feature that the workspace's other crates would switch on.
    cmd!(sh, "cargo check --locked --package cxroute-core").run()?;
    Ok(())
}
