//! x
pub mod services;
