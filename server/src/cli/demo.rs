//! `bricola demo`.

mod mark;

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use bricola_city::City;
use bricola_layers::crs::Crs;
use bricola_layers::definition::{Catalog, LayerDefinition};
use bricola_layers::feature::Feature;
use bricola_layers::store::{Replacement as _, Store};
use indicatif::{ProgressBar, ProgressStyle};
use tracing::info;

use mark::{Mark, remove};

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

    /// Makes room in the data folder: throws away the store when asked to, and refuses to write into one that holds
    /// other data. A database is looked at when it is open.
    pub fn prepare(&self, config: &Config) -> Outcome {
        if config.database.is_some() {
            return Ok(());
        }
        let (store, mark) = (config.store_file(), Mark::of_folder(config));
        if !self.fresh {
            return mark.check(self, store.exists());
        }
        for suffix in ["", "-wal", "-shm", "-journal"] {
            let mut path = store.clone().into_os_string();
            path.push(suffix);
            remove(Path::new(&path))?;
        }
        mark.remove()
    }

    /// Makes room in a database.
    async fn make_room<S: Store>(&self, store: &S, mark: &Mark) -> Outcome {
        let layers = store.layers().await.map_err(Failure::failed)?;
        if !self.fresh {
            return mark.check(self, !layers.is_empty() || !store.unreadable().is_empty());
        }
        for layer in layers {
            store.drop_layer(&layer.definition.id).await.map_err(Failure::failed)?;
        }
        mark.remove()
    }

    /// Fills the store, unless the city is there already.
    pub async fn fill<S: Store>(&self, store: &S, catalog: &Catalog, config: &Config) -> Outcome {
        let plans = [("canone-demo.toml", bricola_city::TARIFF_PLAN)];
        put(&config.tariffs_folder(), &plans).map_err(Failure::failed)?;
        put(&config.regulations_folder(), &bricola_city::REGULATIONS).map_err(Failure::failed)?;
        put(&config.conflicts_folder(), &bricola_city::CONFLICT_RULES).map_err(Failure::failed)?;
        let mark = Mark::of(store, config).await?;
        if config.database.is_some() {
            self.make_room(store, &mark).await?;
        }
        if mark.says_complete(self) {
            return Ok(());
        }
        mark.write(self, false)?;
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
        mark.write(self, true)?;
        info!(features = total, seconds = started.elapsed().as_secs_f32(), "the demo city is ready");
        Ok(())
    }
}

/// Gives the city rules of its own, unless somebody has put others there.
fn put(folder: &Path, files: &[(&str, &str)]) -> std::io::Result<()> {
    if folder.exists() {
        return Ok(());
    }
    std::fs::create_dir_all(folder)?;
    files.iter().try_for_each(|(name, content)| std::fs::write(folder.join(name), content))
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
