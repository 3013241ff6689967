//! A box of one CRS in the coordinates of another, roughly: where its features are to be looked for.

use geo_types::Rect;

use crate::crs::{Crs, with_transformer};

/// Points along each side that are looked at.
const STEPS: u32 = 32;
/// Degrees, and metres, up to which a box may be wide for its sides to tell what lies between them.
const WIDEST: [f64; 2] = [8.0, 800_000.0];
/// Degrees, and metres, by which the sides may bend between two points, beside a sixteenth of the box.
const SLACK: [f64; 2] = [0.001, 100.0];

/// Boxes around and inside an area, in storage CRS (west, south, east, north).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Frame {
    /// What does not touch it lies outside of the area; without it anything may lie in it.
    pub outer: Option<[f64; 4]>,
    /// What lies in it lies in the area; without it nothing does for sure.
    pub inner: Option<[f64; 4]>,
}

impl Frame {
    /// Of a box in `crs`, for coordinates of `storage`.
    pub(crate) fn of(crs: &Crs, rect: &Rect<f64>, storage: &Crs) -> Self {
        let (low, high) = (rect.min(), rect.max());
        let bounds = [low.x, low.y, high.x, high.y];
        let widest = if crs.is_geographic() { WIDEST[0] } else { WIDEST[1] };
        if (high.x - low.x).max(high.y - low.y) <= widest {
            return around(crs, bounds, storage).unwrap_or(Self { outer: None, inner: None });
        }
        // Far from where a CRS is meant to be used its coordinates may mean anything; where it is, all may lie inside.
        let [west, south, east, north] = storage.area_of_use();
        let is_inside = crs.is_geographic() && low.x <= west && low.y <= south && high.x >= east && high.y >= north;
        let is_small = west < east && (east - west).max(north - south) <= 4.0 * WIDEST[0];
        let whole = (is_inside && is_small).then(|| around(&Crs::crs84(), [west, south, east, north], storage));
        Self { outer: None, inner: whole.flatten().and_then(|frame| frame.inner) }
    }
}

/// The boxes around and inside the image of a box; `None` where a point of its sides has none.
fn around(crs: &Crs, [west, south, east, north]: [f64; 4], storage: &Crs) -> Option<Frame> {
    let (mut outer, mut inner) = ([f64::MAX, f64::MAX, f64::MIN, f64::MIN], [f64::MIN, f64::MIN, f64::MAX, f64::MAX]);
    let mut take = |side: usize, point: [f64; 2]| {
        for axis in 0..2 {
            outer[axis] = outer[axis].min(point[axis]);
            outer[axis + 2] = outer[axis + 2].max(point[axis]);
        }
        let value = point[side % 2];
        inner[side] = if side < 2 { inner[side].max(value) } else { inner[side].min(value) };
    };
    with_transformer(crs, storage, |transformer| {
        for step in 0..=STEPS {
            let share = f64::from(step) / f64::from(STEPS);
            let (x, y) = (west + (east - west) * share, south + (north - south) * share);
            for (side, point) in [[west, y], [x, south], [east, y], [x, north]].into_iter().enumerate() {
                let moved =
                    transformer.point(point).ok().filter(|moved| moved.iter().all(|value| value.is_finite()))?;
                take(side, moved);
            }
        }
        Some(())
    })
    .ok()??;
    let least = if storage.is_geographic() { SLACK[0] } else { SLACK[1] };
    let slack = [0, 1].map(|axis| (outer[axis + 2] - outer[axis]) / 16.0 + least);
    let moved = |frame: [f64; 4], by: f64| {
        [frame[0] - by * slack[0], frame[1] - by * slack[1], frame[2] + by * slack[0], frame[3] + by * slack[1]]
    };
    let inner = moved(inner, -1.0);
    Some(Frame { outer: Some(moved(outer, 1.0)), inner: (inner[0] < inner[2] && inner[1] < inner[3]).then_some(inner) })
}
