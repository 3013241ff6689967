//! How `/api` describes edits (OGC API Features 4).

use super::terms::{GEOJSON, MERGE_PATCH};
use crate::error::Kind;
use crate::routes::parameters;
use crate::wired::schema::{boolean, formatted, reference, text, usually};
use crate::wired::{Method, Operation, Parameter, Words};

const CHANGED: &[&str] = &["Bricola-Dry-Run", "Bricola-Seq", "Cache-Control", "ETag", "Preference-Applied"];
const SHOWN: &[&str] =
    &["Bricola-Dry-Run", "Bricola-Seq", "Cache-Control", "Content-Crs", "ETag", "Preference-Applied"];
const MADE: &[&str] = &["Bricola-Seq", "Cache-Control", "Content-Crs", "ETag", "Location", "Preference-Applied"];
const DONE: Words = Words("È fatto.", "It is done.");
const WOULD_BE: Words = Words(
    "Com’è dopo la modifica, o come sarebbe se era una prova.",
    "As it is after the edit, or would be if it was a dry run.",
);

/// Of [`super::create`].
pub fn about_create() -> Operation {
    let about = Words(
        "Crea un oggetto, o tutti quelli di una raccolta, o nessuno. Con la stessa Idempotency-Key una richiesta ripetuta entro \
         un giorno non crea due volte.",
        "Makes a feature, or all of a collection, or none. Under the same Idempotency-Key a request that is repeated within a day \
         does not make them twice.",
    );
    let key = Words("La chiave che rende ripetibile la richiesta", "The key that makes the request repeatable");
    Operation::edit(Method::Post, "new-feature", Words("Creare oggetti", "Make features"), about)
        .takes([parameters::collection(), dry_run(), content_crs(), prefer()])
        .takes([Parameter::header("Idempotency-Key", key, text())])
        .sent([(GEOJSON, reference("FeaturesToMake"))])
        .replies(201, DONE, [(GEOJSON, reference("Feature")), ("application/json", reference("FeaturesMade"))], MADE)
        .replies(
            200,
            Words("Che cosa sarebbe: era una prova.", "What would be: it was a dry run."),
            [(GEOJSON, reference("FeatureOrNull")), ("application/json", reference("FeaturesMade"))],
            SHOWN,
        )
        .replies(204, DONE, [], CHANGED)
        .fails([Kind::InvalidFeature, Kind::DuplicateKey, Kind::KeyReused])
}

/// Of [`super::replace`].
pub fn about_replace() -> Operation {
    let about = Words(
        "Mette un altro stato al posto di quello che c’è, se è ancora quello che si è visto.",
        "Puts another state in the place of what is there, if that still is what was seen.",
    );
    change(Method::Put, "replaced-feature", Words("Sostituire un oggetto", "Replace a feature"), about)
        .sent([(GEOJSON, reference("FeatureToBe"))])
        .gives(WOULD_BE, [(GEOJSON, reference("Feature"))], SHOWN)
        .fails([Kind::InvalidFeature, Kind::DuplicateKey])
}

/// Of [`super::update`].
pub fn about_update() -> Operation {
    let about = Words(
        "Cambia i campi o la geometria che si mandano (RFC 7386), se l’oggetto è ancora quello che si è visto.",
        "Changes the fields or the geometry that are sent (RFC 7386), if the feature still is what was seen.",
    );
    change(Method::Patch, "changed-feature", Words("Modificare un oggetto", "Change a feature"), about)
        .sent([(MERGE_PATCH, reference("FeaturePatch"))])
        .gives(WOULD_BE, [(GEOJSON, reference("Feature"))], SHOWN)
        .fails([Kind::InvalidFeature, Kind::DuplicateKey])
}

/// Of [`super::remove`].
pub fn about_remove() -> Operation {
    let about = Words(
        "Toglie un oggetto, se è ancora quello che si è visto. Ciò che era si sa ancora: /versions.",
        "Takes a feature away, if it still is what was seen. What it was is still known: /versions.",
    );
    change(Method::Delete, "removed-feature", Words("Togliere un oggetto", "Remove a feature"), about)
}

fn change(method: Method, id: &'static str, summary: Words, about: Words) -> Operation {
    let seen = Words(
        "L’ETag della versione da cui si parte; senza, la risposta è 428",
        "The ETag of the version that the edit was made from; without it the answer is 428",
    );
    Operation::edit(method, id, summary, about)
        .takes([parameters::collection(), parameters::feature(), dry_run(), content_crs(), prefer()])
        .takes([Parameter::header("If-Match", seen, text())])
        .replies(204, DONE, [], CHANGED)
        .fails([Kind::UnknownFeature, Kind::PreconditionRequired, Kind::PreconditionFailed])
}

/// Of every edit.
pub fn dry_run() -> Parameter {
    let about = Words("Dice che cosa sarebbe, senza cambiare nulla", "Says what would be, without changing anything");
    Parameter::query("dry-run", about, usually(boolean(), false))
}

/// Of every edit with coordinates.
pub fn content_crs() -> Parameter {
    let about = Words(
        "Il sistema di riferimento delle coordinate, tra parentesi angolari",
        "The CRS of the coordinates, in angle brackets",
    );
    Parameter::header("Content-Crs", about, formatted("uri"))
}

fn prefer() -> Parameter {
    let about = Words("return=representation o return=minimal", "return=representation or return=minimal");
    Parameter::header("Prefer", about, text())
}
