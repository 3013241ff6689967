//! All that is known of a parcel: its areas, what stands on it, who its neighbours are, in which zones it lies.

use std::sync::Arc;

use bricola_layers::cache::{RowAt, RowRef, Snapshot};
use bricola_layers::definition::Scope;
use bricola_layers::log::Seq;
use bricola_layers::query::Positions;
use bricola_territory::FeatureRef;
use chrono::NaiveDate;
use geo::{BoundingRect as _, Contains as _, Distance as _, Euclidean};
use geo_types::{Geometry, MultiPolygon, Rect};
use serde_json::{Value, json};

use super::jobs::Progress;
use super::site::{
    Evidence, Seen, Shape, Site, code_of, in_metres, name_of, near, reference, registered_m2, surface_of, words,
};
use super::zones::{self, Unzoned, properties};

/// Version of the answer's rules.
pub const ENGINE: &str = "bricola-parcel/1";
/// Metres between outlines that are one border: what maps of the cadastre can tell.
const BORDER_M: f64 = 0.05;
/// Features of a layer that are named one by one.
const NAMED: usize = 200;
/// Degrees around a parcel that its picture shows: some metres.
const AROUND: f64 = 0.0003;

/// Which parcels.
#[derive(Debug)]
pub struct Question {
    /// The layer of parcels.
    pub parcels: Arc<Snapshot>,
    /// The parcels.
    pub rows: Vec<RowAt>,
    /// Where they were looked for, if by a place.
    pub site: Option<Site>,
    /// Every other layer.
    pub layers: Vec<Arc<Snapshot>>,
    /// The day on which features must be valid.
    pub day: Option<NaiveDate>,
    /// The last change that the answer reflects.
    pub seq: Seq,
    /// What the caller may see.
    pub scope: Scope,
    /// How far it is.
    pub progress: Progress,
}

/// Answers: `{"parcels": […], "warnings", "evidence"}`; always a list, since a reference may mean several.
///
/// # Errors
/// A parcel that cannot be measured.
pub fn parcels(question: &Question) -> Result<Value, Unzoned> {
    let (mut told, mut used) = (Vec::new(), Vec::new());
    for (done, at) in question.rows.iter().enumerate() {
        question.progress.reach(done as u64, question.rows.len() as u64);
        if question.progress.is_dismissed() {
            break;
        }
        let row = question.parcels.row_at(*at);
        used.push(reference(&question.parcels, row));
        told.push(one(question, row, &mut used)?);
    }
    let warnings = question.site.as_ref().map(|site| site.warnings.clone()).unwrap_or_default();
    let mut answer = json!({"parcels": told, "warnings": warnings});
    let all: Vec<Arc<Snapshot>> = std::iter::once(&question.parcels).chain(&question.layers).map(Arc::clone).collect();
    let nowhere = Site::nowhere();
    let site = question.site.as_ref().unwrap_or(&nowhere);
    Evidence::new(ENGINE, site, (question.day, question.seq), Seen::of(&all), used).seal(&mut answer);
    Ok(answer)
}

fn one(question: &Question, row: RowRef<'_>, used: &mut Vec<FeatureRef>) -> Result<Value, Unzoned> {
    let snapshot = &question.parcels;
    let definition = snapshot.definition();
    let mut parcel = json!({
        "reference": words(snapshot, row, "national_ref"),
        "feature": reference(snapshot, row),
        "properties": properties(snapshot, question.scope, row),
        "registered_m2": registered_m2(snapshot, row).map(|m2| m2.fixed(2)),
    });
    let Some(surface) = surface_of(row) else { return Ok(parcel) };
    let Some(frame) = surface.bounding_rect() else { return Ok(parcel) };
    let site = Site {
        shape: Shape::Surface(surface.clone()),
        transform: None,
        feature: Some(reference(snapshot, row)),
        along: None,
        warnings: vec![],
    };
    let (surfaces, others): (Vec<Arc<Snapshot>>, Vec<Arc<Snapshot>>) =
        question.layers.iter().map(Arc::clone).partition(|it| it.definition().geometry.dimension() == Some(2));
    let zoned = zones::Question { site, layers: surfaces, day: question.day, seq: question.seq, scope: question.scope };
    let mut zoned = zones::zones(&zoned)?;
    used.extend(serde_json::from_value::<Vec<FeatureRef>>(zoned["evidence"]["features"].take()).unwrap_or_default());
    parcel["area_m2"] = zoned["place"]["area_m2"].take();
    let layers = zoned["layers"].as_array_mut().map(std::mem::take).unwrap_or_default();
    let is_empty = |layer: &Value| layer["zones"].as_array().is_none_or(Vec::is_empty);
    parcel["zones"] = layers.into_iter().filter(|layer| !is_empty(layer)).collect();
    parcel["points"] = points(question, &others, &surface, frame, used);
    parcel["neighbours"] = neighbours(question, row, &surface, frame);
    parcel["bbox"] = json!([frame.min().x, frame.min().y, frame.max().x, frame.max().y]);
    let [west, south] = [frame.min().x - AROUND, frame.min().y - AROUND];
    let [east, north] = [frame.max().x + AROUND, frame.max().y + AROUND];
    // The box too: the parcel of another day may not be there any more.
    parcel["picture"] = format!(
        "/styles/{}/thumbnail?bbox={west:.7},{south:.7},{east:.7},{north:.7}&feature={}/{}&width=480&height=360",
        if question.layers.is_empty() { definition.id.as_str() } else { "city" },
        definition.id,
        row.id()
    )
    .into();
    Ok(parcel)
}

/// Points of other layers that stand on the parcel.
fn points(
    question: &Question,
    layers: &[Arc<Snapshot>],
    surface: &MultiPolygon<f64>,
    frame: Rect<f64>,
    used: &mut Vec<FeatureRef>,
) -> Value {
    let mut told = Vec::new();
    for snapshot in layers.iter().filter(|it| it.definition().geometry.dimension() == Some(0)) {
        let rows = near(snapshot, frame, 0.0, question.day).into_iter();
        let inside: Vec<RowRef<'_>> = rows
            .filter(|row| match Positions::LonLat.geometry(*row) {
                Some(Geometry::Point(point)) => surface.contains(&point),
                Some(Geometry::MultiPoint(points)) => points.iter().any(|point| surface.contains(point)),
                _ => false,
            })
            .collect();
        if inside.is_empty() {
            continue;
        }
        used.extend(inside.iter().map(|row| reference(snapshot, *row)));
        let features: Vec<Value> = inside
            .iter()
            .take(NAMED)
            .map(|row| {
                json!({
                    "code": code_of(snapshot, *row), "name": name_of(snapshot, *row), "feature": reference(snapshot, *row),
                    "properties": properties(snapshot, question.scope, *row),
                })
            })
            .collect();
        let definition = snapshot.definition();
        told.push(json!({
            "layer": definition.id, "title": definition.title, "count": inside.len(), "features": features,
        }));
    }
    told.into()
}

/// Parcels with a common border.
fn neighbours(question: &Question, row: RowRef<'_>, surface: &MultiPolygon<f64>, frame: Rect<f64>) -> Value {
    let snapshot = &question.parcels;
    let here = in_metres(&Geometry::MultiPolygon(surface.clone()), frame);
    let mut told: Vec<Value> = Vec::new();
    for other in near(snapshot, frame, BORDER_M, question.day).into_iter().filter(|other| other.id() != row.id()) {
        let Some(there) = Positions::LonLat.geometry(other) else { continue };
        if told.len() < NAMED && Euclidean.distance(&here, &in_metres(&there, frame)) <= BORDER_M {
            told.push(
                json!({"reference": words(snapshot, other, "national_ref"), "feature": reference(snapshot, other)}),
            );
        }
    }
    told.into()
}
