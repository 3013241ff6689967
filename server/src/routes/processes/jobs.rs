//! `/jobs`: how long answers stand, and what came out (OGC API Processes 1, 7.12 and 7.13, Job list, Dismiss).

use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use chrono::{DateTime, Utc};
use http::HeaderMap;
use serde_json::{Value, json};

use super::execute::answered;
use super::list::link;
use crate::app::App;
use crate::error::{Answer, Kind, Problem};
use crate::pages;
use crate::params::Params;
use crate::routes::respond::Format;
use crate::routes::{bearer, parameters, respond};
use crate::services::jobs::{Job, State as Stage};
use crate::wired::schema::{between, list as list_of, reference, text, whole, word};
use crate::wired::{Method, Operation, Parameter, Words};

/// Jobs of a list when nobody says how many.
const USUAL: i64 = 100;
const KNOWN: [&str; 9] =
    ["type", "processID", "status", "datetime", "minDuration", "maxDuration", "limit", "f", "lang"];
/// How jobs may stand.
const STATUSES: [&str; 5] = ["accepted", "running", "successful", "failed", "dismissed"];

/// Which jobs are listed (OGC API Processes 1, Job list).
struct Wanted {
    processes: Vec<String>,
    statuses: Vec<&'static str>,
    /// First and last instant of creation.
    created: [Option<DateTime<Utc>>; 2],
    /// Seconds that they take or took.
    seconds: [Option<i64>; 2],
    limit: usize,
}

/// `GET /jobs`: for the staff, since who knows a job's name knows its answer.
pub async fn list(State(app): State<Arc<App>>, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    listed(&app, query.as_deref(), &headers).await.unwrap_or_else(bearer::refusal_or)
}

async fn listed(app: &App, query: Option<&str>, headers: &HeaderMap) -> Answer {
    let params = Params::read(query, &KNOWN)?;
    let wanted = wanted(&params)?;
    let format = respond::format(&params, headers)?;
    let language = respond::language(&params, headers)?;
    bearer::staff(app, headers)?;
    let base = respond::base_url(&app.config, headers);
    let now = Utc::now();
    let found = app.jobs.list().await.into_iter().filter(|job| wanted.has(job, now)).take(wanted.limit);
    let jobs: Vec<Value> = found.map(|job| status(&job, &base)).collect();
    let links =
        [link(&base, "/jobs", "self", "application/json"), link(&base, "/jobs?f=html", "alternate", "text/html")];
    let document = json!({"jobs": jobs, "links": links});
    if format == Format::Json {
        return Ok(respond::json(&document));
    }
    let asked = pages::Asked::new(app, language, &base, "jobs", query);
    Ok(pages::send(&asked, &pages::desk::jobs(&asked, &document)))
}

fn wanted(params: &Params<'_>) -> Result<Wanted, Problem> {
    let words = |name: &str| -> Vec<String> {
        params.text(name).into_iter().flat_map(|text| text.split(',')).map(|word| word.trim().to_owned()).collect()
    };
    let one_of = |name: &str, known: &[&'static str]| -> Result<Vec<&'static str>, Problem> {
        let find = |word: &String| known.iter().copied().find(|known| known == word);
        let found: Option<Vec<&'static str>> = words(name).iter().map(find).collect();
        found.ok_or_else(|| {
            let text = params.text(name).unwrap_or_default();
            let reason = format!("must be one or some of {}", known.join(", "));
            Problem::parameter(name, text, reason).with("allowed", known.to_vec())
        })
    };
    one_of("type", &["process"])?;
    let seconds = |name: &str| params.whole(name, 0..=i64::MAX);
    Ok(Wanted {
        processes: words("processID"),
        statuses: one_of("status", &STATUSES)?,
        created: created(params)?,
        seconds: [seconds("minDuration")?, seconds("maxDuration")?],
        limit: params.whole("limit", 1..=1_000)?.unwrap_or(USUAL) as usize,
    })
}

/// An instant, or an interval that may be open.
fn created(params: &Params<'_>) -> Result<[Option<DateTime<Utc>>; 2], Problem> {
    let Some(text) = params.text("datetime") else { return Ok([None; 2]) };
    let instant = |text: &str| -> Result<Option<DateTime<Utc>>, Problem> {
        if matches!(text, "" | "..") {
            return Ok(None);
        }
        let reason = "must be an instant such as 2026-01-31T12:00:00Z, or two with a / between, of which one may be ..";
        DateTime::parse_from_rfc3339(text)
            .map(|instant| Some(instant.to_utc()))
            .map_err(|_| Problem::parameter("datetime", text, reason))
    };
    match text.split_once('/') {
        Some((first, last)) => Ok([instant(first)?, instant(last)?]),
        None => Ok([instant(text)?; 2]),
    }
}

impl Wanted {
    fn has(&self, job: &Job, now: DateTime<Utc>) -> bool {
        let takes = job.started.map(|started| (job.finished.unwrap_or(now) - started).num_seconds());
        (self.processes.is_empty() || self.processes.contains(&job.process))
            && (self.statuses.is_empty() || self.statuses.contains(&job.state.name()))
            && self.created[0].is_none_or(|first| job.created >= first)
            && self.created[1].is_none_or(|last| job.created <= last)
            && self.seconds[0].is_none_or(|least| takes.is_some_and(|takes| takes >= least))
            && self.seconds[1].is_none_or(|most| takes.is_some_and(|takes| takes <= most))
    }
}

/// `GET /jobs/{jobId}`.
pub async fn one(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Answer {
    let params = Params::read(query.as_deref(), &["f", "lang"])?;
    let (format, language) = (respond::format(&params, &headers)?, respond::language(&params, &headers)?);
    let base = respond::base_url(&app.config, &headers);
    let document = status(&known(&app, &id).await?, &base);
    if format == Format::Json {
        return Ok(respond::json(&document));
    }
    let path = format!("jobs/{id}");
    let asked = pages::Asked::new(&app, language, &base, &path, query.as_deref());
    Ok(pages::send(&asked, &pages::desk::job(&asked, &document)))
}

/// `GET /jobs/{jobId}/results`.
pub async fn results(State(app): State<Arc<App>>, Path(id): Path<String>, RawQuery(query): RawQuery) -> Answer {
    Params::read(query.as_deref(), &[])?;
    let job = known(&app, &id).await?;
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
    let job = app.jobs.dismiss(&id).await.ok_or_else(|| unknown(&id))?;
    Ok(respond::json(&status(&job, &respond::base_url(&app.config, &headers))))
}

/// The job of this name.
///
/// # Errors
/// When there is none, or not any more.
pub async fn known(app: &App, id: &str) -> Result<Job, Problem> {
    app.jobs.get(id).await.ok_or_else(|| unknown(id))
}

fn unknown(id: &str) -> Problem {
    let shown = crate::error::clipped(id);
    Problem::new(Kind::UnknownJob, format!("There is no job \"{shown}\"; results are kept for a day."))
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
    if let Some(reply) = &job.reply {
        status["reply"] = json!(reply.standing);
    }
    for (name, moment) in [("started", job.started), ("finished", job.finished)] {
        if let Some(moment) = moment {
            status[name] = moment.to_rfc3339().into();
        }
    }
    status
}

/// Which job.
pub fn id() -> Parameter {
    let example = "00000000-0000-4000-8000-000000000000";
    Parameter::path(
        "jobId",
        Words("Il nome del lavoro, come lo si è ricevuto", "The job's name, as it was received"),
        text(),
        example,
    )
}

/// What the job paths are needed for.
pub const CLASSES: &[&str] = &[
    "http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf/job-list",
    "http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf/dismiss",
];

/// Of [`list`].
pub fn about_list() -> Operation {
    let about = Words("I lavori di questo server, per il personale.", "The jobs of this server, for the staff.");
    let seconds = || whole(0);
    Operation::get("jobs", "desk", Words("I lavori", "The jobs"), about)
        .takes([
            Parameter::query("type", Words("Solo di questi tipi", "Only of these types"), list_of(&word(["process"]))),
            Parameter::query(
                "processID",
                Words("Solo di questi processi", "Only of these processes"),
                list_of(&text()),
            ),
            Parameter::query("status", Words("Solo in questi stati", "Only in these states"), list_of(&word(STATUSES))),
            Parameter::query(
                "datetime",
                Words("Chiesti in questo istante o intervallo", "Asked for at this instant or in this interval"),
                text(),
            ),
            Parameter::query(
                "minDuration",
                Words("Durati almeno tanti secondi", "That took so many seconds at least"),
                seconds(),
            ),
            Parameter::query(
                "maxDuration",
                Words("Durati al massimo tanti secondi", "That took so many seconds at most"),
                seconds(),
            ),
            Parameter::query("limit", Words("Quanti al massimo", "How many at most"), between(1, 1_000)),
            parameters::lang(),
            parameters::form(["json", "html"]),
        ])
        .gives(about, [("application/json", reference("JobList")), ("text/html", text())], &["Cache-Control"])
        .fails([Kind::Unauthorized, Kind::NotAcceptable])
}

/// Of [`one`].
pub fn about_one() -> Operation {
    let about = Words("Come sta un lavoro, e a che punto è.", "How a job stands, and how far it is.");
    Operation::get("job", "desk", Words("Un lavoro", "A job"), about)
        .takes([id(), parameters::lang(), parameters::form(["json", "html"])])
        .gives(about, [("application/json", reference("StatusInfo")), ("text/html", text())], &["Cache-Control"])
        .fails([Kind::UnknownJob, Kind::NotAcceptable])
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
