//! Files of the national registers in a folder, and how the office's own register compares with them.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufReader, Seek as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bricola_territory::works::national::{Kind, National, Source, read};
use bricola_territory::{Fault, Text};
use serde::Serialize;
use serde_json::{Value, json};

use super::kept::Register;
use crate::services::folder::{Folder, files, name};
use crate::services::units::hash;

/// Works and codes of a comparison that are named; the others are counted.
const NAMED: usize = 200;

/// A file of the folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Origin {
    /// Its name.
    pub file: String,
    /// Its hash.
    pub sha256: String,
    /// Which register it is of.
    pub register: Option<Source>,
    /// What it holds.
    pub holds: Option<Kind>,
    /// Rows that were read.
    pub rows: u64,
    /// Rows and values that could not be.
    pub faults: u64,
}

/// What was read.
#[derive(Debug, Default)]
pub struct Loaded {
    /// By code.
    pub national: National,
    /// Where it comes from.
    pub sources: Vec<Origin>,
    /// The first faults of each file.
    pub faults: Vec<Fault>,
}

/// The files of a folder, which need not be there, for a server: what is wrong with them goes to its log.
pub fn national(folder: PathBuf) -> Folder<Loaded> {
    Folder::of(folder, |folder| {
        let loaded = read_folder(folder);
        for source in loaded.sources.iter().filter(|source| source.faults > 0) {
            let (file, faults) = (&source.file, source.faults);
            tracing::warn!(file, faults, "a file of the national registers has faults");
        }
        loaded
    })
}

/// Reads all files of a folder that end in `.csv`.
pub fn read_folder(folder: &Path) -> Loaded {
    let mut loaded = Loaded::default();
    for path in files(folder, "csv") {
        let source = match read_file(&path, &mut loaded) {
            Ok(source) => source,
            Err(error) => {
                let text = Text::new(format!("il file non si legge: {error}"), format!("cannot be read: {error}"));
                let (file, rule) = (name(&path), "unreadable".to_owned());
                loaded.faults.push(Fault { file: file.clone(), line: 0, field: String::new(), rule, text });
                Origin { file, sha256: String::new(), register: None, holds: None, rows: 0, faults: 1 }
            }
        };
        loaded.sources.push(source);
    }
    loaded
}

fn read_file(path: &Path, loaded: &mut Loaded) -> std::io::Result<Origin> {
    let mut file = File::open(path)?;
    let sha256 = hash(&mut file)?;
    file.rewind()?;
    let reading = read(&name(path), BufReader::with_capacity(1 << 18, file), &mut loaded.national)?;
    loaded.faults.extend(reading.faults);
    let (register, holds) = reading.is.unzip();
    Ok(Origin { file: name(path), sha256, register, holds, rows: reading.rows, faults: reading.faulty })
}

/// How the office's register compares with the national ones.
#[derive(Debug, Default)]
pub struct Compared {
    /// Works, by their places in the register, that no national register knows.
    missing: Vec<usize>,
    /// Codes of this municipality that the register does not have.
    lacking: Vec<String>,
    /// Codes that it does not have, of which it is not known in which municipality they are.
    unplaced: usize,
}

impl Compared {
    /// Compares; without the code of the municipality all codes are taken to be of it.
    pub fn of(register: &Register, loaded: &Loaded, municipality: Option<&str>) -> Self {
        if loaded.national.is_empty() {
            return Self::default();
        }
        let ours: BTreeSet<&str> = register.works.iter().filter_map(|work| work.code.as_deref()).collect();
        let is_missing =
            |code: &Option<String>| code.as_deref().is_some_and(|code| loaded.national.of(code).is_empty());
        let works = register.works.iter().enumerate();
        let missing = works.filter(|(_, work)| is_missing(&work.code)).map(|(number, _)| number).collect();
        let mut compared = Self { missing, ..Self::default() };
        for code in loaded.national.cups().filter(|code| !ours.contains(code)) {
            match (municipality, loaded.national.places(code)) {
                (None, _) => compared.lacking.push(code.to_owned()),
                (Some(_), None) => compared.unplaced += 1,
                (Some(here), Some(places)) if places.contains(here) => compared.lacking.push(code.to_owned()),
                (Some(_), Some(_)) => {}
            }
        }
        compared
    }

    /// As the answer tells it.
    pub fn told(&self, register: Option<&Register>, loaded: &Loaded, municipality: Option<&str>) -> Value {
        let works = |number: &usize| {
            let record = &register?.works.get(*number)?.record;
            Some(json!({"feature": record.feature, "cup": record.cup, "title": record.title}))
        };
        let missing: Vec<Value> = self.missing.iter().take(NAMED).filter_map(works).collect();
        let project = |code: &String| json!({"cup": code, "projects": loaded.national.of(code)});
        let lacking: Vec<Value> = self.lacking.iter().take(NAMED).map(project).collect();
        json!({
            "municipality": municipality, "sources": loaded.sources, "faults": loaded.faults, "projects": loaded.national.len(),
            "missing": {"count": self.missing.len(), "works": missing},
            "lacking": {"count": self.lacking.len(), "projects": lacking},
            "unplaced": self.unplaced,
        })
    }
}

/// What the national registers say of a code.
pub fn of_code(code: Option<&str>, loaded: &Arc<Loaded>) -> Value {
    code.map_or_else(|| json!([]), |code| json!(loaded.national.of(code)))
}
