//! In which zones a place lies: every layer of surfaces, with shares where the place is a line or a surface.

use std::sync::Arc;

use bricola_layers::cache::{RowRef, Snapshot, Validity};
use bricola_layers::crs::{Crs, CrsError};
use bricola_layers::definition::Scope;
use bricola_layers::limits::MAX_HITS_PER_LAYER;
use bricola_layers::log::Seq;
use bricola_layers::query::{Place, at_when};
use bricola_territory::FeatureRef;
use bricola_territory::overlay::{Subject, Unmeasurable, Zone, overlay_line};
use chrono::NaiveDate;
use geo_types::{LineString, MultiLineString, Point};
use serde_json::{Value, json};
use thiserror::Error;

use super::site::{Evidence, Named, Seen, Shape, Site, code_of, name_of, reference, zones_about};

/// Version of the answer's rules.
pub const ENGINE: &str = "bricola-zones/1";

/// In which zones a place lies.
#[derive(Debug)]
pub struct Question {
    /// The place.
    pub site: Site,
    /// The layers of zones, each as of one moment.
    pub layers: Vec<Arc<Snapshot>>,
    /// The day on which zones must be valid.
    pub day: Option<NaiveDate>,
    /// The last change that the answer reflects.
    pub seq: Seq,
    /// What the caller may see.
    pub scope: Scope,
}

/// Why there is no answer.
#[derive(Debug, Error)]
pub enum Unzoned {
    /// The place cannot be measured.
    #[error(transparent)]
    Unmeasurable(#[from] Unmeasurable),
    /// The place has no coordinates in the CRS of a layer.
    #[error(transparent)]
    Crs(#[from] CrsError),
}

/// One zone at the place: what is said of it, in metres or square metres where the place has a size.
struct Found<'a> {
    row: RowRef<'a>,
    size: Option<f64>,
}

/// What of a layer lies at the place.
struct InLayer<'a> {
    zones: Vec<Found<'a>>,
    outside: Option<f64>,
    overlapping: bool,
}

/// Answers: `{"place", "layers": [{"layer", "zones": […], "outside_percent"}], "warnings", "evidence"}`.
///
/// # Errors
/// A place that cannot be measured, or has no coordinates where they are needed.
pub fn zones(question: &Question) -> Result<Value, Unzoned> {
    let (mut layers, mut used) = (Vec::new(), Vec::new());
    let subject = match &question.site.shape {
        Shape::Surface(surface) => Some(Subject::new(surface)?),
        _ => None,
    };
    let whole = match &subject {
        Some(subject) => Some(subject.total_m2()),
        None => size(&question.site.shape)?,
    };
    for snapshot in &question.layers {
        let found = in_layer(question, snapshot, subject.as_ref())?;
        used.extend(found.zones.iter().map(|zone| reference(snapshot, zone.row)));
        layers.push(told(question, snapshot, &found, whole));
    }
    let mut answer = json!({
        "place": place(&question.site, whole), "layers": layers, "warnings": question.site.warnings,
    });
    let seen = Seen::of(&question.layers);
    Evidence::new(ENGINE, &question.site, (question.day, question.seq), seen, used).seal(&mut answer);
    Ok(answer)
}

/// A place in an answer: where it is, and how large.
pub fn place(site: &Site, size: Option<f64>) -> Value {
    let mut place = json!({"kind": site.shape.kind(), "geometry_sha256": site.shape.sha256()});
    if let Some(point) = site.shape.position() {
        place["lon"] = rounded(point.x()).into();
        place["lat"] = rounded(point.y()).into();
    }
    if let Some(size) = size {
        let name = if matches!(site.shape, Shape::Lines(_)) { "length_m" } else { "area_m2" };
        place[name] = format!("{size:.2}").into();
    }
    if let Some(feature) = &site.feature {
        place["feature"] = json!(feature);
    }
    if let (Some(along), Shape::Lines(lines)) = (&site.along, &site.shape) {
        let metres = |metres: f64| format!("{metres:.2}");
        place["along"] = json!({
            "street": along.street, "from_m": metres(along.from_m), "to_m": metres(along.to_m), "of_m": metres(along.length_m),
        });
        // Nobody drew it: who asked may want it for a feature.
        let line = |line: &LineString<f64>| -> Vec<[f64; 2]> {
            line.0.iter().map(|at| [rounded(at.x), rounded(at.y)]).collect()
        };
        let lines: Vec<_> = lines.iter().map(line).collect();
        place["geometry"] = json!({"type": "MultiLineString", "coordinates": lines});
    }
    place
}

/// Metres of a line, square metres of a surface; none for a point.
///
/// # Errors
/// A shape that cannot be measured: why, and where.
pub fn size(shape: &Shape) -> Result<Option<f64>, Unmeasurable> {
    Ok(match shape {
        Shape::Point(_) => None,
        Shape::Lines(lines) => Some(overlay_line(lines, &[])?.total_m),
        Shape::Surface(surface) => Some(Subject::new(surface)?.total_m2()),
    })
}

/// Degrees to a hundred-millionth: a millimetre.
fn rounded(degrees: f64) -> f64 {
    (degrees * 1e8).round() / 1e8
}

fn in_layer<'a>(
    question: &Question,
    snapshot: &'a Snapshot,
    subject: Option<&Subject>,
) -> Result<InLayer<'a>, Unzoned> {
    if let Some(subject) = subject {
        return Ok(within(question, snapshot, subject));
    }
    match &question.site.shape {
        Shape::Point(point) => {
            let zones = covering(snapshot, *point, question.day)?;
            let overlapping = zones.len() > 1;
            Ok(InLayer {
                zones: zones.into_iter().map(|row| Found { row, size: None }).collect(),
                outside: None,
                overlapping,
            })
        }
        Shape::Lines(lines) => Ok(along(question, snapshot, lines)?),
        Shape::Surface(surface) => Ok(within(question, snapshot, &Subject::new(surface)?)),
    }
}

/// The surfaces of a layer that cover a point and are valid on the day, in order of id.
///
/// # Errors
/// When the point has no coordinates in the CRS of the layer.
pub fn covering(snapshot: &Snapshot, point: Point<f64>, day: Option<NaiveDate>) -> Result<Vec<RowRef<'_>>, CrsError> {
    let place = Place::new(&Crs::wgs84(), [point.x(), point.y()])?;
    let validity = Validity::of(snapshot.definition(), day);
    let hits = at_when(snapshot, &place, 0.0, MAX_HITS_PER_LAYER, &validity)?;
    Ok(hits.into_iter().map(|hit| hit.row).collect())
}

/// The surfaces of a layer in the box around a shape, with their rows.
pub fn candidates<'a>(snapshot: &'a Snapshot, shape: &Shape, day: Option<NaiveDate>) -> Vec<(RowRef<'a>, Named)> {
    shape.frame().map_or_else(Vec::new, |frame| zones_about(snapshot, frame, 0.0, day))
}

fn along<'a>(
    question: &Question,
    snapshot: &'a Snapshot,
    lines: &MultiLineString<f64>,
) -> Result<InLayer<'a>, Unmeasurable> {
    let (rows, zones) = split(candidates(snapshot, &question.site.shape, question.day));
    let cut = overlay_line(lines, &zones)?;
    let zones = cut.pieces.iter().map(|piece| Found { row: rows[piece.zone], size: Some(piece.m) }).collect();
    Ok(InLayer { zones, outside: Some(cut.gap_m), overlapping: cut.overlap_m > 0.0 })
}

fn within<'a>(question: &Question, snapshot: &'a Snapshot, subject: &Subject) -> InLayer<'a> {
    let (rows, zones) = split(candidates(snapshot, &question.site.shape, question.day));
    let cut = subject.overlay(&zones);
    let zones = cut.pieces.iter().map(|piece| Found { row: rows[piece.zone], size: Some(piece.m2) }).collect();
    InLayer { zones, outside: Some(cut.gap_m2), overlapping: !cut.overlaps.is_empty() }
}

fn split(found: Vec<(RowRef<'_>, Named)>) -> (Vec<RowRef<'_>>, Vec<Zone>) {
    found.into_iter().map(|(row, named)| (row, named.zone)).unzip()
}

fn told(question: &Question, snapshot: &Snapshot, found: &InLayer<'_>, whole: Option<f64>) -> Value {
    let definition = snapshot.definition();
    let unit = if matches!(question.site.shape, Shape::Lines(_)) { "length_m" } else { "area_m2" };
    let percent = |size: f64| whole.filter(|whole| *whole > 0.0).map(|whole| format!("{:.2}", size / whole * 100.0));
    let mut zones: Vec<(Option<f64>, FeatureRef, Value)> = Vec::new();
    for zone in &found.zones {
        let feature = reference(snapshot, zone.row);
        let mut one = json!({
            "code": code_of(snapshot, zone.row), "name": name_of(snapshot, zone.row), "feature": feature,
            "properties": properties(snapshot, question.scope, zone.row),
        });
        if let Some(size) = zone.size {
            one[unit] = format!("{size:.2}").into();
            one["percent"] = percent(size).into();
        }
        zones.push((zone.size, feature, one));
    }
    zones.sort_by(|a, b| b.0.unwrap_or(0.0).total_cmp(&a.0.unwrap_or(0.0)).then_with(|| a.1.cmp(&b.1)));
    let mut layer = json!({
        "layer": definition.id, "title": definition.title, "theme": definition.theme,
        "zones": zones.into_iter().map(|(_, _, zone)| zone).collect::<Vec<_>>(),
        "overlapping": found.overlapping,
    });
    if let Some(outside) = found.outside {
        layer["outside_percent"] = percent(outside).into();
    }
    layer
}

/// The fields of a feature that the caller may see.
pub fn properties(snapshot: &Snapshot, scope: Scope, row: RowRef<'_>) -> Value {
    let mut out = Vec::new();
    snapshot.writer(scope).without_geometry().write(&mut out, row);
    // What the writer writes is JSON.
    let mut feature: Value = serde_json::from_slice(&out).unwrap_or_default();
    feature["properties"].take()
}
