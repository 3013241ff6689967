//! A position that somebody asks about.

use std::sync::OnceLock;

use crate::crs::{Crs, CrsError, lonlat_to_world, with_transformer};

/// A position, in the CRS in which it was given and in longitude and latitude.
#[derive(Debug, Clone)]
pub struct Place {
    crs: Crs,
    position: [f64; 2],
    lonlat: [f64; 2],
    /// The position in the first other CRS that was asked for: the layers of an installation mostly share one.
    stored: OnceLock<(Crs, [f64; 2])>,
}

impl Place {
    /// A place by coordinates, x (east, longitude) before y, whatever the axis order of the CRS.
    ///
    /// # Errors
    /// When the coordinates are not finite or have no image in WGS 84.
    pub fn new(crs: &Crs, position: [f64; 2]) -> Result<Self, CrsError> {
        let lonlat = with_transformer(crs, &Crs::epsg(4326)?, |transformer| transformer.point(position))??;
        Ok(Self { crs: crs.clone(), position, lonlat, stored: OnceLock::new() })
    }

    /// The CRS in which it was given.
    pub fn crs(&self) -> &Crs {
        &self.crs
    }

    /// As given.
    pub fn position(&self) -> [f64; 2] {
        self.position
    }

    /// Longitude and latitude, degrees.
    pub fn lonlat(&self) -> [f64; 2] {
        self.lonlat
    }

    /// Web Mercator world units.
    pub fn world(&self) -> [u32; 2] {
        lonlat_to_world(self.lonlat)
    }

    /// The position in another CRS, straight from the one in which it was given.
    ///
    /// # Errors
    /// When it has no image there.
    pub fn in_crs(&self, crs: &Crs) -> Result<[f64; 2], CrsError> {
        if *crs == self.crs {
            return Ok(self.position);
        }
        match self.stored.get() {
            Some((known, position)) if known == crs => Ok(*position),
            _ => {
                let position = with_transformer(&self.crs, crs, |transformer| transformer.point(self.position))??;
                // Another CRS may hold the place already; then this one is asked for anew each time.
                let _ = self.stored.set((crs.clone(), position));
                Ok(position)
            }
        }
    }
}
