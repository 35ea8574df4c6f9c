//! What is deployed: `docker-compose.yml`, its relatives in `deploy/` and the `Dockerfile`, read as their tools read
//! them, held against the command line, and started on Debian's programs.

#[cfg(test)]
#[path = "../http/client.rs"]
#[expect(dead_code, reason = "shared with the trials in process, which use all of it")]
mod client;
#[cfg(test)]
mod compose;
#[cfg(test)]
mod database;
#[cfg(test)]
mod dockerfile;
#[cfg(test)]
mod image;
#[cfg(test)]
mod live;
#[cfg(test)]
mod secrets;
#[cfg(test)]
mod stage;
#[cfg(test)]
mod structure;

/// A file of the repository.
#[cfg(test)]
fn repository(path: &str) -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join(path)
}

/// The text of a file of the repository.
#[cfg(test)]
fn read(path: &str) -> String {
    std::fs::read_to_string(repository(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}
