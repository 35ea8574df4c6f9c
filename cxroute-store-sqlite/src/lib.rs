//! The durable store on SQLite: cxroute's embedded default, and the spool that every server keeps beside its store.
//!
//! [`SqliteStore`] implements [`cxroute_core::port::Store`], [`SqliteSpool`] implements [`cxroute_core::port::Spool`].
//! Both keep what they acknowledge through `kill -9` and a power cut: WAL with `synchronous=FULL`.
//!
//! Statements are few, static and fed with JSON: one statement reads or writes the rows of a whole batch
//! (`json_each(?)`), since each one is a round trip to the connection's own thread. Rows are reached through a tenant
//! only; the schema's keys are composite with it.

mod call_row;
mod connect;
mod error;
mod ingest;
mod migrate;
mod outbox;
mod read;
mod retention;
mod spool;
mod sql;
mod store;
mod trim;

pub use spool::{SpoolOptions, SqliteSpool};
pub use store::{SqliteStore, StoreOptions};
