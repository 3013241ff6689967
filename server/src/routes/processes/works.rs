//! `/works`: the register of public works, how they stand, and sums of them.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::{RawQuery, State};
use bricola_layers::cache::Snapshot;
use bricola_layers::feature::FeatureId;
use chrono::NaiveDate;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use http::{HeaderMap, header};
use serde_json::Value;

use super::inputs::Inputs;
use super::zones::{sent, unmeasurable};
use super::{Call, Input, Made, Output, Process, document, moment, place, wanted};
use crate::app::App;
use crate::error::{Answer, Kind, Problem};
use crate::middleware::Embeddable;
use crate::pages;
use crate::params::Params;
use crate::routes::when::{self, When};
use crate::routes::{parameters, respond, select};
use crate::services::areas::STREETS;
use crate::services::parcels::LAYER as PARCELS;
use crate::services::site::words;
use crate::services::works::{Around, By, DISTRICTS, Drawing, LAYER, Near, Question, Untold, drawing, works};
use crate::wired::schema::{between, boolean, formatted, number, reference, text, usually, whole, word};
use crate::wired::{Operation, Parameter, Words};

/// Works that are listed where nobody says how many, and at most.
const LISTED: [u64; 2] = [100, 10_000];
/// Metres from a place within which works count, at most.
const MAX_WITHIN_M: f64 = 1_000.0;
/// Columns of the groups as CSV.
const GROUPS: [&str; 18] = [
    "group",
    "works",
    "late",
    "days_late",
    "amount_eur",
    "amount_unknown",
    "valued",
    "planned_pct",
    "progress_pct",
    "planned_value_eur",
    "earned_value_eur",
    "schedule_variance_eur",
    "schedule_index",
    "costed",
    "actual_cost_eur",
    "cost_variance_eur",
    "cost_index",
    "growth_eur",
];
/// Columns of the works as CSV.
const WORKS: [&str; 25] = [
    "cup",
    "title",
    "phase",
    "kind",
    "funding",
    "amount_eur",
    "contract_eur",
    "growth_eur",
    "planned_pct",
    "progress_pct",
    "acknowledged_pct",
    "physical_variance_pct",
    "planned_value_eur",
    "earned_value_eur",
    "schedule_variance_eur",
    "schedule_index",
    "actual_cost_eur",
    "cost_variance_eur",
    "cost_index",
    "start_planned",
    "end_planned",
    "end_expected",
    "start_actual",
    "end_actual",
    "days_late",
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
    let mut inputs = vec![
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
            "group",
            Words(
                "Solo le opere di questo gruppo di «by»; - per quelle senza. Gli altri gruppi restano sommati",
                "Only works of this group of `by`; - for those of none. The other groups are summed up all the same",
            ),
            text(),
        ),
        wanted(
            "work",
            Words("L’opera di cui si vuole la scheda, per numero", "The work whose record is wanted, by its number"),
            whole(0),
        ),
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
        wanted(
            "within",
            Words(
                "Metri dal luogo entro cui un’opera conta; senza, 0 da una superficie, 5 da linee e punti",
                "Metres from the place within which a work counts; without it 0 from a surface, 5 from lines and points",
            ),
            number(),
        ),
    ];
    inputs.extend(place::inputs());
    inputs.push(at);
    inputs
}

fn run(call: Call) -> BoxFuture<'static, Result<Vec<Made>, Problem>> {
    async move { Ok(vec![document("works", &answer(&call.app, &call.inputs).await?)]) }.boxed()
}

/// `GET /works`.
pub async fn get(State(app): State<Arc<App>>, RawQuery(query): RawQuery, headers: HeaderMap) -> Answer {
    let params = Params::read(query.as_deref(), &[PROCESS.parameters(), vec!["table", "embed"]].concat())?;
    let inputs = Inputs::of_query(&params);
    let language = respond::language(&params, &headers)?;
    let form = params.one_of("f", &[("json", Form::Json), ("html", Form::Html), ("csv", Form::Csv)])?;
    let form = match form {
        Some(form) => form,
        None if respond::format(&params, &headers)? == respond::Format::Json => Form::Json,
        None => Form::Html,
    };
    let table = params.one_of("table", &[("groups", ("groups", &GROUPS[..])), ("works", ("works", &WORKS[..]))])?;
    let is_embedded = params.one_of("embed", &[("true", true), ("false", false)])?.unwrap_or(false);
    match form {
        Form::Csv => Ok(csv(&answer(&app, &inputs).await?, table.unwrap_or(("groups", &GROUPS)))),
        Form::Json => Ok(sent(&answer(&app, &inputs).await?)),
        Form::Html => {
            let base = respond::base_url(&app.config, &headers);
            let asked = pages::Asked::new(&app, language, &base, "works", query.as_deref());
            let outcome = drawn(&app, &inputs).await;
            let content = pages::desk::works(&asked, &levels(&app), &outcome);
            let mut response = pages::send(&asked, &content);
            if is_embedded {
                response.extensions_mut().insert(Embeddable);
            }
            Ok(response)
        }
    }
}

/// The forms of the answer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Json,
    Html,
    Csv,
}

/// The levels of districts that there are now, for the form.
fn levels(app: &App) -> Vec<String> {
    let layer = select::one(app, DISTRICTS).ok().and_then(|layer| layer.snapshot());
    layer.map(|layer| levels_of(&layer).into_iter().collect()).unwrap_or_default()
}

/// Groups or works as a table.
fn csv(answer: &Value, (member, columns): (&str, &[&str])) -> axum::response::Response {
    let cell = |value: &Value| match value {
        Value::Null => String::new(),
        Value::String(text) if text.contains([',', '"', '\n', '\r']) => format!("\"{}\"", text.replace('"', "\"\"")),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let members = answer[member].as_array().into_iter().flatten();
    let rows = members.map(|it| columns.iter().map(|column| cell(&it[*column])).collect::<Vec<_>>().join(","));
    let lines: Vec<String> = std::iter::once(columns.join(",")).chain(rows).collect();
    let mut response = sent(answer);
    *response.body_mut() = axum::body::Body::from(lines.join("\r\n") + "\r\n");
    respond::set(&mut response, header::CONTENT_TYPE, "text/csv; charset=utf-8; header=present");
    response
}

/// Of [`get`].
pub fn about() -> Operation {
    let table = Parameter::query(
        "table",
        Words("Quale tabella, come CSV", "Which table, as CSV"),
        usually(word(["groups", "works"]), "groups"),
    );
    let embed = Parameter::query(
        "embed",
        Words(
            "La pagina per altri siti: senza testata, e può stare in un loro riquadro",
            "The page for other sites: without a header, and they may show it in a frame",
        ),
        usually(boolean(), false),
    );
    Operation::get("works", "desk", PROCESS.title, PROCESS.about)
        .takes(inputs().into_iter().map(Input::parameter))
        .takes([parameters::lang(), parameters::form(["json", "html", "csv"]), table, embed])
        .gives(
            PROCESS.about,
            [("application/json", reference("WorksAnswer")), ("text/html", text()), ("text/csv", text())],
            &["Bricola-Seq", "Cache-Control"],
        )
        .fails(super::zones::FAILURES)
        .fails([Kind::UnknownFeature, Kind::NotAcceptable])
}

async fn answer(app: &App, inputs: &Inputs) -> Result<Value, Problem> {
    told(question(app, inputs).await?, works).await
}

/// The answer, and the works on a map.
async fn drawn(app: &App, inputs: &Inputs) -> Result<(Value, Drawing), Problem> {
    told(question(app, inputs).await?, |question| Ok((works(question)?, drawing(question)?))).await
}

async fn told<T: Send + 'static>(question: Question, tell: fn(&Question) -> Result<T, Untold>) -> Result<T, Problem> {
    let group = question.group.clone().unwrap_or_default();
    let told = tokio::task::spawn_blocking(move || tell(&question)).await.map_err(Problem::internal)?;
    told.map_err(|error| untold(&error, &group))
}

async fn question(app: &App, inputs: &Inputs) -> Result<Question, Problem> {
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
    let group = inputs.text("group")?.map(str::to_owned);
    let work = inputs.whole("work")?.map(|id| FeatureId::try_from(id).unwrap_or(FeatureId::MAX));
    let site = place::site(app, inputs, &when).await?;
    let within = within(inputs, site.is_some())?;
    let around = match work {
        Some(_) => around(app, &when).await?,
        None => Around::default(),
    };
    let folder = Arc::clone(&app.national);
    let national = tokio::task::spawn_blocking(move || folder.current()).await.map_err(Problem::internal)?;
    Ok(Question {
        day,
        by,
        only,
        odd_only,
        group,
        work,
        near: site.map(|site| Near::new(site, within)),
        around,
        limit: limit as usize,
        works: works_layer,
        districts,
        registers: Arc::clone(&app.registers),
        national,
        municipality: app.config.tenant.istat.clone(),
        seq,
    })
}

/// Metres from the place that count.
fn within(inputs: &Inputs, has_place: bool) -> Result<Option<f64>, Problem> {
    let Some(metres) = inputs.number("within")? else { return Ok(None) };
    if !has_place {
        return Err(Problem::missing(
            "geometry",
            "within needs a place: geometry, x and y, parcel, feature, address or along",
        ));
    }
    if !(0.0..=MAX_WITHIN_M).contains(&metres) {
        let reason = format!("must be metres from 0 to {MAX_WITHIN_M}");
        return Err(Problem::parameter("within", &metres.to_string(), reason));
    }
    Ok(Some(metres))
}

/// The layers of which it is told what lies at a work.
async fn around(app: &App, when: &When) -> Result<Around, Problem> {
    let mut layers = when.present(app, [PARCELS, STREETS, DISTRICTS]).await?;
    let [parcels, streets, districts] = [PARCELS, STREETS, DISTRICTS].map(|id| layers.remove(id));
    Ok(Around { parcels, streets, districts })
}

fn untold(error: &Untold, group: &str) -> Problem {
    match error {
        Untold::Unmeasurable(error) => unmeasurable(error),
        Untold::NoGroup { known } => Problem::parameter("group", group, format!("must be one of {}", known.join(", ")))
            .with("allowed", known.clone()),
        Untold::NoWork(id) => {
            Problem::new(Kind::UnknownFeature, format!("The register has no work {id} at that time."))
                .with("parameter", "work")
        }
    }
}

fn day(inputs: &Inputs) -> Result<NaiveDate, Problem> {
    Ok(inputs.day("day")?.unwrap_or_else(when::today))
}

/// The level of the districts: the only one there is, or the one that is named.
fn level(inputs: &Inputs, districts: &Snapshot) -> Result<String, Problem> {
    let levels = levels_of(districts);
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

fn levels_of(districts: &Snapshot) -> BTreeSet<String> {
    districts.rows().filter_map(|row| words(districts, row, "level")).collect()
}
