//! What a demo left beside the store that it filled: which city is in there, and whether all of it.

use std::path::{Path, PathBuf};

use bricola_layers::store::Store;
use serde::{Deserialize, Serialize};

use super::Arguments;
use crate::cli::{Failure, Outcome};
use crate::config::Config;

/// What a store was filled with.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Filled {
    parcels: u64,
    seed: u64,
    /// Of the program that filled it: another may make another city.
    version: String,
    complete: bool,
}

impl Filled {
    fn of(wanted: &Arguments, complete: bool) -> Self {
        Self { parcels: wanted.parcels, seed: wanted.seed, version: env!("CARGO_PKG_VERSION").to_owned(), complete }
    }
}

/// The note on what a store was filled with: a file in the data folder.
pub struct Mark {
    path: PathBuf,
    /// What people know the store by.
    place: String,
}

impl Mark {
    /// Of the file in the data folder.
    pub fn of_folder(config: &Config) -> Self {
        Self { path: config.data.join("demo.json"), place: config.data.display().to_string() }
    }

    /// Of a store, whichever it is.
    pub async fn of<S: Store>(store: &S, config: &Config) -> Result<Self, Failure> {
        let Some(database) = &config.database else { return Ok(Self::of_folder(config)) };
        let name = store.identity().await.map_err(Failure::failed)?.unwrap_or_default();
        std::fs::create_dir_all(&config.data).map_err(Failure::failed)?;
        Ok(Self { path: config.data.join(format!("demo-{name}.json")), place: database.to_string() })
    }

    /// Whether the city that is asked for is in the store.
    pub fn says_complete(&self, wanted: &Arguments) -> bool {
        self.read().is_some_and(|filled| filled.complete && filled == Filled::of(wanted, true))
    }

    /// Refuses a store that holds anything but the city that is asked for, or a part of one.
    pub fn check(&self, wanted: &Arguments, holds_data: bool) -> Outcome {
        let place = &self.place;
        match self.read() {
            None if holds_data => Err(Failure::usage(format!(
                "{place} holds data that no demo made; choose another place with --data or --database, or --fresh to \
                 throw them away"
            ))),
            Some(filled) if filled.complete && filled != Filled::of(wanted, true) => Err(Failure::usage(format!(
                "{place} holds a demo city of {} parcels and seed {}, made by version {}; choose another place with \
                 --data or --database, or --fresh to make this one anew",
                filled.parcels, filled.seed, filled.version
            ))),
            _ => Ok(()),
        }
    }

    /// Writes what is in the store from now on.
    pub fn write(&self, wanted: &Arguments, complete: bool) -> Outcome {
        let text = serde_json::to_string_pretty(&Filled::of(wanted, complete)).map_err(Failure::failed)?;
        std::fs::write(&self.path, text + "\n")
            .map_err(|error| Failure::failed(format!("cannot write {}: {error}", self.path.display())))
    }

    /// Forgets what was in the store.
    pub fn remove(&self) -> Outcome {
        remove(&self.path)
    }

    fn read(&self) -> Option<Filled> {
        serde_json::from_str(&std::fs::read_to_string(&self.path).ok()?).ok()
    }
}

/// Removes a file that may not be there.
pub fn remove(path: &Path) -> Outcome {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Failure::failed(format!("cannot remove {}: {error}", path.display())))
        }
        _ => Ok(()),
    }
}
