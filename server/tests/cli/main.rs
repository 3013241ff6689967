//! The binary, as a person runs it.

mod attaching;
mod bindings;
mod clerks;
mod config;
mod data;
mod editing;
mod faults;
mod harness;
mod killed;
mod linear;
mod points;
mod postgis;
mod programs;
mod pruning;
mod reading;
mod replicas;
mod serving;
mod unreadable;
mod warm;
mod works;
mod ztl;
