//! Many points from one CRS to another, quickly.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use super::patches::Patches;
use super::{Crs, CrsError, with_transformer};

/// What a patch may differ from PROJ at its test points: a hundredth of a millimetre, a degree taken for 100 km.
const TOLERANCE_M: f64 = 1e-5;

/// Stands in for a [`super::Transformer`] over a box: within a twentieth of a millimetre of it, which is less than
/// the resolution to which layers are stored, and many times as fast. Shared between threads.
pub struct Shortcut {
    from: Crs,
    to: Crs,
    patches: Option<Patches>,
}

type Ways = HashMap<(Crs, Crs), Arc<Shortcut>>;

/// The ways that [`Shortcut::shared`] keeps, between the CRSs of layers and grids.
static SHARED: LazyLock<Mutex<Ways>> = LazyLock::new(Mutex::default);

impl Shortcut {
    /// The way between two CRSs that everybody shares, with no box of its own: the first near a place wait for it.
    ///
    /// # Errors
    /// As [`super::Transformer::new`].
    pub fn shared(from: &Crs, to: &Crs) -> Result<Arc<Self>, CrsError> {
        let pair = (from.clone(), to.clone());
        if let Some(known) = SHARED.lock().unwrap_or_else(PoisonError::into_inner).get(&pair) {
            return Ok(Arc::clone(known));
        }
        // A box of one point at the origin makes one patch at most; what counts is whether there is a way at all.
        let made = Arc::new(Self::new(from, to, [0.0; 4])?);
        let mut known = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(Arc::clone(known.entry(pair).or_insert(made)))
    }

    /// Prepares the way for points in `bbox` (west, south, east, north in `from`); others are exact too, only slower.
    ///
    /// # Errors
    /// As [`super::Transformer::new`].
    pub fn new(from: &Crs, to: &Crs, bbox: [f64; 4]) -> Result<Self, CrsError> {
        let tolerance = if to.is_geographic() { TOLERANCE_M * 1e-5 } else { TOLERANCE_M };
        let patches = if from == to || bbox.iter().any(|value| !value.is_finite()) {
            None
        } else {
            let patches = Patches::new(from.is_geographic(), tolerance);
            with_transformer(from, to, |transformer| patches.prepare(bbox, &|point| transformer.point(point).ok()))?;
            Some(patches)
        };
        Ok(Self { from: from.clone(), to: to.clone(), patches })
    }

    /// A point in the target CRS.
    ///
    /// # Errors
    /// As [`super::Transformer::point`].
    #[inline]
    pub fn point(&self, point: [f64; 2]) -> Result<[f64; 2], CrsError> {
        let exact = |point| with_transformer(&self.from, &self.to, |transformer| transformer.point(point).ok()).ok()?;
        if let Some(place) = self.patches.as_ref().and_then(|patches| patches.at(point, &exact)) {
            return Ok(place);
        }
        if self.from == self.to {
            return Ok(point);
        }
        with_transformer(&self.from, &self.to, |transformer| transformer.point(point))?
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crs::geodesic_distance_m;

    #[test]
    fn points_fall_where_proj_puts_them() {
        let box_of_venice = [12.1, 45.3, 12.7, 45.6];
        let wgs84 = Crs::wgs84();
        for code in [7795, 25832, 3003, 3004, 6706, 32633] {
            let crs = Crs::epsg(code).expect("a CRS");
            let there = Shortcut::new(&wgs84, &crs, box_of_venice).expect("a way");
            for step in 0..3000 {
                let (u, v) = (f64::from(step % 61) / 60.0, f64::from(step % 53) / 52.0);
                // A tenth of them outside the box.
                let point = [12.05 + u * 0.7, 45.27 + v * 0.36];
                let near = there.point(point).expect("a place");
                let exact = with_transformer(&wgs84, &crs, |t| t.point(point)).expect("a way").expect("a place");
                let off = if crs.is_geographic() {
                    geodesic_distance_m(near, exact)
                } else {
                    (near[0] - exact[0]).hypot(near[1] - exact[1])
                };
                assert!(off < 5e-5, "EPSG:{code}: {off} m off at {point:?}");
            }
        }
    }

    #[test]
    fn nothing_is_invented_where_there_is_no_place() {
        let wgs84 = Crs::wgs84();
        let there = Shortcut::new(&wgs84, &Crs::epsg(7795).expect("a CRS"), [12.1, 45.3, 12.7, 45.6]).expect("a way");
        assert!(there.point([f64::NAN, 45.0]).is_err() && there.point([12.0, 95.0]).is_err());
        let same = Shortcut::new(&wgs84, &wgs84, [f64::NAN; 4]).expect("a way");
        assert_eq!(same.point([12.0, 45.0]).expect("a place").map(f64::to_bits), [12.0, 45.0].map(f64::to_bits));
    }
}
