//! Bricola, the binary: HTTP, command line, configuration.
//!
//! This crate is the outer ring. A newcomer finds a route in [`router`], its noun in `routes/`, its answer in
//! [`services`] or in the crate `bricola-layers`, and its SQL in the stores of that crate. No type of axum
//! leaves `front`, `router`, `wired`, `routes`, `pages`, `middleware` and `error`.

pub mod app;
pub mod archive;
pub mod cli;
pub mod config;
pub mod encoding;
pub mod error;
pub mod front;
pub mod lanes;
pub mod metrics;
pub mod retention;
pub mod router;
pub mod serve;
pub mod services;
pub mod store;
pub mod wired;

pub mod middleware;
mod pages;
mod params;
mod routes;
mod stalled;
mod web;
