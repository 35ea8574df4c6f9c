//! The configuration file: one tenant as an operator writes it, what applying it changes, and the way back.

pub mod form;
mod read;
#[cfg(test)]
mod tests;
mod value;

pub use form::Form;
pub use read::FormError;
pub use value::{At, Given, Secret};
