//! `bricola ztl`.

use std::fmt::Write as _;
use std::path::PathBuf;

use super::{Failure, Outcome, existing, say};
use crate::config::Config;
use crate::services::ztl::read_folder;

/// Its arguments.
#[derive(clap::Args)]
pub struct Arguments {
    /// The folder with the regulations; that of the data folder without it
    #[arg(value_name = "FOLDER")]
    folder: Option<PathBuf>,
}

impl Arguments {
    /// Lists the regulations of limited traffic zones, schedules that somebody has to look at, and all faults.
    pub fn run(&self, config: &Config) -> Outcome {
        let loaded = read_folder(&existing(self.folder.as_deref(), config.regulations_folder())?);
        let (mut out, mut unread) = (String::new(), 0);
        for regulation in loaded.regulations.all() {
            let to = regulation.valid_to.map_or_else(|| "…".to_owned(), |day| day.to_string());
            let zones: Vec<&str> = regulation.zones().into_iter().collect();
            // Writing to a text cannot fail.
            let _ = writeln!(
                out,
                "{}  {} – {to}  {} rules, {} exceptions for {} of {}  {}  sha256 {}",
                regulation.id,
                regulation.valid_from,
                regulation.rules.len(),
                regulation.exceptions.len(),
                zones.join(", "),
                regulation.layer,
                regulation.act,
                regulation.sha256()
            );
            for (rule, unreadable) in regulation.unreadable() {
                unread += 1;
                let (schedule, reason) = (&unreadable.text, &unreadable.reason.en);
                let _ = writeln!(out, "{}/{rule}: the schedule “{schedule}” {reason}", regulation.id);
            }
        }
        for fault in &loaded.faults {
            let _ = writeln!(out, "{fault}");
        }
        say(&out)?;
        match loaded.faults.len() + unread {
            0 => Ok(()),
            count => Err(Failure::refused(format!("{count} faults"))),
        }
    }
}
