//! `/service-area`: what is within reach on foot.

use std::collections::HashSet;
use std::sync::Arc;

use axum::extract::{RawQuery, State};
use bricola_layers::cache::Snapshot;
use bricola_layers::definition::Scope;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use http::HeaderMap;
use serde_json::Value;

use super::inputs::Inputs;
use super::zones::{FAILURES, names_a_place, outcome, sent};
use super::{Call, Input, Made, Output, Process, document, moment, place, wanted};
use crate::app::App;
use crate::error::{Answer, Kind, Problem};
use crate::pages;
use crate::params::Params;
use crate::routes::when::{self, When};
use crate::routes::{parameters, respond, select};
use crate::services::areas::{Question, STREETS, Tide, reached};
use crate::wired::schema::{list, reference, text};
use crate::wired::{Operation, Words};

/// Where it is.
pub const PATH: &str = "/service-area";
/// Minutes when nobody says, and at most.
const MINUTES: (f64, f64) = (15.0, 120.0);
/// Tide levels, metres.
const TIDE: [f64; 2] = [-3.0, 5.0];
/// Kilometres an hour when nobody says, and at most.
const SPEED: (f64, f64) = (4.5, 30.0);
/// The nearest of each kind when nobody says, and at most.
const NEAREST: (usize, usize) = (3, 100);

/// See [`super::PROCESSES`].
pub const PROCESS: Process = Process {
    id: "service-area",
    version: "1.0.0",
    title: Words("Che cosa si raggiunge a piedi", "What is within walking reach"),
    about: Words(
        "Le strade che si raggiungono a piedi in tanti minuti da un luogo, quanti oggetti di uno strato vi sono (scuole, abitanti \
         delle sezioni), i più vicini, e che cosa resta isolato se si chiudono delle strade o l’acqua è alta.",
        "The streets that are reached on foot in so many minutes from a place, how many features of a layer are there (schools, \
         inhabitants of census sections), the nearest ones, and what is cut off when streets are closed or the tide is high.",
    ),
    inputs,
    outputs: &[Output {
        name: "reached",
        about: Words("Che cosa si raggiunge, e le prove", "What is reached, and the evidence"),
        media_type: "application/json",
    }],
    path: PATH,
    run,
};

fn number_of(least: f64, (usual, most): (f64, f64)) -> Value {
    serde_json::json!({"type": "number", "format": "double", "minimum": least, "maximum": most, "default": usual})
}

fn inputs() -> Vec<Input> {
    let mut inputs = place::inputs_at_san_marco();
    inputs.extend([
        wanted("minutes", Words("Per quanti minuti; di norma 15", "For how many minutes; 15 when not said"), number_of(0.1, MINUTES)),
        wanted("speed", Words("Chilometri all’ora; di norma 4,5", "Kilometres an hour; 4.5 when not said"), number_of(0.5, SPEED)),
        wanted(
            "closed",
            Words(
                "Strade chiuse: gli identificativi dei loro oggetti, come 12,57",
                "Streets that are closed: the ids of their features, such as 12,57",
            ),
            list(&text()),
        ),
        wanted(
            "tide",
            Words(
                "Livello della marea in metri, come 1.10, sullo zero da cui lo strato delle strade conta le sue quote (a Venezia quello \
                 di Punta della Salute): le strade più basse sono sott’acqua, e si percorrono solo sulle passerelle",
                "Tide level in metres, such as 1.10, above the zero from which the layer of streets counts its heights (at Venice that of \
                 Punta della Salute): lower streets are under water, and walked on raised walkways only",
            ),
            serde_json::json!({"type": "number", "format": "double", "minimum": TIDE[0], "maximum": TIDE[1]}),
        ),
        wanted(
            "count",
            Words(
                "Gli strati di cui contare ciò che si raggiunge; con due punti un campo da sommare, come census-sections:population",
                "The layers of which to count what is reached; with a colon a field to sum up, such as census-sections:population",
            ),
            list(&text()),
        ),
        wanted("nearest", Words("Gli strati di cui dire i più vicini", "The layers of which to tell the nearest"), list(&text())),
        wanted(
            "k",
            Words("Quanti di ciascuno; di norma 3", "How many of each; 3 when not said"),
            serde_json::json!({"type": "integer", "format": "int32", "minimum": 1, "maximum": NEAREST.1, "default": NEAREST.0}),
        ),
    ]);
    inputs.extend(moment());
    inputs
}

fn run(call: Call) -> BoxFuture<'static, Result<Vec<Made>, Problem>> {
    async move { Ok(vec![document("reached", &answer(&call.app, &call.inputs).await?)]) }.boxed()
}

/// `GET /service-area`.
pub async fn get(State(app): State<Arc<App>>, RawQuery(query): RawQuery, headers: HeaderMap) -> Answer {
    let params = Params::read(query.as_deref(), &PROCESS.parameters())?;
    let inputs = Inputs::of_query(&params);
    let language = respond::language(&params, &headers)?;
    if respond::format(&params, &headers)? == respond::Format::Json {
        return Ok(sent(&answer(&app, &inputs).await?));
    }
    let base = respond::base_url(&app.config, &headers);
    let asked = pages::Asked::new(&app, language, &base, "service-area", query.as_deref());
    let outcome = outcome(names_a_place(&inputs), answer(&app, &inputs)).await;
    let layers = select::visible(&app).filter(|(_, it)| it.geometry.dimension() != Some(1));
    let layers: Vec<_> = layers.map(|(_, it)| (it.id.clone(), language.of(&it.title).to_owned())).collect();
    Ok(pages::send(&asked, &pages::desk::areas(&asked, &layers, &outcome)))
}

/// Of [`get`].
pub fn about() -> Operation {
    Operation::get("service-area", "desk", PROCESS.title, PROCESS.about)
        .takes(inputs().into_iter().map(Input::parameter))
        .takes([parameters::lang(), parameters::form(["json", "html"])])
        .gives(
            PROCESS.about,
            [("application/json", reference("ReachAnswer")), ("text/html", text())],
            &["Bricola-Seq", "Cache-Control"],
        )
        .fails(FAILURES)
        .fails([Kind::UnknownFeature, Kind::NotAcceptable])
}

async fn answer(app: &Arc<App>, inputs: &Inputs) -> Result<Value, Problem> {
    let within = |name: &str, least: f64, (usual, most): (f64, f64)| match inputs.number(name)? {
        None => Ok(usual),
        Some(value) if (least..=most).contains(&value) => Ok(value),
        Some(value) => Err(Problem::parameter(name, &value.to_string(), format!("must be {least} to {most}"))
            .with("allowed", format!("{least}..{most}"))),
    };
    let (minutes, speed_kmh) = (within("minutes", 0.1, MINUTES)?, within("speed", 0.5, SPEED)?);
    let most = within("k", 1.0, (NEAREST.0 as f64, NEAREST.1 as f64))? as usize;
    let when = when::of(app, inputs.text(when::AT)?, inputs.text(when::DATETIME)?).await?;
    let seq = when.seq(app);
    let site = place::site(app, inputs, &when).await?;
    let site =
        site.ok_or_else(|| Problem::missing("geometry", "say from where: geometry, x and y, parcel or feature"))?;
    let streets = when.snapshots(app, &[select::one(app, STREETS)?]).await?.swap_remove(0);
    let mut counted = Vec::new();
    for named in inputs.texts("count")? {
        let (id, field) =
            named.split_once(':').map_or((named.as_str(), None), |(id, field)| (id, Some(field.to_owned())));
        let layer = layer(app, &when, "count", id).await?;
        if let Some(name) = field.as_deref().filter(|name| !has_number(app, &layer, name)) {
            return Err(Problem::parameter(
                "count",
                &named,
                format!("layer \"{id}\" has no field of numbers \"{name}\""),
            ));
        }
        counted.push((layer, field));
    }
    let mut nearest = Vec::new();
    for id in inputs.texts("nearest")? {
        nearest.push(layer(app, &when, "nearest", &id).await?);
    }
    let closed = closed(&inputs.texts("closed")?, &streets)?;
    let tide = tide(inputs, &streets)?;
    let (app, day) = (Arc::clone(app), when.valid_on);
    let work = tokio::task::spawn_blocking(move || {
        let network = app.networks.of(&streets, day);
        reached(&Question {
            site,
            network,
            streets,
            closed,
            tide,
            minutes,
            speed_kmh,
            counted,
            nearest,
            most,
            day,
            seq,
        })
    });
    let answer = work.await.map_err(Problem::internal)?;
    answer
        .map_err(|error| Problem::new(Kind::InvalidParameter, format!("{error}.")).with("parameter", "geometry, x, y"))
}

async fn layer(app: &App, when: &When, parameter: &str, id: &str) -> Result<Arc<Snapshot>, Problem> {
    let layer = when.snapshots(app, &[select::one(app, id)?]).await?.swap_remove(0);
    if layer.definition().geometry.dimension() == Some(1) {
        return Err(Problem::parameter(parameter, id, "is a layer of lines; points and surfaces are reached"));
    }
    Ok(layer)
}

fn has_number(app: &App, layer: &Snapshot, name: &str) -> bool {
    use bricola_layers::definition::FieldType::{Integer, Real};
    let mut fields = app.scope.fields(layer.definition());
    fields.any(|(_, field)| field.name == name && matches!(field.kind, Integer | Real))
}

fn closed(ids: &[String], streets: &Snapshot) -> Result<HashSet<String>, Problem> {
    for id in ids {
        let is_known = id.parse().ok().is_some_and(|id| streets.feature(id).is_some());
        if !is_known {
            return Err(Problem::parameter("closed", id, "is no feature of the streets").with("layer", STREETS));
        }
    }
    Ok(ids.iter().cloned().collect())
}

/// The tide, where one is asked for and the streets say how high they lie.
fn tide(inputs: &Inputs, streets: &Snapshot) -> Result<Option<Tide>, Problem> {
    let Some(level) = inputs.exact("tide")? else { return Ok(None) };
    // Tides are told in centimetres.
    let level_m = (level.to_f64() * 100.0).round() / 100.0;
    let refused = |reason: String| Problem::parameter("tide", &level.to_string(), reason);
    let [least, most] = TIDE;
    if !(least..=most).contains(&level_m) {
        return Err(
            refused(format!("must be metres from {least} to {most}")).with("allowed", format!("{least}..{most}"))
        );
    }
    let definition = streets.definition();
    // Whoever may see the answer may see the heights.
    let public = |name: &str| {
        let mut fields = Scope::PUBLIC.fields(definition);
        fields.find(|(_, field)| field.name == name).map(|(position, _)| position)
    };
    let walk = definition.walk.as_ref();
    let Some((walk, ground)) = walk.and_then(|walk| Some((walk, public(&walk.ground)?))) else {
        let reason =
            "cannot be answered: the layer of streets does not say in which field (walk.ground) its heights are";
        return Err(refused(reason.to_owned()).with("layer", STREETS));
    };
    let walkway = walk.walkway.as_deref().and_then(public);
    Ok(Some(Tide { level: format!("{level_m:.2}"), level_m, ground, walkway, datum: walk.datum.clone() }))
}
