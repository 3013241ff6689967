//! Which operation leads from one CRS to another, and how well.

use std::panic::{AssertUnwindSafe, catch_unwind};

use proj::{Area, Proj};
use serde::Serialize;

use super::italy::ItalianArea;
use super::{Crs, CrsError, database, identify};

/// The operation that a transformation used: what is told to the person who reads the answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Operation {
    /// The datum transformations in order (`Monte Mario to ETRS89 (1)`), or the conversion when the datum stays.
    pub name: String,
    /// Code of the transformation that decides the accuracy, such as `EPSG:1659`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Accuracy that the registry states, in metres; 0 for a pure conversion, none when unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accuracy_m: Option<f64>,
    /// In words.
    pub note: String,
}

/// Codes of the transformations that are met daily, by PROJ's name for them: the safe interface of PROJ tells
/// names only.
const CODES: &[(&str, &str)] = &[
    ("RDN2008 to ETRS89 (1)", "EPSG:6710"),
    ("RDN2008 to WGS 84 (1)", "EPSG:6711"),
    ("ETRS89 to WGS 84 (1)", "EPSG:1149"),
    ("IGM95 to ETRS89 (1)", "EPSG:1098"),
    ("IGM95 to WGS 84 (1)", "EPSG:1099"),
    ("RGF93 v1 to ETRS89 (1)", "EPSG:1591"),
    ("RGF93 v1 to WGS 84 (1)", "EPSG:1671"),
    ("ED50 to ETRS89 (1)", "EPSG:1588"),
    ("Monte Mario (Rome) to Monte Mario (1)", "EPSG:1262"),
];

/// Transformations between datums that are held to be the same: they change no number.
const IDENTITIES: &[&str] =
    &["EPSG:6710", "EPSG:6711", "EPSG:1149", "EPSG:1098", "EPSG:1099", "EPSG:1591", "EPSG:1671"];

/// PROJ's object for a pair of CRSs, in authority axis order on both sides; where there are several operations it
/// picks by place. Never a ballpark.
pub(super) fn between(from: &Crs, to: &Crs, area: Option<[f64; 4]>) -> Result<Proj, CrsError> {
    let none = || CrsError::NoOperation { from: from.to_string(), to: to.to_string() };
    let object = |crs: &Crs| {
        database::builder()?
            .proj(crs.source())
            .map_err(|error| CrsError::Unknown { definition: crs.to_string(), reason: error.to_string() })
    };
    let (source, target) = (object(from)?, object(to)?);
    let create = |options: Option<Vec<&str>>| {
        let area = area.map(|[west, south, east, north]| Area::new(west, south, east, north));
        let builder = database::builder()?;
        // The proj crate panics where PROJ finds no operation and leaves no error number.
        catch_unwind(AssertUnwindSafe(|| builder.proj_create_crs_to_crs_from_pj(&source, &target, area, options)))
            .map_err(|_| none())?
            .map_err(|_| none())
    };
    // With ballparks allowed PROJ never comes back empty-handed, so the first question cannot panic.
    let any = create(None)?;
    let description = any.proj_info().description.unwrap_or_default();
    if is_ballpark(&description) {
        return Err(none());
    }
    if description.starts_with(UNDECIDED) { create(Some(vec!["ALLOW_BALLPARK=NO"])) } else { Ok(any) }
}

/// A null shift between datums that are not related.
fn is_ballpark(description: &str) -> bool {
    description.contains("Ballpark") || description.contains("ballpark")
}

/// The fixed pipeline between Monte Mario (on one side) and another datum, with the parameters of one area.
///
/// It is put together here, since PROJ's own choice is not dependable: EPSG:4806 gets a 45 m operation, and
/// the boxes of the areas overlap. The middle piece works on latitude and longitude in degrees.
pub(super) fn monte_mario(from: &Crs, to: &Crs, area: ItalianArea) -> Result<(String, Operation), CrsError> {
    let (old, other) = if from.is_monte_mario() { (from, to) } else { (to, from) };
    let monte_mario = Crs::epsg(4265)?;
    let hub = Crs::epsg(if other.is_wgs84_datum() { 4326 } else { 4258 })?;
    let helmert = area.helmert(hub.code() == Some(4326));
    let (first, last) =
        if from == old { ((from, &monte_mario), (&hub, to)) } else { ((from, &hub), (&monte_mario, to)) };
    let (first, first_info) = steps(first.0, first.1, area)?;
    let (last, last_info) = steps(last.0, last.1, area)?;
    let middle = helmert.pipeline(from == old);
    let pipeline = format!("proj=pipeline{first}{middle}{last}").replace(TO_DEGREES_AND_BACK, "");
    let mut rest: Vec<String> = Vec::new();
    let mut accuracy = helmert.accuracy_m;
    for step in [first_info, last_info] {
        if step.code.as_ref().is_some_and(|code| !IDENTITIES.contains(&code.as_str()) && code != "EPSG:1262") {
            accuracy += step.accuracy_m.unwrap_or(0.0);
            rest.push(step.name);
        }
    }
    let name = std::iter::once(helmert.name.to_owned()).chain(rest).collect::<Vec<_>>().join(" + ");
    let note = format!(
        "{}: a datum transformation without grid, with the parameters for {}, good to {accuracy} m",
        if from == old { "from Monte Mario" } else { "to Monte Mario" },
        area.name()
    );
    Ok((pipeline, Operation { name, code: Some(helmert.code.to_owned()), accuracy_m: Some(accuracy), note }))
}

/// What the pieces of a pipeline do where they meet, to no effect.
const TO_DEGREES_AND_BACK: &str = " step proj=unitconvert xy_in=rad xy_out=deg step proj=axisswap order=2,1 \
     step proj=axisswap order=2,1 step proj=unitconvert xy_in=deg xy_out=rad";

/// The steps from one CRS to another as they stand in a pipeline, each with a leading blank.
fn steps(from: &Crs, to: &Crs, area: ItalianArea) -> Result<(String, Operation), CrsError> {
    if from == to {
        let conversion = Operation { name: String::new(), code: None, accuracy_m: Some(0.0), note: String::new() };
        return Ok((String::new(), conversion));
    }
    let none = || CrsError::NoOperation { from: from.to_string(), to: to.to_string() };
    let [lon, lat] = area.heart();
    let proj = between(from, to, Some([lon - 0.1, lat - 0.1, lon + 0.1, lat + 0.1]))?;
    if definition(&proj).is_none() {
        // Several operations: PROJ tells which one it takes once it has taken it.
        for [x, y] in places(from, &[area.heart()])? {
            proj.convert((x, y)).map_err(|_| none())?;
        }
    }
    let definition = definition(&proj).ok_or_else(none)?;
    let steps = match definition.strip_prefix("proj=pipeline") {
        Some(steps) => steps.to_owned(),
        None if definition.starts_with("proj=noop") => String::new(),
        None => format!(" step {definition}"),
    };
    Ok((steps, describe(&proj)))
}

/// The pipeline of an object that has settled on one operation.
pub(super) fn definition(proj: &Proj) -> Option<String> {
    proj.proj_info().definition.filter(|text| !text.starts_with(UNDECIDED))
}

/// How PROJ begins what it says of an object that chooses by place and has not yet chosen.
const UNDECIDED: &str = "unavailable";

/// About where WGS 84 longitudes and latitudes lie in `crs`, in authority order: to steer a choice, not to
/// answer with.
pub(super) fn places(crs: &Crs, lonlats: &[[f64; 2]]) -> Result<Vec<[f64; 2]>, CrsError> {
    let wgs84 = Crs::wgs84();
    let start = if crs.is_monte_mario() { Crs::epsg(4265)? } else { wgs84.clone() };
    let authority = lonlats.iter().map(|lonlat| wgs84.axes().to_authority(*lonlat));
    if lonlats.is_empty() || *crs == start {
        return Ok(authority.collect());
    }
    let proj = between(&start, crs, None)?;
    let convert = |[lat, lon]: [f64; 2]| match proj.convert((lat, lon)) {
        Ok((x, y)) => Ok([x, y]),
        Err(error) => Err(CrsError::OutOfDomain {
            x: lon,
            y: lat,
            from: start.to_string(),
            to: crs.to_string(),
            reason: error.to_string(),
        }),
    };
    authority.map(convert).collect()
}

/// What PROJ did with the last coordinate.
pub(super) fn describe(proj: &Proj) -> Operation {
    let info = proj.proj_info();
    let accuracy_m = (info.accuracy >= 0.0).then_some(info.accuracy);
    let description = info.description.unwrap_or_default();
    let datum_steps: Vec<&str> = description.split(" + ").filter(|step| step.contains(" to ")).collect();
    if datum_steps.is_empty() {
        let note = "a conversion within one datum: exact".to_owned();
        return Operation { name: description, code: None, accuracy_m: Some(0.0), note };
    }
    let codes: Vec<String> =
        datum_steps.iter().filter_map(|step| code(step.trim_start_matches("Inverse of "))).collect();
    let decisive = codes.iter().find(|code| !IDENTITIES.contains(&code.as_str())).or(codes.first()).cloned();
    let same = codes.len() == datum_steps.len() && codes.iter().all(|code| IDENTITIES.contains(&code.as_str()));
    let note = match accuracy_m {
        _ if same => "the datums are held to be identical (RDN2008, ETRS89 and WGS 84 agree within 1 m)".to_owned(),
        Some(metres) => format!("a datum transformation good to {metres} m"),
        None => "a datum transformation of unknown accuracy".to_owned(),
    };
    Operation { name: datum_steps.join(" + "), code: decisive, accuracy_m, note }
}

/// The operation between a CRS and itself.
pub(super) fn same_crs() -> Operation {
    let note = "source and target are the same CRS".to_owned();
    Operation { name: "identity".to_owned(), code: None, accuracy_m: Some(0.0), note }
}

/// The registry code of a transformation by its name.
fn code(name: &str) -> Option<String> {
    if let Some((_, code)) = CODES.iter().find(|(known, _)| *known == name) {
        return Some((*code).to_owned());
    }
    // Names that PROJ makes up; asked for them, it complains on standard error.
    if ["unknown", "unnamed", "Null geographic offset"].iter().any(|made_up| name.contains(made_up)) {
        return None;
    }
    let id = &identify::projjson(&database::builder().ok()?.proj(name).ok()?)?["id"];
    Some(format!("{}:{}", id["authority"].as_str()?, id["code"]))
}
