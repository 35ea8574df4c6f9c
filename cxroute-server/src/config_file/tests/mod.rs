//! What the form accepts, refuses and says.
mod reading;
