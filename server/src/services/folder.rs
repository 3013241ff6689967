//! A folder of rules that an office writes: read again when it changes while the server runs.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use bricola_territory::{Fault, Text};

/// How long what was read is held to be what is there.
const FRESH: Duration = Duration::from_secs(2);

/// A folder, and what was read from it.
#[derive(Debug)]
pub struct Folder<T> {
    path: PathBuf,
    read: fn(&Path) -> T,
    state: Mutex<State<T>>,
}

#[derive(Debug)]
struct State<T> {
    looked: Option<Instant>,
    files: Vec<Listed>,
    loaded: Arc<T>,
}

/// A file with the time of its last change and its length.
type Listed = (PathBuf, SystemTime, u64);

impl<T: Default> Folder<T> {
    /// A folder, which need not be there, and what reads it.
    pub fn of(path: PathBuf, read: fn(&Path) -> T) -> Self {
        Self { path, read, state: Mutex::new(State { looked: None, files: Vec::new(), loaded: Arc::default() }) }
    }

    /// What is there now. Reads files: not for the reactor.
    pub fn current(&self) -> Arc<T> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.looked.is_none_or(|looked| looked.elapsed() > FRESH) {
            let files = listed(&self.path);
            if state.looked.is_none() || files != state.files {
                state.loaded = Arc::new((self.read)(&self.path));
                state.files = files;
            }
            state.looked = Some(Instant::now());
        }
        Arc::clone(&state.loaded)
    }
}

/// The files of a folder, with what tells whether they have changed.
pub(crate) fn listed(folder: &Path) -> Vec<Listed> {
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

/// The files of a folder with an extension, in order of name.
pub fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let files = listed(folder).into_iter().map(|(path, ..)| path);
    files.filter(|path| path.extension().is_some_and(|it| it.eq_ignore_ascii_case(extension))).collect()
}

/// The name by which faults name a file.
pub fn name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// The content of a file; none, and a fault, where it is too large or cannot be read.
pub fn bytes(path: &Path, most: usize, faults: &mut Vec<Fault>) -> Option<Vec<u8>> {
    let too_large = std::fs::metadata(path).is_ok_and(|about| about.len() > most as u64);
    if too_large {
        let (it, en) = (format!("supera {most} byte"), format!("has more than {most} bytes"));
        faults.push(fault(path, "too-large", &it, &en));
        return None;
    }
    std::fs::read(path)
        .inspect_err(|error| faults.push(fault(path, "unreadable", &error.to_string(), &error.to_string())))
        .ok()
}

/// As [`bytes`], of a text.
pub fn text(path: &Path, most: usize, faults: &mut Vec<Fault>) -> Option<String> {
    let bytes = bytes(path, most, faults)?;
    String::from_utf8(bytes)
        .inspect_err(|_| faults.push(fault(path, "utf-8", "non è in UTF-8", "is not in UTF-8")))
        .ok()
}

fn fault(path: &Path, rule: &str, it: &str, en: &str) -> Fault {
    Fault { file: name(path), line: 0, field: String::new(), rule: rule.to_owned(), text: Text::new(it, en) }
}
