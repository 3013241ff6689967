//! Works on a map, as a page draws them.

use std::fmt::Write as _;

use bricola_layers::feature::FeatureId;
use bricola_layers::query::Positions;
use geo::{BoundingRect as _, InteriorPoint as _};
use geo_types::{Geometry, LineString, Polygon, Rect};

use super::{Question, Untold, chosen};
use crate::services::maps::View;

/// Works that are drawn at most: more of them nobody would tell apart.
const MOST: usize = 1_500;
/// Degrees about a single place.
const LEAST: f64 = 0.004;
/// What part of the map stays free at each side.
const MARGIN: f64 = 0.06;
/// Width and height, in pixels.
pub const SIZE: [u32; 2] = [960, 560];

/// What is drawn.
#[derive(Debug, Default)]
pub struct Drawing {
    /// West, south, east, north in degrees; none where there is nothing to be drawn.
    pub bbox: Option<[f64; 4]>,
    /// The works that have a place.
    pub shown: Vec<Shown>,
    /// Works that are not drawn for their number.
    pub left_out: usize,
    /// Works that lie nowhere.
    pub placeless: usize,
}

/// A work on the map.
#[derive(Debug)]
pub struct Shown {
    /// Its feature.
    pub id: FeatureId,
    /// Its title.
    pub title: String,
    /// Its phase.
    pub phase: String,
    /// Whether it is late.
    pub is_late: bool,
    /// A place on it, in pixels from the upper left corner of a map of [`SIZE`].
    pub at: [f64; 2],
    /// Its lines and outlines as path data of SVG, in the same pixels; empty for a point.
    pub path: String,
    /// Whether it is a surface.
    pub is_surface: bool,
}

/// The works that a question shows.
///
/// # Errors
/// As [`super::works`].
pub fn drawing(question: &Question) -> Result<Drawing, Untold> {
    let Some(layer) = &question.works else { return Ok(Drawing::default()) };
    let register = question.registers.of(layer);
    let chosen = chosen(question, &register)?;
    let works = chosen.of_group(question.group());
    let placed = works.iter().filter_map(|(work, stand, _)| {
        let geometry = Positions::LonLat.geometry(layer.feature(work.id)?)?;
        Some((*work, stand, geometry))
    });
    let placed: Vec<_> = placed.take(MOST).collect();
    let placeless = works.iter().filter(|(work, ..)| work.record.placeless).count();
    let frame = placed.iter().filter_map(|(.., geometry)| geometry.bounding_rect()).reduce(|a, b| {
        let (low, high) = ([a.min(), b.min()], [a.max(), b.max()]);
        Rect::new(
            (low[0].x.min(low[1].x), low[0].y.min(low[1].y)),
            (high[0].x.max(high[1].x), high[0].y.max(high[1].y)),
        )
    });
    let Some(bbox) = frame.map(wider) else { return Ok(Drawing { placeless, ..Drawing::default() }) };
    let view = View::around(bbox, SIZE, 1.0);
    let shown = placed.iter().filter_map(|(work, stand, geometry)| {
        let at = geometry.interior_point()?;
        let (path, is_surface) = path(geometry, &view);
        Some(Shown {
            id: work.id,
            title: work.record.title.clone(),
            phase: work.record.phase.clone().unwrap_or_default(),
            is_late: stand.days_late.is_some_and(|days| days > 0),
            at: view.pixel([at.x(), at.y()]),
            path,
            is_surface,
        })
    });
    let shown: Vec<Shown> = shown.collect();
    let left_out = works.len().saturating_sub(placeless + shown.len());
    Ok(Drawing { bbox: Some(bbox), shown, left_out, placeless })
}

/// Some room about the works; about a single point too.
fn wider(frame: Rect<f64>) -> [f64; 4] {
    let (low, high) = (frame.min(), frame.max());
    let [east, north] = [frame.width(), frame.height()].map(|side| side.mul_add(MARGIN, LEAST / 2.0));
    [low.x - east, low.y - north, high.x + east, high.y + north]
}

fn path(geometry: &Geometry<f64>, view: &View) -> (String, bool) {
    let mut data = String::new();
    let mut surface = |polygon: &Polygon<f64>| {
        trace(&mut data, polygon.exterior(), view, true);
        polygon.interiors().iter().for_each(|ring| trace(&mut data, ring, view, true));
    };
    match geometry {
        Geometry::Polygon(polygon) => surface(polygon),
        Geometry::MultiPolygon(polygons) => polygons.iter().for_each(surface),
        Geometry::LineString(line) => trace(&mut data, line, view, false),
        Geometry::MultiLineString(lines) => lines.iter().for_each(|line| trace(&mut data, line, view, false)),
        _ => {}
    }
    (data, matches!(geometry, Geometry::Polygon(_) | Geometry::MultiPolygon(_)))
}

/// A line as path data; vertices within a tenth of a pixel are one.
fn trace(data: &mut String, line: &LineString<f64>, view: &View, is_closed: bool) {
    let mut before = None;
    for vertex in &line.0 {
        let [x, y] = view.pixel([vertex.x, vertex.y]).map(|pixel| (pixel * 10.0).round() / 10.0);
        if before == Some([x, y]) {
            continue;
        }
        // Writing to a text cannot fail.
        let _ = write!(data, "{}{x} {y}", if before.is_none() { 'M' } else { 'L' });
        before = Some([x, y]);
    }
    if is_closed && before.is_some() {
        data.push('Z');
    }
}
