//! A box on the earth, in any CRS (`bbox`, OGC API Features 1, 7.15.3, and 2, 6.2.2).

use std::cell::RefCell;

use geo::{BoundingRect, Contains, Intersects};
use geo_types::{Coord, Rect};
use thiserror::Error;

use super::frame::Frame;
use super::positions::Positions;
use super::window::Window;
use crate::cache::{GeometryKind, RowAt, RowRef, Snapshot};
use crate::crs::{self, Crs, CrsError, Reach, lonlat_to_world};

/// World units (each about a centimetre) that are looked beyond a box, since its sides bend between the points that tell how
/// far it reaches.
const SLACK: u32 = 1 << 14;

/// Why four numbers are no box.
#[derive(Debug, Error)]
pub enum AreaError {
    /// Some are not finite, or a latitude is none.
    #[error("has a number that is no {0}")]
    Number(&'static str),
    /// The upper is below the lower.
    #[error("its {0} is larger than its {1}")]
    Order(&'static str, &'static str),
    /// It has no place in WGS 84.
    #[error(transparent)]
    Crs(#[from] CrsError),
}

/// One box, or two where it crosses the antimeridian.
#[derive(Debug, Clone)]
pub struct Area {
    crs: Crs,
    boxes: Vec<Rect<f64>>,
    /// As far as each reaches in world units, and whether it fills that.
    world: Vec<([u32; 2], [u32; 2], bool)>,
}

impl Area {
    /// West, south, east, north in degrees, as far as it reaches; `None` where it crosses the antimeridian.
    pub fn lonlat(&self) -> Option<[f64; 4]> {
        let [(low, high, _)] = self.world.as_slice() else { return None };
        let ([west, north], [east, south]) = (crs::world_to_lonlat(*low), crs::world_to_lonlat(*high));
        Some([west, south, east, north])
    }

    /// A box by its corners, x (east) before y. In degrees a west that is greater than the east means a box across the
    /// antimeridian.
    ///
    /// # Errors
    /// See [`AreaError`].
    pub fn new(crs: Crs, [west, south, east, north]: [f64; 4]) -> Result<Self, AreaError> {
        if ![west, south, east, north].iter().all(|value| value.is_finite()) {
            return Err(AreaError::Number("finite number"));
        }
        if south > north {
            return Err(AreaError::Order("lower end", "upper end"));
        }
        let is_geographic = crs.is_geographic();
        if is_geographic && (south < -90.0 || north > 90.0) {
            return Err(AreaError::Number("latitude"));
        }
        if is_geographic && (west.abs() > 180.0 || east.abs() > 180.0) {
            return Err(AreaError::Number("longitude"));
        }
        let rect = |west, east| Rect::new(Coord { x: west, y: south }, Coord { x: east, y: north });
        let boxes = match west <= east {
            true => vec![rect(west, east)],
            false if is_geographic => vec![rect(west, 180.0), rect(-180.0, east)],
            false => return Err(AreaError::Order("left end", "right end")),
        };
        let world = boxes.iter().map(|rect| reach(&crs, rect)).collect::<Result<_, _>>()?;
        Ok(Self { crs, boxes, world })
    }

    /// The rows whose geometries touch the area and that fulfil a condition, in order of id.
    pub fn rows(&self, snapshot: &Snapshot, holds: impl Fn(RowRef<'_>) -> bool + Sync) -> Vec<RowAt> {
        self.rows_within(snapshot, None, holds)
    }

    /// As [`Self::rows`], of the features whose boxes touch a window besides.
    pub(super) fn rows_within(
        &self,
        snapshot: &Snapshot,
        window: Option<Window>,
        holds: impl Fn(RowRef<'_>) -> bool + Sync,
    ) -> Vec<RowAt> {
        let mut found = Vec::new();
        for (rect, (min, max, is_filled)) in self.boxes.iter().zip(&self.world) {
            let whole = Window { min: *min, max: *max };
            let Some(Window { min, max }) = window.map_or(Some(whole), |window| whole.and(window)) else { continue };
            found.extend(snapshot.matching_within(min, max, |row, is_inside| {
                ((is_inside && *is_filled) || self.touches(rect, row)) && holds(row)
            }));
        }
        if self.boxes.len() > 1 {
            found.sort_unstable_by_key(|at| snapshot.row_at(*at).id());
            found.dedup();
        }
        found
    }

    /// Where the index is asked for it.
    pub(super) fn windows(&self) -> impl Iterator<Item = Window> {
        self.world.iter().map(|(min, max, _)| Window { min: *min, max: *max })
    }

    /// Whether the geometry of a row touches the area.
    pub(super) fn holds(&self, row: RowRef<'_>) -> bool {
        self.boxes.iter().any(|rect| self.touches(rect, row))
    }

    /// The area in the CRS of a layer, for a store to look where its features may be.
    pub(crate) fn frames(&self, storage: &Crs) -> Vec<Frame> {
        self.boxes.iter().map(|rect| Frame::of(&self.crs, rect, storage)).collect()
    }

    fn touches(&self, rect: &Rect<f64>, row: RowRef<'_>) -> bool {
        let packed = row.base.geometry();
        if packed.kind(row.row) == GeometryKind::None {
            return false;
        }
        let geometry = if is_lonlat(&self.crs) {
            let lonlat = RefCell::new(row.base.lonlat_of_each());
            packed.geometry(row.row, |grid, node| lonlat.borrow_mut()(grid.unpack(node)))
        } else {
            // What has no image in the CRS of the box is not in it.
            Positions::In(self.crs.clone()).geometry(row)
        };
        let Some((geometry, bounds)) = geometry
            .and_then(|geometry| Some((geometry.bounding_rect()?, geometry)))
            .map(|(bounds, geometry)| (geometry, bounds))
        else {
            return false;
        };
        rect.contains(&bounds) || (rect.intersects(&bounds) && rect.to_polygon().intersects(&geometry))
    }
}

/// WGS 84, whatever the order of its axes.
fn is_lonlat(crs: &Crs) -> bool {
    crs.code() == Some(4326)
}

/// How far a box reaches in world units.
fn reach(crs: &Crs, rect: &Rect<f64>) -> Result<([u32; 2], [u32; 2], bool), AreaError> {
    let (low, high) = (rect.min(), rect.max());
    if is_lonlat(crs) {
        let ([left, bottom], [right, top]) = (lonlat_to_world([low.x, low.y]), lonlat_to_world([high.x, high.y]));
        return Ok(([left, top], [right, bottom], true));
    }
    let Reach { min, max, .. } = crs::reach(crs, [low.x, low.y, high.x, high.y])?;
    // The sides bend: by less than an eighth of the box between two points, and more than that for the smallest.
    let slack = |axis: usize| ((max[axis] - min[axis]) / 8).saturating_add(SLACK);
    let (wide, high) = (slack(0), slack(1));
    let min = [min[0].saturating_sub(wide), min[1].saturating_sub(high)];
    let max = [max[0].saturating_add(wide), max[1].saturating_add(high)];
    Ok((min, max, false))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing::wells;
    use super::*;

    fn at(crs: &str, resolution: f64, places: &[[f64; 2]]) -> Snapshot {
        wells(crs, resolution, (1..).zip(places).map(|(id, place)| (id, 1, Some(*place))))
    }

    proptest! {
        #[test]
        fn all_features_lie_in_the_extent_of_their_layer(
            places in proptest::collection::vec((0_u32..2_000_000, 0_u32..2_000_000), 1..20),
        ) {
            let metric: Vec<_> =
                places.iter().map(|(x, y)| [3_020_000.0 + f64::from(*x) * 0.01, 5_030_000.0 + f64::from(*y) * 0.01]).collect();
            let degrees: Vec<_> =
                places.iter().map(|(x, y)| [12.0 + f64::from(*x) * 1e-7, 45.0 + f64::from(*y) * 1e-7]).collect();
            for layer in [at("EPSG:7795", 0.001, &metric), at("EPSG:6706", 1e-8, &degrees)] {
                let extent = layer.extent_lonlat().expect("an extent");
                let area = Area::new(Crs::crs84(), extent).expect("a box");
                prop_assert_eq!(area.rows(&layer, |_| true).len(), places.len());
                // And it is no larger than the roundings make it: some centimetres.
                let mut low = [f64::MAX; 2];
                for row in layer.rows() {
                    let at = row.base.lonlat(row.base.geometry().grid().unpack(row.base.geometry().nodes(row.row)[0]));
                    low = [low[0].min(at[0]), low[1].min(at[1])];
                }
                prop_assert!(low[0] - extent[0] < 1e-6 && low[1] - extent[1] < 1e-6, "{low:?} {extent:?}");
            }
        }
    }
}
