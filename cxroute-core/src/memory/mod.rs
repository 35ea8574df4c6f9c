//! The in-memory adapters: always compiled, the executable specification of both ports, the in-process default, and
//! what an embedding service starts with.

mod live;
mod store;

pub use live::MemoryLive;
pub use store::MemoryStore;
