//! The in-memory adapters: always compiled, the executable specification of `Store`, `LiveState` and `Events`, the in-process
//! default, and what an embedding service starts with. Nothing in memory is durable: that promise of `Store` is the one
//! that `MemoryStore` does not keep. A spool in memory would be none; `MemoryStore` is a `Commit` too.

mod events;
mod live;
mod store;

pub use events::MemoryEvents;
pub use live::MemoryLive;
pub use store::MemoryStore;
