//! The command line: one file per subcommand.
//!
//! Exit codes: 0 done (a load says so even when it rejected rows: they are in its report); 1 it could not be
//! done; 2 the command line or the configuration is wrong; 3 the data were refused (`--strict`, or no row was
//! good), and nothing was changed.

mod config;
mod layers;
mod lookup;
mod serve;

use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use crate::config::{Config, Flags, LogFormat, with_flags};

/// Ends with the code and what to tell the person.
#[derive(Debug)]
pub struct Failure {
    code: u8,
    message: String,
}

impl Failure {
    /// It could not be done.
    pub fn failed(message: impl ToString) -> Self {
        Self { code: 1, message: message.to_string() }
    }

    /// The command line or the configuration is wrong.
    pub fn usage(message: impl ToString) -> Self {
        Self { code: 2, message: message.to_string() }
    }

    /// The data were refused.
    pub fn refused(message: impl ToString) -> Self {
        Self { code: 3, message: message.to_string() }
    }
}

/// What a subcommand ends with.
pub type Outcome = Result<(), Failure>;

#[derive(Parser)]
#[command(name = "bricola", version, about = "GIS tile and geospatial-services server for Italian municipalities")]
#[command(after_help = "Exit codes: 0 done, 1 could not be done, 2 wrong command line or configuration, \
                        3 data refused (nothing was changed).")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Print the configuration in force, or the commented default
    Config(config::Arguments),
}

/// Runs the command line of the process.
pub fn run() -> ExitCode {
    let matches = with_flags(Cli::command()).get_matches();
    let outcome = Cli::from_arg_matches(&matches)
        .map_err(|error| Failure::usage(error.to_string().trim_end()))
        .and_then(|cli| {
            let environment: Vec<(String, String)> = std::env::vars_os()
                .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
                .collect();
            let config =
                crate::config::load(&Flags::from_matches(&matches), &environment).map_err(Failure::usage)?;
            start_log(&config);
            cli.command.run(config)
        });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure { code, message }) => {
            eprintln!("bricola: {message}");
            ExitCode::from(code)
        }
    }
}

impl Command {
    fn run(self, config: Config) -> Outcome {
        match self {
            Self::Config(arguments) => arguments.run(&config),
        }
    }
}

/// Logs go to standard error; standard output belongs to results.
fn start_log(config: &Config) {
    let filter = tracing_subscriber::EnvFilter::new(&config.log.level);
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match config.log.format {
        LogFormat::Text => builder.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).init(),
        LogFormat::Json => builder.json().flatten_event(true).init(),
    }
}

/// The runtime of the subcommands that need one.
fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Failure::failed)
}

/// Writes a result to standard output. A reader that has gone away (`| head`) is no failure.
fn say(text: &str) -> Outcome {
    use std::io::Write as _;
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(Failure::failed(error)),
        _ => Ok(()),
    }
}
