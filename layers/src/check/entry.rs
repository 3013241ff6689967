//! The way of a geometry into a layer, the same for rows of a file and for edits of one feature: axes put right,
//! transformed to the storage CRS, snapped, judged, and held against the territory.

use geo::CoordsIter;
use geo_types::Geometry;

use super::finding::{Notes, Reason, Refusal, Warning};
use super::geometry::{self, GeometryCheck};
use super::place::{self, Fence, NEAR_KM, Standing};
use crate::crs::Transformer;

/// What a geometry passes on its way.
#[derive(Clone, Copy)]
pub struct Entry<'a> {
    /// Whether it comes with y before x.
    pub swapped: bool,
    /// From its CRS to the storage CRS; `None` where they are the same.
    pub to_storage: Option<&'a Transformer>,
    /// From the storage CRS to CRS84.
    pub storage_to_lonlat: &'a Transformer,
    /// Judges it by the layer's geometry type and resolution.
    pub judge: &'a GeometryCheck,
    /// The territory in which it has to lie.
    pub fence: Option<&'a Fence>,
    /// Lets in what lies outside with a warning.
    pub keep_outside: bool,
}

impl Entry<'_> {
    /// Brings a geometry to the storage CRS, x before y; it is not judged yet.
    ///
    /// # Errors
    /// Why it cannot be brought there, with a place in its own CRS.
    pub fn bring(&self, mut geometry: Geometry<f64>) -> Result<Geometry<f64>, Refusal> {
        if self.swapped {
            place::swap(&mut geometry);
        }
        geometry::admit(&geometry)?;
        if let Some(to_storage) = self.to_storage {
            let moved = to_storage.geometry(&mut geometry);
            moved.map_err(|error| Refusal::from(Reason::NotTransformable(error.to_string())))?;
        }
        Ok(geometry)
    }

    /// Snaps and judges a geometry of the storage CRS; `None` when it is empty.
    ///
    /// # Errors
    /// Why it must not be stored, with a place in the storage CRS.
    pub fn settle(&self, geometry: Geometry<f64>, notes: &mut Notes) -> Result<Option<Geometry<f64>>, Refusal> {
        let Some(geometry) = self.judge.judge(geometry, notes)? else { return Ok(None) };
        if let Some(fence) = self.fence
            && let Standing::Outside(km) = fence.standing(&geometry, self.storage_to_lonlat)
        {
            if km > NEAR_KM && !self.keep_outside {
                let place = geometry.coords_iter().next().map(|at| [at.x, at.y]);
                return Err(Refusal { reason: Reason::Outside(km), place });
            }
            notes.warnings.push(Warning::JustOutside(km));
        }
        Ok(Some(geometry))
    }
}
