//! The territory as data.
//!
//! This crate is the two inner rings of Bricola: layers and territorial answers in plain Rust, and the
//! stores below them. It knows nothing of HTTP, of the command line or of who is asking.
//!
//! Data flows one way: **file or edit → [`reader`] → [`check`] → [`store`] (one transaction: rows, history,
//! change log) → followers ([`cache`], then [`tile`] and [`query`])**. Nothing writes to the cache but the
//! follower of the change log.

pub mod binding;
pub mod cache;
pub mod cadastre;
pub mod check;
pub mod crs;
pub mod definition;
pub mod edit;
pub mod feature;
pub mod limits;
pub mod load;
pub mod log;
pub mod query;
pub mod reader;
pub mod store;
pub mod tile;
pub mod writer;
