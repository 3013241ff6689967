//! `POST /zones` with a CSV file: a million points in ten layers, row by row.

use std::fs::File;
use std::sync::Arc;

use axum::extract::{RawQuery, Request, State};
use bricola_layers::crs::Crs;

use super::execute::{answered, begun, prefers_async};
use super::zones::{self, FAILURES};
use crate::app::App;
use crate::error::{Answer, Kind, Problem};
use crate::params::Params;
use crate::routes::when::{self, When};
use crate::routes::{body, parameters, respond, select};
use crate::services::jobs::{Content, Order, Part, Progress};
use crate::services::join::{Join, JoinError, several};
use crate::wired::schema::text;
use crate::wired::{Operation, Parameter, Words};

/// Media type of rows.
pub const CSV: &str = "text/csv; charset=utf-8; header=present";
const KNOWN: [&str; 5] = ["layers", "crs", "x-column", "y-column", when::AT];

/// Each row comes back as it was, with key and label of the surface of each layer in which its point lies. With `Prefer:
/// respond-async` as a job.
pub async fn post(State(app): State<Arc<App>>, RawQuery(query): RawQuery, request: Request) -> Answer {
    let params = Params::read(query.as_deref(), &KNOWN)?;
    body::is_csv(&request)?;
    let when = when::of(&app, params.text(when::AT), None).await?;
    let seq = when.seq(&app);
    let joins = joins(&app, &params, &when).await?;
    let headers = request.headers().clone();
    let file = body::spooled(request.into_body()).await?;
    if prefers_async(&headers) {
        let work = move |progress| joined(joins, file, progress);
        let job = app.jobs.begin(Order::of(zones::PROCESS.id), work);
        return begun(&app, job, &headers);
    }
    let mut response = answered(&joined(joins, file, Progress::default()).await?, false);
    respond::set_seq(&mut response, seq);
    Ok(response)
}

async fn joined(joins: Vec<Join>, file: File, progress: Progress) -> Result<Vec<Part>, Problem> {
    let work = tokio::task::spawn_blocking(move || several(&joins, file, &progress));
    let (file, _) = work.await.map_err(Problem::internal)?.map_err(|error| refusal(&error))?;
    Ok(vec![Part { name: "zones".into(), media_type: CSV.into(), body: Content::File(Arc::new(file)) }])
}

async fn joins(app: &App, params: &Params<'_>, when: &When) -> Result<Vec<Join>, Problem> {
    let list = params.text("layers").ok_or_else(|| Problem::missing("layers", "name the layers of surfaces"))?;
    let crs = match params.text("crs") {
        None => Crs::crs84(),
        Some(text) => Crs::parse(text).map_err(|error| Problem::parameter("crs", text, error))?,
    };
    let columns = match (params.text("x-column"), params.text("y-column")) {
        (Some(x), Some(y)) => Some((x.to_owned(), y.to_owned())),
        (None, None) => None,
        (Some(_), None) => return Err(Problem::missing("y-column", "one column is no place")),
        (None, Some(_)) => return Err(Problem::missing("x-column", "one column is no place")),
    };
    let snapshots = when.snapshots(app, &select::named(app, list)?).await?;
    if let Some(other) = snapshots.iter().find(|it| it.definition().geometry.dimension() != Some(2)) {
        return Err(Problem::parameter(
            "layers",
            &other.definition().id,
            "is no layer of surfaces, so it has no zones",
        ));
    }
    // What goes out by itself is what everybody may see.
    let fields = |snapshot: &bricola_layers::cache::Snapshot| -> Vec<String> {
        let definition = snapshot.definition();
        let named =
            |name: &str| definition.key.iter().any(|key| key == name) || definition.label.as_deref() == Some(name);
        app.scope
            .fields(definition)
            .filter(|(_, field)| named(&field.name))
            .map(|(_, field)| field.name.clone())
            .collect()
    };
    let join = |snapshot: Arc<bricola_layers::cache::Snapshot>| Join {
        fields: fields(&snapshot),
        snapshot,
        crs: crs.clone(),
        columns: columns.clone(),
        radius_m: 0.0,
    };
    Ok(snapshots.into_iter().map(join).collect())
}

fn refusal(error: &JoinError) -> Problem {
    match error {
        JoinError::File(error) => Problem::internal(error),
        JoinError::Dismissed => Problem::new(Kind::JobFailed, "The job was dismissed."),
        JoinError::NoColumn { name, columns } => {
            Problem::parameter("x-column, y-column", name, error).with("allowed", columns.clone())
        }
        error => Problem::new(Kind::InvalidBody, format!("{error}.")),
    }
}

/// Of [`post`].
pub fn about() -> Operation {
    let about = Words(
        "Un file CSV di punti: ogni riga torna com’era, con chiave e nome della zona di ciascuno strato in cui ricade. Con \
         Prefer: respond-async come lavoro.",
        "A CSV file of points: each row comes back as it was, with key and name of the zone of each layer in which it lies. With \
         Prefer: respond-async as a job.",
    );
    let column = |name, it, en| Parameter::query(name, Words(it, en), text());
    let title = Words("Zone di molti punti", "Zones of many points");
    let mut operation = Operation::post("zones-of-points", "desk", title, about, text());
    operation.body = vec![("text/csv", text())];
    operation
        .takes([
            parameters::layers().needed(),
            column("crs", "Sistema di riferimento dei punti; senza, gradi", "CRS of the points; degrees without it"),
            column("x-column", "La colonna di est o longitudine", "The column of east or longitude"),
            column("y-column", "La colonna di nord o latitudine", "The column of north or latitude"),
            parameters::at(),
        ])
        .gives(about, [("text/csv", text())], &["Bricola-Seq", "Cache-Control"])
        .or_a_job()
        .fails(FAILURES)
}
