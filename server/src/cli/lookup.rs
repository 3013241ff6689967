//! `bricola lookup`.

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bricola_layers::cache::{Snapshot, read_layer, read_layer_at};
use bricola_layers::crs::Crs;
use bricola_layers::definition::GeometryType;
use bricola_layers::log::Seq;
use bricola_layers::store::Store;
use chrono::{DateTime, Utc};
use indicatif::{ProgressBar, ProgressStyle};

use super::{Failure, Outcome};
use crate::services::join::Join;
use crate::services::lookup::DEFAULT_RADIUS_M;

/// Its arguments.
#[derive(clap::Args)]
pub struct Arguments {
    /// CSV or TSV file with a header and two columns of coordinates; - reads standard input
    file: PathBuf,
    /// Layer to look up, such as parcels
    #[arg(long, value_name = "ID")]
    layer: String,
    /// File to write; standard output when absent
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// CRS of the points; longitude and latitude in degrees when absent
    #[arg(long, value_name = "EPSG:n")]
    crs: Option<String>,
    /// Column of east or longitude; found by name when absent
    #[arg(long, requires = "y", value_name = "COLUMN")]
    x: Option<String>,
    /// Column of north or latitude
    #[arg(long, requires = "x", value_name = "COLUMN")]
    y: Option<String>,
    /// Fields of the layer to write, or "all"; its key and label when absent
    #[arg(long, value_delimiter = ',', value_name = "FIELD,…")]
    fields: Vec<String>,
    /// Metres within which the nearest point or line is taken (layers of points and lines) [default: 25]
    #[arg(long, value_name = "METRES")]
    radius: Option<f64>,
    /// The layer as it was: the number of a change, or an instant such as 2026-01-31T12:00:00+01:00
    #[arg(long, value_name = "SEQ|INSTANT")]
    at: Option<String>,
}

impl Arguments {
    /// Joins the file with a layer of the store.
    pub async fn run<S: Store>(self, store: Arc<S>) -> Outcome {
        let snapshot = layer(store, &self.layer, self.at.as_deref()).await?;
        tokio::task::spawn_blocking(move || self.join(snapshot)).await.map_err(Failure::failed)?
    }

    fn join(self, snapshot: Arc<Snapshot>) -> Outcome {
        let crs = self.crs.as_deref().map_or_else(|| Ok(Crs::wgs84()), Crs::parse).map_err(Failure::usage)?;
        let is_surface = matches!(snapshot.definition().geometry, GeometryType::Polygon | GeometryType::MultiPolygon);
        let radius_m = self.radius.unwrap_or(if is_surface { 0.0 } else { DEFAULT_RADIUS_M });
        let fields = match &self.fields[..] {
            [all] if all == "all" => snapshot.definition().fields.iter().map(|field| field.name.clone()).collect(),
            _ => self.fields.clone(),
        };
        let join = Join { snapshot, crs, columns: self.x.zip(self.y), fields, radius_m };
        let (input, bytes) = open(&self.file)?;
        let bar = bar(bytes, self.output.is_some());
        let (temporary, output) = create(self.output.as_deref())?;
        let outcome = join.run(input, output, |position| bar.set_position(position));
        bar.finish_and_clear();
        let outcome = outcome.map_err(|error| {
            if let Some(path) = &temporary {
                // What was written of it is of no use.
                let _ = std::fs::remove_file(path);
            }
            Failure::failed(format!("{}: {error}", self.file.display()))
        })?;
        if let (Some(from), Some(to)) = (temporary, self.output) {
            std::fs::rename(from, &to)
                .map_err(|error| Failure::failed(format!("cannot write {}: {error}", to.display())))?;
        }
        for trouble in &outcome.troubles {
            eprintln!("{trouble}");
        }
        let per_second = |time: Duration| (outcome.rows as f64 / time.as_secs_f64().max(1e-9)) as u64;
        eprintln!(
            "{} points, {} found, {} unreadable; {:.2} s, {} points/s (transforming and joining alone: {:.2} s of processor time)",
            outcome.rows,
            outcome.found,
            outcome.bad,
            outcome.elapsed.as_secs_f64(),
            per_second(outcome.elapsed),
            outcome.joining.as_secs_f64(),
        );
        Ok(())
    }
}

/// The layer as of now, or of an earlier change.
async fn layer<S: Store>(store: Arc<S>, id: &str, at: Option<&str>) -> Result<Arc<Snapshot>, Failure> {
    let read = match at {
        None => read_layer(&store, id).await,
        Some(text) => read_layer_at(&*store, id, moment(&*store, text).await?).await,
    };
    if let Some(snapshot) = read.map_err(Failure::failed)? {
        return Ok(Arc::new(snapshot));
    }
    let known = store.layers().await.map_err(Failure::failed)?;
    if let Some(unreadable) = store.unreadable().into_iter().find(|unreadable| unreadable.id == id) {
        return Err(Failure::failed(unreadable));
    }
    let known: Vec<&str> = known.iter().map(|layer| layer.definition.id.as_str()).collect();
    Err(Failure::usage(format!("there is no layer \"{id}\" in the store; there are: {}", known.join(", "))))
}

/// The change that `--at` means, which must have happened.
async fn moment<S: Store>(store: &S, text: &str) -> Result<Seq, Failure> {
    let last = store.last_seq().await.map_err(Failure::failed)?;
    if let Ok(seq) = text.parse::<Seq>() {
        let happened = (0..=last).contains(&seq);
        return if happened { Ok(seq) } else { Err(Failure::usage(format!("--at={text}: the last change is {last}"))) };
    }
    match DateTime::parse_from_rfc3339(text) {
        Ok(instant) if instant <= Utc::now() => store.seq_at(instant.to_utc()).await.map_err(Failure::failed),
        Ok(_) => Err(Failure::usage(format!("--at={text} is yet to come"))),
        Err(_) => {
            Err(Failure::usage(format!("--at={text} is neither the number of a change nor an instant with its offset")))
        }
    }
}

fn open(path: &Path) -> Result<(Box<dyn Read + Send>, Option<u64>), Failure> {
    if path == Path::new("-") {
        return Ok((Box::new(std::io::stdin()), None));
    }
    let unreadable = |error: std::io::Error| Failure::failed(format!("cannot read {}: {error}", path.display()));
    let file = File::open(path).map_err(unreadable)?;
    let bytes = file.metadata().map_err(unreadable)?.len();
    Ok((Box::new(file), Some(bytes)))
}

/// A file beside the one that is asked for, which takes its place when it is whole; or standard output.
fn create(path: Option<&Path>) -> Result<(Option<PathBuf>, Box<dyn Write + Send>), Failure> {
    let Some(path) = path else { return Ok((None, Box::new(std::io::stdout()))) };
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    let temporary = PathBuf::from(name);
    let file = File::create(&temporary)
        .map_err(|error| Failure::failed(format!("cannot write {}: {error}", temporary.display())))?;
    Ok((Some(temporary), Box::new(file)))
}

/// Hidden by indicatif where standard error is no terminal.
fn bar(bytes: Option<u64>, visible: bool) -> ProgressBar {
    if !visible {
        return ProgressBar::hidden();
    }
    let bar = bytes.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
    let template = "{elapsed_precise} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}";
    bar.with_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()))
}
