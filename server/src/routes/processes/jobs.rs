//! `/jobs`: how long answers stand, and what came out (OGC API Processes 1, 7.12 and 7.13, Job list, Dismiss).

use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use http::HeaderMap;
use serde_json::{Value, json};

use super::execute::answered;
use super::list::link;
use crate::app::App;
use crate::error::{Answer, Kind, Problem};
use crate::params::Params;
use crate::routes::{bearer, parameters, respond};
use crate::services::jobs::{Job, State as Stage};
use crate::wired::schema::{between, reference, text};
use crate::wired::{Method, Operation, Parameter, Words};

/// Jobs of a list when nobody says how many.
const USUAL: i64 = 100;

/// `GET /jobs`: for the staff, since who knows a job's name knows its answer.
pub async fn list(State(app): State<Arc<App>>, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    listed(&app, query.as_deref(), &headers).unwrap_or_else(bearer::refusal_or)
}

fn listed(app: &App, query: Option<&str>, headers: &HeaderMap) -> Answer {
    let params = Params::read(query, &["limit", "f"])?;
    params.one_of("f", &[("json", ())])?;
    let limit = params.whole("limit", 1..=1_000)?.unwrap_or(USUAL) as usize;
    bearer::staff(app, headers)?;
    let base = respond::base_url(&app.config, headers);
    let jobs: Vec<Value> = app.jobs.list().iter().take(limit).map(|job| status(job, &base)).collect();
    Ok(respond::json(&json!({"jobs": jobs, "links": [link(&base, "/jobs", "self", "application/json")]})))
}

/// `GET /jobs/{jobId}`.
pub async fn one(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Answer {
    let params = Params::read(query.as_deref(), &["f"])?;
    params.one_of("f", &[("json", ())])?;
    Ok(respond::json(&status(&known(&app, &id)?, &respond::base_url(&app.config, &headers))))
}

/// `GET /jobs/{jobId}/results`.
pub async fn results(State(app): State<Arc<App>>, Path(id): Path<String>, RawQuery(query): RawQuery) -> Answer {
    Params::read(query.as_deref(), &[])?;
    let job = known(&app, &id)?;
    match job.state {
        Stage::Successful(parts) => Ok(answered(&parts, job.as_document)),
        Stage::Failed(problem) => Err(*problem),
        _ => {
            Err(Problem::new(Kind::JobRunning, format!("The job has come to {} %; ask again.", job.percent))
                .retry_after(1))
        }
    }
}

/// `DELETE /jobs/{jobId}`: calls it off, or forgets it.
pub async fn dismiss(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Answer {
    Params::read(query.as_deref(), &[])?;
    let job = app.jobs.dismiss(&id).ok_or_else(|| unknown(&id))?;
    Ok(respond::json(&status(&job, &respond::base_url(&app.config, &headers))))
}

fn known(app: &App, id: &str) -> Result<Job, Problem> {
    app.jobs.get(id).ok_or_else(|| unknown(id))
}

fn unknown(id: &str) -> Problem {
    let shown = crate::error::clipped(id);
    Problem::new(
        Kind::UnknownJob,
        format!("There is no job \"{shown}\"; results are kept for a day, and by this server only."),
    )
    .with("value", &*shown)
}

/// The statusInfo of a job.
pub fn status(job: &Job, base: &str) -> Value {
    let id = &job.id;
    let mut links = vec![link(base, &format!("/jobs/{id}"), "self", "application/json")];
    if matches!(job.state, Stage::Successful(_)) {
        let rel = "http://www.opengis.net/def/rel/ogc/1.0/results";
        links.push(link(base, &format!("/jobs/{id}/results"), rel, "application/json"));
    }
    let mut status = json!({
        "jobID": id, "processID": job.process, "type": "process", "status": job.state.name(), "progress": job.percent,
        "created": job.created.to_rfc3339(), "updated": job.updated.to_rfc3339(), "links": links,
    });
    if let Stage::Failed(problem) = &job.state {
        status["message"] = problem.detail().into();
    }
    for (name, moment) in [("started", job.started), ("finished", job.finished)] {
        if let Some(moment) = moment {
            status[name] = moment.to_rfc3339().into();
        }
    }
    status
}

fn id() -> Parameter {
    let example = "00000000-0000-4000-8000-000000000000";
    Parameter::path(
        "jobId",
        Words("Il nome del lavoro, come lo si è ricevuto", "The job's name, as it was received"),
        text(),
        example,
    )
}

/// Of [`list`].
pub fn about_list() -> Operation {
    let about = Words("I lavori di questo server, per il personale.", "The jobs of this server, for the staff.");
    Operation::get("jobs", "desk", Words("I lavori", "The jobs"), about)
        .takes([
            Parameter::query("limit", Words("Quanti al massimo", "How many at most"), between(1, 1_000)),
            parameters::form(["json"]),
        ])
        .gives(about, [("application/json", reference("JobList"))], &["Cache-Control"])
        .fails([Kind::Unauthorized])
}

/// Of [`one`].
pub fn about_one() -> Operation {
    let about = Words("Come sta un lavoro, e a che punto è.", "How a job stands, and how far it is.");
    Operation::get("job", "desk", Words("Un lavoro", "A job"), about)
        .takes([id(), parameters::form(["json"])])
        .gives(about, [("application/json", reference("StatusInfo"))], &["Cache-Control"])
        .fails([Kind::UnknownJob])
}

/// Of [`results`].
pub fn about_results() -> Operation {
    let about = Words("Che cosa è risultato da un lavoro.", "What came out of a job.");
    Operation::get("job-results", "desk", Words("I risultati di un lavoro", "The results of a job"), about)
        .takes([id()])
        .gives(about, super::about::results(), &["Cache-Control"])
        .fails([Kind::UnknownJob, Kind::JobRunning])
        .fails(super::about::FAILURES)
}

/// Of [`dismiss`].
pub fn about_dismiss() -> Operation {
    let about = Words("Annulla un lavoro, o dimentica i suoi risultati.", "Calls a job off, or forgets its results.");
    Operation::of(Method::Delete, "dismissed-job", "desk", Words("Annullare un lavoro", "Dismiss a job"), about)
        .takes([id()])
        .gives(about, [("application/json", reference("StatusInfo"))], &["Cache-Control"])
        .fails([Kind::UnknownJob])
}
