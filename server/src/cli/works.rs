//! `bricola works`.

use std::fmt::Write as _;
use std::path::PathBuf;

use super::{Failure, Outcome, existing, say};
use crate::config::Config;
use crate::services::works::read_folder;

/// Its arguments.
#[derive(clap::Args)]
pub struct Arguments {
    /// The folder with the files; that of the data folder without it
    #[arg(value_name = "FOLDER")]
    folder: Option<PathBuf>,
}

impl Arguments {
    /// Tells what the files of the national registers hold, and all that is wrong with them.
    pub fn run(&self, config: &Config) -> Outcome {
        let loaded = read_folder(&existing(self.folder.as_deref(), config.works_folder())?);
        let mut out = String::new();
        for source in &loaded.sources {
            let word = |value: serde_json::Result<serde_json::Value>| {
                value.ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_else(|| "?".to_owned())
            };
            let (register, holds) =
                (word(serde_json::to_value(source.register)), word(serde_json::to_value(source.holds)));
            // Writing to a text cannot fail.
            let _ = writeln!(
                out,
                "{}  {register} {holds}  {} rows  {} faults  sha256 {}",
                source.file, source.rows, source.faults, source.sha256
            );
        }
        let _ = writeln!(out, "{} projects", loaded.national.len());
        for fault in &loaded.faults {
            let _ = writeln!(out, "{fault}");
        }
        say(&out)?;
        match loaded.sources.iter().map(|source| source.faults).sum::<u64>() {
            0 => Ok(()),
            count => Err(Failure::refused(format!("{count} faults"))),
        }
    }
}
