//! The processes by the interaction patterns of the Italian guidelines (ModI): a request is accepted (202), and its outcome is
//! fetched (`NONBLOCK_PULL_REST`: a status, then 303) or sent to the URL in `X-ReplyTo` (`NONBLOCK_PUSH_REST`).

use std::sync::Arc;

use axum::extract::{Path, RawQuery, Request, State};
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, HeaderName, StatusCode, header};
use serde_json::Value;

use super::execute::{later, no_room, read};
use super::jobs::{id as job_id, known, status};
use super::{about, reply};
use crate::app::App;
use crate::error::{Answer, Kind, Problem};
use crate::params::Params;
use crate::routes::{bearer, respond};
use crate::services::jobs::{Reply, Standing};
use crate::wired::schema::{formatted, reference};
use crate::wired::{Operation, Parameter, Words};

const REPLY_TO: &str = "x-replyto";
const CORRELATION: HeaderName = HeaderName::from_static("x-correlation-id");

/// `POST /processes/{processId}/requests`.
pub async fn ask(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    request: Request,
) -> Response {
    accepted(&app, &id, query.as_deref(), request).await.unwrap_or_else(bearer::refusal_or)
}

async fn accepted(app: &Arc<App>, id: &str, query: Option<&str>, request: Request) -> Answer {
    Params::read(query, &[])?;
    let headers = request.headers().clone();
    let base = respond::base_url(&app.config, &headers);
    let asked = read(app, id, request).await?;
    if asked.subscriber.is_some() {
        let detail = "subscriber: who asks here names the URL in the header X-ReplyTo.";
        return Err(Problem::new(Kind::InvalidBody, detail).with("parameter", "subscriber"));
    }
    let reply = reply_to(&headers, &base)?;
    if let Some(reply) = &reply {
        reply::admit(app, &headers, reply)?;
    }
    let is_pushed = reply.is_some();
    let job = later(app, asked, reply).ok_or_else(no_room)?;
    let mut response = respond::json(&status(&job, &base));
    *response.status_mut() = StatusCode::ACCEPTED;
    respond::set(&mut response, header::LOCATION, &format!("{base}/requests/{}", job.id));
    if is_pushed {
        respond::set(&mut response, CORRELATION, &job.id);
    }
    Ok(response)
}

fn reply_to(headers: &HeaderMap, base: &str) -> Result<Option<Reply>, Problem> {
    let Some(value) = headers.get(REPLY_TO) else { return Ok(None) };
    let url = value.to_str().ok().filter(|url| !url.trim().is_empty()).ok_or_else(|| {
        Problem::new(Kind::InvalidReplyTo, "X-ReplyTo: must be the URL to which the outcome is sent.")
    })?;
    let url = url.trim().to_owned();
    Ok(Some(Reply {
        base: base.to_owned(),
        failure: Some(url.clone()),
        success: url,
        progress: None,
        is_correlated: true,
        standing: Standing::default(),
    }))
}

/// `GET /requests/{jobId}`.
pub async fn state(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Answer {
    Params::read(query.as_deref(), &[])?;
    let base = respond::base_url(&app.config, &headers);
    let job = known(&app, &id).await?;
    if !job.state.has_ended() {
        return Ok(respond::json(&status(&job, &base)));
    }
    let mut response = StatusCode::SEE_OTHER.into_response();
    respond::set(&mut response, header::LOCATION, &format!("{base}/jobs/{}/results", job.id));
    respond::set(&mut response, header::CACHE_CONTROL, "no-cache");
    Ok(response)
}

fn told() -> [(&'static str, Value); 1] {
    [("application/json", reference("StatusInfo"))]
}

/// Of [`ask`].
pub fn about_ask() -> Operation {
    let about = Words(
        "Come l’esecuzione di un processo, secondo i pattern NONBLOCK_PULL_REST e, con X-ReplyTo, NONBLOCK_PUSH_REST di ModI.",
        "As the execution of a process, by the patterns NONBLOCK_PULL_REST and, with X-ReplyTo, NONBLOCK_PUSH_REST of ModI.",
    );
    let accepted = Words("La richiesta è accettata.", "The request is accepted.");
    let reply_to = Words(
        "L’URL a cui inviare l’esito con POST e X-Correlation-ID; serve un token di chi può modificare",
        "The URL to which the outcome is POSTed, with X-Correlation-ID; needs a token of somebody who may edit",
    );
    let title = Words("Chiedere a un processo senza attendere", "Ask a process without waiting");
    Operation::post("requests", "desk", title, about, about::execution())
        .takes([about::id(), Parameter::header("X-ReplyTo", reply_to, formatted("uri"))])
        .replies(202, accepted, told(), &["Location", "X-Correlation-ID", "Cache-Control"])
        .fails([Kind::UnknownProcess, Kind::Unauthorized, Kind::InvalidReplyTo])
}

/// Of [`state`].
pub fn about_state() -> Operation {
    let about = Words(
        "Come sta una richiesta accettata; quando è conclusa, dove è l’esito.",
        "How an accepted request stands; once it has ended, where the outcome is.",
    );
    let there = Words("È conclusa: l’esito è altrove.", "It has ended: the outcome is elsewhere.");
    Operation::get("request", "desk", Words("Una richiesta", "A request"), about)
        .takes([job_id()])
        .gives(about, told(), &["Cache-Control"])
        .replies(303, there, [], &["Location", "Cache-Control"])
        .fails([Kind::UnknownJob])
}
