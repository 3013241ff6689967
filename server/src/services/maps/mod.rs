//! Static maps: a style, a view and the tiles of now, as a PNG.
//!
//! It is drawn of the very tiles that maps in browsers draw, by the same expressions, in the same order; so it shows what they show.
//! | file | what |
//! |---|---|
//! | `view` | which part of the earth, on how many pixels |
//! | `plan` | a style, read for drawing |
//! | `mvt` | tiles, decoded |
//! | `paint` | surfaces, lines, circles |
//! | `mark` | the one feature that the picture is about |
//! | `symbol` | icons and texts, none over another |
//! | `text` | outlines of the letters of the shipped fonts |
//! | `icons` | the shipped icons |

mod icons;
mod mark;
mod mvt;
mod paint;
mod plan;
mod symbol;
mod text;
mod view;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use geo_types::Geometry;
use moka::sync::Cache;
use thiserror::Error;
use tiny_skia::{Color, Pixmap};

pub use mvt::{DecodedTile, decode};
pub use plan::{Plan, Wanted};
pub use view::{Covering, View};

use icons::Icons;
use plan::LayerKind;
use text::Fonts;

/// Maps that nobody asked for in this time make room.
const IDLE: Duration = Duration::from_secs(3600);
/// Bytes of all maps that are kept.
const KEPT_BYTES: u64 = 64 * 1024 * 1024;

/// A map could not be drawn.
#[derive(Debug, Clone, Error)]
#[error("map: {0}")]
pub struct MapError(pub(crate) String);

/// A tile of a source, with what it holds.
pub struct Sheet {
    /// The source of the style.
    pub source: String,
    /// Where it lies.
    pub tile: bricola_layers::tile::TileId,
    /// What it holds.
    pub content: DecodedTile,
}

/// A finished map.
#[derive(Debug, Clone)]
pub struct Finished {
    /// The PNG.
    pub png: Bytes,
    /// Strong validator, with quotes.
    pub etag: Arc<str>,
}

/// Draws maps, and keeps those that were drawn under all that they are made of.
pub struct Maps {
    icons: Icons,
    fonts: Fonts,
    finished: Cache<String, Finished>,
}

impl Default for Maps {
    fn default() -> Self {
        let weigh = |key: &String, map: &Finished| u32::try_from(key.len() + map.png.len()).unwrap_or(u32::MAX);
        let finished = Cache::builder().name("maps").max_capacity(KEPT_BYTES).weigher(weigh).time_to_idle(IDLE).build();
        Self { icons: Icons::default(), fonts: Fonts::default(), finished }
    }
}

impl Maps {
    /// A map that is there already.
    pub fn kept(&self, key: &str) -> Option<Finished> {
        self.finished.get(key)
    }

    /// Keeps a map under what it is made of.
    pub fn keep(&self, key: String, map: &Finished) {
        self.finished.insert(key, map.clone());
    }

    /// Draws a map, and over it the outline of what it is about, in degrees.
    ///
    /// # Errors
    /// When it is too large, or the icons cannot be read.
    pub fn draw(
        &self,
        plan: &Plan,
        view: &View,
        sheets: &[Sheet],
        marked: Option<&Geometry<f64>>,
    ) -> Result<Finished, MapError> {
        let [width, height] = view.pixels();
        let mut canvas = Pixmap::new(width, height).ok_or_else(|| MapError(format!("{width} × {height} pixels")))?;
        canvas.fill(Color::WHITE);
        let icons = self.icons.get()?;
        let placed = symbol::place(plan, view, sheets, icons, &self.fonts);
        for (index, layer) in plan.layers(view.zoom).enumerate() {
            match layer.kind {
                LayerKind::Background => paint::background(&mut canvas, layer, view, icons),
                LayerKind::Fill => paint::fills(&mut canvas, layer, view, sheets, icons),
                LayerKind::Line => paint::lines(&mut canvas, layer, view, sheets),
                LayerKind::Circle => paint::circles(&mut canvas, layer, view, sheets),
                LayerKind::Symbol => symbol::draw(&mut canvas, &placed[index], view, icons, &self.fonts),
            }
        }
        if let Some(geometry) = marked {
            mark::draw(&mut canvas, view, geometry);
        }
        let png = Bytes::from(canvas.encode_png().map_err(|error| MapError(error.to_string()))?);
        let hash = std::hash::BuildHasher::hash_one(&rustc_hash::FxBuildHasher, &png);
        Ok(Finished { etag: format!("\"{hash:016x}-{:x}\"", png.len()).into(), png })
    }
}
