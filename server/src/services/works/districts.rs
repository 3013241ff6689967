//! What share of a work lies in which district.

use bricola_layers::cache::{RowRef, Snapshot};
use bricola_layers::query::Positions;
use bricola_territory::Exact;
use bricola_territory::overlay::{Unmeasurable, Zone, overlay, overlay_line};
use geo::{BoundingRect as _, Intersects as _};
use geo_types::{Geometry, MultiLineString, MultiPolygon, Point, Rect};

use crate::services::site::{named, words};

/// The share of a work that lies in no district, or nowhere.
const NONE: &str = "";
/// Decimals of shares: a work of a billion euro is right to a cent.
const DECIMALS: u32 = 12;

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

    /// The names of the districts that a row lies in, with its shares, which sum up to one: by area, by length, or all of a
    /// point to the first district that covers it.
    ///
    /// # Errors
    /// A row that cannot be measured.
    pub fn shares(&self, row: RowRef<'_>) -> Result<Vec<(String, Exact)>, Unmeasurable> {
        let whole = |name: &str| Ok(vec![(name.to_owned(), Exact::one())]);
        let Some(geometry) = Positions::LonLat.geometry(row) else { return whole(NONE) };
        let Some(frame) = geometry.bounding_rect() else { return whole(NONE) };
        let near: Vec<&(Zone, Rect<f64>, String)> =
            self.zones.iter().filter(|(_, around, _)| around.intersects(&frame)).collect();
        let zones: Vec<Zone> = near.iter().map(|(zone, ..)| zone.clone()).collect();
        let measured: Vec<(usize, f64)> = match geometry {
            Geometry::Point(point) => return whole(covering(&near, point)),
            Geometry::MultiPoint(points) => {
                return whole(points.0.first().map_or(NONE, |point| covering(&near, *point)));
            }
            Geometry::LineString(line) => lengths(&MultiLineString(vec![line]), &zones)?,
            Geometry::MultiLineString(lines) => lengths(&lines, &zones)?,
            Geometry::Polygon(polygon) => areas(&MultiPolygon(vec![polygon]), &zones)?,
            Geometry::MultiPolygon(polygons) => areas(&polygons, &zones)?,
            _ => return whole(NONE),
        };
        let name = |zone: usize| near.get(zone).map_or(NONE, |(.., name)| name);
        let sum: f64 = measured.iter().map(|(_, size)| size).sum();
        let mut left = Exact::one();
        let mut shares: Vec<(String, Exact)> = Vec::new();
        for (zone, size) in measured.iter().filter(|(_, size)| sum > 0.0 && *size > 0.0) {
            let share = Exact::measured(size / sum, DECIMALS).unwrap_or_else(Exact::zero);
            left = left - &share;
            shares.push((name(*zone).to_owned(), share));
        }
        match shares.last_mut() {
            // What rounding left over.
            Some((_, last)) => *last = last.clone() + &left,
            None => return whole(NONE),
        }
        Ok(shares)
    }
}

fn covering<'a>(near: &[&'a (Zone, Rect<f64>, String)], point: Point<f64>) -> &'a str {
    near.iter().find(|(zone, ..)| zone.geometry.intersects(&point)).map_or(NONE, |(.., name)| name)
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
