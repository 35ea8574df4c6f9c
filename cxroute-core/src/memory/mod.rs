//! The in-memory adapters: always compiled, the executable specification of `Store` and `LiveState`, the in-process
//! default, and what an embedding service starts with. A spool in memory would be none; `MemoryStore` is a `Commit` too.

mod live;
mod store;

pub use live::MemoryLive;
pub use store::MemoryStore;
