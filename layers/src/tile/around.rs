//! What has to be known of a layer for a tile of it to be drawn, where not all of it is in memory.

use geo_types::{Coord, Rect};

use super::grid::TileId;
use super::matrix_set::Place;
use crate::crs::{Crs, CrsError, world_to_lonlat};
use crate::definition::LayerDefinition;
use crate::query::Frame;

/// Where the features lie, in storage CRS, that must be known for a tile to be the same as if all were.
///
/// Which of them are drawn is decided by the tiles that they belong to, and a tile draws those of its neighbours that reach
/// into it: so these are looked at too, unless a filter chooses and no ladder does. What belongs to a tile that is further
/// away and still reaches into this one counts as drawn: it is larger than a tile, and the largest are the last to go.
///
/// # Errors
/// When there is no way from the CRS of the grid, or of the layer, to longitude and latitude.
pub fn around(place: &Place, definition: &LayerDefinition, is_filtered: bool) -> Result<Frame, CrsError> {
    let (min, max) = match place {
        Place::Mercator(tile) => tile.world_bounds(),
        Place::Grid(tile) => tile.reach()?,
    };
    let (min, max) = if is_filtered { (min, max) } else { with_neighbours(min, max, place.zoom()) };
    let ([west, north], [east, south]) = (world_to_lonlat(min), world_to_lonlat(max));
    let storage = Crs::parse(definition.crs.as_deref().unwrap_or("EPSG:4326"))?;
    let rect = Rect::new(Coord { x: west, y: south }, Coord { x: east, y: north });
    Ok(Frame::of(&Crs::crs84(), &rect, &storage))
}

/// A box of world units and the tiles that it touches, all of them.
fn with_neighbours(min: [u32; 2], max: [u32; 2], zoom: u8) -> ([u32; 2], [u32; 2]) {
    let (first, last) = (TileId::holding(min, zoom), TileId::holding(max, zoom));
    let (low, _) = first.world_bounds();
    let (_, high) = last.world_bounds();
    (low, high)
}
