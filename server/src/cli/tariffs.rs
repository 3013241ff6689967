//! `bricola tariffs`.

use std::fmt::Write as _;
use std::path::PathBuf;

use super::{Failure, Outcome, existing, say};
use crate::config::Config;
use crate::services::tariff::read_folder;

/// Its arguments.
#[derive(clap::Args)]
pub struct Arguments {
    /// The folder with the plans; that of the data folder without it
    #[arg(value_name = "FOLDER")]
    folder: Option<PathBuf>,
}

impl Arguments {
    /// Lists the tariff plans, and all that is wrong with them: faults in one, and gaps and overlaps between them.
    pub fn run(&self, config: &Config) -> Outcome {
        let loaded = read_folder(&existing(self.folder.as_deref(), config.tariffs_folder())?);
        let mut out = String::new();
        for plan in &loaded.each {
            let to = plan.valid_to.map_or_else(|| "…".to_owned(), |day| day.to_string());
            let (kinds, sets) = (plan.occupations.len(), plan.zone_sets.len());
            // Writing to a text cannot fail.
            let _ = writeln!(
                out,
                "{}  {} – {to}  {kinds} occupations, {sets} sets of zones  {}  sha256 {}",
                plan.id,
                plan.valid_from,
                plan.act,
                plan.sha256()
            );
        }
        let between = loaded.plans.faults();
        for fault in &between {
            let to = fault.to.map_or_else(|| "…".to_owned(), |day| day.to_string());
            let _ = writeln!(
                out,
                "{} – {to}: {} between {} and {}",
                fault.from, fault.rule, fault.plans[0], fault.plans[1]
            );
        }
        for fault in &loaded.faults {
            let _ = writeln!(out, "{fault}");
        }
        say(&out)?;
        match loaded.faults.len() + between.len() {
            0 => Ok(()),
            count => Err(Failure::refused(format!("{count} faults"))),
        }
    }
}
