//! `/units`: the real-estate units and the land of a parcel, of the cadastre's census dumps. For the staff.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::response::Response;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use http::HeaderMap;
use serde_json::Value;

use super::inputs::Inputs;
use super::parcel::{found, too_many};
use super::zones::{FAILURES, names_a_place, outcome, sent};
use super::{Call, Input, Made, Output, Process, document, moment, place};
use crate::app::App;
use crate::error::{Answer, Kind, Problem};
use crate::pages;
use crate::params::Params;
use crate::routes::when;
use crate::routes::{bearer, parameters, respond};
use crate::services::units::{Question, units};
use crate::wired::schema::{reference, text};
use crate::wired::{Operation, Words};

/// See [`super::PROCESSES`].
pub const PROCESS: Process = Process {
    id: "units",
    version: "1.0.0",
    title: Words("Unità immobiliari di una particella", "Real-estate units of a parcel"),
    about: Words(
        "Le unità immobiliari e i terreni che le estrazioni censuarie (.FAB, .TER) hanno su una particella, a una data: categoria, \
         classe, consistenza, superficie, rendita, subalterni. Dei titolari non si legge nulla. Per il personale.",
        "The units and the land that the census dumps (.FAB, .TER) have on a parcel, on a day: category, class, size, area, income, \
         subunits. Nothing is read of owners. For the staff.",
    ),
    inputs,
    outputs: &[Output {
        name: "units",
        about: Words("Le unità per particella e le prove", "The units by parcel and the evidence"),
        media_type: "application/json",
    }],
    path: "/units",
    run,
};

fn inputs() -> Vec<Input> {
    let mut inputs = place::inputs();
    if let Some(parcel) = inputs.iter_mut().find(|input| input.name == "parcel") {
        parcel.example = Some("12/1");
    }
    inputs.extend(moment());
    inputs
}

fn run(call: Call) -> BoxFuture<'static, Result<Vec<Made>, Problem>> {
    async move { Ok(vec![document("units", &answer(&call.app, &call.inputs).await?)]) }.boxed()
}

/// `GET /units`.
pub async fn get(State(app): State<Arc<App>>, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    got(&app, query.as_deref(), &headers).await.unwrap_or_else(bearer::refusal_or)
}

async fn got(app: &Arc<App>, query: Option<&str>, headers: &HeaderMap) -> Answer {
    let params = Params::read(query, &PROCESS.parameters())?;
    let inputs = Inputs::of_query(&params);
    let (language, format) = (respond::language(&params, headers)?, respond::format(&params, headers)?);
    place::checked(&inputs)?;
    bearer::staff(app, headers)?;
    if format == respond::Format::Json {
        return Ok(sent(&answer(app, &inputs).await?));
    }
    let base = respond::base_url(&app.config, headers);
    let asked = pages::Asked::new(app, language, &base, "units", query);
    let outcome = outcome(names_a_place(&inputs), answer(app, &inputs)).await;
    Ok(pages::send(&asked, &pages::desk::units(&asked, &outcome)))
}

async fn answer(app: &Arc<App>, inputs: &Inputs) -> Result<Value, Problem> {
    let when = when::of(app, inputs.text(when::AT)?, inputs.text(when::DATETIME)?).await?;
    let seq = when.seq(app);
    let (parcels, rows, site) = found(app, inputs, &when).await?;
    too_many(rows.len())?;
    let question = Question { parcels, rows, site, day: when.valid_on.unwrap_or_else(when::today), seq };
    let dumps = Arc::clone(&app.units);
    let work = move || units(&question, &dumps.current());
    tokio::task::spawn_blocking(work).await.map_err(Problem::internal)
}

/// Of [`get`].
pub fn about() -> Operation {
    Operation::get("units", "desk", PROCESS.title, PROCESS.about)
        .takes(inputs().into_iter().map(Input::parameter))
        .takes([parameters::lang(), parameters::form(["json", "html"])])
        .gives(
            PROCESS.about,
            [("application/json", reference("UnitsAnswer")), ("text/html", text())],
            &["Bricola-Seq", "Cache-Control"],
        )
        .fails(FAILURES)
        .fails([Kind::Unauthorized, Kind::UnknownFeature, Kind::NotAcceptable])
}
