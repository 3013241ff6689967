//! The binary, as a person runs it.

mod attaching;
#[path = "../../../layers/tests/common/cluster.rs"]
mod cluster;
mod config;
mod data;
mod harness;
mod killed;
mod points;
mod postgis;
mod programs;
mod replicas;
mod serving;
