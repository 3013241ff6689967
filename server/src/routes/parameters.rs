//! Parameters that several nouns take, as `/api` describes them.

use bricola_layers::tile::WEB_MERCATOR_QUAD;
use serde_json::json;

use super::filter::{FILTER, FILTER_CRS, FILTER_LANG};
use super::when;
use crate::wired::schema::{boolean, formatted, pattern, reference, text, usually, word};
use crate::wired::{Parameter, Words};

/// The form of the answer; the first is the usual one.
pub fn form<const N: usize>(forms: [&'static str; N]) -> Parameter {
    let about = Words(
        "La forma della risposta, al posto dell’intestazione Accept",
        "The form of the answer, instead of the header Accept",
    );
    Parameter::query("f", about, word(forms))
}

/// The language of titles.
pub fn lang() -> Parameter {
    let about = Words(
        "La lingua dei titoli, al posto di Accept-Language",
        "The language of titles, instead of Accept-Language",
    );
    Parameter::query("lang", about, word(["it", "en"]))
}

/// A layer, as part of the path.
pub fn collection() -> Parameter {
    Parameter::path("collectionId", Words("Lo strato", "The layer"), reference("CollectionId"), super::parcels::EXAMPLE)
}

/// A feature, as part of the path.
pub fn feature() -> Parameter {
    Parameter::path("featureId", Words("L’oggetto", "The feature"), crate::wired::schema::whole(0), 1)
}

/// A tile matrix set, as part of the path: begins with a capital letter.
pub fn matrix_set() -> Parameter {
    let about = Words("La griglia; /tileMatrixSets le elenca", "The grid; /tileMatrixSets lists them");
    Parameter::path("tileMatrixSetId", about, pattern("^[A-Z][A-Za-z0-9_.-]*$"), WEB_MERCATOR_QUAD)
}

/// See [`super::tiles`].
pub fn explain() -> Parameter {
    let about = Words(
        "Con true, come nasce la risposta (JSON): solo per il personale, cioè con un gettone di chi modifica",
        "With true, how the answer comes about (JSON): for the staff only, that is with a token of those who edit",
    );
    Parameter::query("explain", about, usually(boolean(), false))
}

/// A list of layers.
pub fn layers() -> Parameter {
    let about = Words(
        "Gli strati, separati da virgole; senza, tutti",
        "The layers, separated by commas; all of them without it",
    );
    Parameter::query("layers", about, crate::wired::layer_list())
}

/// See [`when::AT`].
pub fn at() -> Parameter {
    let about = Words(
        "Come si sapeva allora: il numero (seq) di una modifica, o un istante RFC 3339",
        "As it was known then: the seq of a change, or an instant of RFC 3339",
    );
    Parameter::query(when::AT, about, text())
}

/// See [`when::DATETIME`], where it is a day.
pub fn day() -> Parameter {
    let about = Words(
        "Che cosa valeva quel giorno: una data, o un istante che ne indica il giorno in Italia",
        "What was in force on that day: a date, or an instant that means its day in Italy",
    );
    Parameter::query(when::DATETIME, about, text())
}

/// See [`when::DATETIME`], where it may be an interval (OGC API Features 1, 7.15.4).
pub fn interval() -> Parameter {
    let about = Words(
        "Che cosa valeva: una data, un istante o un intervallo come 2026-01-01/2026-12-31 o 2026-01-01/..",
        "What was in force: a date, an instant or an interval such as 2026-01-01/2026-12-31 or 2026-01-01/..",
    );
    Parameter::query(when::DATETIME, about, text())
}

/// A box in degrees.
pub fn bbox() -> Parameter {
    let about = Words("Un riquadro: ovest, sud, est, nord in gradi", "A box: west, south, east, north in degrees");
    Parameter::query("bbox", about, crate::wired::schema::envelope())
}

/// The name of a CRS.
pub fn crs(name: &'static str, about: Words) -> Parameter {
    Parameter::query(name, about, text())
}

/// A CRS by its URI (OGC API Features 2, 6.2).
pub fn crs_uri(name: &'static str, about: Words) -> Parameter {
    let crs84 = bricola_layers::crs::Crs::crs84().uri();
    Parameter::query(name, about, usually(formatted("uri"), crs84))
}

/// A filter and its language (OGC API Features 3, 7.1 to 7.3).
pub fn filter() -> [Parameter; 2] {
    let languages = usually(word(["cql2-text", "cql2-json"]), "cql2-text");
    [
        Parameter::query(FILTER, Words("Una condizione in CQL2", "A condition in CQL2"), text()),
        Parameter::query(FILTER_LANG, Words("Come è scritta la condizione", "How the condition is written"), languages),
    ]
}

/// The CRS of the geometries of a filter (OGC API Features 3, 7.4).
pub fn filter_crs() -> Parameter {
    crs_uri(
        FILTER_CRS,
        Words(
            "Il sistema di riferimento delle geometrie della condizione",
            "The CRS of the geometries of the condition",
        ),
    )
}

/// A parameter for each field of the layer (OGC API Features 3, 6.3).
pub fn fields() -> Parameter {
    let about = Words(
        "Il nome di un campo dello strato con il valore che deve avere; /queryables li elenca",
        "The name of a field of the layer with the value that it must have; /queryables lists them",
    );
    let schema = json!({"type": "object", "additionalProperties": text()});
    Parameter { place: crate::wired::Place::Fields, ..Parameter::query("fields", about, schema) }
}
