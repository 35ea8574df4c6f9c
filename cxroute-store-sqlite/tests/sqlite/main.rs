//! What the conformance kit cannot say of the SQLite store and the spool: files, crashes, other processes, the schema.

#[cfg(test)]
mod away;
#[cfg(test)]
mod config;
#[cfg(test)]
mod crash;
#[cfg(test)]
mod isolation;
#[cfg(test)]
mod plane;
#[cfg(test)]
mod reading;
#[cfg(test)]
mod schema;
#[cfg(test)]
mod spool;
#[cfg(test)]
mod support;
#[cfg(test)]
mod trim;
#[cfg(test)]
mod upgrade;
