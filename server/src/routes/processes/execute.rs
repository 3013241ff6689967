//! `POST /processes/{processId}/execution` (OGC API Processes 1, 7.11).

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, RawQuery, Request, State};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures::{StreamExt as _, stream};
use http::{HeaderMap, HeaderName, StatusCode, header};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::inputs::Inputs;
use super::list::named;
use super::reply::{self, Subscriber};
use super::{Call, Made, Process, STAFF, jobs};
use crate::app::App;
use crate::error::{Answer, Kind, Problem};
use crate::params::Params;
use crate::routes::pieces::{PIECE, Pieces, streamed};
use crate::routes::{bearer, body, respond};
use crate::services::jobs::{self as service, Content, Job, Order, Part, Progress, Reply};

const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");

/// The body.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object with inputs, and outputs and response if wanted")]
struct Execute {
    /// Inputs by name.
    #[serde(default)]
    inputs: Map<String, Value>,
    /// Outputs that are wanted, by name.
    #[serde(default)]
    outputs: Option<Map<String, Value>>,
    /// `raw`, or all outputs in one `document`.
    #[serde(default)]
    response: Option<String>,
    /// Who is told of the outcome by requests.
    #[serde(default)]
    subscriber: Option<Subscriber>,
}

/// What is asked of a process, checked as far as that goes without asking.
pub struct Asked {
    pub process: &'static Process,
    pub request: service::Request,
    pub as_document: bool,
    pub subscriber: Option<Subscriber>,
}

/// Answers at once, or with `Prefer: respond-async` by a job.
pub async fn execute(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    request: Request,
) -> Response {
    executed(app, &id, query.as_deref(), request).await.unwrap_or_else(bearer::refusal_or)
}

async fn executed(app: Arc<App>, id: &str, query: Option<&str>, request: Request) -> Answer {
    Params::read(query, &[])?;
    let headers = request.headers().clone();
    let mut asked = read(&app, id, request).await?;
    if let Some(subscriber) = asked.subscriber.take() {
        let reply = subscriber.reply(respond::base_url(&app.config, &headers));
        reply::admit(&app, &headers, &reply)?;
        return begun(&app, later(&app, asked, Some(reply)), &headers);
    }
    if prefers_async(&headers) {
        return begun(&app, later(&app, asked, None), &headers);
    }
    let Asked { process, request, as_document, .. } = asked;
    let parts = run(app, process, request, Progress::default()).await?;
    Ok(answered(&parts, as_document))
}

/// Reads the body of a question to a process.
///
/// # Errors
/// An unknown process, somebody who may not ask it, a body that is none, inputs and outputs that it does not know.
pub async fn read(app: &App, id: &str, request: Request) -> Result<Asked, Problem> {
    let process = named(id)?;
    if STAFF.contains(&process.id) {
        bearer::staff(app, request.headers())?;
    }
    // As an object first: a list would pass for one.
    let sent: Map<String, Value> = body::json(request, app.config.limits.body_bytes).await?;
    let sent: Execute = serde_json::from_value(Value::Object(sent))
        .map_err(|error| Problem::new(Kind::InvalidBody, format!("{error}.")))?;
    Inputs::of_json(sent.inputs.clone(), &process.names())?;
    let wanted = wanted(process, sent.outputs.as_ref())?.into_iter().map(str::to_owned).collect();
    let as_document = as_document(sent.response.as_deref())?;
    let request = service::Request { inputs: sent.inputs, wanted };
    Ok(Asked { process, request, as_document, subscriber: sent.subscriber })
}

/// Asks a process.
///
/// # Errors
/// Those of the process.
pub async fn run(
    app: Arc<App>,
    process: &'static Process,
    request: service::Request,
    progress: Progress,
) -> Result<Vec<Part>, Problem> {
    let service::Request { inputs, wanted } = request;
    let inputs = Inputs::of_json(inputs, &process.names())?;
    let is_wanted = |name: &&str| wanted.iter().any(|wanted| wanted == name);
    let wanted = process.outputs.iter().map(|output| output.name).filter(is_wanted).collect();
    let made = (process.run)(Call { app, inputs, wanted, progress }).await?;
    Ok(made.into_iter().map(part).collect())
}

/// Takes a job on, and tells its outcome to whoever is to be told.
pub fn later(app: &Arc<App>, asked: Asked, reply: Option<Reply>) -> Option<Job> {
    let Asked { process, request, as_document, .. } = asked;
    let order = Order { process: process.id, as_document, request: Some(request.clone()), reply: reply.clone() };
    let own = Arc::clone(app);
    let job = app.jobs.begin(order, move |progress| run(own, process, request, progress))?;
    if let Some(reply) = reply {
        reply::watch(app, job.id.clone(), reply);
    }
    Some(job)
}

/// The answer of a job that was taken on; the refusal where there was no room for it.
pub fn begun(app: &App, job: Option<Job>, headers: &HeaderMap) -> Answer {
    let job = job.ok_or_else(no_room)?;
    let base = respond::base_url(&app.config, headers);
    let mut response = respond::json(&jobs::status(&job, &base));
    *response.status_mut() = StatusCode::CREATED;
    respond::set(&mut response, header::LOCATION, &format!("{base}/jobs/{}", job.id));
    respond::set(&mut response, PREFERENCE_APPLIED, "respond-async");
    Ok(response)
}

/// There are too many jobs.
pub fn no_room() -> Problem {
    Problem::new(Kind::Overloaded, "Too many jobs wait for their turn; try again later, or dismiss some.")
        .with("limit", "MAX_JOBS")
        .retry_after(30)
}

/// An output of a job.
pub fn part(made: Made) -> Part {
    Part { name: made.name.into(), media_type: made.media_type.into(), body: Content::Bytes(made.body) }
}

fn wanted(process: &Process, outputs: Option<&Map<String, Value>>) -> Result<Vec<&'static str>, Problem> {
    // Who names none wants all of them (requirement default-outputs).
    let Some(outputs) = outputs.filter(|outputs| !outputs.is_empty()) else {
        return Ok(process.outputs.iter().map(|output| output.name).collect());
    };
    let known: Vec<&str> = process.outputs.iter().map(|output| output.name).collect();
    if let Some(other) = outputs.keys().find(|name| !known.contains(&name.as_str())) {
        let shown = crate::error::clipped(other);
        let detail = format!("outputs.{shown} is no output of this process; its outputs are {}.", known.join(", "));
        return Err(Problem::new(Kind::InvalidBody, detail).with("parameter", "outputs").with("allowed", known));
    }
    let by_reference = |value: &Value| value["transmissionMode"].as_str().is_some_and(|mode| mode != "value");
    if let Some((name, _)) = outputs.iter().find(|(_, value)| by_reference(value)) {
        let detail = format!("outputs.{name}.transmissionMode: outputs are transmitted by value only.");
        return Err(Problem::new(Kind::InvalidBody, detail).with("parameter", "outputs"));
    }
    Ok(process.outputs.iter().map(|output| output.name).filter(|name| outputs.contains_key(*name)).collect())
}

/// Raw, unless a document is asked for.
fn as_document(response: Option<&str>) -> Result<bool, Problem> {
    match response {
        None | Some("raw") => Ok(false),
        Some("document") => Ok(true),
        Some(other) => Err(Problem::new(
            Kind::InvalidBody,
            format!("response={}: must be raw or document.", crate::error::clipped(other)),
        )
        .with("parameter", "response")),
    }
}

/// RFC 7240, 4.1.
pub fn prefers_async(headers: &HeaderMap) -> bool {
    let values = headers.get_all("prefer").iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|it| it.trim().eq_ignore_ascii_case("respond-async"))
}

/// What came out, as an answer: raw, one output is its own body and several are the parts of one (RFC 2387); else all are
/// told in a document.
pub fn answered(parts: &[Part], as_document: bool) -> Response {
    if !as_document && parts.len() != 1 {
        return related(parts);
    }
    if !as_document && let [part] = parts {
        let mut response = Response::new(body_of(part));
        respond::set(&mut response, header::CONTENT_TYPE, &part.media_type);
        respond::set(&mut response, header::CACHE_CONTROL, "no-cache");
        return response;
    }
    let told = parts.iter().map(|part| (part.name.clone().into_owned(), inline(part)));
    respond::json(&Value::Object(told.collect()))
}

fn body_of(part: &Part) -> Body {
    match &part.body {
        Content::Bytes(bytes) => Body::from(bytes.clone()),
        Content::File(file) => streamed(Kept { file: Arc::clone(file), at: 0 }),
    }
}

/// Several outputs in one body, each under its name.
fn related(parts: &[Part]) -> Response {
    // No output has a line that nobody can guess.
    let boundary = uuid::Uuid::new_v4().simple().to_string();
    let mut body = Body::empty().into_data_stream().boxed();
    for part in parts {
        let head = format!("--{boundary}\r\nContent-Type: {}\r\nContent-ID: <{}>\r\n\r\n", part.media_type, part.name);
        let ends = stream::once(async { Ok(Bytes::from_static(b"\r\n")) });
        let head = stream::once(async move { Ok(Bytes::from(head)) });
        body = body.chain(head).chain(body_of(part).into_data_stream()).chain(ends).boxed();
    }
    let last = format!("--{boundary}--\r\n");
    let body = body.chain(stream::once(async move { Ok(Bytes::from(last)) }));
    let mut response = Response::new(Body::from_stream(body));
    respond::set(&mut response, header::CONTENT_TYPE, &format!("multipart/related; boundary={boundary}"));
    respond::set(&mut response, header::CACHE_CONTROL, "no-cache");
    response
}

/// A value in a document: JSON as it is, texts and bytes with their media type (OGC API Processes 1, 7.11.4).
fn inline(part: &Part) -> Value {
    let body = match &part.body {
        Content::Bytes(body) => body.clone(),
        // What is told in a document is no larger than a document may be, though it was kept on the disk.
        Content::File(file) => {
            let length = file.metadata().map_or(0, |about| about.len()) as usize;
            let mut body = vec![0; length];
            file.read_exact_at(&mut body, 0).map_or_else(|_| Bytes::new(), |()| Bytes::from(body))
        }
    };
    if part.media_type == "application/json"
        && let Ok(value) = serde_json::from_slice::<Value>(&body)
    {
        return value;
    }
    match std::str::from_utf8(&body) {
        Ok(text) => json!({"value": text, "mediaType": part.media_type}),
        Err(_) => json!({"value": STANDARD.encode(&body), "encoding": "base64", "mediaType": part.media_type}),
    }
}

/// A file that others may be reading too.
struct Kept {
    file: Arc<File>,
    at: u64,
}

impl Pieces for Kept {
    fn piece(&mut self) -> io::Result<Option<Bytes>> {
        let mut piece = vec![0; PIECE];
        let read = self.file.read_at(&mut piece, self.at)?;
        piece.truncate(read);
        self.at += read as u64;
        Ok((read > 0).then(|| Bytes::from(piece)))
    }
}
