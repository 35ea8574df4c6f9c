//! What the conformance kit cannot say of the SQLite store and the spool: files, crashes, other processes, the schema.

mod away;
mod config;
mod crash;
mod isolation;
mod plane;
mod reading;
mod schema;
mod spool;
mod support;
mod trim;
