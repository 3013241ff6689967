//! The regulations of the office's limited traffic zones: TOML files in a folder, with calendars beside them.

use std::path::{Path, PathBuf};

use bricola_territory::Fault;
use bricola_territory::ztl::{File, MAX_FILE_BYTES, Regulations, read_file};

use crate::services::folder::{Folder, files, name, text};

/// The regulations that were read, and what was wrong with the others.
#[derive(Debug, Default)]
pub struct Loaded {
    /// The regulations without fault.
    pub regulations: Regulations,
    /// All that is wrong.
    pub faults: Vec<Fault>,
}

/// The regulations of a folder, which need not be there, for a server: what is wrong with them goes to its log.
pub fn regulations(folder: PathBuf) -> Folder<Loaded> {
    Folder::of(folder, |folder| {
        let loaded = read_folder(folder);
        for fault in &loaded.faults {
            tracing::warn!(%fault, "a regulation is not in use");
        }
        for regulation in loaded.regulations.all() {
            for (rule, unreadable) in regulation.unreadable() {
                let (id, schedule, reason) = (&regulation.id, &unreadable.text, &unreadable.reason.en);
                tracing::warn!(regulation = id, rule, schedule, reason, "a schedule is not in use");
            }
        }
        loaded
    })
}

/// Reads all regulations and calendars of a folder: every `.toml`.
pub fn read_folder(folder: &Path) -> Loaded {
    let (mut drafts, mut calendars, mut faults) = (Vec::new(), Vec::new(), Vec::new());
    for path in files(folder, "toml") {
        let Some(text) = text(&path, MAX_FILE_BYTES, &mut faults) else { continue };
        match read_file(&name(&path), &text) {
            Ok(File::Regulation(draft)) => drafts.push(*draft),
            Ok(File::Calendar(calendar)) => calendars.push((name(&path), calendar)),
            Err(found) => faults.extend(found),
        }
    }
    let (regulations, between) = Regulations::new(drafts, calendars);
    faults.extend(between);
    Loaded { regulations, faults }
}
