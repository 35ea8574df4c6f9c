//! The reference server of cxroute, as a library: the binary is a thin door to it.

pub mod config_file;
pub mod http;
mod meters;
mod random;
mod seldom;
pub mod server;
pub mod simulate;
