//! Stores, from outside: the contract that every store keeps, then what is particular to the `GeoPackage` file and
//! to `PostGIS`.
//!
//! The contract is written once, over [`Store`](bricola_layers::store::Store); a new store joins by a line of
//! `contract!` with a function that opens an empty one.

#[path = "store/attach.rs"]
mod attach;
#[path = "store/bindings.rs"]
mod bindings;
#[path = "common/cluster.rs"]
mod cluster;
#[path = "store/contract.rs"]
mod contract;
#[path = "store/damage.rs"]
mod damage;
#[path = "store/death.rs"]
mod death;
#[path = "store/filters.rs"]
mod filters;
#[path = "store/foreign.rs"]
mod foreign;
#[path = "store/history.rs"]
mod history;
#[path = "store/past.rs"]
mod past;
#[path = "store/postgis.rs"]
mod postgis;
#[path = "store/retention.rs"]
mod retention;
#[path = "store/sample.rs"]
mod sample;
#[path = "store/seek.rs"]
mod seek;
#[path = "store/together.rs"]
mod together;

use std::path::PathBuf;

use bricola_layers::store::{GeoPackageStore, OpenMode};
use tempfile::TempDir;

/// An empty store in a folder of its own, which lives as long as the store is used.
async fn geopackage() -> (GeoPackageStore, TempDir) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = open(&folder).await;
    (store, folder)
}

fn path(folder: &TempDir) -> PathBuf {
    folder.path().join("store.gpkg")
}

async fn open(folder: &TempDir) -> GeoPackageStore {
    GeoPackageStore::open(path(folder), OpenMode::ReadWrite).await.expect("opens")
}

contract!(geopackage_keeps_the_contract, super::geopackage);
contract!(postgis_keeps_the_contract, super::postgis::empty);
