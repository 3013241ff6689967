//! A plane of metres around a place, for distances of some hundred metres and less (not for areas that cost money).

use geo::MapCoords as _;
use geo_types::{Coord, MultiPolygon, Rect};

use super::geodesic::{A, F};

/// The plane that touches GRS80 at a place, along its meridian and parallel. Within a kilometre its distances are true
/// to a few parts in ten thousand.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plane {
    origin: Coord<f64>,
    /// Metres in a degree of longitude.
    east: f64,
    /// Metres in a degree of latitude.
    north: f64,
}

impl Plane {
    /// Around a place in degrees.
    pub fn at(origin: Coord<f64>) -> Self {
        let e2 = F * (2.0 - F);
        let (sin, cos) = origin.y.to_radians().sin_cos();
        let w2 = 1.0 - e2 * sin * sin;
        let degree = 1_f64.to_radians();
        // Radii of curvature of the prime vertical and of the meridian.
        Self { origin, east: A / w2.sqrt() * cos * degree, north: A * (1.0 - e2) / (w2 * w2.sqrt()) * degree }
    }

    /// From degrees to metres.
    pub fn metres(&self, polygons: &MultiPolygon<f64>) -> MultiPolygon<f64> {
        polygons.map_coords(|c| Coord { x: (c.x - self.origin.x) * self.east, y: (c.y - self.origin.y) * self.north })
    }

    /// A box in degrees, so many metres wider on every side.
    pub fn widened(&self, frame: Rect<f64>, metres: f64) -> Rect<f64> {
        let (dx, dy) = (metres / self.east, metres / self.north);
        Rect::new(
            Coord { x: frame.min().x - dx, y: frame.min().y - dy },
            Coord { x: frame.max().x + dx, y: frame.max().y + dy },
        )
    }
}
