//! The forms in which features are given, in one table: words of `f`, media types, names of files.

use bricola_layers::query::Profile;
use http::{HeaderMap, header};

use crate::error::{Kind, Problem};
use crate::params::Params;
use crate::routes::respond;
use crate::wired::Words;

/// In which form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    GeoJson,
    /// GeoJSON with more members (OGC 21-045r1).
    JsonFg,
    /// One feature a line.
    NdJson,
    /// With the geometry as well-known text.
    Csv,
    /// As it is written, without an index.
    FlatGeobuf,
    GeoPackage,
    /// In a zip archive.
    Shapefile,
    GeoParquet,
    /// A page for people.
    Html,
}

/// What there is to say of a form.
pub struct Row {
    pub form: Form,
    /// What `f` calls it.
    pub word: &'static str,
    /// For people.
    pub title: &'static str,
    /// The media type of the answer.
    pub media_type: &'static str,
    /// What `Accept` may ask for besides.
    also: &'static [&'static str],
    /// Of the file that it is saved as; features come in pages where there is none.
    pub extension: Option<&'static str>,
    /// What it is good for.
    pub about: Words,
}

/// Every form; the first is the usual one.
pub const FORMS: &[Row] = &[
    Row {
        form: Form::GeoJson,
        word: "json",
        title: "GeoJSON",
        media_type: "application/geo+json",
        also: &["application/json"],
        extension: None,
        about: Words("per mappe sul web e programmi, a pagine", "for web maps and programs, in pages"),
    },
    Row {
        form: Form::JsonFg,
        word: "jsonfg",
        title: "JSON-FG",
        // The standard (clause 16) asks for that of GeoJSON, of which it is a profile; clients of its drafts name their own.
        media_type: "application/geo+json",
        also: &["application/fg+json", "application/vnd.ogc.fg+json"],
        extension: None,
        about: Words(
            "GeoJSON dell’OGC con periodo di validità e coordinate in ogni sistema, a pagine",
            "OGC’s GeoJSON with the time of validity and coordinates in any CRS, in pages",
        ),
    },
    Row {
        form: Form::Html,
        word: "html",
        title: "HTML",
        media_type: "text/html",
        also: &[],
        extension: None,
        about: Words("una tabella da leggere, a pagine", "a table to read, in pages"),
    },
    Row {
        form: Form::FlatGeobuf,
        word: "fgb",
        title: "FlatGeobuf",
        media_type: "application/flatgeobuf",
        also: &["application/x-flatgeobuf"],
        extension: Some("fgb"),
        about: Words("il più veloce, per QGIS e GDAL", "the fastest, for QGIS and GDAL"),
    },
    Row {
        form: Form::GeoPackage,
        word: "gpkg",
        title: "GeoPackage",
        media_type: "application/geopackage+sqlite3",
        also: &["application/vnd.sqlite3"],
        extension: Some("gpkg"),
        about: Words("per QGIS e altri GIS, con indice spaziale", "for QGIS and other GIS, with a spatial index"),
    },
    Row {
        form: Form::GeoParquet,
        word: "parquet",
        title: "GeoParquet",
        media_type: "application/vnd.apache.parquet",
        also: &["application/x-parquet"],
        extension: Some("parquet"),
        about: Words("per analisi, con DuckDB, GeoPandas o R", "for analyses, with DuckDB, GeoPandas or R"),
    },
    Row {
        form: Form::Shapefile,
        word: "shp",
        title: "Shapefile",
        media_type: "application/zip",
        also: &["application/x-zip-compressed"],
        extension: Some("zip"),
        about: Words(
            "per programmi che leggono solo questo: nomi di dieci lettere, testi di 254 byte",
            "for programs that read nothing else: names of ten letters, texts of 254 bytes",
        ),
    },
    Row {
        form: Form::Csv,
        word: "csv",
        title: "CSV",
        media_type: "text/csv",
        also: &[],
        extension: Some("csv"),
        about: Words("per fogli di calcolo, con la geometria in WKT", "for spreadsheets, with the geometry as WKT"),
    },
    Row {
        form: Form::NdJson,
        word: "ndjson",
        title: "NDJSON",
        media_type: "application/x-ndjson",
        also: &["application/geo+json-seq"],
        extension: Some("ndjson"),
        about: Words("un oggetto GeoJSON per riga", "one GeoJSON feature a line"),
    },
];

impl Row {
    /// Whether it is for people who read it in a browser.
    pub fn is_page(&self) -> bool {
        self.form == Form::Html
    }

    /// Whether it is GeoJSON by another profile.
    pub fn is_profile(&self) -> bool {
        self.form == Form::JsonFg
    }
}

/// `geojson` is another word for the first form.
pub const WORDS: [&str; 10] = ["json", "geojson", "jsonfg", "html", "fgb", "gpkg", "parquet", "shp", "csv", "ndjson"];
/// Those of one feature.
pub const WORDS_OF_ONE: [&str; 4] = ["json", "geojson", "jsonfg", "html"];

/// Profiles of GeoJSON (JSON-FG 1, clause 15).
pub const PROFILES: [(&str, Profile); 3] =
    [("rfc7946", Profile::Rfc7946), ("jsonfg", Profile::JsonFg), ("jsonfg-plus", Profile::JsonFgPlus)];

impl Form {
    /// Its row of the table.
    pub fn row(self) -> &'static Row {
        FORMS.iter().find(|row| row.form == self).unwrap_or(&FORMS[0])
    }

    /// Whether it is a file that holds all features, not a page.
    pub fn is_file(self) -> bool {
        self.row().extension.is_some()
    }

    /// Whether the file is finished before its first byte is sent.
    pub fn is_built(self) -> bool {
        matches!(self, Self::GeoPackage | Self::Shapefile)
    }

    fn of(word: &str) -> Option<Self> {
        let word = if word == "geojson" { "json" } else { word };
        FORMS.iter().find(|row| row.word == word).map(|row| row.form)
    }
}

/// The form and profile that are asked for: by `f` of some words, else by `Accept`, else GeoJSON; `profile` makes JSON-FG
/// of GeoJSON and the other way round.
///
/// # Errors
/// A word that is none of them, an `Accept` that takes none, a profile of what is not GeoJSON.
pub fn read(params: &Params<'_>, headers: &HeaderMap, words: &[&'static str]) -> Result<(Form, Profile), Problem> {
    let words: Vec<(&str, Form)> = words.iter().filter_map(|word| Some((*word, Form::of(word)?))).collect();
    let form = match params.one_of("f", &words)? {
        Some(form) => form,
        None => accepted(headers, &words)?,
    };
    let profile = params.one_of("profile", &PROFILES)?;
    match (form, profile) {
        (Form::GeoJson | Form::JsonFg, Some(Profile::Rfc7946)) | (Form::GeoJson, None) => {
            Ok((Form::GeoJson, Profile::Rfc7946))
        }
        (Form::GeoJson | Form::JsonFg, profile) => Ok((Form::JsonFg, profile.unwrap_or(Profile::JsonFg))),
        (form, None) => Ok((form, Profile::Rfc7946)),
        (form, Some(_)) => {
            let text = params.text("profile").unwrap_or_default();
            Err(Problem::parameter("profile", text, format!("is of GeoJSON; {} has none", form.row().title)))
        }
    }
}

/// The form that `Accept` likes best.
fn accepted(headers: &HeaderMap, words: &[(&str, Form)]) -> Result<Form, Problem> {
    let Some(accept) = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()) else {
        return Ok(Form::GeoJson);
    };
    let rows = || FORMS.iter().filter(|row| words.iter().any(|(_, form)| *form == row.form));
    let mut best = (0.0, None);
    for row in rows() {
        // What JSON-FG is given as asks for plain GeoJSON.
        let own = (row.form != Form::JsonFg).then_some(row.media_type);
        for media_type in own.iter().chain(row.also) {
            let weight = respond::weight_of(accept, media_type);
            if weight > best.0 {
                best = (weight, Some(row.form));
            }
        }
    }
    best.1.ok_or_else(|| {
        let mut allowed: Vec<&str> = rows().map(|row| row.media_type).collect();
        allowed.dedup();
        Problem::new(Kind::NotAcceptable, format!("This path answers as {}.", allowed.join(", ")))
            .with("allowed", allowed)
    })
}
