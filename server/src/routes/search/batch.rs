//! `POST /geocode`: a file of addresses.

use std::fs::File;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{RawQuery, Request, State};
use axum::response::Response;
use http::header;

use super::find::near_parameter;
use super::{near, ready};
use crate::app::App;
use crate::error::{Answer, Kind, Problem};
use crate::params::Params;
use crate::routes::pieces::{Pieces, streamed};
use crate::routes::{body, respond};
use crate::services::search::{Batch, BatchError, Columns};
use crate::wired::schema::text;
use crate::wired::{Operation, Parameter, Words};

const KNOWN: [&str; 6] = ["address", "street", "number", "suffix", "district", "near"];

/// `POST /geocode` with a CSV file: each row comes back as it was, with `lon`, `lat`, `score`, `quality`, `label`, `layer`
/// and `id` of its best candidate, or the `reason` why there is none. The file is kept beside memory, in one without a
/// name, and answered block by block.
pub async fn post(State(app): State<Arc<App>>, RawQuery(query): RawQuery, request: Request) -> Answer {
    let params = Params::read(query.as_deref(), &KNOWN)?;
    let named = |name: &str| params.text(name).map(str::to_owned);
    let columns = Columns {
        address: named("address"),
        street: named("street"),
        number: named("number"),
        suffix: named("suffix"),
        district: named("district"),
    };
    let near = near(&params)?;
    body::is_csv(&request)?;
    let seq = ready(&app, request.headers(), query.as_deref()).await?;
    let file = body::spooled(request.into_body()).await?;
    let work = move || {
        let parts = (app.territory.clone(), app.scope, Arc::clone(&app.search));
        Batch::begin(file, &columns, parts, near)
    };
    let batch = tokio::task::spawn_blocking(work).await.map_err(Problem::internal)?.map_err(|error| refusal(&error))?;
    let mut response = Response::new(streamed(batch));
    respond::set(&mut response, header::CONTENT_TYPE, "text/csv; charset=utf-8; header=present");
    respond::set(&mut response, header::CACHE_CONTROL, "no-store");
    respond::set_seq(&mut response, seq);
    Ok(response)
}

/// Of [`post`].
pub fn about() -> Operation {
    let about = Words(
        "Un file CSV di indirizzi: ogni riga torna com’era, con posizione, punteggio, qualità, strato e id della migliore \
         candidatura, o il motivo per cui non c’è.",
        "A CSV file of addresses: each row comes back as it was, with place, score, quality, layer and id of its best \
         candidate, or the reason why there is none.",
    );
    let column = |name, it, en| Parameter::query(name, Words(it, en), text());
    let mut operation = Operation::post(
        "geocode-batch",
        "territory",
        Words("Dove si trovano molti indirizzi", "Where many addresses are"),
        about,
        text(),
    );
    operation.body = vec![("text/csv", text())];
    operation
        .takes([
            column("address", "La colonna dell’indirizzo intero", "The column of the whole address"),
            column("street", "La colonna della strada", "The column of the street"),
            column("number", "La colonna del civico", "The column of the number"),
            column("suffix", "La colonna dell’esponente", "The column of the suffix"),
            column("district", "La colonna della località o del sestiere", "The column of the district or sestiere"),
            near_parameter(),
        ])
        .gives(about, [("text/csv", text())], &["Bricola-Seq", "Cache-Control"])
        .fails([Kind::SearchBuilding])
}

impl Pieces for Batch<File> {
    fn piece(&mut self) -> std::io::Result<Option<Bytes>> {
        Ok(Batch::piece(self)?.map(Bytes::from))
    }
}

fn refusal(error: &BatchError) -> Problem {
    match error {
        BatchError::File(error) => Problem::internal(error),
        BatchError::NoColumn { name, parameter, columns } => {
            Problem::parameter(parameter, name, error).with("allowed", columns.clone())
        }
        BatchError::Csv(_) | BatchError::NoAddress(_) => Problem::new(Kind::InvalidBody, format!("{error}.")),
    }
}
