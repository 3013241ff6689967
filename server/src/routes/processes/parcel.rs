//! `/parcel`: all that is known of a parcel, found by a place or by its reference.

use std::sync::Arc;

use axum::extract::{RawQuery, Request, State};
use axum::response::Response;
use bricola_layers::cache::{RowAt, Snapshot};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use http::HeaderMap;
use serde_json::Value;

use super::inputs::Inputs;
use super::sheets::{self, Sheet, listed, warned};
use super::zones::{FAILURES, names_a_place, outcome, sent, unmeasurable};
use super::{Call, Input, Made, Output, Process, document, moment, place};
use crate::app::App;
use crate::error::{Answer, Kind, Problem};
use crate::pages;
use crate::params::Params;
use crate::routes::when::{self, When};
use crate::routes::{parameters, respond, select};
use crate::services::jobs::Progress;
use crate::services::parcel::{Question, parcels};
use crate::services::parcels::LAYER;
use crate::services::site::{Shape, Site};
use crate::services::zones::{Unzoned, candidates, covering};
use crate::wired::schema::{reference, text};
use crate::wired::{Operation, Words};

/// Parcels that one answer tells of.
const MOST: usize = 100;

/// See [`super::PROCESSES`].
pub const PROCESS: Process = Process {
    id: "parcel",
    version: "1.0.0",
    title: Words("Che cosa si sa di una particella", "What is known of a parcel"),
    about: Words(
        "Le particelle in un luogo o con un riferimento: superficie sulla mappa e catastale, zone e fabbricati con quote, civici e \
         oggetti che vi stanno, confinanti, un’immagine, con le prove. Sempre un elenco.",
        "The parcels at a place or of a reference: area on the map and in the register, zones and buildings with shares, addresses \
         and objects that stand on it, neighbours, a picture, with the evidence. Always a list.",
    ),
    inputs,
    outputs: &[Output {
        name: "parcels",
        about: Words("Le particelle e le prove", "The parcels and the evidence"),
        media_type: "application/json",
    }],
    path: "/parcel",
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
    async move { Ok(vec![document("parcels", &answer(&call.app, &call.inputs, call.progress.clone()).await?)]) }.boxed()
}

/// See [`post`].
pub static SHEET: Sheet = Sheet {
    process: &PROCESS,
    parcel: "parcel",
    columns: &["count", "references", "area_m2", "registered_m2", "zones", "warnings", "sha256"],
    answer: |app, inputs| {
        async move {
            let answer = answer(&app, &inputs, Progress::default()).await?;
            let said = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let count = answer["parcels"].as_array().map_or(0, Vec::len);
            if count == 0 {
                let detail = "There is no parcel at that place and time.";
                return Err(Problem::new(Kind::UnknownFeature, detail).with("parameter", "parcel"));
            }
            let each = |of: &dyn Fn(&Value) -> String| listed(&answer, "parcels", of);
            let zone = |zone: &Value| format!("{} {} %", said(&zone["code"]), said(&zone["percent"]));
            let layer = |layer: &Value| format!("{}: {}", said(&layer["layer"]), listed(layer, "zones", zone));
            Ok(vec![
                count.to_string(),
                each(&|it| said(&it["reference"])),
                each(&|it| said(&it["area_m2"])),
                each(&|it| said(&it["registered_m2"])),
                each(&|it| listed(it, "zones", layer)),
                warned(&answer),
                said(&answer["evidence"]["sha256"]),
            ])
        }
        .boxed()
    },
};

/// `POST /parcel`.
pub async fn post(State(app): State<Arc<App>>, RawQuery(query): RawQuery, request: Request) -> Response {
    sheets::post(&SHEET, app, query, request).await
}

/// Of [`post`].
pub fn about_table() -> Operation {
    let about = Words(
        "Una tabella (CSV o GeoPackage) di luoghi o di riferimenti: ogni riga torna com’era, con le sue particelle, o con la ragione per          cui non ce n’è. Con Prefer: respond-async come lavoro.",
        "A table (CSV or GeoPackage) of places or references: each row comes back as it was, with its parcels, or with the reason why          there is none. With Prefer: respond-async as a job.",
    );
    sheets::about(&SHEET, "parcels-of-table", Words("Particelle di una tabella", "Parcels of a table"), about)
}

/// `GET /parcel`.
pub async fn get(State(app): State<Arc<App>>, RawQuery(query): RawQuery, headers: HeaderMap) -> Answer {
    let params = Params::read(query.as_deref(), &PROCESS.parameters())?;
    let inputs = Inputs::of_query(&params);
    let language = respond::language(&params, &headers)?;
    if respond::format(&params, &headers)? == respond::Format::Json {
        return Ok(sent(&answer(&app, &inputs, Progress::default()).await?));
    }
    let base = respond::base_url(&app.config, &headers);
    let asked = pages::Asked::new(&app, language, &base, "parcel", query.as_deref());
    let outcome = outcome(names_a_place(&inputs), answer(&app, &inputs, Progress::default())).await;
    Ok(pages::send(&asked, &pages::desk::parcel(&asked, &outcome)))
}

/// Of [`get`].
pub fn about() -> Operation {
    Operation::get("parcel", "desk", PROCESS.title, PROCESS.about)
        .takes(inputs().into_iter().map(Input::parameter))
        .takes([parameters::lang(), parameters::form(["json", "html"])])
        .gives(
            PROCESS.about,
            [("application/json", reference("ParcelAnswer")), ("text/html", text())],
            &["Bricola-Seq", "Cache-Control"],
        )
        .fails(FAILURES)
        .fails([Kind::UnknownFeature, Kind::NotAcceptable])
}

async fn answer(app: &App, inputs: &Inputs, progress: Progress) -> Result<Value, Problem> {
    let when = when::of(app, inputs.text(when::AT)?, inputs.text(when::DATETIME)?).await?;
    let seq = when.seq(app);
    let (snapshot, rows, site) = found(app, inputs, &when).await?;
    too_many(rows.len())?;
    let layers = when.all(app).await?.into_iter().filter(|it| it.definition().id != LAYER).collect();
    let (day, scope) = (when.valid_on, app.scope);
    let question = Question { parcels: snapshot, rows, site, layers, day, seq, scope, progress };
    let work = tokio::task::spawn_blocking(move || parcels(&question)).await.map_err(Problem::internal)?;
    work.map_err(|error| match error {
        Unzoned::Unmeasurable(error) => unmeasurable(&error),
        Unzoned::Crs(error) => Problem::new(Kind::InvalidParameter, error.to_string()).with("parameter", "geometry"),
    })
}

/// Refuses to tell of very many parcels at once.
///
/// # Errors
/// When there are more.
pub fn too_many(parcels: usize) -> Result<(), Problem> {
    if parcels <= MOST {
        return Ok(());
    }
    let detail = format!("{parcels} parcels are meant; at most {MOST} are told of at a time.");
    Err(Problem::new(Kind::InvalidParameter, detail).with("parameter", "parcel").with("allowed", MOST))
}

/// The parcels that are meant: of a reference, or at a place.
///
/// # Errors
/// What names no place, or one without parcels to look in.
pub async fn found(
    app: &App,
    inputs: &Inputs,
    when: &When,
) -> Result<(Arc<Snapshot>, Vec<RowAt>, Option<Site>), Problem> {
    if let Some(text) = inputs.text("parcel")? {
        place::checked(inputs)?;
        if let Some(other) = ["geometry", "x", "y", "feature", "address", "along", "between", "from_m", "to_m"]
            .into_iter()
            .find(|it| matches!(inputs.text(it), Ok(Some(_))))
        {
            return Err(Problem::parameter(other, "", "is said by parcel already; give one or the other"));
        }
        let place::Found { snapshot, rows } = place::parcels_of(app, when, text).await?;
        return Ok((snapshot, rows, None));
    }
    let site = place::site(app, inputs, when).await?;
    let site =
        site.ok_or_else(|| Problem::missing("parcel", "say which: parcel, x and y, geometry, feature or address"))?;
    let snapshot = when.snapshots(app, &[select::one(app, LAYER)?]).await?.swap_remove(0);
    let ids: Vec<i64> = match &site.shape {
        Shape::Point(point) => covering(&snapshot, *point, when.valid_on)
            .map_err(|error| Problem::new(Kind::InvalidParameter, error.to_string()).with("parameter", "x, y, crs"))?
            .into_iter()
            .map(|row| row.id())
            .collect(),
        // What only touches is left out where shares are measured.
        shape => candidates(&snapshot, shape, when.valid_on)
            .into_iter()
            .filter(|(_, named)| geo::Relate::relate(&shape.geometry(), &named.zone.geometry).is_intersects())
            .map(|(row, _)| row.id())
            .collect(),
    };
    let rows = ids.into_iter().filter_map(|id| snapshot.place_of(id)).collect();
    Ok((snapshot, rows, Some(site)))
}
