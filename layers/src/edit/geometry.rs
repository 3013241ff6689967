//! Geometries of an edit: brought to the storage CRS and judged as those of a load are, but repaired only where nothing
//! of what was drawn is altered.

use std::collections::HashMap;

use geo::{BoundingRect as _, CoordsIter as _, MapCoordsInPlace as _};
use geo_types::{Coord, Geometry};

use super::Fault;
use crate::check::entry::Entry;
use crate::check::finding::{Notes, Reason, Refusal, Repair};
use crate::check::geometry::GeometryCheck;
use crate::check::place::Fence;
use crate::crs::{Crs, Transformer, with_transformer};

/// Degrees around the area of use of a CRS in which lengths and areas in it can still be trusted.
const AROUND: f64 = 1.0;
/// Answers have eight decimals of a degree: so far, in metres and in degrees, a vertex that was only read and sent back
/// may lie from where it is stored.
const READ_BACK: [f64; 2] = [0.000_75, 0.75e-8];

/// Where the features of a layer may lie.
#[derive(Debug, Clone)]
pub(super) struct Ground {
    storage: Crs,
    judge: GeometryCheck,
    fence: Fence,
    /// The fence is the tenant's territory, not merely where the CRS holds.
    ours: bool,
}

impl Ground {
    pub fn new(storage: Crs, judge: GeometryCheck, envelope: Option<[f64; 4]>) -> Self {
        let [west, south, east, north] = storage.area_of_use();
        let usable = [
            (west - AROUND).max(-180.0),
            (south - AROUND).max(-90.0),
            (east + AROUND).min(180.0),
            (north + AROUND).min(90.0),
        ];
        let fence = Fence::new(envelope.unwrap_or(usable), &storage);
        Self { storage, judge, fence, ours: envelope.is_some() }
    }

    /// A geometry of `crs` as it is to be stored. Vertices of `known` that come back as they were read stay exactly
    /// where they are, so that what neighbours share does not come apart.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn place(
        &self,
        geometry: Geometry<f64>,
        crs: &Crs,
        known: Option<&Geometry<f64>>,
    ) -> Result<Option<Geometry<f64>>, Box<Fault>> {
        let lonlat = Crs::crs84();
        with_transformer(crs, &self.storage, |to_storage| {
            with_transformer(&self.storage, &lonlat, |storage_to_lonlat| {
                let entry = Entry {
                    swapped: crs.north_first(),
                    // Also from the CRS to itself: it refuses what is no place in it.
                    to_storage: Some(to_storage),
                    storage_to_lonlat,
                    judge: &self.judge,
                    fence: Some(&self.fence),
                    keep_outside: false,
                };
                self.enter(&entry, geometry, known)
            })
        })
        .and_then(std::convert::identity)
        .unwrap_or_else(|error| Err(Box::new(Fault::new("/geometry", "not_transformable", error.to_string()))))
    }

    fn enter(
        &self,
        entry: &Entry<'_>,
        geometry: Geometry<f64>,
        known: Option<&Geometry<f64>>,
    ) -> Result<Option<Geometry<f64>>, Box<Fault>> {
        let mut geometry = entry.bring(geometry).map_err(|refusal| self.fault(&refusal, None))?;
        self.on_earth(&geometry, entry.storage_to_lonlat)?;
        if let Some(known) = known {
            keep_vertices(&mut geometry, known, READ_BACK[usize::from(self.storage.is_geographic())]);
        }
        let mut notes = Notes::default();
        let way = Some(entry.storage_to_lonlat);
        let settled = entry.settle(geometry, &mut notes).map_err(|refusal| self.fault(&refusal, way))?;
        // What is stored already may be as it is.
        if settled.as_ref() == known {
            return Ok(settled);
        }
        let altered = notes.repairs.iter().find(|(repair, _)| alters_what_was_drawn(repair));
        match altered {
            Some((repair, at)) => Err(Box::new(Fault {
                place: at.and_then(|at| entry.storage_to_lonlat.point(at).ok()),
                ..Fault::new("/geometry", code(repair), told(repair))
            })),
            None => Ok(settled),
        }
    }

    /// Metres of a projected CRS may be as large as they like, and still be no place.
    fn on_earth(&self, geometry: &Geometry<f64>, to_lonlat: &Transformer) -> Result<(), Box<Fault>> {
        let Some(bounds) = geometry.bounding_rect() else { return Ok(()) };
        let (min, max) = (bounds.min(), bounds.max());
        let corners = [[min.x, min.y], [max.x, min.y], [max.x, max.y], [min.x, max.y]];
        let stray = corners.into_iter().find_map(|corner| to_lonlat.point(corner).err());
        stray.map_or(Ok(()), |error| Err(self.fault(&Refusal::from(Reason::NotTransformable(error.to_string())), None)))
    }

    fn fault(&self, refusal: &Refusal, to_lonlat: Option<&Transformer>) -> Box<Fault> {
        let message = match &refusal.reason {
            Reason::Outside(km) if !self.ours => {
                format!("lies {km:.0} km outside the area where {} holds, in which the layer is stored", self.storage)
            }
            reason => reason.text().en,
        };
        Box::new(Fault {
            place: to_lonlat.zip(refusal.place).and_then(|(way, at)| way.point(at).ok()),
            ..Fault::new("/geometry", refusal.reason.code(), message)
        })
    }
}

const fn alters_what_was_drawn(repair: &Repair) -> bool {
    matches!(repair, Repair::MadeValid { .. } | Repair::CollapsedPart | Repair::CollectionReduced)
}

const fn code(repair: &Repair) -> &'static str {
    match repair {
        Repair::MadeValid { flaw, .. } => flaw.code(),
        Repair::CollapsedPart => "collapsed",
        _ => "wrong_geometry",
    }
}

fn told(repair: &Repair) -> String {
    match repair {
        Repair::MadeValid { flaw, .. } => flaw.text().en,
        Repair::CollapsedPart => "a part or hole vanishes at the layer's resolution".to_owned(),
        _ => "the collection holds geometries of kinds that the layer does not".to_owned(),
    }
}

/// Puts each vertex that lies within reach of a known one exactly there.
fn keep_vertices(geometry: &mut Geometry<f64>, known: &Geometry<f64>, reach: f64) {
    let cell = |at: Coord<f64>| ((at.x / reach).floor() as i64, (at.y / reach).floor() as i64);
    let mut cells: HashMap<(i64, i64), Vec<Coord<f64>>> = HashMap::new();
    for at in known.coords_iter() {
        cells.entry(cell(at)).or_default().push(at);
    }
    let distance = |a: Coord<f64>, b: Coord<f64>| (a.x - b.x).hypot(a.y - b.y);
    geometry.map_coords_in_place(|at| {
        let (column, row) = cell(at);
        let around = (-1..=1).flat_map(|dx| (-1..=1).map(move |dy| (column.wrapping_add(dx), row.wrapping_add(dy))));
        let near = around.filter_map(|cell| cells.get(&cell)).flatten();
        let nearest = near.min_by(|a, b| distance(**a, at).total_cmp(&distance(**b, at)));
        nearest.copied().filter(|kept| distance(*kept, at) <= reach).unwrap_or(at)
    });
}
