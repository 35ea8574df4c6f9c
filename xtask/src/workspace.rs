//! Where things are: the workspace's root, its target folder, the built server.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use xshell::{Shell, cmd};

/// The workspace's root folder.
pub(crate) fn root() -> PathBuf {
    let manifest =
        std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    Path::new(&manifest).parent().map_or_else(|| PathBuf::from("."), Path::to_path_buf)
}

/// Names a built `cxroute-server` to be used as it is: to measure or try one that another commit built.
const SERVER_BIN: &str = "CXROUTE_SERVER_BIN";

/// The example that `cargo xtask load` measures the server against.
const BARE_HANDLER: &str = "bare_handler";

/// Builds `cxroute-server` in release, to be measured or to serve, and says where the binary is.
pub(crate) fn release_server(sh: &Shell) -> anyhow::Result<PathBuf> {
    server(sh, "release")
}

/// Builds `cxroute-server` for tests and generated files, which ask what it does and not how fast: in a profile that
/// takes minutes less, in a folder of its own, so that nobody takes its binary for the release.
pub(crate) fn trial_server(sh: &Shell) -> anyhow::Result<PathBuf> {
    server(sh, "trial")
}

/// Builds the bare handler in release and says where it is; beside a server that is used as it is, if it is there.
pub(crate) fn release_bare_handler(sh: &Shell) -> anyhow::Result<PathBuf> {
    let beside = given_server()?.map(|server| server.with_file_name("examples").join(BARE_HANDLER));
    if let Some(binary) = beside.filter(|binary| binary.is_file()) {
        return Ok(binary);
    }
    cmd!(sh, "cargo build --locked --release -p cxroute-server --example {BARE_HANDLER}").run()?;
    Ok(target_dir(sh)?.join("release").join("examples").join(BARE_HANDLER))
}

fn server(sh: &Shell, profile: &str) -> anyhow::Result<PathBuf> {
    if let Some(binary) = given_server()? {
        return Ok(binary);
    }
    cmd!(sh, "cargo build --locked --profile {profile} -p cxroute-server").run()?;
    Ok(target_dir(sh)?.join(profile).join("cxroute-server"))
}

fn given_server() -> anyhow::Result<Option<PathBuf>> {
    let given = std::env::var_os(SERVER_BIN);
    let absolute = given.map(|binary| {
        std::path::absolute(&binary).with_context(|| format!("{SERVER_BIN} is no path: {}", binary.display()))
    });
    absolute.transpose()
}

/// Cargo's target folder, wherever configuration or environment put it.
fn target_dir(sh: &Shell) -> anyhow::Result<PathBuf> {
    let metadata = cmd!(sh, "cargo metadata --locked --no-deps --format-version 1").quiet().read()?;
    let metadata: serde_json::Value = serde_json::from_str(&metadata)?;
    let folder = metadata["target_directory"].as_str().context("cargo metadata names no target_directory")?;
    Ok(folder.into())
}
