//! The configuration file: one tenant as an operator writes it, what applying it changes, and the way back.

mod apply;
mod export;
pub mod form;
pub mod plan;
mod read;
#[cfg(test)]
mod tests;
mod value;

pub use apply::{Applied, Applier, ApplyError, Mode};
pub use export::{ExportError, export};
pub use form::Form;
pub use plan::{Plan, PlanError};
pub use read::FormError;
pub use value::{At, Given, Secret};
