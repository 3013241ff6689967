//! How processes are described in `/api`.

use serde_json::{Value, json};

use super::PROCESSES;
use crate::error::Kind;
use crate::routes::parameters;
use crate::wired::schema::{any_object, between, reference, text, word};
use crate::wired::{Operation, Parameter, Words};

/// What may be wrong with the question of some process.
pub const FAILURES: [Kind; 15] = [
    Kind::MissingParameter,
    Kind::UnknownLayer,
    Kind::UnknownFeature,
    Kind::LayerLoading,
    Kind::LayerUnreadable,
    Kind::LayerStored,
    Kind::Pruned,
    Kind::StoreUnavailable,
    Kind::Unmeasurable,
    Kind::NoTariff,
    Kind::NoFee,
    Kind::NoRules,
    Kind::InvalidParameter,
    Kind::JobFailed,
    Kind::SearchBuilding,
];

/// Which process.
pub fn id() -> Parameter {
    let about = Words("Quale processo", "Which process");
    Parameter::path("processId", about, word(PROCESSES.map(|process| process.id)), "zones")
}

/// Of [`super::list`].
pub fn about_list() -> Operation {
    let about = Words("I servizi territoriali, come processi.", "The territorial services, as processes.");
    Operation::get("processes", "desk", Words("I processi", "The processes"), about)
        .takes([
            Parameter::query("limit", Words("Quanti al massimo", "How many at most"), between(1, 1_000)),
            parameters::lang(),
            parameters::form(["json", "html"]),
        ])
        .gives(about, [("application/json", reference("ProcessList")), ("text/html", text())], &["Cache-Control"])
        .fails([Kind::NotAcceptable])
}

/// Of [`super::one`].
pub fn about_one() -> Operation {
    let about = Words("Che cosa un processo chiede e che cosa dà.", "What a process takes and what it gives.");
    Operation::get("process", "desk", Words("Un processo", "A process"), about)
        .takes([id(), parameters::lang(), parameters::form(["json", "html"])])
        .gives(about, [("application/json", reference("Process")), ("text/html", text())], &["Cache-Control"])
        .fails([Kind::UnknownProcess, Kind::NotAcceptable])
}

/// Of [`super::execute`].
pub fn about_execute() -> Operation {
    let about = Words(
        "Chiede a un processo: risponde subito, o con Prefer: respond-async con un lavoro che si può seguire e annullare.",
        "Asks a process: it answers at once, or with Prefer: respond-async by a job that can be followed and dismissed.",
    );
    Operation::post("execution", "desk", Words("Chiedere a un processo", "Ask a process"), about, execution())
        .takes([id()])
        .gives(about, results(), &["Cache-Control"])
        .or_a_job()
        .fails(FAILURES)
        .fails([Kind::UnknownProcess, Kind::Unauthorized, Kind::InvalidReplyTo])
}

/// The body of a question to a process.
pub fn execution() -> Value {
    json!({"allOf": [reference("Execute")]})
}

/// What may come out of a process.
pub fn results() -> [(&'static str, Value); 6] {
    let binary = || crate::wired::schema::formatted("binary");
    [
        ("application/json", any_object()),
        ("text/html", text()),
        ("text/csv", text()),
        ("application/pdf", binary()),
        ("application/geopackage+sqlite3", binary()),
        ("multipart/related", binary()),
    ]
}
