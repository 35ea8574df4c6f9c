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

/// Builds `cxroute-server` in release and says where the binary is.
pub(crate) fn release_server(sh: &Shell) -> anyhow::Result<PathBuf> {
    if let Some(binary) = std::env::var_os(SERVER_BIN) {
        return std::path::absolute(&binary)
            .with_context(|| format!("{SERVER_BIN} is no path: {}", binary.display()));
    }
    cmd!(sh, "cargo build --locked --release -p cxroute-server").run()?;
    Ok(target_dir(sh)?.join("release").join("cxroute-server"))
}

/// Cargo's target folder, wherever configuration or environment put it.
fn target_dir(sh: &Shell) -> anyhow::Result<PathBuf> {
    let metadata = cmd!(sh, "cargo metadata --locked --no-deps --format-version 1").quiet().read()?;
    let metadata: serde_json::Value = serde_json::from_str(&metadata)?;
    let folder = metadata["target_directory"].as_str().context("cargo metadata names no target_directory")?;
    Ok(folder.into())
}
