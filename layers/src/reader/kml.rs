//! KML 2.2 (OGC 07-147r2), loose or as the documents of a KMZ: placemarks with their data.
//!
//! All placemarks of all folders (and of all documents of a KMZ) are read together unless one is chosen; columns
//! `folder` and `document` say where a placemark stands.

use std::borrow::Cow;

use geo_types::{Geometry, LineString, Point};

use super::archive::Documents;
use super::columns::Columns;
use super::encoding::utf8_or_1252;
use super::geometry::{feature, gather, polygon, row_error};
use super::open::{LayerInfo, OpenOptions, listed};
use super::tally::Tally;
use super::xml::{Cutter, Element, Piece, local, tuples};
use super::{ReadError, Reader, SourceCrs, SourceFeature, SourceSchema};
use crate::definition::FieldType;
use crate::feature::Value;
use crate::limits::{MAX_COLUMNS, MAX_NESTING};

/// Placemarks that are looked at for columns before reading begins.
const SURVEYED_ROWS: u64 = 20_000;

/// Opens a set of KML documents.
pub(super) fn open(documents: &Documents, options: &OpenOptions) -> Result<Box<dyn Reader>, ReadError> {
    let survey = Survey::run(documents, options.layer.as_deref())?;
    if let Some(wanted) = &options.layer
        && survey.rows == 0
        && survey.complete
    {
        return Err(ReadError::File(format!(
            "{}: there is no folder or document `{wanted}` in it; choose one of {}",
            documents.name(),
            listed(layers(documents)?.iter().map(|layer| layer.name.as_str()))
        )));
    }
    if survey.rows == 0 && survey.links > 0 {
        return Err(ReadError::File(format!(
            "{}: the KML only links to {} other files and holds no placemarks; load those instead",
            documents.name(),
            survey.links
        )));
    }
    let mut remarks = Vec::new();
    if options.layer.is_none() && survey.places.len() > 1 {
        remarks.push(format!(
            "{} folders or documents are read together; choose one by its name to read it alone",
            survey.places.len()
        ));
    }
    let name = documents.name();
    let schema = SourceSchema {
        format: "KML",
        layer: options
            .layer
            .clone()
            .unwrap_or_else(|| name.rsplit_once('.').map_or(&*name, |(stem, _)| stem).to_owned()),
        fields: survey.columns.fields(),
        crs: SourceCrs::Epsg(4326),
        geometry: None,
        tabular: false,
        rows: survey.complete.then_some(survey.rows),
        encoding: None,
        remarks,
    };
    let placemarks = Placemarks::start(documents, options.layer.as_deref())?;
    Ok(Box::new(KmlReader {
        placemarks,
        columns: survey.columns,
        schema,
        tally: Tally::default(),
        row: 0,
        over: false,
    }))
}

/// The folders and documents with placemarks.
pub(super) fn layers(documents: &Documents) -> Result<Vec<LayerInfo>, ReadError> {
    let survey = Survey::run(documents, None)?;
    let complete = survey.complete;
    let layer = |(name, rows): (String, u64)| LayerInfo { name, geometry: None, rows: complete.then_some(rows) };
    Ok(survey.places.into_iter().map(layer).collect())
}

/// A placemark as it was cut out, and where it stands.
enum Found {
    Placemark(Vec<u8>),
    Broken,
}

/// All placemarks of a set of documents.
struct Placemarks {
    walk: super::archive::Walk,
    cutter: Option<Cutter>,
    document: String,
    documents: u64,
    /// Names of the open folders and documents.
    folders: Vec<String>,
    /// Elements that are open outside placemarks.
    path: Vec<String>,
    links: u64,
    wanted: Option<String>,
}

impl Placemarks {
    fn start(documents: &Documents, wanted: Option<&str>) -> Result<Self, ReadError> {
        Ok(Self {
            walk: documents.walk()?,
            cutter: None,
            document: String::new(),
            documents: 0,
            folders: Vec::new(),
            path: Vec::new(),
            links: 0,
            wanted: wanted.map(str::to_lowercase),
        })
    }

    /// The innermost folder that has a name.
    fn folder(&self) -> &str {
        self.folders.iter().rev().find(|name| !name.is_empty()).map_or("", String::as_str)
    }

    fn is_wanted(&self) -> bool {
        self.wanted.as_ref().is_none_or(|wanted| {
            self.document.to_lowercase() == *wanted || self.folders.iter().any(|name| name.to_lowercase() == *wanted)
        })
    }

    fn next(&mut self) -> Result<Option<Found>, ReadError> {
        loop {
            let Some(cutter) = &mut self.cutter else {
                let Some((path, stream)) = self.walk.next_document()? else { return Ok(None) };
                let file = path.rsplit(['/', '\\']).next().unwrap_or_default();
                file.rsplit_once('.').map_or(file, |(stem, _)| stem).clone_into(&mut self.document);
                self.documents += 1;
                self.folders.clear();
                self.path.clear();
                self.cutter = Some(Cutter::new(&path, stream, |name| name == "Placemark", |_| false)?);
                continue;
            };
            match cutter.next_piece()? {
                None => self.cutter = None,
                Some(Piece::Member(member)) if self.is_wanted() => return Ok(Some(Found::Placemark(member))),
                Some(Piece::Broken(_)) if self.is_wanted() => return Ok(Some(Found::Broken)),
                Some(Piece::Member(_) | Piece::Broken(_)) => {}
                Some(Piece::Open(tag)) => self.enter(&tag)?,
                Some(Piece::Close { name, text }) => self.leave(&name, &text),
            }
        }
    }

    fn enter(&mut self, tag: &str) -> Result<(), ReadError> {
        if self.path.len() >= MAX_NESTING {
            return Err(ReadError::File(format!(
                "{}: nested deeper than MAX_NESTING ({MAX_NESTING}); the file is damaged",
                self.document
            )));
        }
        let name = local(tag.split_whitespace().next().unwrap_or_default()).to_owned();
        match name.as_str() {
            "Folder" | "Document" => self.folders.push(String::new()),
            "NetworkLink" => self.links += 1,
            _ => {}
        }
        self.path.push(name);
        Ok(())
    }

    fn leave(&mut self, name: &str, text: &str) {
        if self.path.last().is_some_and(|open| open == name) {
            self.path.pop();
        }
        let within = self.path.last().is_some_and(|parent| matches!(parent.as_str(), "Folder" | "Document"));
        if name == "name" && within {
            if let Some(folder) = self.folders.last_mut() {
                let escaped = text.trim();
                *folder = quick_xml::escape::unescape(escaped).map_or_else(|_| escaped.to_owned(), Cow::into_owned);
            }
        } else if matches!(name, "Folder" | "Document") {
            self.folders.pop();
        }
    }
}

/// The first pass: columns, folders, number of rows.
struct Survey {
    columns: Columns,
    places: Vec<(String, u64)>,
    rows: u64,
    links: u64,
    complete: bool,
}

impl Survey {
    fn run(documents: &Documents, wanted: Option<&str>) -> Result<Self, ReadError> {
        let mut placemarks = Placemarks::start(documents, wanted)?;
        let mut columns = Columns::default();
        columns.note("name", Some(FieldType::Text));
        columns.note("description", Some(FieldType::Text));
        let mut survey = Self { columns, places: Vec::new(), rows: 0, links: 0, complete: false };
        let mut tally = Tally::default();
        let (mut folders, mut documents) = (false, false);
        while survey.rows < SURVEYED_ROWS {
            let found = match placemarks.next() {
                Ok(Some(found)) => found,
                Ok(None) => {
                    survey.complete = true;
                    break;
                }
                // The reader meets it again and tells it after the good rows before it.
                Err(_) => break,
            };
            survey.rows += 1;
            folders |= !placemarks.folder().is_empty();
            documents |= placemarks.documents > 1;
            survey.place(&placemarks);
            if let Found::Placemark(raw) = found
                && let Ok(placemark) = Element::parse(&utf8_or_1252(&raw, &mut tally))
            {
                for (name, _) in data(&placemark) {
                    survey.columns.note(&name, Some(FieldType::Text));
                }
            }
        }
        survey.links = placemarks.links;
        if folders {
            survey.columns.note("folder", Some(FieldType::Text));
        }
        if documents {
            survey.columns.note("document", Some(FieldType::Text));
        }
        Ok(survey)
    }

    fn place(&mut self, placemarks: &Placemarks) {
        let name = if placemarks.folder().is_empty() { placemarks.document.as_str() } else { placemarks.folder() };
        if let Some((_, count)) = self.places.iter_mut().find(|(known, _)| known == name) {
            *count += 1;
        } else if self.places.len() < MAX_COLUMNS {
            self.places.push((name.to_owned(), 1));
        }
    }
}

/// The data of a placemark: `Data` and `SimpleData` of its `ExtendedData`.
fn data(placemark: &Element) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for extended in placemark.all("ExtendedData") {
        for data in extended.all("Data") {
            let value = data.child("value").map_or_else(|| data.trimmed(), Element::trimmed);
            found.extend(data.attribute("name").map(|name| (name.to_owned(), value.to_owned())));
        }
        for schema in extended.all("SchemaData") {
            for simple in schema.all("SimpleData") {
                found.extend(simple.attribute("name").map(|name| (name.to_owned(), simple.trimmed().to_owned())));
            }
        }
    }
    found
}

fn geometry(placemark: &Element, tally: &mut Tally) -> Result<Option<Geometry<f64>>, String> {
    let mut parts = Vec::new();
    for child in &placemark.children {
        parts.extend(part(child, tally)?);
    }
    Ok(gather(parts))
}

fn part(element: &Element, tally: &mut Tally) -> Result<Option<Geometry<f64>>, String> {
    let coordinates = |element: &Element| {
        element.child("coordinates").map_or_else(|| Ok(Vec::new()), |found| tuples(&found.text, '.', ','))
    };
    Ok(match element.name.as_str() {
        "Point" => coordinates(element)?.first().map(|&coord| Point(coord).into()),
        "LineString" | "LinearRing" => {
            let coords = coordinates(element)?;
            (!coords.is_empty()).then(|| LineString(coords).into())
        }
        "Polygon" => {
            let mut rings = Vec::new();
            let bounds = element.all("outerBoundaryIs").take(1).chain(element.all("innerBoundaryIs"));
            for ring in bounds.flat_map(|bound| bound.all("LinearRing")) {
                rings.push(coordinates(ring)?);
            }
            if rings.first().is_some_and(Vec::is_empty) {
                return Err("the polygon has no outer ring".to_owned());
            }
            polygon(rings, tally).map(Into::into)
        }
        "MultiGeometry" => {
            let mut parts = Vec::new();
            for child in &element.children {
                parts.extend(part(child, tally)?);
            }
            gather(parts)
        }
        "Track" | "MultiTrack" | "Model" => {
            return Err(format!("a {} is not a geometry that can be read; convert it to lines first", element.name));
        }
        _ => None,
    })
}

struct KmlReader {
    placemarks: Placemarks,
    columns: Columns,
    schema: SourceSchema,
    tally: Tally,
    row: u64,
    over: bool,
}

impl KmlReader {
    fn parse(&mut self, raw: &[u8]) -> Result<SourceFeature, ReadError> {
        let row = self.row;
        let text = utf8_or_1252(raw, &mut self.tally);
        let placemark = Element::parse(&text).map_err(|reason| row_error(row, reason))?;
        let geometry = geometry(&placemark, &mut self.tally).map_err(|reason| row_error(row, reason))?;
        let mut values = vec![Value::Null; self.columns.len()];
        let own = |name: &str| placemark.child(name).map(|child| child.trimmed().to_owned()).unwrap_or_default();
        let places = [
            ("name".to_owned(), own("name")),
            ("description".to_owned(), own("description")),
            ("folder".to_owned(), self.placemarks.folder().to_owned()),
            ("document".to_owned(), self.placemarks.document.clone()),
        ];
        for (at, (name, value)) in places.into_iter().chain(data(&placemark)).enumerate() {
            match self.columns.position(&name) {
                Some(position) if !value.is_empty() => values[position] = Value::Text(value),
                None if at >= 4 && !value.is_empty() => self.tally.late_column(&name),
                _ => {}
            }
        }
        feature(row, geometry, values)
    }
}

impl Iterator for KmlReader {
    type Item = Result<SourceFeature, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.over {
            return None;
        }
        let item = match self.placemarks.next() {
            Ok(Some(found)) => {
                self.row += 1;
                return Some(match found {
                    Found::Placemark(raw) => self.parse(&raw),
                    Found::Broken => {
                        Err(row_error(self.row, "the placemark has no end tag before the next begins; it is left out"))
                    }
                });
            }
            Ok(None) => None,
            Err(error) => Some(Err(error)),
        };
        self.over = true;
        self.schema.remarks.extend(self.tally.take());
        item
    }
}

impl Reader for KmlReader {
    fn schema(&self) -> &SourceSchema {
        &self.schema
    }
}

#[cfg(test)]
mod tests;
