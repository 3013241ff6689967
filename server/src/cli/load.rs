//! `bricola load`.

use std::path::{Path, PathBuf};

use bricola_layers::definition::Catalog;
use bricola_layers::load::{Language, LoadError, LoadOptions, Progress, Report, load};
use bricola_layers::reader::{self, OpenOptions};
use bricola_layers::store::Store;
use indicatif::{ProgressBar, ProgressStyle};

use super::{Failure, Outcome, say};
use crate::config::Config;

/// Its arguments.
#[derive(clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
#[expect(clippy::doc_markdown, reason = "these comments are the help text, which knows no back-ticks")]
pub struct Arguments {
    /// GeoPackage, Shapefile (zipped or loose), GeoJSON, FlatGeobuf, CSV, KML, KMZ, INSPIRE GML or GTFS
    file: PathBuf,
    /// Layer to replace by the file, such as parcels; "bricola layers" lists them
    #[arg(long, value_name = "ID")]
    layer: String,
    /// Check everything, change nothing
    #[arg(long)]
    dry_run: bool,
    /// Load nothing when a single row is bad
    #[arg(long)]
    strict: bool,
    /// Column of the file and field of the layer that takes it; an empty field leaves the column out
    #[arg(long, value_name = "COLUMN=FIELD", value_parser = mapping)]
    map: Vec<(String, String)>,
    /// CRS of the file, whatever it says itself
    #[arg(long, value_name = "EPSG:n")]
    crs: Option<String>,
    /// Table or member of a file that holds several
    #[arg(long, value_name = "NAME")]
    source_layer: Option<String>,
    /// Encoding of the text of a CSV or shapefile, such as windows-1252
    #[arg(long, value_name = "NAME")]
    encoding: Option<String>,
    /// Delimiter of a CSV
    #[arg(long, value_name = "CHARACTER")]
    delimiter: Option<char>,
    /// Column of a CSV that holds east or longitude
    #[arg(long, value_name = "COLUMN", requires = "y")]
    x: Option<String>,
    /// Column of a CSV that holds north or latitude
    #[arg(long, value_name = "COLUMN", requires = "x")]
    y: Option<String>,
    /// Column of a CSV that holds geometries as WKT
    #[arg(long, value_name = "COLUMN", conflicts_with = "x")]
    wkt: Option<String>,
    /// Load rows far outside the tenant's envelope too, with a warning
    #[arg(long)]
    keep_outside: bool,
    /// Language of the report
    #[arg(long, value_name = "it|en", default_value = "it", value_parser = ["it", "en"])]
    lang: String,
    /// Write the report as JSON to standard output
    #[arg(long)]
    json: bool,
}

fn mapping(text: &str) -> Result<(String, String), String> {
    let (column, field) = text.split_once('=').ok_or("write column=field, or column= to leave a column out")?;
    Ok((column.trim().to_owned(), field.trim().to_owned()))
}

/// A message that names the file, once: what a reader says names it already.
fn named(file: &Path, message: &str) -> String {
    let name = file.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    if !name.is_empty() && message.contains(&*name) {
        message.to_owned()
    } else {
        format!("{}: {message}", file.display())
    }
}

impl Arguments {
    /// Whether nothing is to be changed.
    pub const fn is_dry(&self) -> bool {
        self.dry_run
    }

    /// Replaces a layer of the store by the file.
    pub async fn run<S: Store>(self, store: &S, catalog: &Catalog, config: &Config) -> Outcome {
        let definition = catalog.get(&self.layer).ok_or_else(|| self.unknown_layer(catalog))?;
        let open = OpenOptions {
            layer: self.source_layer.clone(),
            encoding: self.encoding.clone(),
            delimiter: self.delimiter,
            x_column: self.x.clone(),
            y_column: self.y.clone(),
            wkt_column: self.wkt.clone(),
            geometry: Some(definition.geometry),
        };
        let file = self.file.clone();
        let opened = tokio::task::spawn_blocking(move || reader::open(&file, &open)).await.map_err(Failure::failed)?;
        let reader = opened.map_err(|error| Failure::refused(named(&self.file, &error.to_string())))?;
        let options = LoadOptions {
            map: self.map.clone(),
            crs: self.crs.clone(),
            storage_crs: Some(config.tenant.crs.clone()),
            envelope: config.tenant.envelope,
            keep_outside: self.keep_outside,
            strict: self.strict,
            dry_run: self.dry_run,
        };
        let bar = bar(reader.schema().rows);
        let work = load(store, reader, definition, &options, |progress: &Progress| {
            bar.set_position(progress.read);
            if progress.rejected > 0 {
                bar.set_message(format!("{} rejected", progress.rejected));
            }
        });
        let result = tokio::select! {
            result = work => result,
            _ = tokio::signal::ctrl_c() => {
                bar.finish_and_clear();
                return Err(Failure::interrupted("interrupted; the layer is whole"));
            }
        };
        bar.finish_and_clear();
        match result {
            Ok(report) => self.tell(&report),
            Err(error) => {
                if let Some(report) = error.report() {
                    self.tell(report)?;
                }
                let message = named(&self.file, &error.to_string());
                Err(match error {
                    LoadError::Store(_) | LoadError::Internal(_) => Failure::failed(message),
                    _ => Failure::refused(message),
                })
            }
        }
    }

    fn tell(&self, report: &Report) -> Outcome {
        if self.json {
            return say(&format!("{}\n", serde_json::to_string_pretty(report).map_err(Failure::failed)?));
        }
        let language = if self.lang == "en" { Language::English } else { Language::Italian };
        let text = report.render(language);
        say(&if text.ends_with('\n') { text } else { text + "\n" })
    }

    fn unknown_layer(&self, catalog: &Catalog) -> Failure {
        let known: Vec<&str> = catalog.iter().map(|definition| definition.id.as_str()).collect();
        let nearest = known.iter().max_by(|a, b| strsim::jaro(a, &self.layer).total_cmp(&strsim::jaro(b, &self.layer)));
        let hint = nearest.map_or_else(String::new, |nearest| format!("; did you mean {nearest}?"));
        Failure::usage(format!("no layer \"{}\" is defined{hint} Defined are: {}", self.layer, known.join(", ")))
    }
}

/// Hidden by indicatif where standard error is no terminal.
fn bar(rows: Option<u64>) -> ProgressBar {
    let (bar, template) = match rows {
        Some(rows) => {
            (ProgressBar::new(rows), "{elapsed_precise} {wide_bar} {human_pos}/{human_len} rows {per_sec} {eta} {msg}")
        }
        None => (ProgressBar::new_spinner(), "{elapsed_precise} {spinner} {human_pos} rows {per_sec} {msg}"),
    };
    bar.with_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_names_the_file_once() {
        let file = Path::new("data/a.pbf");
        assert_eq!(named(file, "a.pbf: not read"), "a.pbf: not read");
        assert_eq!(
            named(file, "the file cannot be read: a.pbf: truncated"),
            "the file cannot be read: a.pbf: truncated"
        );
        assert_eq!(named(file, "no row could be loaded"), "data/a.pbf: no row could be loaded");
    }
}
