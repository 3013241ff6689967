//! The binary, as a person runs it.

mod config;
mod data;
mod harness;
mod serving;
