//! `GeoJSON` (RFC 7946 and the older 2008 form with `crs`), newline-delimited `GeoJSON` (RFC 8142 record separators
//! allowed), and plain JSON records without geometry.
//!
//! One feature at a time is cut out of the stream and parsed. The file is gone through twice: columns, their types,
//! the CRS and the number of rows stand nowhere but in the rows.

mod cut;
mod parse;
mod rows;

use geo_types::Geometry;
use serde::Deserialize as _;
use serde_json::{Map, Value as Json};

use self::cut::Cut;
use self::parse::{FeatureOutline, RawFeature, RawGeometry, kind_of};
use self::rows::Rows;
use super::columns::Columns;
use super::geometry::{feature, row_error};
use super::source::Source;
use super::tally::Tally;
use super::{ReadError, Reader, SourceCrs, SourceFeature, SourceSchema};
use crate::definition::GeometryType;
use crate::feature::Value;

/// Rows that are looked at for columns before reading begins.
const SURVEYED_ROWS: u64 = 100_000;

/// Opens a JSON source; `lines` says that each line is a document.
pub(super) fn open(source: &Source, lines: bool) -> Result<Box<dyn Reader>, ReadError> {
    let mut survey = Survey::default();
    let mut rows = Rows::start(source, lines, None)?;
    survey.run(&mut rows);
    let mut records = None;
    if survey.rows == 0 && survey.failed.is_none() {
        // No features: perhaps plain records under some name.
        records = rows.arrays.pop();
        if let Some(name) = &records {
            rows = Rows::start(source, lines, Some(name.clone()))?;
            survey.run(&mut rows);
        } else if !rows.collection && !lines {
            return Err(ReadError::File(format!(
                "{}: JSON, but neither GeoJSON nor an array of records; a `features` member is expected",
                source.name()
            )));
        }
    }
    let format = if lines { "GeoJSON lines" } else { "GeoJSON" };
    let schema = survey.schema(source, &rows, if survey.features { format } else { "JSON records" });
    Ok(Box::new(GeoJsonReader {
        rows: Rows::start(source, lines, records)?,
        schema,
        columns: survey.columns,
        tally: Tally::default(),
        row: 0,
        buffer: Vec::new(),
        over: false,
    }))
}

/// The geometry of a GeoJSON object that somebody sends (RFC 7946, 3.1), in its own order of axes. What a file may do,
/// write coordinates as text or leave rings open, is refused.
///
/// # Errors
/// Why it is none.
pub(crate) fn geometry(json: &Json) -> Result<Option<Geometry<f64>>, String> {
    let raw = RawGeometry::deserialize(json).map_err(|error| error.to_string())?;
    let mut tally = Tally::default();
    let geometry = raw.build(&mut tally)?;
    if tally.text_coordinates > 0 {
        return Err("coordinates must be numbers, not text".to_owned());
    }
    if tally.closed_rings > 0 {
        return Err("the last position of a ring must be its first (RFC 7946, 3.1.6)".to_owned());
    }
    Ok(geometry)
}

/// The first pass: columns, geometry type, number of rows.
#[derive(Default)]
struct Survey {
    columns: Columns,
    rows: u64,
    complete: bool,
    features: bool,
    kind: Option<GeometryType>,
    failed: Option<Cut>,
}

impl Survey {
    fn run(&mut self, rows: &mut Rows) {
        let mut buffer = Vec::new();
        let mut tally = Tally::default();
        while self.rows < SURVEYED_ROWS {
            match rows.next(&mut buffer) {
                Ok(true) => {
                    self.rows += 1;
                    self.row(&parse::text(&buffer, &mut tally));
                }
                Ok(false) => {
                    self.complete = true;
                    break;
                }
                Err(cut) => {
                    self.failed = Some(cut);
                    break;
                }
            }
        }
    }

    fn row(&mut self, text: &str) {
        let Ok(outline) = serde_json::from_str::<FeatureOutline>(text) else { return };
        let properties = match outline.kind.as_deref() {
            Some("Feature") => {
                self.features = true;
                self.geometry(outline.geometry.as_ref().map(|geometry| geometry.kind.as_str()));
                if let Some(id) = outline.id.filter(|id| id.is_string() || id.is_number())
                    && !outline.properties.as_ref().is_some_and(|properties| properties.contains_key("id"))
                {
                    self.columns.note("id", kind_of(&id));
                }
                outline.properties.unwrap_or_default()
            }
            Some(kind) if is_geometry(kind) => {
                self.features = true;
                self.geometry(Some(kind));
                return;
            }
            _ => serde_json::from_str::<Map<String, Json>>(text).unwrap_or_default(),
        };
        for (name, value) in &properties {
            self.columns.note(name, kind_of(value));
        }
    }

    fn geometry(&mut self, kind: Option<&str>) {
        let Some(kind) = kind.and_then(geometry_type) else { return };
        self.kind = Some(match self.kind {
            None => kind,
            Some(before) if before == kind => kind,
            Some(before) if before.dimension() == kind.dimension() => match kind.dimension() {
                Some(0) => GeometryType::MultiPoint,
                Some(1) => GeometryType::MultiLineString,
                Some(2) => GeometryType::MultiPolygon,
                _ => GeometryType::Geometry,
            },
            Some(_) => GeometryType::Geometry,
        });
    }

    fn schema(&self, source: &Source, rows: &Rows, format: &'static str) -> SourceSchema {
        let name = rows.root.get("name").and_then(Json::as_str).map(str::to_owned);
        let mut remarks = Vec::new();
        if self.features && !rows.root.contains_key("crs") {
            remarks.push("no CRS in the file: WGS 84 longitude, latitude (RFC 7946)".to_owned());
        }
        SourceSchema {
            format,
            layer: name.unwrap_or_else(|| source.stem()),
            fields: self.columns.fields(),
            crs: if self.features { rows.crs() } else { SourceCrs::Undeclared },
            geometry: self.kind,
            tabular: !self.features,
            rows: self.complete.then_some(self.rows),
            encoding: None,
            remarks,
        }
    }
}

fn is_geometry(kind: &str) -> bool {
    geometry_type(kind).is_some()
}

fn geometry_type(kind: &str) -> Option<GeometryType> {
    Some(match kind {
        "Point" => GeometryType::Point,
        "MultiPoint" => GeometryType::MultiPoint,
        "LineString" => GeometryType::LineString,
        "MultiLineString" => GeometryType::MultiLineString,
        "Polygon" => GeometryType::Polygon,
        "MultiPolygon" => GeometryType::MultiPolygon,
        "GeometryCollection" => GeometryType::Geometry,
        _ => return None,
    })
}

struct GeoJsonReader {
    rows: Rows,
    schema: SourceSchema,
    columns: Columns,
    tally: Tally,
    row: u64,
    buffer: Vec<u8>,
    over: bool,
}

impl GeoJsonReader {
    fn parse(&mut self) -> Result<SourceFeature, ReadError> {
        let row = self.row;
        let text = parse::text(&self.buffer, &mut self.tally);
        let bad = |error: &serde_json::Error| {
            let hint = if text.contains("NaN") || text.contains("Infinity") {
                "; NaN and Infinity are not JSON: write null"
            } else {
                ""
            };
            row_error(row, format!("not valid: {error}{hint}"))
        };
        if !text.trim_start().starts_with('{') {
            return Err(row_error(row, "not a JSON object; every feature is one"));
        }
        let mut raw: RawFeature = serde_json::from_str(&text).map_err(|error| bad(&error))?;
        let kind = raw.kind.as_deref().unwrap_or_default();
        if is_geometry(kind) {
            let geometry: RawGeometry = serde_json::from_str(&text).map_err(|error| bad(&error))?;
            debug_assert_eq!(geometry.kind(), kind);
            raw.geometry = Some(geometry);
            raw.properties = None;
        } else if kind != "Feature" {
            raw.properties = Some(serde_json::from_str(&text).map_err(|error| bad(&error))?);
            raw.geometry = None;
            raw.id = None;
        }
        let tally = &mut self.tally;
        let geometry = match raw.geometry {
            Some(geometry) => geometry.build(tally).map_err(|reason| row_error(row, reason))?,
            None => None,
        };
        let mut values = vec![Value::Null; self.columns.len()];
        let id = raw.id.map(|id| ("id".to_owned(), id));
        // A property called `id` goes before the identifier of the feature.
        for (name, json) in id.into_iter().chain(raw.properties.unwrap_or_default()) {
            match self.columns.position(&name) {
                Some(at) => {
                    values[at] =
                        parse::value(json).map_err(|reason| row_error(row, format!("field `{name}`: {reason}")))?;
                }
                None if json.is_null() => {}
                None => tally.late_column(&name),
            }
        }
        feature(row, geometry, values)
    }

    fn finish(&mut self) {
        self.over = true;
        self.schema.remarks.extend(self.tally.take());
    }
}

impl Iterator for GeoJsonReader {
    type Item = Result<SourceFeature, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.over {
            return None;
        }
        match self.rows.next(&mut self.buffer) {
            Ok(true) => {
                self.row += 1;
                Some(self.parse())
            }
            Ok(false) => {
                self.finish();
                None
            }
            Err(cut) => {
                self.finish();
                Some(Err(ReadError::File(format!("{} (after row {})", cut, self.row))))
            }
        }
    }
}

impl Reader for GeoJsonReader {
    fn schema(&self) -> &SourceSchema {
        &self.schema
    }
}

#[cfg(test)]
mod tests;
