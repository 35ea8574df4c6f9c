//! The reference server of cxroute, as a library: the binary is a thin door to it.

pub mod calls;
pub mod cli;
mod clock;
pub mod config_file;
mod demo;
pub mod explain;
pub mod http;
mod id_bits;
mod late_store;
pub mod master_key;
mod meters;
pub mod replay;
mod seldom;
pub mod serve;
pub mod server;
pub mod simulate;
mod spool;
pub mod store_url;

pub use clock::now;
