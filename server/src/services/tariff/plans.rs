//! The tariff plans of the office: TOML files with their tables, in a folder that may change while the server runs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use bricola_territory::tariff::{MAX_FILE_BYTES, Plans, TariffPlan, read_plan};
use bricola_territory::{Fault, Text};

/// How long what was read is held to be what is there.
const FRESH: Duration = Duration::from_secs(2);

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
#[derive(Debug, Default)]
pub struct Tariffs {
    folder: Option<PathBuf>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    looked: Option<Instant>,
    files: Vec<(PathBuf, SystemTime, u64)>,
    loaded: Arc<Loaded>,
}

impl Tariffs {
    /// The plans of a folder, which need not be there.
    pub fn of(folder: PathBuf) -> Self {
        Self { folder: Some(folder), state: Mutex::default() }
    }

    /// The plans as they are now. Reads files: not for the reactor.
    pub fn current(&self) -> Arc<Loaded> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(folder) = &self.folder else { return Arc::clone(&state.loaded) };
        if state.looked.is_none_or(|looked| looked.elapsed() > FRESH) {
            let files = listed(folder);
            if state.looked.is_none() || files != state.files {
                state.loaded = Arc::new(read_folder(folder));
                for fault in &state.loaded.faults {
                    tracing::warn!(%fault, "a tariff plan is not in use");
                }
                state.files = files;
            }
            state.looked = Some(Instant::now());
        }
        Arc::clone(&state.loaded)
    }
}

/// The files of a folder, with what tells whether they have changed.
pub(crate) fn listed(folder: &Path) -> Vec<(PathBuf, SystemTime, u64)> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<_> = entries
        .filter_map(|entry| {
            let about = entry.metadata().ok().filter(std::fs::Metadata::is_file)?;
            Some((entry.path(), about.modified().unwrap_or(SystemTime::UNIX_EPOCH), about.len()))
        })
        .collect();
    files.sort();
    files
}

/// Reads all plans of a folder: every `.toml`, with every `.csv` beside it to choose tables from.
pub fn read_folder(folder: &Path) -> Loaded {
    let mut loaded = Loaded::default();
    let files = listed(folder);
    let extension = |path: &Path, wanted: &str| path.extension().is_some_and(|it| it.eq_ignore_ascii_case(wanted));
    let mut tables = BTreeMap::new();
    for (path, ..) in files.iter().filter(|(path, ..)| extension(path, "csv")) {
        if let Some(bytes) = read(path, &mut loaded.faults) {
            tables.insert(name(path), bytes);
        }
    }
    for (path, ..) in files.iter().filter(|(path, ..)| extension(path, "toml")) {
        let Some(bytes) = read(path, &mut loaded.faults) else { continue };
        match String::from_utf8(bytes) {
            Err(_) => loaded.faults.push(fault(path, "utf-8", "non è in UTF-8", "is not in UTF-8")),
            Ok(text) => match read_plan(&name(path), &text, &tables) {
                Ok(plan) => loaded.each.push(plan),
                Err(faults) => loaded.faults.extend(faults),
            },
        }
    }
    loaded.each.sort_by(|a, b| (a.valid_from, &a.id).cmp(&(b.valid_from, &b.id)));
    loaded.plans = Plans::new(loaded.each.clone());
    loaded
}

fn name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

fn read(path: &Path, faults: &mut Vec<Fault>) -> Option<Vec<u8>> {
    let too_large = std::fs::metadata(path).is_ok_and(|about| about.len() > MAX_FILE_BYTES as u64);
    if too_large {
        let (it, en) = (format!("supera {MAX_FILE_BYTES} byte"), format!("has more than {MAX_FILE_BYTES} bytes"));
        faults.push(fault(path, "too-large", &it, &en));
        return None;
    }
    std::fs::read(path)
        .inspect_err(|error| faults.push(fault(path, "unreadable", &error.to_string(), &error.to_string())))
        .ok()
}

fn fault(path: &Path, rule: &str, it: &str, en: &str) -> Fault {
    Fault { file: name(path), line: 0, field: String::new(), rule: rule.to_owned(), text: Text::new(it, en) }
}
