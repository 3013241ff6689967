//! `bricola units`.

use std::fmt::Write as _;
use std::path::PathBuf;

use super::{Failure, Outcome, existing, say};
use crate::config::Config;
use crate::services::units::read_folder;

/// Its arguments.
#[derive(clap::Args)]
pub struct Arguments {
    /// The folder with the dumps; that of the data folder without it
    #[arg(value_name = "FOLDER")]
    folder: Option<PathBuf>,
}

impl Arguments {
    /// Lists the census dumps: what was read, what is wrong, and which files are refused.
    pub fn run(&self, config: &Config) -> Outcome {
        let loaded = read_folder(&existing(self.folder.as_deref(), config.units_folder())?);
        let mut out = String::new();
        for source in &loaded.sources {
            // Writing to a text cannot fail.
            let _ = if let Some(reason) = &source.refused {
                writeln!(out, "{}  refused: {}", source.file, reason.en)
            } else {
                let (records, faults) = (source.records, source.faults);
                writeln!(out, "{}  {records} records, {faults} faults  sha256 {}", source.file, source.sha256)
            };
        }
        for fault in &loaded.faults {
            let _ = writeln!(out, "{fault}");
        }
        let (units, lands) = loaded.register.len();
        let _ = writeln!(out, "{units} states of units, {lands} of land");
        say(&out)?;
        match loaded.sources.iter().filter(|source| source.refused.is_some()).count() {
            0 => Ok(()),
            count => Err(Failure::refused(format!("{count} files refused"))),
        }
    }
}
