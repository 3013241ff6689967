//! The demo city: *Valmarana Laguna*, a lagoon municipality that does not exist.
//!
//! [`City::new`] plans it from a number of parcels and a seed; [`City::features`] streams any of its layers.
//! The same numbers give the same bytes on every machine: the only arithmetic is that of IEEE 754, the only
//! randomness a splitmix64 of (seed, thing), and every coordinate is rounded to the millimetre.
//!
//! How it is drawn: a plan in the drawing plane, where everything is convex and every cut straight ([`plan`]),
//! is cut into sheets, blocks and parcels by a mesh that shares every vertex between neighbours ([`mesh`]),
//! and then bent onto the ground by one smooth map ([`warp`]).

mod cover;
mod dissolve;
mod grow;
mod houses;
mod islands;
mod layers;
mod mesh;
mod names;
mod plane;
mod rng;
mod site;
mod stream;
mod street;
mod warp;

/// The tariff plan of the demo city, for `DATA/tariffs`: its zones are those of the layer `tariff-zones`.
pub const TARIFF_PLAN: &str = include_str!("../tariffs/canone-demo.toml");

/// The regulation of its limited traffic zones and its holidays, for `DATA/ztl`: name and content of each file. The zones are
/// those of the layer `ztl`.
pub const REGULATIONS: [(&str, &str); 2] = [
    ("festivita.toml", include_str!("../ztl/festivita.toml")),
    ("ztl-demo.toml", include_str!("../ztl/ztl-demo.toml")),
];

/// The rules for conflicts of its work sites, for `DATA/conflicts`: name and content of each file.
pub const CONFLICT_RULES: [(&str, &str); 1] = [("cantieri.toml", include_str!("../conflicts/cantieri.toml"))];

pub mod district;
pub mod plan;

use std::sync::Arc;

use bricola_layers::definition::{GeometryType, LayerDefinition};
use bricola_layers::feature::Feature;

use plan::Plan;

/// Name of the municipality.
pub const NAME: &str = "Valmarana Laguna";
/// Its cadastral (Belfiore) code, which no real municipality has.
pub const BELFIORE: &str = "Z999";
/// Its ISTAT code, in the province of Venice.
pub const ISTAT: &str = "027999";
/// Its IPA code.
pub const IPA: &str = "c_z999";
/// CRS of all coordinates: RDN2008 / Zone 12 (E-N), x east, y north, metres.
pub const CRS: &str = "EPSG:7795";

/// A city.
#[derive(Debug, Clone)]
pub struct City {
    plan: Arc<Plan>,
    kept: stream::Kept,
}

impl City {
    /// Plans a city of about `parcels` parcels (at least 300) from a seed.
    pub fn new(parcels: u64, seed: u64) -> Self {
        Self { plan: Arc::new(Plan::new(parcels, seed)), kept: stream::Kept::default() }
    }

    /// Ids of its layers in the order in which they are best loaded.
    pub fn layers(&self) -> impl Iterator<Item = &'static str> + use<> {
        layers::LAYERS.iter().map(|layer| layer.id)
    }

    /// The field names that a layer's features can fill, in the order of the shipped definition; `None` for a layer
    /// that the city does not have.
    pub fn fields(&self, layer: &str) -> Option<&'static [&'static str]> {
        layers::layer(layer).map(|layer| layer.fields)
    }

    /// Geometry type of a layer's features; `None` for a layer that the city does not have.
    pub fn geometry(&self, layer: &str) -> Option<GeometryType> {
        layers::layer(layer).map(|layer| layer.geometry)
    }

    /// Streams the features of a layer in a fixed order, in [`CRS`], with one property per field of the
    /// definition (found by name; fields that the city does not know are null). A layer that the city does not
    /// have is empty.
    ///
    /// The work is done by all threads of the current rayon pool, some sheets ahead of the reader; memory does
    /// not grow with the city, but for the plan (about 5 kB for each sheet). A small city (up to about 60,000
    /// parcels) is built up once and kept for all its layers.
    pub fn features(&self, layer: &str, definition: &LayerDefinition) -> impl Iterator<Item = Feature> + Send + use<> {
        stream::Features::new(Arc::clone(&self.plan), Arc::clone(&self.kept), layers::layer(layer), definition)
    }

    /// Extent in degrees of RDN2008: west, south, east, north.
    pub fn envelope(&self) -> [f64; 4] {
        stream::envelope(&self.plan)
    }

    /// CRS of all coordinates.
    pub const fn crs(&self) -> &'static str {
        CRS
    }

    /// Its plan (for pictures of it).
    pub fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }
}
