//! The schemas of the desks' answers, of processes and of jobs.

mod mobility;

use serde_json::Value;

use super::super::schema::{
    any_object, between, boolean, envelope, formatted, list, nullable, number, object, reference, text, whole, word,
};

/// All of them.
pub fn all() -> Vec<(&'static str, Value)> {
    answers().into_iter().chain(mobility::reached()).chain(processes()).collect()
}

fn answers() -> Vec<(&'static str, Value)> {
    let used = object([("layer", text()), ("id", text()), ("version", whole(0))]);
    let both = object([("it", text()), ("en", text())]);
    let seen = object([("layer", text()), ("seq", whole(0))]);
    let transform =
        object([("from", text()), ("name", text()), ("code?", text()), ("accuracy_m?", number()), ("note", text())]);
    let evidence = object([
        ("engine", text()),
        ("measure", text()),
        ("transform", nullable(transform)),
        ("day", nullable(formatted("date"))),
        ("layers", list(&seen)),
        ("features", list(&reference("UsedFeature"))),
        ("seq", whole(0)),
        ("inputs_sha256", text()),
        ("sha256", text()),
    ]);
    let along = object([("street", text()), ("from_m", text()), ("to_m", text()), ("of_m", text())]);
    let place = object([
        ("kind", word(["point", "line", "surface"])),
        ("geometry_sha256", text()),
        ("lon?", number()),
        ("lat?", number()),
        ("area_m2?", text()),
        ("length_m?", text()),
        ("feature?", reference("UsedFeature")),
        ("along?", along),
        ("geometry?", reference("Geometry")),
    ]);
    let warning = object([("code", text()), ("text", reference("BothLanguages"))]);
    let zone = object([
        ("code", text()),
        ("name", text()),
        ("feature", reference("UsedFeature")),
        ("properties", any_object()),
        ("area_m2?", text()),
        ("length_m?", text()),
        ("percent?", nullable(text())),
    ]);
    let layer = object([
        ("layer", text()),
        ("title", reference("BothLanguages")),
        ("theme", text()),
        ("zones", list(&zone)),
        ("overlapping", boolean()),
        ("outside_percent?", nullable(text())),
    ]);
    let zones = object([
        ("place", reference("Place")),
        ("layers", list(&layer)),
        ("warnings", list(&reference("Warning"))),
        ("evidence", reference("Evidence")),
    ]);
    vec![
        ("UsedFeature", used),
        ("BothLanguages", both),
        ("Evidence", evidence),
        ("Place", place),
        ("Warning", warning),
        ("ZonesAnswer", zones),
        ("ParcelAnswer", parcels()),
        ("TariffAnswer", tariff()),
        ("CertificateAnswer", certificate()),
        ("RentalReport", rentals()),
        ("RentalCandidates", candidates()),
        ("UnitsAnswer", units()),
        ("ZtlAnswer", ztl()),
        ("ConflictsAnswer", mobility::conflicts()),
        ("WorksAnswer", works()),
    ]
}

fn parcels() -> Value {
    let neighbour = object([("reference", nullable(text())), ("feature", reference("UsedFeature"))]);
    let one = object([
        ("reference", nullable(text())),
        ("feature", reference("UsedFeature")),
        ("properties", any_object()),
        ("registered_m2", nullable(text())),
        ("area_m2?", text()),
        ("zones?", list(&any_object())),
        ("points?", list(&any_object())),
        ("neighbours?", list(&neighbour)),
        ("bbox?", envelope()),
        ("picture?", text()),
    ]);
    object([("parcels", list(&one)), ("warnings", list(&reference("Warning"))), ("evidence", reference("Evidence"))])
}

fn tariff() -> Value {
    let line = object([
        ("code", text()),
        ("label", reference("BothLanguages")),
        ("formula", reference("BothLanguages")),
        ("result", text()),
        ("unit", text()),
    ]);
    object([
        ("fee", text()),
        ("currency", text()),
        ("per_unit", nullable(text())),
        ("occupation", text()),
        ("quantity", any_object()),
        ("time", any_object()),
        ("zone_set", nullable(text())),
        ("zones", list(&any_object())),
        ("outside", text()),
        ("policy", nullable(any_object())),
        ("reductions", list(&any_object())),
        ("lines", list(&line)),
        ("warnings", list(&reference("Warning"))),
        ("day", formatted("date")),
        ("place?", reference("Place")),
        ("rules", any_object()),
        ("evidence", reference("Evidence")),
    ])
}

fn certificate() -> Value {
    let one = object([
        ("parcel", text()),
        ("feature", reference("UsedFeature")),
        ("day", formatted("date")),
        ("area_m2", text()),
        ("registered_m2", nullable(text())),
        ("layers", list(&any_object())),
        ("warnings", list(&reference("Warning"))),
        ("measure", text()),
        ("engine", text()),
        ("inputs_sha256", text()),
        ("sha256", text()),
    ]);
    object([("day", formatted("date")), ("certificates", list(&one)), ("evidence", reference("Evidence"))])
}

fn rentals() -> Value {
    let area = object([("code", nullable(text())), ("name", nullable(text())), ("feature", nullable(any_object()))]);
    let registered = object([("structures", whole(0)), ("units", whole(0)), ("beds", whole(0))]);
    let row = object([
        ("areas", list(&area)),
        ("listings", whole(0)),
        ("mismatches", nullable(whole(0))),
        ("standings", nullable(list(&whole(0)))),
        ("registered", nullable(registered.clone())),
    ]);
    let kind = object([("codes", list(&text())), ("title", reference("BothLanguages")), ("count", whole(0))]);
    let wrong = object([("row", whole(0)), ("reason", text())]);
    object([
        ("areas", list(&row)),
        ("standings", list(&kind)),
        ("listings", nullable(whole(0))),
        ("mismatches", nullable(whole(0))),
        ("registered", nullable(registered)),
        ("layer", text()),
        ("least", whole(2)),
        ("refused?", object([("count", whole(0)), ("rows", list(&wrong))])),
        ("warnings", list(&reference("Warning"))),
        ("evidence", reference("Evidence")),
    ])
}

fn candidates() -> Value {
    let candidate = object([
        ("address", text()),
        ("feature", reference("UsedFeature")),
        ("parcel", nullable(text())),
        ("dwellings", whole(0)),
        ("distance_m", text()),
        ("percent", text()),
    ]);
    object([
        ("place", reference("Place")),
        ("error_m", number()),
        ("model", text()),
        ("least", whole(2)),
        ("candidates", list(&candidate)),
        ("count", whole(0)),
        ("dwellings", whole(0)),
        ("registered", nullable(whole(0))),
        ("warnings", list(&reference("Warning"))),
        ("evidence", reference("Evidence")),
    ])
}

fn units() -> Value {
    let source = object([
        ("file", text()),
        ("sha256", text()),
        ("records", whole(0)),
        ("faults", whole(0)),
        ("refused", nullable(any_object())),
    ]);
    let parcel = object([
        ("reference", nullable(text())),
        ("feature", reference("UsedFeature")),
        ("units", list(&any_object())),
        ("land", list(&any_object())),
    ]);
    object([
        ("day", formatted("date")),
        ("parcels", list(&parcel)),
        ("sources", list(&source)),
        ("warnings", list(&reference("Warning"))),
        ("evidence", reference("Evidence")),
    ])
}

fn ztl() -> Value {
    let access = || word(["yes", "with_fee", "with_permit", "depends", "unknown", "no"]);
    let moment = || object([("utc", formatted("date-time")), ("local", formatted("date-time"))]);
    let zone = object([
        ("layer", text()),
        ("code", text()),
        ("name", text()),
        ("kind", nullable(object([("it", text()), ("en", text())]))),
        ("feature", reference("UsedFeature")),
        ("access", access()),
        ("needs", list(&text())),
        ("decisive", nullable(any_object())),
        ("others", list(&any_object())),
        ("permits", list(&any_object())),
    ]);
    let span = object([("from", moment()), ("to", moment()), ("access", access()), ("rules", list(&text()))]);
    object([
        ("access", access()),
        ("needs", list(&text())),
        ("instant", moment()),
        ("zones", list(&zone)),
        ("next_change", nullable(object([("at", moment()), ("access", access())]))),
        ("searched_until", moment()),
        ("permits", list(&any_object())),
        ("timeline", list(&span)),
        ("warnings", list(&reference("Warning"))),
        ("rules", any_object()),
        ("place", reference("Place")),
        ("gates", list(&any_object())),
        ("evidence", reference("Evidence")),
    ])
}

fn works() -> Value {
    let sums = || {
        [
            ("group?", text()),
            ("works", whole(0)),
            ("late", whole(0)),
            ("days_late", whole(0)),
            ("amount_eur", nullable(text())),
            ("amount_unknown", whole(0)),
            ("valued", whole(0)),
            ("planned_pct", nullable(text())),
            ("progress_pct", nullable(text())),
            ("planned_value_eur", nullable(text())),
            ("earned_value_eur", nullable(text())),
            ("schedule_variance_eur", nullable(text())),
            ("schedule_index", nullable(text())),
            ("costed", whole(0)),
            ("actual_cost_eur", nullable(text())),
            ("cost_variance_eur", nullable(text())),
            ("cost_index", nullable(text())),
            ("growth_eur", nullable(text())),
        ]
    };
    object([
        ("day", formatted("date")),
        ("by", word(["phase", "kind", "funding", "year", "district"])),
        ("group", nullable(text())),
        ("total", object(sums())),
        ("groups", list(&object(sums()))),
        ("works", list(&any_object())),
        ("work?", any_object()),
        ("place?", reference("Place")),
        ("within_m?", number()),
        ("national", any_object()),
        ("omitted", whole(0)),
        ("odd", whole(0)),
        ("warnings", list(&reference("Warning"))),
        ("evidence", reference("Evidence")),
    ])
}

fn processes() -> Vec<(&'static str, Value)> {
    let summary = || {
        [
            ("id", text()),
            ("version", text()),
            ("title", text()),
            ("description", text()),
            ("jobControlOptions", list(&word(["sync-execute", "async-execute", "dismiss"]))),
            ("outputTransmission", list(&word(["value", "reference"]))),
            ("links", list(&reference("Link"))),
        ]
    };
    let described = summary().into_iter().chain([("inputs", any_object()), ("outputs", any_object())]);
    let subscriber = object([
        ("successUri", formatted("uri")),
        ("inProgressUri?", formatted("uri")),
        ("failedUri?", formatted("uri")),
    ]);
    let execute = object([
        ("inputs?", any_object()),
        ("outputs?", any_object()),
        ("response?", word(["raw", "document"])),
        ("subscriber?", subscriber),
    ]);
    let reply = object([("state", word(["waiting", "sent", "given-up"])), ("reason?", text())]);
    let status = object([
        ("jobID", text()),
        ("processID", text()),
        ("type", word(["process"])),
        ("status", word(["accepted", "running", "successful", "failed", "dismissed"])),
        ("progress", between(0, 100)),
        ("message?", text()),
        ("created", formatted("date-time")),
        ("started?", formatted("date-time")),
        ("finished?", formatted("date-time")),
        ("updated", formatted("date-time")),
        ("reply?", reply),
        ("links", list(&reference("Link"))),
    ]);
    let of_list = |name: &'static str, what: &Value| object([(name, list(what)), ("links", list(&reference("Link")))]);
    vec![
        ("ProcessSummary", object(summary())),
        ("Process", object(described)),
        ("ProcessList", of_list("processes", &reference("ProcessSummary"))),
        ("Execute", execute),
        ("StatusInfo", status),
        ("JobList", of_list("jobs", &reference("StatusInfo"))),
    ]
}
