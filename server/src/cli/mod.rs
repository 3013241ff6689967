//! The command line: one file per subcommand.
//!
//! Exit codes: 0 done (a load says so even when it rejected rows: they are in its report); 1 it could not be
//! done; 2 the command line or the configuration is wrong; 3 the data were refused (`--strict`, or no row was
//! good), and nothing was changed; 130 interrupted.

mod bindings;
mod config;
mod conflicts;
mod demo;
mod followers;
mod layers;
mod load;
mod lookup;
mod serve;
mod tariffs;
mod units;
mod works;
mod ztl;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use bricola_layers::definition::Catalog;
use bricola_layers::store::Store;
use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use crate::config::{Config, Flags, LogFormat, with_flags};
use crate::store::{self, AnyStore};

/// Ends with the code and what to tell the person.
#[derive(Debug)]
pub struct Failure {
    code: u8,
    message: String,
}

#[expect(clippy::needless_pass_by_value, reason = "made for map_err, which hands over what it has")]
impl Failure {
    /// It could not be done.
    pub fn failed(message: impl ToString) -> Self {
        Self { code: 1, message: message.to_string() }
    }

    /// The command line or the configuration is wrong.
    pub fn usage(message: impl ToString) -> Self {
        Self { code: 2, message: message.to_string() }
    }

    /// Ctrl-C.
    pub fn interrupted(message: impl ToString) -> Self {
        Self { code: 130, message: message.to_string() }
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
    /// Serve tiles, lookups and the geoportal
    Serve,
    /// Replace a layer by a file: checked row by row, atomically
    Load(load::Arguments),
    /// Make the demo city (unless it is there) and serve it
    Demo(demo::Arguments),
    /// Join a CSV file of points with a layer
    Lookup(lookup::Arguments),
    /// List the layers, stored and defined
    Layers,
    /// Fields that are bound to other layers: list, check, rebuild
    Bindings(bindings::Bindings),
    /// Programs that the change log is kept for: list, add, forget
    Followers(followers::Followers),
    /// Let go of old changes and old states, once; `serve` does so as `retention` says
    Prune(followers::Prune),
    /// List the tariff plans, with all that is wrong with them
    Tariffs(tariffs::Arguments),
    /// List the cadastre's census dumps, with all that is wrong with them
    Units(units::Arguments),
    /// List the regulations of limited traffic zones, with all that is wrong with them
    Ztl(ztl::Arguments),
    /// Tell the rules for conflicts of work sites, with all that is wrong with them
    Conflicts(conflicts::Arguments),
    /// Tell what the files of the national registers of public works hold, with all that is wrong with them
    Works(works::Arguments),
    /// Print the configuration in force, or the commented default
    Config(config::Arguments),
}

/// Runs the command line of the process.
pub fn run() -> ExitCode {
    let matches = with_flags(Cli::command()).get_matches();
    let outcome =
        Cli::from_arg_matches(&matches).map_err(|error| Failure::usage(error.to_string().trim_end())).and_then(|cli| {
            let environment: Vec<(String, String)> = std::env::vars_os()
                .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
                .collect();
            let config = crate::config::load(&Flags::from_matches(&matches), &environment).map_err(Failure::usage)?;
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
            Self::Tariffs(arguments) => arguments.run(&config),
            Self::Units(arguments) => arguments.run(&config),
            Self::Ztl(arguments) => arguments.run(&config),
            Self::Conflicts(arguments) => arguments.run(&config),
            Self::Works(arguments) => arguments.run(&config),
            command => {
                let runtime = runtime()?;
                let outcome = runtime.block_on(command.run_with_store(config));
                // Bindings or a search index that are being found are not waited for: the next server finds them again.
                runtime.shutdown_timeout(LEFT_BEHIND);
                outcome
            }
        }
    }

    /// The subcommands that work on a store, whichever it is.
    async fn run_with_store(self, mut config: Config) -> Outcome {
        let catalog = store::catalog(&config).map_err(Failure::usage)?;
        if let Self::Demo(arguments) = &self {
            demo::Arguments::configure(&mut config);
            arguments.prepare(&config)?;
        }
        let folder = match &self {
            // A database that is not there says so itself.
            _ if config.database.is_some() => None,
            Self::Load(arguments) if arguments.is_dry() => TemporaryFolder::instead_of(&mut config)?,
            Self::Lookup(_) | Self::Layers | Self::Bindings(_) | Self::Followers(_) | Self::Prune(_)
                if !config.store_file().exists() =>
            {
                return Err(Failure::usage(format!(
                    "there is no store in {}; --data names its folder",
                    config.data.display()
                )));
            }
            _ => None,
        };
        let opened = match &self {
            Self::Serve => store::open_patiently(&config).await,
            Self::Lookup(_) | Self::Layers => store::open_to_read(&config).await,
            Self::Bindings(arguments) if !arguments.writes() => store::open_to_read(&config).await,
            _ => store::open(&config).await,
        };
        let outcome = match opened.map_err(Failure::failed)? {
            AnyStore::GeoPackage(store) => self.run_on(store, &catalog, config).await,
            AnyStore::Postgis(store) => self.run_on(store, &catalog, config).await,
        };
        drop(folder);
        outcome
    }

    async fn run_on<S: Store>(self, store: Arc<S>, catalog: &Catalog, config: Config) -> Outcome {
        match self {
            Self::Serve => serve::run(store, catalog, config).await,
            Self::Load(arguments) => arguments.run(&*store, catalog, &config).await,
            Self::Demo(arguments) => {
                arguments.fill(&*store, catalog, &config).await?;
                if arguments.serves() { serve::run(store, catalog, config).await } else { Ok(()) }
            }
            Self::Lookup(arguments) => arguments.run(store).await,
            Self::Layers => layers::run(&*store, catalog).await,
            Self::Bindings(arguments) => arguments.run(&store).await,
            Self::Followers(arguments) => arguments.run(&*store).await,
            Self::Prune(arguments) => arguments.run(&*store).await,
            Self::Config(_)
            | Self::Tariffs(_)
            | Self::Units(_)
            | Self::Ztl(_)
            | Self::Conflicts(_)
            | Self::Works(_) => Ok(()),
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

/// How long what is under way beside the requests is waited for at the end.
const LEFT_BEHIND: Duration = Duration::from_secs(3);

/// The runtime of the subcommands that need one.
fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Failure::failed)
}

/// The folder of files of an office that a command looks at: the one that was named, or that of the data folder.
fn existing(named: Option<&Path>, usual: PathBuf) -> Result<PathBuf, Failure> {
    let folder = named.map_or(usual, Path::to_owned);
    if folder.is_dir() {
        return Ok(folder);
    }
    Err(Failure::usage(format!("there is no folder {}", folder.display())))
}

/// Writes a result to standard output. A reader that has gone away (`| head`) is no failure.
fn say(text: &str) -> Outcome {
    use std::io::Write as _;
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(Failure::failed(error)),
        _ => Ok(()),
    }
}

/// A folder for the empty store that a dry run works on where there is none: it must not leave one behind.
struct TemporaryFolder(PathBuf);

impl TemporaryFolder {
    fn instead_of(config: &mut Config) -> Result<Option<Self>, Failure> {
        if config.store_file().exists() {
            return Ok(None);
        }
        let path = std::env::temp_dir().join(format!("bricola-dry-run-{}", std::process::id()));
        std::fs::create_dir(&path)
            .map_err(|error| Failure::failed(format!("cannot make {}: {error}", path.display())))?;
        config.data.clone_from(&path);
        Ok(Some(Self(path)))
    }
}

impl Drop for TemporaryFolder {
    fn drop(&mut self) {
        // Left-overs in the system's folder for temporary files are the system's to clear.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
