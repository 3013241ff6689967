//! What share of a work lies in which district.

use bricola_layers::cache::{RowRef, Snapshot};
use bricola_layers::query::Positions;
use bricola_territory::overlay::{Unmeasurable, Zone, overlay, overlay_line};
use bricola_territory::works::Share;
use geo::{BoundingRect as _, Intersects as _};
use geo_types::{Geometry, MultiLineString, MultiPolygon, Point, Rect};

use crate::services::site::{named, words};

/// Where a work lies that lies in no district, or nowhere.
const NONE: &str = "";
/// The number of no district.
pub const OUTSIDE: usize = usize::MAX;

/// Districts of one level, with the boxes around them.
pub struct Districts {
    zones: Vec<(Zone, Rect<f64>, String)>,
}

impl Districts {
    /// The districts of a level.
    pub fn of(snapshot: &Snapshot, level: &str) -> Self {
        let rows = snapshot.rows().filter(|row| words(snapshot, *row, "level").as_deref() == Some(level));
        let zones = rows.filter_map(|row| {
            let named = named(snapshot, row)?;
            let frame = named.zone.geometry.bounding_rect()?;
            Some((named.zone, frame, named.name))
        });
        Self { zones: zones.collect() }
    }

    /// The name of a district; empty for what lies in none.
    pub fn name(&self, number: usize) -> &str {
        self.zones.get(number).map_or(NONE, |(.., name)| name)
    }

    /// The numbers of the districts that a row lies in, with its shares, which sum up to one: by area, by length, or all of a
    /// point to the first district that covers it.
    ///
    /// # Errors
    /// A row that cannot be measured.
    pub fn shares(&self, row: RowRef<'_>) -> Result<Vec<(usize, Share)>, Unmeasurable> {
        let whole = |number: usize| Ok(vec![(number, Share::WHOLE)]);
        let Some(geometry) = Positions::LonLat.geometry(row) else { return whole(OUTSIDE) };
        let Some(frame) = geometry.bounding_rect() else { return whole(OUTSIDE) };
        let is_near = |number: &usize| self.zones[*number].1.intersects(&frame);
        let near: Vec<usize> = (0..self.zones.len()).filter(is_near).collect();
        let zones = || -> Vec<Zone> { near.iter().map(|number| self.zones[*number].0.clone()).collect() };
        let measured: Vec<(usize, f64)> = match geometry {
            Geometry::Point(point) => return whole(self.covering(&near, point)),
            Geometry::MultiPoint(points) => {
                return whole(points.0.first().map_or(OUTSIDE, |point| self.covering(&near, *point)));
            }
            Geometry::LineString(line) => lengths(&MultiLineString(vec![line]), &zones())?,
            Geometry::MultiLineString(lines) => lengths(&lines, &zones())?,
            Geometry::Polygon(polygon) => areas(&MultiPolygon(vec![polygon]), &zones())?,
            Geometry::MultiPolygon(polygons) => areas(&polygons, &zones())?,
            _ => return whole(OUTSIDE),
        };
        let sum: f64 = measured.iter().map(|(_, size)| size).sum();
        let mut left = Share::WHOLE;
        let mut shares: Vec<(usize, Share)> = Vec::new();
        for (zone, size) in measured.iter().filter(|(_, size)| sum > 0.0 && *size > 0.0) {
            let share = Share::of(*size, sum);
            left = left.minus(share);
            shares.push((near.get(*zone).copied().unwrap_or(OUTSIDE), share));
        }
        match shares.last_mut() {
            // What rounding left over.
            Some((_, last)) => *last = last.plus(left),
            None => return whole(OUTSIDE),
        }
        Ok(shares)
    }

    fn covering(&self, near: &[usize], point: Point<f64>) -> usize {
        near.iter().copied().find(|number| self.zones[*number].0.geometry.intersects(&point)).unwrap_or(OUTSIDE)
    }
}

/// Metres in each zone; what lies in none as a zone after the last.
fn lengths(lines: &MultiLineString<f64>, zones: &[Zone]) -> Result<Vec<(usize, f64)>, Unmeasurable> {
    let cut = overlay_line(lines, zones)?;
    let pieces = cut.pieces.iter().map(|piece| (piece.zone, piece.m));
    Ok(pieces.chain([(zones.len(), cut.gap_m)]).collect())
}

/// Square metres in each zone; what lies in none as a zone after the last.
fn areas(surface: &MultiPolygon<f64>, zones: &[Zone]) -> Result<Vec<(usize, f64)>, Unmeasurable> {
    let cut = overlay(surface, zones)?;
    let pieces = cut.pieces.iter().map(|piece| (piece.zone, piece.m2));
    Ok(pieces.chain([(zones.len(), cut.gap_m2)]).collect())
}
