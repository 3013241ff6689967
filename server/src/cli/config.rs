//! `bricola config`.

use super::Outcome;
use crate::config::{Config, print, print_default};

/// Its arguments.
#[derive(clap::Args)]
pub struct Arguments {
    /// Print every key with its documentation and default, as a configuration file
    #[arg(long)]
    print_default: bool,
}

impl Arguments {
    /// Prints to standard output.
    pub fn run(&self, config: &Config) -> Outcome {
        let text = if self.print_default { print_default() } else { print(config) };
        super::say(&text)
    }
}
