//! The flags and environment variables that stand for keys.

use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, Command};

use super::settings::{Kind, leaves};

/// The values given on the command line, by dotted key, and the file named there.
#[derive(Debug, Default)]
pub struct Flags {
    /// `--config FILE`.
    pub file: Option<PathBuf>,
    /// Key and value, as typed.
    pub values: Vec<(String, String)>,
}

/// Keys that the short help shows; the others are in `--help`.
const COMMON: &[&str] = &["listen", "data", "show_all_layers"];

/// `tenant.name` → `tenant-name`.
pub fn flag_name(path: &str) -> String {
    path.replace(['.', '_'], "-")
}

/// `tenant.name` → `BRICOLA_TENANT_NAME`.
pub fn environment_name(path: &str) -> String {
    format!("BRICOLA_{}", path.replace('.', "_").to_uppercase())
}

/// Adds `--config` and a flag for each key, valid with every subcommand.
pub fn with_flags(mut command: Command) -> Command {
    command = command.arg(
        Arg::new("config")
            .long("config")
            .value_name("FILE")
            .value_parser(clap::value_parser!(PathBuf))
            .global(true)
            .help_heading("Configuration")
            .help("Configuration file [default: bricola.toml, if it is there] [env: BRICOLA_CONFIG]"),
    );
    for (path, key) in leaves() {
        // clap wants names that live as long as the program; there are a few dozen, made once.
        let name: &'static str = Box::leak(flag_name(&path).into_boxed_str());
        let value = match key.kind {
            Kind::Integer => "N",
            Kind::Boolean => "true|false",
            Kind::Numbers => "N,N,…",
            Kind::TextList => "TEXT,…",
            Kind::Text | Kind::Section(_) => "VALUE",
        };
        let doc = key.doc.split_whitespace().collect::<Vec<_>>().join(" ");
        let mut arg = Arg::new(name)
            .long(name)
            .value_name(value)
            .action(ArgAction::Set)
            .allow_hyphen_values(matches!(key.kind, Kind::Numbers))
            .global(true)
            .hide_short_help(!COMMON.contains(&path.as_str()))
            .help_heading("Configuration")
            .help(format!("{doc} [env: {}]", environment_name(&path)));
        if matches!(key.kind, Kind::Boolean) {
            arg = arg.num_args(0..=1).require_equals(true).default_missing_value("true");
        }
        command = command.arg(arg);
    }
    command
}

impl Flags {
    /// What the command line says.
    pub fn from_matches(matches: &ArgMatches) -> Self {
        let values = leaves().into_iter().filter_map(|(path, _)| {
            let value = matches.get_one::<String>(&flag_name(&path))?.clone();
            Some((path, value))
        });
        Self { file: matches.get_one::<PathBuf>("config").cloned(), values: values.collect() }
    }
}
