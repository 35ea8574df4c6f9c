//! Tests of documents as wholes: exact texts, and what survives a general XML parser.

mod documents;
mod reparse;
mod secrets;
