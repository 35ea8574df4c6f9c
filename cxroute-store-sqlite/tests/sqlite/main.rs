//! The SQLite store and the spool against their contracts, on real files.

mod batches;
mod calls;
mod config;
mod crash;
mod isolation;
mod plane;
mod schema;
mod spool;
mod support;
