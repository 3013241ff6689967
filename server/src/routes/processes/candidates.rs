//! `/rentals/candidates`: what the blurred place of a listing may mean. For the staff.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::response::Response;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use http::HeaderMap;
use serde_json::Value;

use super::inputs::Inputs;
use super::rentals::{checked, error_input, error_m, layer, least, least_input};
use super::zones::{FAILURES, names_a_place, outcome, sent};
use super::{Call, Input, Made, Output, Process, document, moment, place};
use crate::app::App;
use crate::error::{Answer, Kind, Problem};
use crate::pages;
use crate::params::Params;
use crate::routes::when;
use crate::routes::{bearer, parameters, respond};
use crate::services::rentals::{Blurred, REGISTER, blurred};
use crate::services::site::Shape;
use crate::wired::schema::{reference, text};
use crate::wired::{Operation, Words};

/// See [`super::PROCESSES`].
pub const PROCESS: Process = Process {
    id: "rental-candidates",
    version: "1.0.0",
    title: Words("Dove può essere un annuncio", "Where a listing may be"),
    about: Words(
        "I civici che il punto approssimato di un annuncio può indicare, ciascuno con la sua probabilità, secondo le abitazioni \
         nel cerchio dell’errore. Dove sono poche non si dà alcun elenco. Per il personale.",
        "The addresses that the blurred place of a listing may mean, each with its probability, by the dwellings in the circle of \
         its error. Where they are few there is no list. For the staff.",
    ),
    inputs,
    outputs: &[Output {
        name: "candidates",
        about: Words("I civici possibili e le prove", "The possible addresses and the evidence"),
        media_type: "application/json",
    }],
    path: "/rentals/candidates",
    run,
};

fn inputs() -> Vec<Input> {
    let mut inputs = place::inputs_at_san_marco();
    inputs.extend([error_input(), least_input()]);
    inputs.extend(moment());
    inputs
}

fn run(call: Call) -> BoxFuture<'static, Result<Vec<Made>, Problem>> {
    async move { Ok(vec![document("candidates", &answer(&call.app, &call.inputs).await?)]) }.boxed()
}

/// `GET /rentals/candidates`.
pub async fn get(State(app): State<Arc<App>>, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    got(&app, query.as_deref(), &headers).await.unwrap_or_else(bearer::refusal_or)
}

async fn got(app: &Arc<App>, query: Option<&str>, headers: &HeaderMap) -> Answer {
    let params = Params::read(query, &PROCESS.parameters())?;
    let inputs = Inputs::of_query(&params);
    let (language, format) = (respond::language(&params, headers)?, respond::format(&params, headers)?);
    checked(&inputs)?;
    place::checked(&inputs)?;
    bearer::staff(app, headers)?;
    if format == respond::Format::Json {
        return Ok(sent(&answer(app, &inputs).await?));
    }
    let base = respond::base_url(&app.config, headers);
    let asked = pages::Asked::new(app, language, &base, "rentals/candidates", query);
    let outcome = outcome(names_a_place(&inputs), answer(app, &inputs)).await;
    Ok(pages::send(&asked, &pages::desk::candidates(&asked, &outcome)))
}

async fn answer(app: &Arc<App>, inputs: &Inputs) -> Result<Value, Problem> {
    let when = when::of(app, inputs.text(when::AT)?, inputs.text(when::DATETIME)?).await?;
    let seq = when.seq(app);
    let site = place::site(app, inputs, &when).await?;
    let site = site.ok_or_else(|| Problem::missing("x", "say where the listing is shown: x and y, or a geometry"))?;
    let Shape::Point(_) = site.shape else {
        return Err(Problem::parameter("geometry", "", "must be a point: listings are shown at one"));
    };
    let addresses = layer(app, &when, "addresses").await?;
    // Without them the answer says what it does not know.
    let (objects, register) = (layer(app, &when, "tax-objects").await.ok(), layer(app, &when, REGISTER).await.ok());
    let (least, error_m) = (least(inputs)?, error_m(inputs)?);
    let (day, dumps) = (when.valid_on.unwrap_or_else(when::today), Arc::clone(&app.units));
    let work = move || {
        let dumps = dumps.current();
        blurred(&Blurred { site, error_m, least, addresses, objects, dumps, register, day, seq })
    };
    tokio::task::spawn_blocking(work).await.map_err(Problem::internal)
}

/// Of [`get`].
pub fn about() -> Operation {
    Operation::get("rental-candidates", "desk", PROCESS.title, PROCESS.about)
        .takes(inputs().into_iter().map(Input::parameter))
        .takes([parameters::lang(), parameters::form(["json", "html"])])
        .gives(
            PROCESS.about,
            [("application/json", reference("RentalCandidates")), ("text/html", text())],
            &["Bricola-Seq", "Cache-Control"],
        )
        .fails(FAILURES)
        .fails([Kind::Unauthorized, Kind::UnknownFeature, Kind::NotAcceptable])
}
