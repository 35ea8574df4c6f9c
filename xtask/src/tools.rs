//! What a task needs on the machine: looked for, installed where that is possible, else named precisely.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::bail;
use xshell::{Shell, cmd};

/// A program that a task needs, and how one comes by it.
pub(crate) struct Tool {
    /// What the program is needed for, as the message says it.
    purpose: &'static str,
    source: Source,
}

enum Source {
    /// A program on the path, from these Debian packages.
    Debian { program: &'static str, packages: &'static [&'static str] },
    /// A component of the Rust toolchain, reached as `cargo <subcommand>`.
    Component { subcommand: &'static str, component: &'static str },
    /// A cargo subcommand installed from source, for this toolchain (`+nightly` or none).
    Cargo { probe: &'static [&'static str], install: &'static str },
}

/// Links every binary and compiles SQLite's C source.
pub(crate) const C_COMPILER: Tool = Tool {
    purpose: "compile SQLite's C source and link",
    source: Source::Debian { program: "cc", packages: &["gcc", "libc6-dev"] },
};
/// Formatting.
pub(crate) const RUSTFMT: Tool = Tool {
    purpose: "check the formatting",
    source: Source::Component { subcommand: "fmt", component: "rustfmt" },
};
/// Lints.
pub(crate) const CLIPPY: Tool =
    Tool { purpose: "lint", source: Source::Component { subcommand: "clippy", component: "clippy" } };
/// The HTTP load generator of the webhook bench.
pub(crate) const WRK: Tool = Tool {
    purpose: "drive the webhook bench",
    source: Source::Debian { program: "wrk", packages: &["wrk"] },
};
/// The peer of the webhook bench.
pub(crate) const KAMAILIO: Tool = Tool {
    purpose: "be the peer of the webhook bench",
    source: Source::Debian { program: "kamailio", packages: &["kamailio"] },
};
/// A database of the tests.
pub(crate) const MARIADB: Tool = Tool {
    purpose: "test the MySQL store",
    source: Source::Debian { program: "mariadbd", packages: &["mariadb-server"] },
};
/// The execution plane of the tests; its package brings the client along, which makes a cluster.
pub(crate) const REDIS: Tool = Tool {
    purpose: "test the execution plane on Redis",
    source: Source::Debian { program: "redis-server", packages: &["redis-server"] },
};
/// The proxy of `docker-compose.yml`.
pub(crate) const HAPROXY: Tool = Tool {
    purpose: "start what docker-compose.yml names",
    source: Source::Debian { program: "haproxy", packages: &["haproxy"] },
};
/// Makes the certificates of the tests.
pub(crate) const OPENSSL: Tool = Tool {
    purpose: "make the certificates of the tests",
    source: Source::Debian { program: "openssl", packages: &["openssl"] },
};
/// Fuzzing needs the nightly compiler's instrumentation.
pub(crate) const CARGO_FUZZ: Tool = Tool {
    purpose: "fuzz",
    source: Source::Cargo {
        probe: &["+nightly", "fuzz", "--version"],
        install: "rustup toolchain install nightly && cargo install cargo-fuzz --locked",
    },
};

/// Makes sure of `tools`: installs missing Debian packages when root, toolchain components by rustup;
/// for what is left it fails with the command to type.
pub(crate) fn require(sh: &Shell, tools: &[Tool]) -> anyhow::Result<()> {
    let missing = || tools.iter().filter(|tool| !tool.is_there());
    for tool in missing() {
        eprintln!("missing: a program to {}", tool.purpose);
    }
    let packages: Vec<&str> = missing().flat_map(Tool::packages).copied().collect();
    if !packages.is_empty() && is_root(sh) && on_path("apt-get") {
        let _noninteractive = sh.push_env("DEBIAN_FRONTEND", "noninteractive");
        cmd!(sh, "apt-get update --quiet").run()?;
        cmd!(sh, "apt-get install --quiet --yes --no-install-recommends {packages...}").run()?;
    }
    for component in missing().filter_map(Tool::component) {
        if on_path("rustup") {
            cmd!(sh, "rustup component add {component}").run()?;
        }
    }
    let remedies: Vec<String> =
        missing().map(|tool| format!("  to {}: {}", tool.purpose, tool.remedy())).collect();
    if !remedies.is_empty() {
        bail!("this machine lacks something; please run\n{}", remedies.join("\n"));
    }
    Ok(())
}

/// Whether `cargo nextest` can be called.
pub(crate) fn has_nextest() -> bool {
    runs("cargo", &["nextest", "--version"])
}

impl Tool {
    fn is_there(&self) -> bool {
        match &self.source {
            Source::Debian { program, .. } => on_path(program),
            Source::Component { subcommand, .. } => runs("cargo", &[subcommand, "--version"]),
            Source::Cargo { probe, .. } => runs("cargo", probe),
        }
    }

    fn packages(&self) -> &'static [&'static str] {
        match self.source {
            Source::Debian { packages, .. } => packages,
            _ => &[],
        }
    }

    fn component(&self) -> Option<&'static str> {
        match self.source {
            Source::Component { component, .. } => Some(component),
            _ => None,
        }
    }

    fn remedy(&self) -> String {
        match self.source {
            Source::Debian { packages, .. } => format!("sudo apt-get install {}", packages.join(" ")),
            Source::Component { component, .. } => format!("rustup component add {component}"),
            Source::Cargo { install, .. } => install.to_owned(),
        }
    }
}

fn on_path(program: &str) -> bool {
    find(program).is_some()
}

/// Where a program is: on the path, or where Debian keeps servers, to which only root's path leads.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into()]);
    folders.map(|folder| folder.join(program)).find(|file| file.is_file())
}

/// Whether the command ends well: rustup's proxies exist on the path without their component.
fn runs(program: &str, args: &[&str]) -> bool {
    let quiet = Command::new(program).args(args).stdout(Stdio::null()).stderr(Stdio::null()).status();
    quiet.is_ok_and(|status| status.success())
}

fn is_root(sh: &Shell) -> bool {
    cmd!(sh, "id -u").quiet().read().is_ok_and(|id| id == "0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_nobody_has_is_missing_and_its_remedy_is_a_command() {
        let tool = Tool {
            purpose: "do what no program does",
            source: Source::Cargo {
                probe: &["no-such-subcommand", "--version"],
                install: "cargo install it",
            },
        };
        let sh = Shell::new().unwrap();
        let refusal = require(&sh, &[tool]).unwrap_err().to_string();
        assert!(refusal.contains("to do what no program does: cargo install it"), "{refusal}");
    }

    #[test]
    fn what_is_there_is_not_asked_for() {
        let sh = Shell::new().unwrap();
        require(&sh, &[C_COMPILER]).unwrap();
    }
}
