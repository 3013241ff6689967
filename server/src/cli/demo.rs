//! `bricola demo`.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use bricola_city::City;
use bricola_layers::crs::Crs;
use bricola_layers::definition::{Catalog, LayerDefinition};
use bricola_layers::feature::Feature;
use bricola_layers::store::{Replacement as _, Store};
use indicatif::{ProgressBar, ProgressStyle};
use serde::{Deserialize, Serialize};
use tracing::info;

use super::{Failure, Outcome};
use crate::config::{Config, Tenant};

/// Rows handed to the store at a time.
const BATCH_ROWS: usize = 4096;
/// Batches that wait for the store.
const QUEUE: usize = 4;

/// Its arguments.
#[derive(clap::Args)]
pub struct Arguments {
    /// Parcels of the city: a number, with k or m for thousands and millions
    #[arg(long, value_name = "N", default_value = "30k", value_parser = number)]
    parcels: u64,
    /// The same seed gives the same city
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// Throw away what the data folder holds
    #[arg(long)]
    fresh: bool,
    /// Generate and end, without serving
    #[arg(long)]
    no_serve: bool,
}

/// What a data folder was filled with.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Marker {
    parcels: u64,
    seed: u64,
    /// Of the program that filled it: another may make another city.
    version: String,
    complete: bool,
}

fn number(text: &str) -> Result<u64, String> {
    let lower = text.to_ascii_lowercase();
    let (digits, factor) = match lower.strip_suffix('k').map(|digits| (digits, 1_000)) {
        Some(pair) => pair,
        None => lower.strip_suffix('m').map_or((&*lower, 1), |digits| (digits, 1_000_000)),
    };
    let number = digits.parse::<u64>().map_err(|_| "write a number such as 30000, 30k or 1m".to_owned())?;
    let number = number.saturating_mul(factor);
    if (300..=20_000_000).contains(&number) { Ok(number) } else { Err("must lie between 300 and 20m".to_owned()) }
}

impl Arguments {
    /// The demo's own settings where nobody set others: its name and place, and every layer on show, since nothing
    /// in it is real.
    pub fn configure(config: &mut Config) {
        if config.tenant == Tenant::default() {
            bricola_city::NAME.clone_into(&mut config.tenant.name);
            config.tenant.ipa = Some(bricola_city::IPA.to_owned());
            config.tenant.istat = Some(bricola_city::ISTAT.to_owned());
            config.tenant.belfiore = Some(bricola_city::BELFIORE.to_owned());
            bricola_city::CRS.clone_into(&mut config.tenant.crs);
        }
        config.show_all_layers = true;
    }

    /// Whether to serve when the city is there.
    pub const fn serves(&self) -> bool {
        !self.no_serve
    }

    /// Makes room: throws away the store when asked to, and refuses to write into one that holds other data.
    pub fn prepare(&self, config: &Config) -> Outcome {
        let store = config.store_file();
        if self.fresh {
            for suffix in ["", "-wal", "-shm", "-journal"] {
                let mut path = store.clone().into_os_string();
                path.push(suffix);
                remove(Path::new(&path))?;
            }
            return remove(&marker_file(config));
        }
        match read_marker(config) {
            None if store.exists() => Err(Failure::usage(format!(
                "{} holds data that no demo made; choose another folder with --data, or --fresh to throw them away",
                config.data.display()
            ))),
            Some(marker) if marker.complete && !self.is_of(&marker) => Err(Failure::usage(format!(
                "{} holds a demo city of {} parcels and seed {}, made by version {}; choose another folder with --data, \
                 or --fresh to make this one anew",
                config.data.display(),
                marker.parcels,
                marker.seed,
                marker.version
            ))),
            _ => Ok(()),
        }
    }

    fn is_of(&self, marker: &Marker) -> bool {
        marker.parcels == self.parcels && marker.seed == self.seed && marker.version == env!("CARGO_PKG_VERSION")
    }

    /// Fills the store, unless the city is there already.
    pub async fn fill<S: Store>(&self, store: &S, catalog: &Catalog, config: &Config) -> Outcome {
        if read_marker(config).is_some_and(|marker| marker.complete && self.is_of(&marker)) {
            return Ok(());
        }
        self.write_marker(config, false)?;
        let started = Instant::now();
        let (parcels, seed) = (self.parcels, self.seed);
        let city = tokio::task::spawn_blocking(move || City::new(parcels, seed)).await.map_err(Failure::failed)?;
        let city = Arc::new(city);
        let bar = ProgressBar::new_spinner();
        let template = "{elapsed_precise} {spinner} {prefix} {human_pos} features {per_sec}";
        bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner()));
        let mut total = 0;
        for id in city.layers() {
            let Some(definition) = catalog.get(id) else { continue };
            let definition = placed(definition, city.crs())?;
            bar.set_prefix(id);
            total += fill_layer(store, &city, definition, &bar, total).await?;
        }
        bar.finish_and_clear();
        self.write_marker(config, true)?;
        info!(features = total, seconds = started.elapsed().as_secs_f32(), "the demo city is ready");
        Ok(())
    }

    fn write_marker(&self, config: &Config, complete: bool) -> Outcome {
        let version = env!("CARGO_PKG_VERSION").to_owned();
        let marker = Marker { parcels: self.parcels, seed: self.seed, version, complete };
        let text = serde_json::to_string_pretty(&marker).map_err(Failure::failed)?;
        let path = marker_file(config);
        std::fs::write(&path, text + "\n")
            .map_err(|error| Failure::failed(format!("cannot write {}: {error}", path.display())))
    }
}

/// Streams one layer into the store; the number of its features.
async fn fill_layer<S: Store>(
    store: &S,
    city: &Arc<City>,
    definition: LayerDefinition,
    bar: &ProgressBar,
    before: u64,
) -> Result<u64, Failure> {
    store.define(&definition).await.map_err(Failure::failed)?;
    let mut replacement = store.replace(&definition.id).await.map_err(Failure::failed)?;
    let (sender, mut batches) = tokio::sync::mpsc::channel::<Vec<Feature>>(QUEUE);
    let city = Arc::clone(city);
    let generator = tokio::task::spawn_blocking(move || {
        let mut features = city.features(&definition.id, &definition);
        loop {
            let batch: Vec<Feature> = features.by_ref().take(BATCH_ROWS).collect();
            // The other end is gone when the store failed.
            if batch.is_empty() || sender.blocking_send(batch).is_err() {
                return;
            }
        }
    });
    let mut count = 0;
    while let Some(batch) = batches.recv().await {
        count += batch.len() as u64;
        bar.set_position(before + count);
        replacement.push(batch).await.map_err(Failure::failed)?;
    }
    generator.await.map_err(Failure::failed)?;
    replacement.commit().await.map_err(Failure::failed)?;
    Ok(count)
}

/// The definition with CRS and resolution of the city's coordinates.
fn placed(definition: &LayerDefinition, crs: &str) -> Result<LayerDefinition, Failure> {
    let resolution = Crs::parse(crs).map_err(Failure::failed)?.default_resolution();
    Ok(LayerDefinition {
        crs: Some(crs.to_owned()),
        resolution: definition.resolution.or(Some(resolution)),
        ..definition.clone()
    })
}

fn marker_file(config: &Config) -> PathBuf {
    config.data.join("demo.json")
}

fn read_marker(config: &Config) -> Option<Marker> {
    serde_json::from_str(&std::fs::read_to_string(marker_file(config)).ok()?).ok()
}

fn remove(path: &Path) -> Outcome {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Failure::failed(format!("cannot remove {}: {error}", path.display())))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_take_k_and_m() {
        assert_eq!((number("30k"), number("1M"), number("5000")), (Ok(30_000), Ok(1_000_000), Ok(5_000)));
        for bad in ["", "k", "-1", "1.5m", "10", "99m", "many"] {
            assert!(number(bad).is_err(), "{bad}");
        }
    }
}
