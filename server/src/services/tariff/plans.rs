//! The tariff plans of the office: TOML files with their tables, in a folder.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bricola_territory::Fault;
use bricola_territory::tariff::{MAX_FILE_BYTES, Plans, TariffPlan, read_plan};

use crate::services::folder::{Folder, bytes, files, name, text};

/// The plans that were read, and what was wrong with the others.
#[derive(Debug, Default)]
pub struct Loaded {
    /// The plans without fault.
    pub plans: Plans,
    /// The same one by one, in order of their first day.
    pub each: Vec<TariffPlan>,
    /// All that is wrong.
    pub faults: Vec<Fault>,
}

/// A folder of plans.
pub type Tariffs = Folder<Loaded>;

/// The plans of a folder, which need not be there, for a server: what is wrong with them goes to its log.
pub fn tariffs(folder: PathBuf) -> Tariffs {
    Folder::of(folder, |folder| {
        let loaded = read_folder(folder);
        for fault in &loaded.faults {
            tracing::warn!(%fault, "a tariff plan is not in use");
        }
        loaded
    })
}

/// Reads all plans of a folder: every `.toml`, with every `.csv` beside it to choose tables from.
pub fn read_folder(folder: &Path) -> Loaded {
    let mut loaded = Loaded::default();
    let mut tables = BTreeMap::new();
    for path in files(folder, "csv") {
        if let Some(bytes) = bytes(&path, MAX_FILE_BYTES, &mut loaded.faults) {
            tables.insert(name(&path), bytes);
        }
    }
    for path in files(folder, "toml") {
        let Some(text) = text(&path, MAX_FILE_BYTES, &mut loaded.faults) else { continue };
        match read_plan(&name(&path), &text, &tables) {
            Ok(plan) => loaded.each.push(plan),
            Err(faults) => loaded.faults.extend(faults),
        }
    }
    loaded.each.sort_by(|a, b| (a.valid_from, &a.id).cmp(&(b.valid_from, &b.id)));
    loaded.plans = Plans::new(loaded.each.clone());
    loaded
}
