//! `/works`: the register of public works, how they stand, and sums of them.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::{RawQuery, State};
use bricola_layers::cache::Snapshot;
use chrono::NaiveDate;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use http::{HeaderMap, header};
use serde_json::Value;

use super::inputs::Inputs;
use super::zones::{sent, unmeasurable};
use super::{Call, Input, Made, Output, Process, document, moment, wanted};
use crate::app::App;
use crate::error::{Answer, Kind, Problem};
use crate::pages;
use crate::params::Params;
use crate::routes::when;
use crate::routes::{parameters, respond, select};
use crate::services::site::words;
use crate::services::works::{By, DISTRICTS, LAYER, Question, works};
use crate::wired::schema::{between, boolean, formatted, reference, text, usually, word};
use crate::wired::{Operation, Words};

/// Works that are listed where nobody says how many, and at most.
const LISTED: [u64; 2] = [100, 10_000];
/// Columns of the groups as CSV.
const COLUMNS: [&str; 11] = [
    "group",
    "works",
    "late",
    "amount_eur",
    "amount_unknown",
    "valued",
    "planned_value_eur",
    "earned_value_eur",
    "schedule_index",
    "actual_cost_eur",
    "growth_eur",
];

/// See [`super::PROCESSES`].
pub const PROCESS: Process = Process {
    id: "works",
    version: "1.0.0",
    title: Words("Come stanno le opere pubbliche", "How public works stand"),
    about: Words(
        "Il registro delle opere: importi, avanzamento, valore pianificato e realizzato, ritardi, scostamenti, per fase, tipo, fonte, \
         anno o quartiere; codici e date da controllare, con le prove.",
        "The register of works: amounts, progress, planned and earned value, delays, variances, by phase, kind, funding, year or \
         district; codes and dates to be looked at, with the evidence.",
    ),
    inputs,
    outputs: &[Output {
        name: "works",
        about: Words("Le somme, le opere e le prove", "The sums, the works and the evidence"),
        media_type: "application/json",
    }],
    path: "/works",
    run,
};

fn inputs() -> Vec<Input> {
    let [_, at] = moment();
    vec![
        wanted(
            "by",
            Words("Per che cosa si sommano", "By what they are summed up"),
            usually(word(By::WORDS.map(|(word, _)| word)), "phase"),
        ),
        wanted(
            "level",
            Words("Il livello dei quartieri, come sestiere", "The level of the districts, such as sestiere"),
            text(),
        ),
        wanted(
            "day",
            Words("Il giorno a cui si guarda; senza, oggi", "The day that is looked at; today without it"),
            formatted("date"),
        ),
        wanted("phase", Words("Solo le opere in questa fase", "Only works in this phase"), text()),
        wanted("kind", Words("Solo le opere di questo tipo", "Only works of this kind"), text()),
        wanted("funding", Words("Solo le opere con questa fonte", "Only works with this funding"), text()),
        wanted("cup", Words("Solo l’opera con questo CUP", "Only the work with this CUP"), text()),
        wanted(
            "odd",
            Words("Solo le opere con qualcosa da controllare", "Only works with something to be looked at"),
            usually(boolean(), false),
        ),
        wanted(
            "limit",
            Words("Opere elencate al massimo", "Works that are listed at most"),
            usually(between(0, LISTED[1] as i64), LISTED[0]),
        ),
        at,
    ]
}

fn run(call: Call) -> BoxFuture<'static, Result<Vec<Made>, Problem>> {
    async move { Ok(vec![document("works", &answer(&call.app, &call.inputs).await?)]) }.boxed()
}

/// `GET /works`.
pub async fn get(State(app): State<Arc<App>>, RawQuery(query): RawQuery, headers: HeaderMap) -> Answer {
    let params = Params::read(query.as_deref(), &PROCESS.parameters())?;
    let inputs = Inputs::of_query(&params);
    let language = respond::language(&params, &headers)?;
    let form = params.one_of("f", &[("json", Form::Json), ("html", Form::Html), ("csv", Form::Csv)])?;
    let form = match form {
        Some(form) => form,
        None if respond::format(&params, &headers)? == respond::Format::Json => Form::Json,
        None => Form::Html,
    };
    if form == Form::Csv {
        return Ok(csv(&answer(&app, &inputs).await?));
    }
    if form == Form::Json {
        return Ok(sent(&answer(&app, &inputs).await?));
    }
    let base = respond::base_url(&app.config, &headers);
    let asked = pages::Asked::new(&app, language, &base, "works", query.as_deref());
    let outcome = Some(answer(&app, &inputs).await);
    Ok(pages::send(&asked, &pages::desk::works(&asked, &outcome)))
}

/// The forms of the answer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Json,
    Html,
    Csv,
}

/// The groups as a table.
fn csv(answer: &Value) -> axum::response::Response {
    let cell = |value: &Value| match value {
        Value::Null => String::new(),
        Value::String(text) if text.contains([',', '"', '\n', '\r']) => format!("\"{}\"", text.replace('"', "\"\"")),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let groups = answer["groups"].as_array().into_iter().flatten();
    let rows = groups.map(|group| COLUMNS.map(|column| cell(&group[column])).join(","));
    let lines: Vec<String> = std::iter::once(COLUMNS.join(",")).chain(rows).collect();
    let mut response = sent(answer);
    *response.body_mut() = axum::body::Body::from(lines.join("\r\n") + "\r\n");
    respond::set(&mut response, header::CONTENT_TYPE, "text/csv; charset=utf-8; header=present");
    response
}

/// Of [`get`].
pub fn about() -> Operation {
    Operation::get("works", "desk", PROCESS.title, PROCESS.about)
        .takes(inputs().into_iter().map(Input::parameter))
        .takes([parameters::lang(), parameters::form(["json", "html", "csv"])])
        .gives(
            PROCESS.about,
            [("application/json", reference("WorksAnswer")), ("text/html", text()), ("text/csv", text())],
            &["Bricola-Seq", "Cache-Control"],
        )
        .fails(super::zones::FAILURES)
        .fails([Kind::NotAcceptable])
}

async fn answer(app: &App, inputs: &Inputs) -> Result<Value, Problem> {
    let by = match inputs.text("by")? {
        None => By::Phase,
        Some(text) => By::WORDS.iter().find(|(word, _)| *word == text).map(|(_, by)| *by).ok_or_else(|| {
            let known = By::WORDS.map(|(word, _)| word);
            Problem::parameter("by", text, format!("must be one of {}", known.join(", ")))
                .with("allowed", known.to_vec())
        })?,
    };
    let limit = inputs.whole("limit")?.unwrap_or(LISTED[0]);
    if limit > LISTED[1] {
        return Err(Problem::parameter(
            "limit",
            &limit.to_string(),
            format!("must be a whole number, 0 to {}", LISTED[1]),
        ));
    }
    let (day, odd_only) = (day(inputs)?, inputs.flag("odd")?.unwrap_or(false));
    let mut only = Vec::new();
    for field in ["phase", "kind", "funding", "cup"] {
        only.extend(inputs.text(field)?.map(|value| (field, value.to_owned())));
    }
    let when = when::of(app, inputs.text(when::AT)?, None).await?;
    let seq = when.seq(app);
    // That there is no register is told.
    let works_layer = match select::one(app, LAYER) {
        Ok(layer) => Some(when.snapshots(app, &[layer]).await?.swap_remove(0)),
        Err(_) => None,
    };
    let districts = match by {
        By::District => {
            let layer = when.snapshots(app, &[select::one(app, DISTRICTS)?]).await?.swap_remove(0);
            let level = level(inputs, &layer)?;
            Some((layer, level))
        }
        _ => None,
    };
    let question = Question { day, by, only, odd_only, limit: limit as usize, works: works_layer, districts, seq };
    let work = tokio::task::spawn_blocking(move || works(&question)).await.map_err(Problem::internal)?;
    work.map_err(|error| unmeasurable(&error))
}

fn day(inputs: &Inputs) -> Result<NaiveDate, Problem> {
    Ok(inputs.day("day")?.unwrap_or_else(when::today))
}

/// The level of the districts: the only one there is, or the one that is named.
fn level(inputs: &Inputs, districts: &Snapshot) -> Result<String, Problem> {
    let levels: BTreeSet<String> = districts.rows().filter_map(|row| words(districts, row, "level")).collect();
    let known = || levels.iter().cloned().collect::<Vec<_>>();
    match inputs.text("level")? {
        Some(level) if levels.contains(level) => Ok(level.to_owned()),
        Some(level) => Err(Problem::parameter("level", level, format!("must be one of {}", known().join(", ")))
            .with("allowed", known())),
        None if levels.len() == 1 => Ok(known().swap_remove(0)),
        None => Err(Problem::missing("level", format!("say which districts: one of {}", known().join(", ")))
            .with("allowed", known())),
    }
}
