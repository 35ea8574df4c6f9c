//! The durable store on MySQL 8.0+ and MariaDB 10.6+: one truth for any number of servers.
//!
//! [`MySqlStore`] implements [`cxroute_core::port::Store`]. Several servers may share a database: what one commits the
//! others meet, races end in unique keys and are run again, and nothing is kept in a server that another would miss.
//!
//! Statements are few, static and fed with JSON: one statement reads or writes any number of rows (`JSON_TABLE(?)`), since
//! each one is a round trip. Webhooks, which come by the thousand, have it better still: a batch is one text, with its
//! rows as literals (`packet`, `literal`; ADR 0008), and the rows that all calls of a group change are changed for many
//! batches at once (`ledger`; ADR 0009). Rows are reached through a tenant only; the schema's keys are composite
//! with it. The statements are of the dialect that MySQL and MariaDB share.

// What tests share names the crate as its users do.
#[cfg(test)]
extern crate self as cxroute_store_mysql;

mod call_row;
mod connect;
mod error;
mod ingest;
mod ledger;
mod literal;
mod migrate;
mod months;
mod outbox;
mod packet;
mod read;
mod retention;
mod sql;
mod store;
#[cfg(test)]
mod tests;
mod tls;
mod trim;

pub use store::{MySqlStore, StoreOptions};
