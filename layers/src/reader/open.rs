//! Opening: from a path to the reader of its format, or to a message that says what to choose or to do.

use std::path::Path;
use std::sync::Arc;

use super::archive::{self, Documents, Member};
use super::detect::{Format, detect};
use super::gtfs::Timetable;
use super::source::Source;
use super::{ReadError, Reader, csv, flatgeobuf, geojson, geopackage, gml, kml, osm, shapefile};
use crate::definition::GeometryType;

/// What a user may say of a file beyond its path. Everything absent is found out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OpenOptions {
    /// Table, layer, feature type, folder or archive member to read (compared without case).
    pub layer: Option<String>,
    /// Encoding of text (`windows-1252`, `UTF-8`, `CP850` …), for CSV and shapefiles.
    pub encoding: Option<String>,
    /// Delimiter of a CSV.
    pub delimiter: Option<char>,
    /// Column of a CSV that holds x (east, longitude).
    pub x_column: Option<String>,
    /// Column of a CSV that holds y (north, latitude).
    pub y_column: Option<String>,
    /// Column of a CSV that holds geometries as WKT or hexadecimal WKB.
    pub wkt_column: Option<String>,
    /// What the layer to be loaded holds, for files that have both points and lines to offer (GTFS).
    pub geometry: Option<GeometryType>,
}

/// One of the things that can be read from a file.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerInfo {
    /// Its name, for [`OpenOptions::layer`].
    pub name: String,
    /// Its geometry type, if the file declares one.
    pub geometry: Option<GeometryType>,
    /// Its rows, if the file says so without being read.
    pub rows: Option<u64>,
}

/// Opens a file of any known format for reading.
///
/// # Errors
/// [`ReadError::File`] when the file is missing, empty, damaged or of an unknown format, or when it holds several
/// layers and [`OpenOptions::layer`] names none: the message lists them.
pub fn open(path: &Path, options: &OpenOptions) -> Result<Box<dyn Reader>, ReadError> {
    open_source(&Source::File(path.to_owned()), options)
}

/// Opens the bytes of a file; `name` stands for its file name. Formats that need a file on disk (`GeoPackage`, loose
/// shapefiles) are refused.
///
/// # Errors
/// As [`open`].
pub fn open_bytes(name: &str, bytes: Vec<u8>, options: &OpenOptions) -> Result<Box<dyn Reader>, ReadError> {
    open_source(&Source::Bytes(name.to_owned(), Arc::from(bytes)), options)
}

/// The layers that a file holds.
///
/// # Errors
/// As [`open`], except that several layers are no error.
pub fn layers(path: &Path) -> Result<Vec<LayerInfo>, ReadError> {
    layers_of(&Source::File(path.to_owned()))
}

fn open_source(source: &Source, options: &OpenOptions) -> Result<Box<dyn Reader>, ReadError> {
    match detect(source)? {
        Format::GeoPackage => geopackage::open(source, options),
        Format::FlatGeobuf => flatgeobuf::open(source),
        Format::Shapefile => shapefile::open(source, options),
        Format::Json => geojson::open(source, false),
        Format::JsonLines => geojson::open(source, true),
        Format::Csv => csv::open(source, options),
        Format::Kml => kml::open(&Documents::one(source.clone()), options),
        Format::Gml => gml::open(&Documents::one(source.clone()), options),
        Format::Osm => osm::open(source, options),
        Format::Gzip => open_source(&unpack(source)?, options),
        Format::Zip => open_archive(source, options),
    }
}

fn layers_of(source: &Source) -> Result<Vec<LayerInfo>, ReadError> {
    match detect(source)? {
        Format::GeoPackage => geopackage::layers(source),
        Format::Gzip => layers_of(&unpack(source)?),
        Format::Kml => kml::layers(&Documents::one(source.clone())),
        Format::Gml => gml::layers(&Documents::one(source.clone())),
        Format::Zip => {
            let mut found = Vec::new();
            for content in contents(source)? {
                match content {
                    Content::Kml(documents) => found.extend(kml::layers(&documents)?),
                    Content::Gml(documents) => found.extend(gml::layers(&documents)?),
                    Content::Timetable(timetable) => found.extend(timetable.layers()),
                    single => found.push(LayerInfo { name: single.name(), geometry: None, rows: None }),
                }
            }
            Ok(found)
        }
        _ => {
            let reader = open_source(source, &OpenOptions::default())?;
            let schema = reader.schema();
            Ok(vec![LayerInfo { name: schema.layer.clone(), geometry: schema.geometry, rows: schema.rows }])
        }
    }
}

fn unpack(source: &Source) -> Result<Source, ReadError> {
    if matches!(source, Source::Gzip(_)) {
        return Err(ReadError::File(format!("{}: compressed twice; decompress it first", source.name())));
    }
    Ok(Source::Gzip(Box::new(source.clone())))
}

/// Something readable in an archive.
enum Content {
    Shapefile(Box<shapefile::Parts>),
    Kml(Documents),
    Gml(Documents),
    Timetable(Timetable),
    Single(Source),
}

impl Content {
    fn name(&self) -> String {
        match self {
            Self::Shapefile(parts) => parts.name.clone(),
            Self::Kml(documents) | Self::Gml(documents) => documents.name(),
            Self::Timetable(timetable) => timetable.name(),
            Self::Single(source) => source.stem(),
        }
    }
}

fn contents(archive: &Source) -> Result<Vec<Content>, ReadError> {
    let members = archive::members(archive)?;
    if let Some(timetable) = Timetable::among(archive, &members) {
        return Ok(vec![Content::Timetable(timetable)]);
    }
    let has = |extension: &str| members.iter().any(|member| extension_of(member) == extension);
    let mut found: Vec<Content> =
        shapefile::in_archive(&members).into_iter().map(|parts| Content::Shapefile(Box::new(parts))).collect();
    if has("kml") {
        found.push(Content::Kml(Documents::in_archive(archive.clone(), &["kml"])));
    }
    if has("gml") || (has("zip") && found.is_empty()) {
        found.push(Content::Gml(Documents::in_archive(archive.clone(), &["gml"])));
    }
    for member in &members {
        let extension = extension_of(member);
        if matches!(extension.as_str(), "csv" | "geojson" | "json" | "ndjson" | "geojsonl" | "geojsons" | "fgb" | "tsv")
        {
            found.push(Content::Single(Source::Member(member.clone())));
        }
    }
    if !found.is_empty() {
        return Ok(found);
    }
    let name = archive.name();
    Err(ReadError::File(if members.is_empty() {
        format!("{name}: the archive is empty; copy or download it again")
    } else if has("gpkg") {
        format!("{name}: a GeoPackage cannot be read inside an archive; extract it first")
    } else {
        format!(
            "{name}: the archive holds nothing that can be read ({})",
            listed(members.iter().map(|m| m.path.as_str()))
        )
    }))
}

fn extension_of(member: &Member) -> String {
    member.file_name().rsplit_once('.').map_or_else(String::new, |(_, extension)| extension.to_ascii_lowercase())
}

fn open_archive(archive: &Source, options: &OpenOptions) -> Result<Box<dyn Reader>, ReadError> {
    let mut contents = contents(archive)?;
    let several = contents.len() > 1;
    if several {
        let names: Vec<String> = contents.iter().map(Content::name).collect();
        let index = choose(&archive.name(), &names, options.layer.as_deref())?;
        contents.swap(0, index);
    }
    match contents.swap_remove(0) {
        Content::Shapefile(parts) => shapefile::open_parts(&parts, options),
        Content::Kml(documents) if several => kml::open(&documents, &OpenOptions::default()),
        Content::Gml(documents) if several => gml::open(&documents, &OpenOptions::default()),
        Content::Kml(documents) => kml::open(&documents, options),
        Content::Gml(documents) => gml::open(&documents, options),
        Content::Timetable(timetable) => timetable.open(options),
        Content::Single(source) => match detect(&source)? {
            Format::Zip | Format::Gzip => Err(ReadError::File(format!(
                "{}: an archive inside the archive; extract the outer one first",
                source.name()
            ))),
            _ => open_source(&source, options),
        },
    }
}

/// Which of several layers is meant: the one that is named, or the only one.
pub(super) fn choose(file: &str, names: &[String], wanted: Option<&str>) -> Result<usize, ReadError> {
    let choices = || listed(names.iter().map(String::as_str));
    match (wanted, names.len()) {
        (Some(wanted), _) => {
            let lower = wanted.to_lowercase();
            names
                .iter()
                .position(|name| name == wanted)
                .or_else(|| names.iter().position(|name| name.to_lowercase() == lower))
                .ok_or_else(|| {
                    ReadError::File(format!("{file}: there is no layer `{wanted}` in it; choose one of {}", choices()))
                })
        }
        (None, 1) => Ok(0),
        (None, 0) => Err(ReadError::File(format!("{file}: there is no layer in it"))),
        (None, count) => {
            Err(ReadError::File(format!("{file}: {count} layers are in it; choose one by its name: {}", choices())))
        }
    }
}

/// Names in a sentence, the first twenty of them.
pub(super) fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.collect();
    let mut text: Vec<String> = names.iter().take(20).map(|name| format!("`{name}`")).collect();
    if names.len() > 20 {
        text.push(format!("and {} more", names.len() - 20));
    }
    text.join(", ")
}
