//! Answers about mobility: what is within reach, what a site collides with.

use serde_json::Value;

use super::super::super::schema::{
    any_object, between, boolean, formatted, list, nullable, number, object, reference, text, whole, word,
};

pub(super) fn reached() -> Vec<(&'static str, Value)> {
    let start = object([("street", reference("UsedFeature")), ("lon", number()), ("lat", number()), ("off_m", text())]);
    let within = object([
        ("layer", text()),
        ("title", reference("BothLanguages")),
        ("count", whole(0)),
        ("field?", text()),
        ("sum?", number()),
        ("without_value?", whole(0)),
    ]);
    let feature = object([
        ("feature", reference("UsedFeature")),
        ("code", text()),
        ("name", text()),
        ("metres", text()),
        ("minutes", text()),
    ]);
    let nearest = object([("layer", text()), ("title", reference("BothLanguages")), ("features", list(&feature))]);
    let part = object([("junctions", whole(1)), ("lon", number()), ("lat", number())]);
    let answer = object([
        ("place", reference("Place")),
        ("start", start),
        ("minutes", number()),
        ("speed_kmh", number()),
        ("metres", text()),
        ("streets_m", text()),
        ("streets", reference("Geometry")),
        ("area", reference("Geometry")),
        ("within", list(&within)),
        ("nearest", list(&nearest)),
        ("cut_off", list(&part)),
        ("tide?", tide()),
        ("warnings", list(&reference("Warning"))),
        ("evidence", reference("Evidence")),
    ]);
    vec![("ReachAnswer", answer)]
}

fn tide() -> Value {
    let street = object([
        ("feature", reference("UsedFeature")),
        ("name", nullable(text())),
        ("ground_m", text()),
        ("metres", text()),
    ]);
    object([
        ("level_m", text()),
        ("datum", reference("BothLanguages")),
        ("under_water", reference("Geometry")),
        ("streets", list(&street)),
        ("count", whole(0)),
        ("metres", text()),
        ("walkways", whole(0)),
        ("unknown", whole(0)),
    ])
}

pub(super) fn conflicts() -> Value {
    let severity = || word(["notice", "minor", "serious", "blocking"]);
    let conflict = object([
        ("role", text()),
        ("title", reference("BothLanguages")),
        ("feature", reference("UsedFeature")),
        ("name", text()),
        ("severity", severity()),
        ("distance_m", text()),
        ("dates", any_object()),
        ("common_days", nullable(whole(1))),
        ("reason", reference("BothLanguages")),
    ]);
    let window =
        object([("from", formatted("date")), ("to", formatted("date")), ("shift_days", between(-3_660, 3_660))]);
    object([
        ("site", any_object()),
        ("days", whole(1)),
        ("clearance_m", text()),
        ("worst", nullable(severity())),
        ("counts", any_object()),
        ("conflicts", list(&conflict)),
        ("omitted", whole(0)),
        ("free_window", nullable(window)),
        ("walk?", walk()),
        ("warnings", list(&reference("Warning"))),
        ("rules", any_object()),
        ("place", reference("Place")),
        ("complete", boolean()),
        ("evidence", reference("Evidence")),
    ])
}

fn walk() -> Value {
    let named = object([("feature", reference("UsedFeature")), ("name", text())]);
    let places = || {
        let of_layer = object([
            ("layer", text()),
            ("title", reference("BothLanguages")),
            ("count", whole(1)),
            ("features", list(&named)),
        ]);
        list(&of_layer)
    };
    let closed = object([
        ("feature", reference("UsedFeature")),
        ("name", text()),
        ("metres", text()),
        ("width_m", nullable(text())),
        ("effect", word(["none", "detour", "beyond", "cut_off"])),
        ("detour_m", nullable(text())),
    ]);
    let part = object([
        ("junctions", whole(1)),
        ("streets_m", text()),
        ("lon", number()),
        ("lat", number()),
        ("places", places()),
    ]);
    object([
        ("layer", text()),
        ("passage_m", text()),
        ("closed", list(&closed)),
        ("cut_off", list(&part)),
        ("within", places()),
    ])
}
