//! The durable store on SQLite: cxroute's embedded default.
