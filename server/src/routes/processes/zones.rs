//! `/zones`: in which zones a place lies.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::response::Response;
use bricola_layers::cache::Snapshot;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use http::HeaderMap;
use serde_json::Value;

use super::inputs::Inputs;
use super::{Call, Input, Made, Output, Process, document, moment, place, wanted};
use crate::app::App;
use crate::error::{Answer, Kind, Problem};
use crate::pages;
use crate::params::Params;
use crate::routes::when::{self, When};
use crate::routes::{parameters, respond, select};
use crate::services::zones::{Question, Unzoned, zones};
use crate::wired::schema::{list, reference, text};
use crate::wired::{Operation, Words};

/// Where it is.
pub const PATH: &str = "/zones";

/// See [`super::PROCESSES`].
pub const PROCESS: Process = Process {
    id: "zones",
    version: "1.0.0",
    title: Words("Zone di un luogo", "Zones of a place"),
    about: Words(
        "In quali zone ricade un punto, una linea, una superficie, una particella o un oggetto: in ogni strato di superfici, con \
         quote misurate sull’ellissoide, a una data, con le prove.",
        "In which zones a point, a line, a surface, a parcel or a feature lies: in each layer of surfaces, with shares measured \
         on the ellipsoid, on a day, with the evidence.",
    ),
    inputs,
    outputs: &[Output {
        name: "zones",
        about: Words("Le zone, strato per strato, e le prove", "The zones, layer by layer, and the evidence"),
        media_type: "application/json",
    }],
    path: PATH,
    run,
};

fn inputs() -> Vec<Input> {
    let mut inputs = place::inputs_at_san_marco();
    inputs.push(wanted(
        "layers",
        Words(
            "Gli strati in cui cercare; senza, tutti quelli di superfici",
            "The layers to look in; without it, all layers of surfaces",
        ),
        list(&text()),
    ));
    inputs.extend(moment());
    inputs
}

fn run(call: Call) -> BoxFuture<'static, Result<Vec<Made>, Problem>> {
    async move { Ok(vec![document("zones", &answer(&call.app, &call.inputs).await?)]) }.boxed()
}

/// `GET /zones`.
pub async fn get(State(app): State<Arc<App>>, RawQuery(query): RawQuery, headers: HeaderMap) -> Answer {
    let params = Params::read(query.as_deref(), &PROCESS.parameters())?;
    let inputs = Inputs::of_query(&params);
    let language = respond::language(&params, &headers)?;
    let format = respond::format(&params, &headers)?;
    if format == respond::Format::Json {
        return Ok(sent(&answer(&app, &inputs).await?));
    }
    let base = respond::base_url(&app.config, &headers);
    let asked = pages::Asked::new(&app, language, &base, "zones", query.as_deref());
    let outcome = outcome(names_a_place(&inputs), answer(&app, &inputs)).await;
    let surfaces = select::visible(&app).filter(|(_, it)| it.geometry.dimension() == Some(2));
    let layers: Vec<_> = surfaces.map(|(_, it)| (it.id.clone(), language.of(&it.title).to_owned())).collect();
    Ok(pages::send(&asked, &pages::desk::zones(&asked, &layers, &outcome)))
}

/// Whether there is a question at all, or a page is asked for to write one.
pub fn names_a_place(inputs: &Inputs) -> bool {
    ["geometry", "x", "y", "parcel", "feature", "address", "along", "parcels", "street"]
        .iter()
        .any(|name| matches!(inputs.text(name), Ok(Some(_))))
}

/// What came of a question, where one was asked: nothing is worked out for a form that nobody has filled in.
pub async fn outcome(
    is_asked: bool,
    answer: impl Future<Output = Result<Value, Problem>> + Send,
) -> pages::desk::Outcome {
    if is_asked { Some(answer.await) } else { None }
}

/// An answer with the change that it reflects.
pub fn sent(answer: &Value) -> Response {
    let mut response = respond::json(answer);
    if let Some(seq) = answer["evidence"]["seq"].as_i64() {
        respond::set_seq(&mut response, seq);
    }
    response
}

/// Of [`get`].
pub fn about() -> Operation {
    Operation::get("zones", "desk", PROCESS.title, PROCESS.about)
        .takes(inputs().into_iter().map(Input::parameter))
        .takes([parameters::lang(), parameters::form(["json", "html"])])
        .gives(
            PROCESS.about,
            [("application/json", reference("ZonesAnswer")), ("text/html", text())],
            &["Bricola-Seq", "Cache-Control"],
        )
        .fails(FAILURES)
        .fails([Kind::UnknownFeature, Kind::NotAcceptable])
}

/// What may be wrong with a question about a place.
pub const FAILURES: [Kind; 9] = [
    Kind::MissingParameter,
    Kind::UnknownLayer,
    Kind::LayerLoading,
    Kind::LayerUnreadable,
    Kind::LayerStored,
    Kind::Pruned,
    Kind::StoreUnavailable,
    Kind::Unmeasurable,
    Kind::SearchBuilding,
];

async fn answer(app: &App, inputs: &Inputs) -> Result<Value, Problem> {
    let when = when::of(app, inputs.text(when::AT)?, inputs.text(when::DATETIME)?).await?;
    let seq = when.seq(app);
    let site = place::site(app, inputs, &when).await?;
    let site = site.ok_or_else(|| {
        Problem::missing("geometry", "say where: geometry, x and y, parcel, feature, address or along")
    })?;
    let layers = layers(app, &inputs.texts("layers")?, &when).await?;
    let question = Question { site, layers, day: when.valid_on, seq, scope: app.scope };
    let work = tokio::task::spawn_blocking(move || zones(&question)).await.map_err(Problem::internal)?;
    work.map_err(|error| match error {
        Unzoned::Unmeasurable(error) => unmeasurable(&error),
        Unzoned::Crs(error) => Problem::new(Kind::InvalidParameter, error.to_string()).with("parameter", "geometry"),
    })
}

/// The refusal of what cannot be measured: why, and where.
pub fn unmeasurable(error: &bricola_territory::overlay::Unmeasurable) -> Problem {
    let mut problem = Problem::new(Kind::Unmeasurable, format!("{}.", error.text.en))
        .with("parameter", "geometry")
        .with("reason", error.code)
        .with("text", serde_json::to_value(&error.text).unwrap_or_default());
    if let Some(place) = error.place {
        problem = problem.with("place", place.to_vec());
    }
    problem
}

async fn layers(app: &App, named: &[String], when: &When) -> Result<Vec<Arc<Snapshot>>, Problem> {
    let is_surface = |snapshot: &Arc<Snapshot>| snapshot.definition().geometry.dimension() == Some(2);
    if named.is_empty() {
        return Ok(when.all(app).await?.into_iter().filter(is_surface).collect());
    }
    let snapshots = when.snapshots(app, &select::named(app, &named.join(","))?).await?;
    match snapshots.iter().find(|snapshot| !is_surface(snapshot)) {
        Some(other) => {
            let id = &other.definition().id;
            Err(Problem::parameter(
                "layers",
                id,
                "is no layer of surfaces, so it has no zones; /lookup tells what is near",
            ))
        }
        None => Ok(snapshots),
    }
}
