//! `bricola conflicts`.

use std::fmt::Write as _;
use std::path::PathBuf;

use super::{Failure, Outcome, existing, say};
use crate::config::Config;
use crate::services::conflicts::read_folder;

/// Its arguments.
#[derive(clap::Args)]
pub struct Arguments {
    /// The folder with the rules; that of the data folder without it
    #[arg(value_name = "FOLDER")]
    folder: Option<PathBuf>,
}

impl Arguments {
    /// Tells the rules of conflicts of sites, and all that is wrong with them.
    pub fn run(&self, config: &Config) -> Outcome {
        let loaded = read_folder(&existing(self.folder.as_deref(), config.conflicts_folder())?);
        let mut out = String::new();
        if let Some(rules) = &loaded.rules {
            // Writing to a text cannot fail.
            let _ =
                writeln!(out, "{}  {}  {} roles  sha256 {}", rules.id, rules.act, rules.layers.len(), rules.sha256());
            for layer in &rules.layers {
                let _ = writeln!(out, "  {}: {}", layer.role, layer.layer);
            }
        }
        for fault in &loaded.faults {
            let _ = writeln!(out, "{fault}");
        }
        say(&out)?;
        match (loaded.faults.len(), &loaded.rules) {
            (0, Some(_)) => Ok(()),
            (0, None) => Err(Failure::refused("there are no rules".to_owned())),
            (count, _) => Err(Failure::refused(format!("{count} faults"))),
        }
    }
}
