//! How far a box of a CRS reaches in Web Mercator.

use super::{Crs, CrsError, lonlat_to_world, with_transformer};

/// Points along each side of the box that are looked at.
const STEPS: u32 = 16;

/// A box of world units around the points on the sides of a box; between those the sides may swell beyond it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reach {
    /// North-west corner.
    pub min: [u32; 2],
    /// South-east corner.
    pub max: [u32; 2],
    /// How far two points that follow each other are apart at most, along one axis.
    pub step: u32,
}

/// How far a box (west, south, east, north in its CRS) reaches in world units. Where the CRS means nothing at a point on its
/// sides it reaches everywhere.
///
/// # Errors
/// As [`super::Transformer::new`].
pub(crate) fn reach(crs: &Crs, bounds: [f64; 4]) -> Result<Reach, CrsError> {
    // A box in degrees may go a little beyond the last ones, where nothing is.
    let [most_x, most_y] = if crs.is_geographic() { [180.0, 90.0] } else { [f64::MAX, f64::MAX] };
    let [west, east] = [bounds[0], bounds[2]].map(|x| x.clamp(-most_x, most_x));
    let [south, north] = [bounds[1], bounds[3]].map(|y| y.clamp(-most_y, most_y));
    let mut found = Reach { min: [u32::MAX; 2], max: [0; 2], step: 0 };
    with_transformer(crs, &Crs::wgs84(), |transformer| {
        let mut last: [Option<[u32; 2]>; 4] = [None; 4];
        for step in 0..=STEPS {
            let share = f64::from(step) / f64::from(STEPS);
            let (x, y) = (west + (east - west) * share, south + (north - south) * share);
            for (side, point) in [[x, south], [x, north], [west, y], [east, y]].into_iter().enumerate() {
                let Ok(world) = transformer.point(point).map(lonlat_to_world) else {
                    found = Reach { min: [0; 2], max: [u32::MAX; 2], step: 0 };
                    return;
                };
                for axis in 0..2 {
                    found.min[axis] = found.min[axis].min(world[axis]);
                    found.max[axis] = found.max[axis].max(world[axis]);
                    let before = last[side].map_or(world[axis], |before| before[axis]);
                    found.step = found.step.max(before.abs_diff(world[axis]));
                }
                last[side] = Some(world);
            }
        }
    })?;
    Ok(found)
}
