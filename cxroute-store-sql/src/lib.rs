//! What cxroute's stores on SQL share, whatever their dialect: everything between the ports of core and the statements
//! that a database is sent.
//!
//! It knows rows and JSON, and no database: a store adds connections, a schema, statements and what its errors mean.
//!
//! - [`batch`]: group commit. What a batch must know is asked for by key, its signals are folded in memory by
//!   [`cxroute_core::call::step`], and what they come to is rows, for one statement a table.
//! - [`draft`]: configuration transactions. A private draft is compared with what is stored, checked as a whole, and
//!   becomes a list of statements of the store's dialect.
//! - [`calls`] and [`config`]: rows to calls and aggregates.
//! - [`outbox`]: events that wait to be published, and what goes when nobody publishes them.
//! - [`retention`]: whose calls are too old.
//! - [`codec`]: values as rows keep them. Rows travel to the database as JSON arrays, or in a form of the store's own.

pub mod batch;
pub mod calls;
pub mod codec;
pub mod config;
pub mod draft;
pub mod outbox;
pub mod retention;
