//! GML feature collections: GML 2 and 3 of common tools, and the cadastral GML of the Agenzia delle Entrate (INSPIRE
//! CP in `MapServer`'s flat schema: `CP:CadastralParcel`, `CP:CadastralZoning`, geometry in `CP:msGeometry`,
//! EPSG:6706 with latitude first), loose or in archives within archives.
//!
//! Files that are not well-formed cost only their broken members. Axes are swapped here, once, where the CRS name
//! obliges to the order of the authority and that is north first.

mod geometry;

use self::geometry::{Builder, is_geometry};
use super::archive::{Documents, Walk};
use super::columns::Columns;
use super::encoding::utf8_or_1252;
use super::geometry::{feature, row_error};
use super::open::{LayerInfo, OpenOptions, choose};
use super::tally::Tally;
use super::xml::{Cutter, Element, Piece, local};
use super::{ReadError, Reader, SourceCrs, SourceFeature, SourceSchema, crs_name};
use crate::definition::FieldType;
use crate::feature::Value;

/// Features that are looked at for types and columns before reading begins.
const SURVEYED_ROWS: u64 = 20_000;

/// Opens a set of GML documents.
pub(super) fn open(documents: &Documents, options: &OpenOptions) -> Result<Box<dyn Reader>, ReadError> {
    let survey = Survey::run(documents)?;
    let names: Vec<String> = survey.types.iter().map(|found| found.name.clone()).collect();
    if names.is_empty() {
        return Err(survey.failed.unwrap_or_else(|| {
            ReadError::File(format!("{}: no GML features in it; is it really a GML collection?", documents.name()))
        }));
    }
    let index = choose(&documents.name(), &names, options.layer.as_deref())?;
    let mut types = survey.types;
    let chosen = types.swap_remove(index);
    let crs_text = chosen.crs.or(survey.envelope_crs).unwrap_or_default();
    let (crs, authority_order) = crs_name::parse(&crs_text);
    let swap = authority_order && crs_name::north_first(&crs);
    let mut remarks = Vec::new();
    if crs == SourceCrs::Undeclared {
        remarks.push("no srsName: the CRS is not declared".to_owned());
    } else if swap {
        remarks.push(format!("axes swapped: `{crs_text}` is north (latitude) first"));
    }
    let schema = SourceSchema {
        format: "GML",
        layer: chosen.name.clone(),
        fields: chosen.columns.fields(),
        crs,
        geometry: None,
        tabular: false,
        rows: survey.complete.then_some(chosen.rows),
        encoding: None,
        remarks,
    };
    Ok(Box::new(GmlReader {
        members: Members::start(documents)?,
        columns: chosen.columns,
        crs_text,
        swap,
        several: names.len() > 1,
        schema,
        tally: Tally::default(),
        row: 0,
        over: false,
    }))
}

/// The feature types in a set of GML documents.
pub(super) fn layers(documents: &Documents) -> Result<Vec<LayerInfo>, ReadError> {
    let survey = Survey::run(documents)?;
    let complete = survey.complete;
    let layer = |found: FoundType| LayerInfo { name: found.name, geometry: None, rows: complete.then_some(found.rows) };
    Ok(survey.types.into_iter().map(layer).collect())
}

/// A member as it was cut out.
enum Member {
    Whole(Vec<u8>),
    Broken(Vec<u8>),
}

/// All members of a set of documents.
struct Members {
    walk: Walk,
    cutter: Option<Cutter>,
    document: String,
    /// srsName of the envelope of the collection.
    envelope_crs: Option<String>,
}

impl Members {
    fn start(documents: &Documents) -> Result<Self, ReadError> {
        Ok(Self { walk: documents.walk()?, cutter: None, document: String::new(), envelope_crs: None })
    }

    fn next(&mut self) -> Result<Option<Member>, ReadError> {
        loop {
            let Some(cutter) = &mut self.cutter else {
                let Some((path, stream)) = self.walk.next_document()? else { return Ok(None) };
                let is_member = |name: &str| matches!(name, "featureMember" | "member");
                let is_list = |name: &str| matches!(name, "featureMembers" | "members");
                self.cutter = Some(Cutter::new(&path, stream, is_member, is_list)?);
                self.document = path;
                continue;
            };
            match cutter.next_piece() {
                Ok(None) => self.cutter = None,
                Ok(Some(Piece::Member(member))) => return Ok(Some(Member::Whole(member))),
                // A collection inside a member (a WFS answer to several queries) is no broken member.
                Ok(Some(Piece::Broken(start))) if contains(&start, b"FeatureCollection") => {}
                Ok(Some(Piece::Broken(member))) => return Ok(Some(Member::Broken(member))),
                Ok(Some(Piece::Open(tag))) => {
                    if self.envelope_crs.is_none() && tag.contains("srsName") {
                        let empty = format!("<{tag}/>");
                        let element = Element::parse(&empty).unwrap_or_default();
                        self.envelope_crs = element.attribute("srsName").map(str::to_owned);
                    }
                }
                Ok(Some(Piece::Close { .. })) => {}
                Err(error) => {
                    self.cutter = None;
                    return Err(error);
                }
            }
        }
    }
}

fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}

/// A feature type and what its features have.
struct FoundType {
    name: String,
    rows: u64,
    columns: Columns,
    crs: Option<String>,
}

/// The first pass: types, columns, CRS.
#[derive(Default)]
struct Survey {
    types: Vec<FoundType>,
    envelope_crs: Option<String>,
    complete: bool,
    failed: Option<ReadError>,
}

impl Survey {
    fn run(documents: &Documents) -> Result<Self, ReadError> {
        let mut members = Members::start(documents)?;
        let mut survey = Self::default();
        let mut tally = Tally::default();
        let mut seen = 0;
        while seen < SURVEYED_ROWS {
            match members.next() {
                Ok(Some(Member::Whole(raw))) => {
                    seen += 1;
                    if let Ok(member) = Element::parse(&utf8_or_1252(&raw, &mut tally)) {
                        survey.note(feature_of(&member));
                    }
                }
                Ok(Some(Member::Broken(_))) => seen += 1,
                Ok(None) => {
                    survey.complete = true;
                    break;
                }
                Err(error) => {
                    survey.failed = Some(error);
                    break;
                }
            }
        }
        survey.envelope_crs = members.envelope_crs;
        Ok(survey)
    }

    fn note(&mut self, found: &Element) {
        let at = self.types.iter().position(|known| known.name == found.name).unwrap_or_else(|| {
            let columns = Columns::default();
            self.types.push(FoundType { name: found.name.clone(), rows: 0, columns, crs: None });
            self.types.len() - 1
        });
        let known = &mut self.types[at];
        known.rows += 1;
        for (name, _) in properties(found) {
            known.columns.note(&name, Some(FieldType::Text));
        }
        if known.crs.is_none() {
            known.crs = geometry_element(found).and_then(srs_name).map(str::to_owned);
        }
    }
}

/// The feature in a member: its first element, or the element itself in a list of features.
fn feature_of(member: &Element) -> &Element {
    match member.name.as_str() {
        "featureMember" | "member" => member.children.first().unwrap_or(member),
        _ => member,
    }
}

/// The geometry of a feature: of several the one of highest dimension (a parcel may also carry a reference point).
fn geometry_element(found: &Element) -> Option<&Element> {
    let rank = |name: &str| match name {
        "Point" | "MultiPoint" => 1,
        "LineString" | "Curve" | "MultiLineString" | "MultiCurve" | "CompositeCurve" | "OrientableCurve" => 2,
        _ => 3,
    };
    let mut best: Option<&Element> = None;
    let properties = found.children.iter().filter(|property| property.name != "boundedBy");
    for geometry in properties.flat_map(|property| &property.children).filter(|inner| is_geometry(&inner.name)) {
        if best.is_none_or(|best| rank(&geometry.name) > rank(&best.name)) {
            best = Some(geometry);
        }
    }
    best
}

/// The CRS of a geometry, by itself or by its first part that names one.
fn srs_name(geometry: &Element) -> Option<&str> {
    geometry.attribute("srsName").or_else(|| geometry.children.iter().find_map(srs_name))
}

/// The properties of a feature: elements with text; nested ones by the names on the way, joined by dots.
fn properties(found: &Element) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for (name, column) in [("id", "gml_id"), ("fid", "fid")] {
        if let Some(value) = found.attribute(name) {
            all.push((column.to_owned(), value.to_owned()));
        }
    }
    for child in &found.children {
        if child.name != "boundedBy" {
            collect(child, "", &mut all);
        }
    }
    all
}

fn collect(element: &Element, prefix: &str, all: &mut Vec<(String, String)>) {
    if element.children.iter().any(|inner| is_geometry(&inner.name)) {
        return;
    }
    let name = if prefix.is_empty() { element.name.clone() } else { format!("{prefix}.{}", element.name) };
    if element.children.is_empty() {
        let text = element.trimmed();
        let value = if text.is_empty() { element.attribute("href").unwrap_or_default() } else { text };
        all.push((name, value.to_owned()));
        return;
    }
    for child in &element.children {
        collect(child, &name, all);
    }
}

struct GmlReader {
    members: Members,
    columns: Columns,
    crs_text: String,
    swap: bool,
    several: bool,
    schema: SourceSchema,
    tally: Tally,
    row: u64,
    over: bool,
}

impl GmlReader {
    /// A member as a row; `None` when it is of another type than the one that is read.
    fn parse(&mut self, raw: &[u8]) -> Option<Result<SourceFeature, ReadError>> {
        let text = utf8_or_1252(raw, &mut self.tally);
        let member = match Element::parse(&text) {
            Ok(member) => member,
            Err(_) if self.is_other(raw) => return None,
            Err(reason) => {
                self.row += 1;
                return Some(Err(self.bad(raw, &reason)));
            }
        };
        let found = feature_of(&member);
        if found.name != self.schema.layer {
            self.tally.other_type += u64::from(!self.several);
            return None;
        }
        self.row += 1;
        Some(
            self.row(found)
                .map_err(|reason| self.bad(raw, &reason))
                .and_then(|(geometry, values)| feature(self.row, geometry, values)),
        )
    }

    fn row(&mut self, found: &Element) -> Result<(Option<geo_types::Geometry<f64>>, Vec<Value>), String> {
        let mut geometry = None;
        if let Some(element) = geometry_element(found) {
            let crs = srs_name(element).unwrap_or(&self.crs_text);
            if crs != self.crs_text && crs_name::parse(crs) != crs_name::parse(&self.crs_text) {
                return Err(format!(
                    "its CRS is `{crs}` but that of the file is `{}`; split the file by CRS",
                    self.crs_text
                ));
            }
            geometry = Builder { swap: self.swap, tally: &mut self.tally }.geometry(element)?;
        }
        let mut values = vec![Value::Null; self.columns.len()];
        for (name, value) in properties(found) {
            match self.columns.position(&name) {
                _ if value.is_empty() => {}
                Some(at) => values[at] = Value::Text(value),
                None => self.tally.late_column(&name),
            }
        }
        Ok((geometry, values))
    }

    /// Whether a broken member is visibly of another type.
    fn is_other(&self, raw: &[u8]) -> bool {
        self.several && !contains(raw, self.schema.layer.as_bytes())
    }

    /// An error that names the feature by its identifier, as far as it can be found.
    fn bad(&self, raw: &[u8], reason: &str) -> ReadError {
        let text = String::from_utf8_lossy(raw);
        let id = text.split_once(":id=\"").and_then(|(_, rest)| rest.split('"').next());
        let which = id.map_or_else(String::new, |id| format!("{id}: "));
        row_error(self.row, format!("{which}{reason} (in {})", local(&self.members.document)))
    }

    fn step(&mut self) -> Option<Result<SourceFeature, ReadError>> {
        loop {
            match self.members.next() {
                Ok(Some(Member::Whole(raw))) => {
                    if let Some(item) = self.parse(&raw) {
                        return Some(item);
                    }
                }
                Ok(Some(Member::Broken(raw))) if self.is_other(&raw) => {}
                Ok(Some(Member::Broken(raw))) => {
                    self.row += 1;
                    let reason = "the member has no end tag before the next begins; it is left out";
                    return Some(Err(self.bad(&raw, reason)));
                }
                Ok(None) => return None,
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

impl Iterator for GmlReader {
    type Item = Result<SourceFeature, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.over {
            return None;
        }
        let item = self.step();
        if matches!(item, None | Some(Err(ReadError::File(_)))) {
            self.over = true;
            self.schema.remarks.extend(self.tally.take());
        }
        item
    }
}

impl Reader for GmlReader {
    fn schema(&self) -> &SourceSchema {
        &self.schema
    }
}

#[cfg(test)]
mod tests;
