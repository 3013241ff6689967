//! `/rentals`: how listings of short-term rentals stand beside the register, by area. For the staff.

use std::sync::Arc;

use axum::extract::{RawQuery, Request, State};
use axum::response::Response;
use bricola_layers::cache::Snapshot;
use bricola_layers::limits::MAX_FAULTS;
use bricola_territory::rentals::{LEAST_CELL, USUAL_ERROR_M};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use geo_types::{Geometry, Point};
use http::HeaderMap;
use serde_json::{Value, json};
use tempfile::NamedTempFile;

use super::execute::{begun, part, prefers_async};
use super::inputs::Inputs;
use super::zones::{FAILURES, sent};
use super::{Call, Input, Made, Output, Process, document, moment, wanted};
use crate::app::App;
use crate::error::{Answer, Kind, Problem};
use crate::pages;
use crate::params::Params;
use crate::routes::when::{self, When};
use crate::routes::{bearer, body, parameters, respond, select};
use crate::services::jobs::{Order, Progress};
use crate::services::rentals::{Compared, LISTINGS, NotCompared, REGISTER, Shown, compared};
use crate::services::rows::{NoRows, Refused, Row, Rows};
use crate::services::site::{Shape, Site};
use crate::wired::schema::{between, number, reference, text};
use crate::wired::{Operation, Parameter, Words};

/// Where it is.
pub const PATH: &str = "/rentals";
/// Columns of a table of listings that hold codes.
const CODES: [&str; 7] = ["license", "cin", "cir", "codice", "codice_cin", "codice_cir", "code"];
/// And those with the metres by which the place may be off.
const ERRORS: [&str; 4] = ["error_m", "errore_m", "accuracy_m", "blur_m"];
/// The layer whose areas are usual.
const AREAS: &str = "districts";
/// Metres by which a place may be off at most: more is no place.
const FARTHEST_M: f64 = 2_000.0;

/// See [`super::PROCESSES`].
pub const PROCESS: Process = Process {
    id: "rental-report",
    version: "1.0.0",
    title: Words("Annunci e registro delle locazioni turistiche", "Listings and register of short-term rentals"),
    about: Words(
        "Gli annunci delle piattaforme a confronto con le strutture registrate, per area: senza codice, con il codice di un altro \
         comune, non registrati, più annunci che unità. Conteggi senza celle piccole, che non accusano nessuno. Per il personale.",
        "Listings of platforms compared with registered structures, by area: without a code, with another comune's, not \
         registered, more listings than units. Counts without small cells, which accuse nobody. For the staff.",
    ),
    inputs,
    outputs: &[Output {
        name: "report",
        about: Words("I conteggi per area e le prove", "The counts by area and the evidence"),
        media_type: "application/json",
    }],
    path: PATH,
    run,
};

fn inputs() -> Vec<Input> {
    let mut inputs = vec![
        wanted(
            "areas",
            Words(
                "Lo strato di aree per cui si conta; senza, i quartieri (districts)",
                "The layer of areas by which is counted; districts without it",
            ),
            text(),
        ),
        least_input(),
        error_input(),
    ];
    inputs.extend(moment());
    inputs
}

/// The least count that is told.
pub fn least_input() -> Input {
    wanted(
        "min-count",
        Words(
            "Il conteggio più piccolo che si dice; almeno 5, che è anche il valore usuale",
            "The smallest count that is told; 5 at least, which is usual",
        ),
        between(LEAST_CELL as i64, 1_000),
    )
}

/// By how much a place may be off.
pub fn error_input() -> Input {
    wanted(
        "error-m",
        Words(
            "Di quanti metri può essere spostato il punto di un annuncio; senza, 150",
            "By how many metres the place of a listing may be off; 150 without it",
        ),
        number(),
    )
}

/// What [`least_input`] says.
///
/// # Errors
/// A number outside of its range.
pub fn least(inputs: &Inputs) -> Result<u64, Problem> {
    let wrong = |value: &str| Problem::parameter("min-count", value, "must be a whole number, 5 to 1000");
    match inputs.whole("min-count")? {
        None => Ok(LEAST_CELL),
        Some(least) if (LEAST_CELL..=1_000).contains(&least) => Ok(least),
        Some(other) => Err(wrong(&other.to_string())),
    }
}

/// What [`error_input`] says.
///
/// # Errors
/// A number outside of its range.
pub fn error_m(inputs: &Inputs) -> Result<f64, Problem> {
    match inputs.number("error-m")? {
        None => Ok(USUAL_ERROR_M),
        Some(metres) if (0.0..=FARTHEST_M).contains(&metres) => Ok(metres),
        Some(other) => Err(Problem::parameter("error-m", &other.to_string(), "must be between 0 and 2000 metres")),
    }
}

/// Refuses wrong numbers, whoever asks.
///
/// # Errors
/// A number outside of its range.
pub fn checked(inputs: &Inputs) -> Result<(), Problem> {
    least(inputs)?;
    error_m(inputs).map(|_| ())
}

fn run(call: Call) -> BoxFuture<'static, Result<Vec<Made>, Problem>> {
    async move {
        let answer = answer(&call.app, &call.inputs, None, call.progress.clone()).await?;
        Ok(vec![document("report", &answer)])
    }
    .boxed()
}

/// `GET /rentals`.
pub async fn get(State(app): State<Arc<App>>, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    got(app, query.as_deref(), &headers).await.unwrap_or_else(bearer::refusal_or)
}

async fn got(app: Arc<App>, query: Option<&str>, headers: &HeaderMap) -> Answer {
    let params = Params::read(query, &PROCESS.parameters())?;
    let inputs = Inputs::of_query(&params);
    let (language, format) = (respond::language(&params, headers)?, respond::format(&params, headers)?);
    checked(&inputs)?;
    bearer::staff(&app, headers)?;
    if format == respond::Format::Json {
        return Ok(sent(&answer(&app, &inputs, None, Progress::default()).await?));
    }
    let base = respond::base_url(&app.config, headers);
    let asked = pages::Asked::new(&app, language, &base, "rentals", query);
    // The form is short, and its usual values have an answer.
    let outcome = Some(answer(&app, &inputs, None, Progress::default()).await);
    let surfaces = select::visible(&app).filter(|(_, it)| it.geometry.dimension() == Some(2));
    let layers: Vec<_> = surfaces.map(|(_, it)| (it.id.clone(), language.of(&it.title).to_owned())).collect();
    Ok(pages::send(&asked, &pages::desk::rentals(&asked, &layers, &outcome)))
}

/// `POST /rentals` with a table of listings, which is not kept.
pub async fn post(State(app): State<Arc<App>>, RawQuery(query): RawQuery, request: Request) -> Response {
    posted(app, query.as_deref(), request).await.unwrap_or_else(bearer::refusal_or)
}

async fn posted(app: Arc<App>, query: Option<&str>, request: Request) -> Answer {
    let known: Vec<&str> = [PROCESS.names(), vec!["crs"]].concat();
    let params = Params::read(query, &known)?;
    let inputs = Inputs::of_query(&params);
    checked(&inputs)?;
    if inputs.text("crs")?.is_some() {
        inputs.crs("crs")?;
    }
    let headers = request.headers().clone();
    bearer::staff(&app, &headers)?;
    let file = body::table(request).await?;
    if prefers_async(&headers) {
        let own = Arc::clone(&app);
        let work = move |progress| async move {
            let answer = answer(&own, &inputs, Some(file), progress).await?;
            Ok(vec![part(document("report", &answer))])
        };
        return begun(&app, app.jobs.begin(Order::of(PROCESS.id), work), &headers);
    }
    Ok(sent(&answer(&app, &inputs, Some(file), Progress::default()).await?))
}

async fn answer(
    app: &Arc<App>,
    inputs: &Inputs,
    file: Option<NamedTempFile>,
    progress: Progress,
) -> Result<Value, Problem> {
    let when = when::of(app, inputs.text(when::AT)?, inputs.text(when::DATETIME)?).await?;
    let seq = when.seq(app);
    let areas = layer(app, &when, inputs.text("areas")?.unwrap_or(AREAS)).await?;
    if areas.definition().geometry.dimension() != Some(2) {
        let id = &areas.definition().id;
        return Err(Problem::parameter("areas", id, "is no layer of surfaces, so it has no areas"));
    }
    let listings = match file {
        Some(_) => None,
        None => Some(layer(app, &when, LISTINGS).await?),
    };
    let register = layer(app, &when, REGISTER).await?;
    let (least, error_m) = (least(inputs)?, error_m(inputs)?);
    let crs = inputs.text("crs")?.map(|_| inputs.crs("crs")).transpose()?;
    let (comune, day) = (app.config.tenant.istat.clone(), when.valid_on);
    let work = move || {
        let (sent, refused) = match file {
            None => (Vec::new(), Vec::new()),
            Some(file) => listed(Rows::open(file, crs).map_err(|error| no_rows(&error))?)?,
        };
        let question = Compared { areas, listings, sent, register, error_m, least, comune, day, seq, progress };
        let mut answer = compared(&question).map_err(|error| match error {
            NotCompared::Dismissed => Problem::new(Kind::JobFailed, "The job was dismissed."),
            error @ NotCompared::Crs(_) => {
                Problem::new(Kind::InvalidParameter, error.to_string()).with("parameter", "areas")
            }
        })?;
        if !refused.is_empty() {
            let told: Vec<Value> =
                refused.iter().take(MAX_FAULTS).map(|(row, reason)| json!({"row": row, "reason": reason})).collect();
            answer["refused"] = json!({"count": refused.len(), "rows": told});
        }
        Ok(answer)
    };
    tokio::task::spawn_blocking(work).await.map_err(Problem::internal)?
}

/// A layer of the staff's, whatever everybody may see.
///
/// # Errors
/// A layer that is not there or not ready.
pub async fn layer(app: &App, when: &When, id: &str) -> Result<Arc<Snapshot>, Problem> {
    let layer = app.territory.layer(id).ok_or_else(|| select::unknown(app, id))?;
    Ok(when.snapshots(app, &[layer]).await?.swap_remove(0))
}

/// The refusal of a table that cannot be read.
pub fn no_rows(error: &NoRows) -> Problem {
    Problem::new(Kind::InvalidBody, format!("{error}."))
}

/// The listings of a table, and what is wrong with its other rows.
fn listed(rows: Rows) -> Result<(Vec<Shown>, Vec<Refused>), Problem> {
    let named = |names: &[&str]| -> Vec<usize> {
        let is_named = |column: &String| names.iter().any(|name| column.trim().eq_ignore_ascii_case(name));
        rows.columns().iter().enumerate().filter(|(_, column)| is_named(column)).map(|(place, _)| place).collect()
    };
    let (codes, errors) = (named(&CODES), named(&ERRORS));
    let crs = rows.crs().clone();
    let (mut shown, mut refused) = (Vec::new(), Vec::new());
    for row in rows {
        match row.map_err(|error| no_rows(&error))? {
            Err(wrong) => refused.push(wrong),
            Ok(row) => match place(&row, &crs) {
                Err(reason) => refused.push((row.number, reason)),
                Ok(at) => {
                    let code: Vec<&str> = codes.iter().map(|column| row.values[*column].as_str()).collect();
                    let metres = errors.iter().find_map(|column| row.values[*column].replace(',', ".").parse().ok());
                    let error_m = metres.filter(|metres| (0.0..=FARTHEST_M).contains(metres));
                    shown.push(Shown { code: code.join(" ").trim().to_owned(), at, error_m });
                }
            },
        }
    }
    Ok((shown, refused))
}

fn place(row: &Row, crs: &bricola_layers::crs::Crs) -> Result<[f64; 2], String> {
    let geometry = row.geometry.clone().ok_or_else(|| "has no place".to_owned())?;
    let Geometry::Point(_) = geometry else { return Err("its place is no point".to_owned()) };
    match Site::new(geometry, crs, None).map_err(|error| error.to_string())?.shape {
        Shape::Point(Point(at)) => Ok([at.x, at.y]),
        _ => Err("its place is no point".to_owned()),
    }
}

/// Of [`get`].
pub fn about() -> Operation {
    Operation::get("rentals", "desk", PROCESS.title, PROCESS.about)
        .takes(inputs().into_iter().map(Input::parameter))
        .takes([parameters::lang(), parameters::form(["json", "html"])])
        .gives(
            PROCESS.about,
            [("application/json", reference("RentalReport")), ("text/html", text())],
            &["Bricola-Seq", "Cache-Control"],
        )
        .fails(FAILURES)
        .fails([Kind::Unauthorized, Kind::NotAcceptable])
}

/// Of [`post`].
pub fn about_post() -> Operation {
    let about = Words(
        "Come GET, con gli annunci di una tabella (CSV o GeoPackage: coordinate, license o cin o cir, error_m), che non è conservata.",
        "As GET, with the listings of a table (CSV or GeoPackage: coordinates, license or cin or cir, error_m), which is not kept.",
    );
    let title = Words("Annunci da una tabella", "Listings of a table");
    let mut operation = Operation::post("rentals-of-table", "desk", title, about, text());
    operation.body = body::TABLES.iter().map(|kind| (*kind, text())).collect();
    let crs = Words(
        "Sistema di riferimento dei punti, se il file non lo dice",
        "CRS of the places where the file does not say",
    );
    operation
        .takes(inputs().into_iter().map(Input::parameter))
        .takes([Parameter::query("crs", crs, text())])
        .gives(about, [("application/json", reference("RentalReport"))], &["Bricola-Seq", "Cache-Control"])
        .or_a_job()
        .fails(FAILURES)
        .fails([Kind::Unauthorized])
}
