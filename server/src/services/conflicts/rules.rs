//! The rules of the office for conflicts of sites: a TOML file in a folder.

use std::path::{Path, PathBuf};

use bricola_territory::conflicts::{MAX_FILE_BYTES, Rules, read_rules};
use bricola_territory::{Fault, Text};

use crate::services::folder::{Folder, files, name, text};

/// The rules that were read, and all that is wrong.
#[derive(Debug, Default)]
pub struct Loaded {
    /// The rules; none where there is no file without fault.
    pub rules: Option<Rules>,
    /// All that is wrong.
    pub faults: Vec<Fault>,
}

/// The rules of a folder, which need not be there, for a server: what is wrong with them goes to its log.
pub fn conflict_rules(folder: PathBuf) -> Folder<Loaded> {
    Folder::of(folder, |folder| {
        let loaded = read_folder(folder);
        for fault in &loaded.faults {
            tracing::warn!(%fault, "rules of conflicts are not in use");
        }
        loaded
    })
}

/// Reads the rules of a folder: its one `.toml`.
pub fn read_folder(folder: &Path) -> Loaded {
    let mut loaded = Loaded::default();
    for path in files(folder, "toml") {
        let Some(text) = text(&path, MAX_FILE_BYTES, &mut loaded.faults) else { continue };
        match read_rules(&name(&path), &text) {
            Err(faults) => loaded.faults.extend(faults),
            Ok(rules) if loaded.rules.is_none() => loaded.rules = Some(rules),
            Ok(_) => loaded.faults.push(Fault {
                file: name(&path),
                line: 0,
                field: String::new(),
                rule: "another-file".to_owned(),
                text: Text::new("un altro file ha già le regole", "another file has the rules already"),
            }),
        }
    }
    loaded
}
