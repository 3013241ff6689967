//! How `/api` describes styles.

use bricola_layers::limits::MAX_MAP_PIXELS;

use super::MEDIA_TYPE;
use crate::error::Kind;
use crate::routes::parameters;
use crate::wired::schema::{between, boolean, formatted, pattern, reference, text, usually};
use crate::wired::{Method, Operation, Parameter, Words};

/// What the styles are needed for.
pub const CLASSES: &[&str] = &[
    "http://www.opengis.net/spec/ogcapi-styles-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-styles-1/1.0/conf/global-styles",
];

const CHANGED: &[&str] = &["Bricola-Dry-Run", "Bricola-Seq", "Cache-Control", "ETag"];
const MADE: &[&str] = &["Bricola-Seq", "Cache-Control", "ETag", "Location"];
const DONE: Words = Words("È fatto.", "It is done.");

/// Of [`super::list`].
pub fn about_list() -> Operation {
    let about = Words(
        "Gli stili: la carta della città, uno per strato e quelli che l’ente ha fatto.",
        "The styles: the city map, one for each layer, and those that the office has made.",
    );
    Operation::get("styles", "maps", Words("Gli stili", "The styles"), about)
        .takes([parameters::form(["json", "html"]), parameters::lang()])
        .gives(
            about,
            [("application/json", reference("Styles")), ("text/html", text())],
            &["Cache-Control", "Content-Language"],
        )
        .fails([Kind::NotAcceptable])
}

/// Of [`super::one`].
pub fn about_one() -> Operation {
    let about =
        Words("Uno stile MapLibre, anche con .json alla fine.", "A MapLibre style, also with .json at the end.");
    Operation::get("style", "maps", Words("Uno stile", "A style"), about)
        .takes([style(), parameters::form(["json", "mapbox"])])
        .gives(
            about,
            [("application/json", reference("Style")), (MEDIA_TYPE, reference("Style"))],
            &["Cache-Control", "ETag"],
        )
        .or_not_modified()
        .fails([Kind::UnknownStyle])
}

/// Of [`super::metadata::get`].
pub fn about_metadata() -> Operation {
    let about = Words(
        "Di che cosa tratta uno stile: titolo, parole chiave, strati con i loro campi.",
        "What a style is about: title, keywords, layers with their fields.",
    );
    Operation::get("style-metadata", "maps", Words("I metadati di uno stile", "The metadata of a style"), about)
        .takes([style(), parameters::form(["json"]), parameters::lang()])
        .gives(about, [("application/json", reference("StyleMetadata"))], &["Cache-Control", "Content-Language"])
        .fails([Kind::UnknownStyle])
}

/// Of [`super::map::get`].
pub fn about_thumbnail() -> Operation {
    let about = Words(
        "Un’immagine di uno stile con i dati di ora: dove ci sono, o nel riquadro che si chiede.",
        "A picture of a style with the data of now: where they are, or in the box that is asked for.",
    );
    let pixels = |usual: i64| usually(between(16, i64::from(MAX_MAP_PIXELS)), usual);
    let center = r"^-?[0-9]+(\.[0-9]+)?,-?[0-9]+(\.[0-9]+)?$";
    Operation::get("style-thumbnail", "maps", Words("L’anteprima di uno stile", "The preview of a style"), about)
        .takes([
            style(),
            parameters::bbox(),
            parameters::crs_uri("bbox-crs", Words("Il sistema di riferimento di bbox", "The CRS of bbox")),
            Parameter::query(
                "center",
                Words("Il centro, lon,lat, al posto di bbox", "The centre, lon,lat, instead of bbox"),
                pattern(center),
            ),
            Parameter::query("zoom", Words("Lo zoom, con center", "The zoom, with center"), zoom()),
            Parameter::query(
                "feature",
                Words(
                    "Un oggetto da mettere in evidenza, come strato/7; senza riquadro né centro, la mappa è la sua",
                    "A feature to be marked, such as layer/7; without box and centre the map is that around it",
                ),
                pattern(r"^[^/]+/[0-9]+$"),
            ),
            Parameter::query("width", Words("Larghezza in pixel", "Width in pixels"), pixels(400)),
            Parameter::query("height", Words("Altezza in pixel", "Height in pixels"), pixels(300)),
            Parameter::query(
                "scale",
                Words("Pixel per pixel, per schermi densi", "Pixels per pixel, for dense screens"),
                usually(between(1, 2), 1),
            ),
        ])
        .gives(about, [("image/png", formatted("binary"))], &["Bricola-Seq", "Cache-Control", "ETag"])
        .or_not_modified()
        .fails([
            Kind::UnknownStyle,
            Kind::MissingParameter,
            Kind::LayerLoading,
            Kind::UnknownLayer,
            Kind::UnknownFeature,
            Kind::LayerUnreadable,
            Kind::LayerStored,
        ])
}

/// Of [`super::edit::create`].
pub fn about_create() -> Operation {
    let about = Words(
        "Crea uno stile MapLibre; l’identificativo viene dal suo nome. Gli errori ci sono tutti, con il punto e il motivo.",
        "Makes a MapLibre style; the identifier comes from its name. All faults are told, with place and reason.",
    );
    edit(Method::Post, "new-style", Words("Creare uno stile", "Make a style"), about)
        .sent(sent())
        .replies(201, DONE, [], MADE)
        .replies(204, Words("È valido: era una prova.", "It is sound: it was a dry run."), [], CHANGED)
        .fails([Kind::InvalidStyle, Kind::PreconditionFailed])
}

/// Of [`super::edit::replace`].
pub fn about_replace() -> Operation {
    let about = Words(
        "Mette un altro stile al posto di quello che c’è, se è ancora quello che si è visto, o ne crea uno.",
        "Puts another style in the place of what is there, if that still is what was seen, or makes one.",
    );
    edit(Method::Put, "replaced-style", Words("Sostituire uno stile", "Replace a style"), about)
        .takes([style()])
        .sent(sent())
        .replies(201, DONE, [], MADE)
        .replies(204, DONE, [], CHANGED)
        .takes([Parameter::header("If-Match", Words("L’ETag che si è visto", "The ETag that was seen"), text())])
        .fails([Kind::InvalidStyle, Kind::PreconditionRequired, Kind::PreconditionFailed])
}

/// Of [`super::edit::remove`].
pub fn about_remove() -> Operation {
    let about = Words(
        "Toglie uno stile che l’ente ha fatto; se è di uno strato, torna quello automatico.",
        "Takes a style away that the office has made; if it is of a layer, the automatic one comes back.",
    );
    edit(Method::Delete, "removed-style", Words("Togliere uno stile", "Remove a style"), about)
        .takes([style()])
        .replies(204, DONE, [], CHANGED)
        .takes([Parameter::header("If-Match", Words("L’ETag che si è visto", "The ETag that was seen"), text())])
        .fails([Kind::UnknownStyle, Kind::PreconditionRequired, Kind::PreconditionFailed])
}

fn edit(method: Method, id: &'static str, summary: Words, about: Words) -> Operation {
    let words = Words("true: controlla e non cambia nulla", "true: checks and changes nothing");
    Operation::edit(method, id, summary, about).takes([Parameter::query("dry-run", words, usually(boolean(), false))])
}

fn sent() -> [(&'static str, serde_json::Value); 2] {
    [(MEDIA_TYPE, reference("Style")), ("application/json", reference("Style"))]
}

fn style() -> Parameter {
    let about = Words("Lo stile: city, uno strato o uno dell’ente", "The style: city, a layer or one of the office");
    Parameter::path("styleId", about, text(), "city")
}

fn zoom() -> serde_json::Value {
    serde_json::json!({"type": "number", "format": "double", "minimum": 0, "maximum": 22})
}
