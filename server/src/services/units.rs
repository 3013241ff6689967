//! Real-estate units and land of the cadastre's census dumps: `.FAB` and `.TER` files in a folder that may change while the
//! server runs. Owners (`.TIT`, `.SOG`) are refused, whatever the file is called.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufReader, Read as _, Seek as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use bricola_layers::cache::{RowAt, Snapshot};
use bricola_layers::log::Seq;
use bricola_territory::text::Warning;
use bricola_territory::units::{DumpKind, Refused, Register, RegisteredUnit, Units as Rows};
use bricola_territory::{Fault, Text};
use chrono::NaiveDate;
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::site::{Evidence, Seen, Site, reference, words};

/// Version of the answer's rules.
pub const ENGINE: &str = "bricola-units/1";
/// How long what was read is held to be what is there.
const FRESH: Duration = Duration::from_secs(2);
/// Faults of one file that are kept; the others are counted.
const KEPT: usize = 100;

/// A file of the folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Source {
    /// Its name.
    pub file: String,
    /// Its hash.
    pub sha256: String,
    /// Records that were read.
    pub records: u64,
    /// Rows that could not be.
    pub faults: u64,
    /// Why nothing of it was, if so.
    pub refused: Option<Text>,
}

/// What was read.
#[derive(Debug, Default)]
pub struct Loaded {
    /// By parcel and day.
    pub register: Register,
    /// Where it comes from.
    pub sources: Vec<Source>,
    /// The first faults of each file.
    pub faults: Vec<Fault>,
}

/// A folder of dumps.
#[derive(Debug, Default)]
pub struct Units {
    folder: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    looked: Option<Instant>,
    files: Vec<(PathBuf, SystemTime, u64)>,
    loaded: Arc<Loaded>,
}

impl Units {
    /// The dumps of a folder, which need not be there.
    pub fn of(folder: PathBuf) -> Self {
        Self { folder, state: Mutex::default() }
    }

    /// What the dumps say now. Reads files: not for the reactor.
    pub fn current(&self) -> Arc<Loaded> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.looked.is_none_or(|looked| looked.elapsed() > FRESH) {
            let files = super::folder::listed(&self.folder);
            if files != state.files {
                state.loaded = Arc::new(read_folder(&self.folder));
                for source in state.loaded.sources.iter().filter(|source| source.refused.is_some()) {
                    tracing::warn!(file = source.file, "a census dump is not in use");
                }
                state.files = files;
            }
            state.looked = Some(Instant::now());
        }
        Arc::clone(&state.loaded)
    }
}

/// Reads all dumps of a folder.
pub fn read_folder(folder: &Path) -> Loaded {
    let mut loaded = Loaded::default();
    for (path, ..) in super::folder::listed(folder) {
        let file = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        // Notes and the like may lie beside them.
        if file.starts_with('.') || path.extension().is_some_and(|it| it.eq_ignore_ascii_case("txt")) {
            continue;
        }
        let source = match read(&path, &file, &mut loaded) {
            Ok(source) => source,
            Err(refused) => {
                Source { sha256: String::new(), records: 0, faults: 0, refused: Some(refused.text()), file }
            }
        };
        loaded.sources.push(source);
    }
    loaded
}

fn read(path: &Path, name: &str, loaded: &mut Loaded) -> Result<Source, Refused> {
    // By its name first: what holds owners is not even opened.
    DumpKind::of_name(name)?;
    let mut file = File::open(path)?;
    let sha256 = hash(&mut file)?;
    file.rewind()?;
    let (mut records, mut faults) = (Vec::new(), 0);
    for row in Rows::open(name, BufReader::with_capacity(1 << 20, file))? {
        match row? {
            Ok(record) => records.push(record),
            Err(fault) => {
                faults += 1;
                if faults <= KEPT {
                    loaded.faults.push(fault);
                }
            }
        }
    }
    let count = records.len() as u64;
    loaded.register.extend(Register::new(records));
    Ok(Source { file: name.to_owned(), sha256, records: count, faults: faults as u64, refused: None })
}

/// SHA-256 of what is left of a file.
///
/// # Errors
/// A file that cannot be read.
pub fn hash(file: &mut File) -> std::io::Result<String> {
    let (mut hasher, mut piece) = (Sha256::new(), vec![0; 1 << 20]);
    loop {
        match file.read(&mut piece)? {
            0 => break,
            read => hasher.update(&piece[..read]),
        }
    }
    let mut hex = String::with_capacity(64);
    for byte in hasher.finalize() {
        // Writing to a text cannot fail.
        let _ = write!(hex, "{byte:02x}");
    }
    Ok(hex)
}

/// Which parcels.
#[derive(Debug)]
pub struct Question {
    /// The layer of parcels.
    pub parcels: Arc<Snapshot>,
    /// The parcels.
    pub rows: Vec<RowAt>,
    /// Where they were looked for, if by a place.
    pub site: Option<Site>,
    /// The day.
    pub day: NaiveDate,
    /// The last change that the answer reflects.
    pub seq: Seq,
}

/// Answers: `{"parcels": [{"reference", "feature", "units", "land"}], "sources", "warnings", "evidence"}`.
pub fn units(question: &Question, loaded: &Loaded) -> Value {
    let snapshot = &question.parcels;
    let (mut told, mut used, mut sections) = (Vec::new(), Vec::new(), false);
    for at in &question.rows {
        let row = snapshot.row_at(*at);
        used.push(reference(snapshot, row));
        let said = |name: &str| words(snapshot, row, name).unwrap_or_default();
        let [comune, sheet, number] = ["municipality", "sheet", "number"].map(said);
        let units = loaded.register.units(&comune, &sheet, &number, question.day);
        let land = loaded.register.land(&comune, &sheet, &number, question.day);
        let section = |unit: &&RegisteredUnit| {
            !unit.key.section.is_empty() || unit.parcels.iter().any(|it| !it.urban_section.is_empty())
        };
        sections |= units.iter().any(section) || land.iter().any(|land| !land.key.section.is_empty());
        told.push(json!({
            "reference": words(snapshot, row, "national_ref"), "feature": reference(snapshot, row),
            "units": units, "land": land,
        }));
    }
    let mut warnings = question.site.as_ref().map(|site| site.warnings.clone()).unwrap_or_default();
    warnings.extend(odd(loaded, sections));
    let mut answer = json!({
        "day": question.day, "parcels": told, "sources": loaded.sources, "warnings": warnings,
    });
    let nowhere = Site::nowhere();
    let site = question.site.as_ref().unwrap_or(&nowhere);
    let at = (Some(question.day), question.seq);
    Evidence::new(ENGINE, site, at, Seen::of(&[Arc::clone(snapshot)]), used).seal(&mut answer);
    answer
}

fn odd(loaded: &Loaded, sections: bool) -> Vec<Warning> {
    let mut warnings = Vec::new();
    if loaded.register.is_empty() {
        let text = Text::new(
            "non c’è alcuna estrazione censuaria: i file .FAB e .TER si mettono nella cartella units dei dati",
            "there is no census dump: files .FAB and .TER go into the folder units of the data folder",
        );
        warnings.push(Warning::new("no-dumps", text));
    }
    if loaded.sources.iter().any(|source| source.refused.is_some()) {
        let text = Text::new(
            "alcuni file sono stati rifiutati: sources dice quali e perché",
            "some files were refused: sources says which, and why",
        );
        warnings.push(Warning::new("refused-files", text));
    }
    if sections {
        let text = Text::new(
            "le sezioni dei registri non sono quelle della mappa: foglio e numero possono ripetersi in sezioni diverse",
            "sections of the registers are not those of the map: sheet and number may come again in other sections",
        );
        warnings.push(Warning::new("sections", text));
    }
    warnings
}
