//! A parcel among the layers of the plans.

use chrono::NaiveDate;
use geo::{BoundingRect as _, Distance as _, Euclidean};
use geo_types::{Coord, MultiPolygon};
use serde::{Deserialize, Serialize};

use super::ENGINE;
use super::document::{Certificate, LayerResult, Near, OverlapResult, PieceResult};
use crate::evidence::{hash_of, sha256_hex};
use crate::overlay::{METHOD, Overlay, Plane, Subject, Unmeasurable, Zone, cut, perimeter_m};
use crate::remainder::largest_remainder;
use crate::text::Warning;
use crate::{Exact, FeatureRef, Text};

/// A parcel.
#[derive(Debug, Clone)]
pub struct Parcel {
    /// Its reference: `L736_0012A0.123`.
    pub reference: String,
    /// The feature.
    pub feature: FeatureRef,
    /// Its surface, longitude and latitude in degrees.
    pub geometry: MultiPolygon<f64>,
    /// Square metres that the cadastre registers.
    pub registered_m2: Option<Exact>,
}

/// How far a plan has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlanStatus {
    /// Adopted: it holds together with the approved one (*misure di salvaguardia*, DPR 380/2001, art. 12 c. 3).
    Adopted,
    /// Approved.
    Approved,
}

/// A layer of a plan, with those of its zones that may lie at the parcel.
#[derive(Debug, Clone)]
pub struct Layer {
    /// Its id.
    pub id: String,
    /// The plan.
    pub plan: String,
    /// The act: number and date.
    pub act: String,
    /// How far the plan has come.
    pub status: PlanStatus,
    /// Whether its zones divide the ground among them.
    pub exclusive: bool,
    /// Metres within which it is exact; the options' where absent.
    pub tolerance_m: Option<Exact>,
    /// First day; none: always before.
    pub valid_from: Option<NaiveDate>,
    /// Last day; none: until further notice.
    pub valid_to: Option<NaiveDate>,
    /// The zones.
    pub zones: Vec<PlanZone>,
}

/// A zone of a plan.
#[derive(Debug, Clone)]
pub struct PlanZone {
    /// Its code.
    pub code: String,
    /// Its name.
    pub name: String,
    /// Article of the rules.
    pub article: Option<String>,
    /// The plan that it is of, where a layer holds the zones of several that divide the ground among them.
    pub plan: Option<String>,
    /// That plan's act.
    pub act: Option<String>,
    /// The feature.
    pub feature: FeatureRef,
    /// Its surface.
    pub geometry: MultiPolygon<f64>,
}

/// What is taken for inexactness of the maps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Options {
    /// Pieces smaller than this are accessory, in m².
    pub min_area_m2: Exact,
    /// Pieces narrower than this on average are accessory, in metres: half a metre is what a line is wide at 1:2000.
    pub min_width_m: Exact,
    /// Pieces with a smaller share are accessory, in percent; off by default, since half a percent of a large parcel is land.
    pub min_percent: Option<Exact>,
    /// Metres within which maps are exact.
    pub tolerance_m: Exact,
}

impl Default for Options {
    fn default() -> Self {
        Self { min_area_m2: Exact::one(), min_width_m: Exact::half(), min_percent: None, tolerance_m: Exact::from(2) }
    }
}

/// What a piece was found to be.
struct Measured<'a> {
    zone: &'a PlanZone,
    m2: f64,
    width_m: f64,
    hundredths: u64,
    accessory: bool,
    geometry: MultiPolygon<f64>,
}

/// The certificate of a parcel as of a day. Layers that do not hold on it are left out.
///
/// # Errors
/// A parcel that cannot be measured: why, and where.
pub fn certify(
    parcel: &Parcel,
    layers: &[Layer],
    day: NaiveDate,
    options: &Options,
) -> Result<Certificate, Unmeasurable> {
    let mut warnings = Vec::new();
    let subject = Subject::new(&parcel.geometry)?;
    registered(parcel, subject.total_m2(), &mut warnings);
    let in_force: Vec<&Layer> = layers
        .iter()
        .filter(|layer| layer.valid_from.is_none_or(|first| first <= day))
        .filter(|layer| layer.valid_to.is_none_or(|last| day <= last))
        .collect();
    if in_force.is_empty() {
        let text =
            Text::new(format!("nessuno strato di piano vale il {day}"), format!("no layer of a plan holds on {day}"));
        warnings.push(Warning::new("no-layer", text));
    }
    let mut results = Vec::new();
    for layer in &in_force {
        results.push(one_layer(parcel, &subject, layer, options, &mut warnings));
    }
    let mut certificate = Certificate {
        parcel: parcel.reference.clone(),
        feature: parcel.feature.clone(),
        day,
        area_m2: fixed(subject.total_m2()),
        registered_m2: parcel.registered_m2.as_ref().map(|m2| m2.fixed(2)),
        layers: results,
        warnings,
        measure: METHOD,
        engine: ENGINE,
        inputs_sha256: inputs_sha256(parcel, &in_force, day, options),
        sha256: String::new(),
    };
    certificate.sha256 = hash_of(&certificate);
    Ok(certificate)
}

fn one_layer(
    parcel: &Parcel,
    subject: &Subject,
    layer: &Layer,
    options: &Options,
    warnings: &mut Vec<Warning>,
) -> LayerResult {
    let zones: Vec<Zone> = layer
        .zones
        .iter()
        .map(|zone| Zone { code: zone.code.clone(), feature: zone.feature.clone(), geometry: zone.geometry.clone() })
        .collect();
    let cut = subject.overlay(&zones);
    let shares = shares(&cut, layer.exclusive);
    let measured: Vec<Measured<'_>> = cut
        .pieces
        .iter()
        .zip(&shares)
        .map(|(piece, &hundredths)| {
            let perimeter = perimeter_m(&piece.geometry);
            let width_m = if perimeter > 0.0 { 2.0 * piece.m2 / perimeter } else { 0.0 };
            let accessory = piece.m2 < options.min_area_m2.to_f64()
                || width_m < options.min_width_m.to_f64()
                || options.min_percent.as_ref().is_some_and(|least| piece.m2 * 100.0 < least.to_f64() * cut.total_m2);
            let geometry = piece.geometry.clone();
            Measured { zone: &layer.zones[piece.zone], m2: piece.m2, width_m, hundredths, accessory, geometry }
        })
        .collect();
    if layer.exclusive {
        report_gaps(layer, &cut, warnings);
    }
    let (mut main, mut accessory): (Vec<_>, Vec<_>) = measured.iter().partition(|piece| !piece.accessory);
    for list in [&mut main, &mut accessory] {
        list.sort_by(|a, b| {
            b.m2.total_cmp(&a.m2).then_with(|| (&a.zone.code, &a.zone.feature).cmp(&(&b.zone.code, &b.zone.feature)))
        });
    }
    let overlaps = cut.overlaps.iter().map(|overlap| OverlapResult {
        zones: overlap.zones.map(|zone| layer.zones[zone].code.clone()),
        m2: fixed(overlap.m2),
    });
    LayerResult {
        id: layer.id.clone(),
        plan: layer.plan.clone(),
        act: layer.act.clone(),
        status: layer.status,
        exclusive: layer.exclusive,
        near: near(parcel, layer, &main, options),
        zones: main.into_iter().map(result).collect(),
        accessory: accessory.into_iter().map(result).collect(),
        gap_m2: layer.exclusive.then(|| fixed(cut.gap_m2)),
        gap_percent: layer.exclusive.then(|| percent(shares.last().copied().unwrap_or(0))),
        overlaps: if layer.exclusive { overlaps.collect() } else { Vec::new() },
    }
}

/// Hundredths of a percent of each piece, and of the gap at the end. Those of an exclusive layer close to 100.00; where its
/// zones lie on each other they cannot, and each stands for itself.
fn shares(cut: &Overlay, exclusive: bool) -> Vec<u64> {
    let mut values: Vec<f64> = cut.pieces.iter().map(|piece| piece.m2).collect();
    values.push(cut.gap_m2);
    if exclusive && cut.overlaps.is_empty() {
        return largest_remainder(&values, 10_000);
    }
    values.iter().map(|m2| (m2 / cut.total_m2 * 10_000.0).round().min(10_000.0) as u64).collect()
}

fn report_gaps(layer: &Layer, cut: &Overlay, warnings: &mut Vec<Warning>) {
    let overlap: f64 = cut.overlaps.iter().map(|overlap| overlap.m2).sum();
    // A thousandth of the parcel, or a square metre of a large one.
    let bound = (cut.total_m2 * 1e-3).min(1.0);
    let (id, gap) = (&layer.id, fixed(cut.gap_m2));
    if cut.gap_m2 > bound {
        let text = Text::new(
            format!("{} m² della particella non hanno zona nello strato «{id}»", comma(&gap)),
            format!("{gap} m² of the parcel have no zone in the layer “{id}”"),
        );
        warnings.push(Warning::new("gap", text));
    }
    if !cut.overlaps.is_empty() {
        let overlap = fixed(overlap);
        let text = Text::new(
            format!(
                "{} m² della particella hanno due zone nello strato «{id}»: le percentuali superano 100",
                comma(&overlap)
            ),
            format!("{overlap} m² of the parcel have two zones in the layer “{id}”: percentages exceed 100"),
        );
        warnings.push(Warning::new("overlap", text));
    }
}

/// Zones in which the parcel does not count to lie, nearer than the map is exact.
fn near(parcel: &Parcel, layer: &Layer, main: &[&Measured<'_>], options: &Options) -> Vec<Near> {
    let Some(frame) = parcel.geometry.bounding_rect() else { return Vec::new() };
    let tolerance = layer.tolerance_m.as_ref().unwrap_or(&options.tolerance_m);
    let metres = tolerance.to_f64();
    let plane = Plane::at(Coord { x: frame.center().x, y: frame.center().y });
    let around = plane.widened(frame, metres + 1.0);
    let here = plane.metres(&parcel.geometry);
    let mut near = Vec::new();
    for zone in &layer.zones {
        if main.iter().any(|piece| piece.zone.feature == zone.feature) {
            continue;
        }
        // Rings along the frame are farther away than the tolerance: they are no nearer than the zone.
        let there = plane.metres(&cut(&zone.geometry, around));
        if there.0.is_empty() {
            continue;
        }
        let distance = Euclidean.distance(&here, &there);
        if distance <= metres {
            near.push(Near {
                code: zone.code.clone(),
                feature: zone.feature.clone(),
                distance_m: fixed(distance),
                tolerance_m: tolerance.fixed(2),
            });
        }
    }
    near.sort_by(|a, b| (&a.code, &a.feature).cmp(&(&b.code, &b.feature)));
    near
}

fn registered(parcel: &Parcel, m2: f64, warnings: &mut Vec<Warning>) {
    let Some(registered) = &parcel.registered_m2 else { return };
    let off = (m2 - registered.to_f64()).abs();
    // The cadastre's own tolerance is about a twentieth.
    if off > (registered.to_f64() * 0.05).max(5.0) {
        let (map, book) = (fixed(m2), registered.fixed(2));
        let text = Text::new(
            format!(
                "la particella misura {} m² sulla mappa e {} m² in catasto: fa fede la superficie catastale",
                comma(&map),
                comma(&book)
            ),
            format!("the parcel measures {map} m² on the map and {book} m² in the register, which is what counts"),
        );
        warnings.push(Warning::new("registered-area", text));
    }
}

fn result(piece: &Measured<'_>) -> PieceResult {
    PieceResult {
        code: piece.zone.code.clone(),
        name: piece.zone.name.clone(),
        article: piece.zone.article.clone(),
        plan: piece.zone.plan.clone(),
        act: piece.zone.act.clone(),
        feature: piece.zone.feature.clone(),
        m2: fixed(piece.m2),
        percent: percent(piece.hundredths),
        mean_width_m: fixed(piece.width_m),
        geometry: piece.geometry.clone(),
    }
}

fn fixed(value: f64) -> String {
    Exact::measured(value, 2).unwrap_or_else(Exact::zero).fixed(2)
}

/// As it is written in Italian.
fn comma(number: &str) -> String {
    number.replace('.', ",")
}

fn percent(hundredths: u64) -> String {
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

/// All that the answer depends on, geometries to the last bit.
fn inputs_sha256(parcel: &Parcel, layers: &[&Layer], day: NaiveDate, options: &Options) -> String {
    let zones = |layer: &Layer| -> Vec<serde_json::Value> {
        let zones = layer.zones.iter().map(|zone| {
            serde_json::json!({
                "code": zone.code, "name": zone.name, "article": zone.article, "plan": zone.plan, "act": zone.act, "feature": zone.feature,
                "geometry": geometry_sha256(&zone.geometry),
            })
        });
        zones.collect()
    };
    let layers: Vec<_> = layers
        .iter()
        .map(|layer| {
            serde_json::json!({
                "id": layer.id, "plan": layer.plan, "act": layer.act, "status": layer.status,
                "exclusive": layer.exclusive, "tolerance_m": layer.tolerance_m, "zones": zones(layer),
            })
        })
        .collect();
    hash_of(&serde_json::json!({
        "parcel": parcel.reference, "feature": parcel.feature, "registered_m2": parcel.registered_m2,
        "geometry": geometry_sha256(&parcel.geometry), "layers": layers, "day": day, "options": options,
        "engine": ENGINE, "measure": METHOD,
    }))
}

fn geometry_sha256(polygons: &MultiPolygon<f64>) -> String {
    let mut bytes = Vec::new();
    for polygon in polygons {
        bytes.extend_from_slice(&(polygon.interiors().len() as u64).to_le_bytes());
        for ring in std::iter::once(polygon.exterior()).chain(polygon.interiors()) {
            bytes.extend_from_slice(&(ring.0.len() as u64).to_le_bytes());
            for coord in &ring.0 {
                bytes.extend_from_slice(&coord.x.to_le_bytes());
                bytes.extend_from_slice(&coord.y.to_le_bytes());
            }
        }
    }
    sha256_hex(&bytes)
}
