//! How `/api` describes features.

use bricola_layers::limits::{DEFAULT_PAGE, MAX_PAGE};
use serde_json::{Value, json};

use super::form::{self, Form};
use crate::error::Kind;
use crate::routes::parameters;
use crate::wired::schema::{boolean, formatted, list, number, reference, text, usually, whole, word};
use crate::wired::{Operation, Parameter, Words};

/// What features are needed for.
pub const CLASSES: &[&str] = &[
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/geojson",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/html",
    "http://www.opengis.net/spec/json-fg-1/1.0/conf/core",
    "http://www.opengis.net/spec/json-fg-1/1.0/conf/types-schemas",
    "http://www.opengis.net/spec/json-fg-1/1.0/conf/profiles",
    "http://www.opengis.net/spec/ogcapi-features-2/1.0/conf/crs",
    "http://www.opengis.net/spec/ogcapi-features-3/1.0/conf/queryables",
    "http://www.opengis.net/spec/ogcapi-features-3/1.0/conf/queryables-query-parameters",
    "http://www.opengis.net/spec/ogcapi-features-3/1.0/conf/filter",
    "http://www.opengis.net/spec/ogcapi-features-3/1.0/conf/features-filter",
    "http://www.opengis.net/spec/cql2/1.0/conf/cql2-text",
    "http://www.opengis.net/spec/cql2/1.0/conf/cql2-json",
    "http://www.opengis.net/spec/cql2/1.0/conf/basic-cql2",
    "http://www.opengis.net/spec/cql2/1.0/conf/advanced-comparison-operators",
    "http://www.opengis.net/spec/cql2/1.0/conf/case-insensitive-comparison",
    "http://www.opengis.net/spec/cql2/1.0/conf/accent-insensitive-comparison",
    "http://www.opengis.net/spec/cql2/1.0/conf/basic-spatial-functions",
    "http://www.opengis.net/spec/cql2/1.0/conf/basic-spatial-functions-plus",
    "http://www.opengis.net/spec/cql2/1.0/conf/spatial-functions",
    "http://www.opengis.net/spec/cql2/1.0/conf/temporal-functions",
    "http://www.opengis.net/spec/cql2/1.0/conf/property-property",
    "http://www.opengis.net/spec/cql2/1.0/conf/arithmetic",
];

const HEADERS: &[&str] = &["Bricola-Seq", "Cache-Control", "Content-Crs", "ETag"];
const FAILURES: [Kind; 6] = [
    Kind::UnknownLayer,
    Kind::LayerLoading,
    Kind::LayerUnreadable,
    Kind::Pruned,
    Kind::StoreUnavailable,
    Kind::TooCostly,
];

/// Of [`super::list`] (OGC API Features 1, 7.15).
pub fn about_list() -> Operation {
    let about = Words(
        "Gli oggetti di uno strato, a pagine in GeoJSON oppure tutti in un file; scelti per luogo, tempo e condizioni.",
        "The features of a layer, in pages as GeoJSON or all in a file; chosen by place, time and conditions.",
    );
    Operation::get("features", "features", Words("Gli oggetti di uno strato", "The features of a layer"), about)
        .takes([parameters::collection(), parameters::form(form::WORDS)])
        .takes(of_one())
        .takes([bbox(), bbox_crs(), parameters::interval()])
        .takes(parameters::filter())
        .takes([parameters::filter_crs(), sortby(), limit(), cursor(), parameters::fields(), parameters::explain()])
        .gives(
            about,
            contents("FeatureCollection", &form::WORDS)
                .into_iter()
                .chain([("application/json", reference("ItemsExplanation"))]),
            &["Bricola-Seq", "Cache-Control", "Content-Crs", "Content-Disposition", "ETag"],
        )
        .or_not_modified()
        .fails(FAILURES)
        .fails([Kind::MissingParameter, Kind::NotAcceptable, Kind::FilterSyntax, Kind::FilterField, Kind::FilterType])
        .fails([Kind::FilterUnsupported, Kind::FilterTooLarge, Kind::Unauthorized])
}

/// Of [`super::one`] (OGC API Features 1, 7.16).
pub fn about_one() -> Operation {
    let about = Words("Un oggetto, in GeoJSON.", "A feature, as GeoJSON.");
    Operation::get("feature", "features", Words("Un oggetto", "A feature"), about)
        .takes([parameters::collection(), parameters::feature(), parameters::form(form::WORDS_OF_ONE)])
        .takes(of_one())
        .gives(about, contents("Feature", &form::WORDS_OF_ONE), HEADERS)
        .or_not_modified()
        .fails(FAILURES)
        .fails([Kind::UnknownFeature, Kind::NotAcceptable])
}

/// The media types of some forms, each once.
fn contents(json: &str, words: &[&str]) -> Vec<(&'static str, Value)> {
    let mut contents: Vec<(&str, Value)> = Vec::new();
    for row in form::FORMS.iter().filter(|row| words.contains(&row.word)) {
        let schema = match row.form {
            Form::GeoJson | Form::JsonFg => reference(json),
            Form::NdJson | Form::Csv | Form::Html => text(),
            Form::FlatGeobuf | Form::GeoPackage | Form::Shapefile | Form::GeoParquet => formatted("binary"),
        };
        if contents.iter().all(|(media_type, _)| *media_type != row.media_type) {
            contents.push((row.media_type, schema));
        }
    }
    contents
}

/// Parameters of every answer with coordinates, beside `f`.
fn of_one() -> [Parameter; 6] {
    let crs = Words(
        "Il sistema di riferimento delle coordinate, uno di quelli che lo strato elenca",
        "The CRS of the coordinates, one of those that the layer lists",
    );
    let profile = Words(
        "Per GeoJSON: solo quello dell’RFC 7946, JSON-FG, o JSON-FG con le coordinate anche in WGS 84",
        "Of GeoJSON: RFC 7946 and no more, JSON-FG, or JSON-FG with coordinates in WGS 84 besides",
    );
    let properties = Words("I campi che servono", "The fields that are wanted");
    let skip = Words("Senza geometrie", "Without geometries");
    [
        Parameter::query("profile", profile, word(form::PROFILES.map(|(name, _)| name))),
        parameters::lang(),
        parameters::crs_uri("crs", crs),
        Parameter::query("properties", properties, list(&text())),
        Parameter::query("skipGeometry", skip, usually(boolean(), false)),
        parameters::at(),
    ]
}

/// OGC API Features 1, 7.15.3.
fn bbox() -> Parameter {
    let about = Words(
        "Un riquadro: angolo in basso a sinistra e in alto a destra; con sei numeri le quote non contano",
        "A box: lower left and upper right corner; of six numbers the heights do not count",
    );
    let four = json!({"minItems": 4, "maxItems": 4});
    let six = json!({"minItems": 6, "maxItems": 6});
    let schema = json!({"type": "array", "items": number(), "minItems": 4, "maxItems": 6, "oneOf": [four, six]});
    Parameter::query("bbox", about, schema)
}

fn bbox_crs() -> Parameter {
    parameters::crs_uri("bbox-crs", Words("Il sistema di riferimento del riquadro", "The CRS of the box"))
}

fn sortby() -> Parameter {
    let about = Words(
        "I campi per cui ordinare, con - davanti dal maggiore",
        "The fields to sort by, after - from the greatest on",
    );
    Parameter::query("sortby", about, list(&text()))
}

/// OGC API Features 1, 7.15.2: more than the most is no error.
fn limit() -> Parameter {
    let about = Words(
        "Quanti oggetti al più; in GeoJSON una pagina ne ha 10 se non si dice altro e mai più di 10000, un file li ha tutti",
        "How many features at most; a page of GeoJSON has 10 unless one says how many and never more than 10000, a file has all",
    );
    let mut schema = usually(whole(1), DEFAULT_PAGE);
    schema["maximum"] = json!(MAX_PAGE);
    Parameter::query("limit", about, schema)
}

fn cursor() -> Parameter {
    let about =
        Words("Da dove si continua, come lo dice il collegamento next", "Where to go on, as the link next says it");
    Parameter::query("cursor", about, text())
}
