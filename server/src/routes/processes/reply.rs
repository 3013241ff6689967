//! Tells outcomes to whoever asked for it: callbacks (OGC API Processes 1, 7.11.2.6 and Callback), `NONBLOCK_PUSH_REST` of the
//! Italian guidelines, and what is begun again when a server comes back.

use std::sync::Arc;
use std::time::Duration;

use bricola_layers::limits::JOB_KEPT_SECONDS;
use chrono::Utc;
use http::{HeaderMap, header};
use serde::Deserialize;

use super::execute::{answered, run};
use super::jobs::status;
use super::list::named;
use crate::app::App;
use crate::error::{Kind, Problem};
use crate::routes::bearer;
use crate::services::jobs::{Job, Progress, Reply, Standing, State};
use crate::services::subscriptions::{Outcome, Signed, Signer};

/// What is sent at once at most; of larger results it is told where they are.
const MAX_BYTES: usize = 16 << 20;
/// How long whoever is told may take.
const TIMEOUT: Duration = Duration::from_secs(15);
/// The first and the longest pause before an outcome is told again.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(300));
/// How often it is told how far a job is.
const PROGRESS: Duration = Duration::from_secs(2);
/// How often a job that is begun again is tried while layers are being read, a second apart.
const TRIES: u32 = 600;

/// The member `subscriber` of a request.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object with successUri")]
pub struct Subscriber {
    #[serde(rename = "successUri")]
    success: String,
    #[serde(rename = "inProgressUri")]
    progress: Option<String>,
    #[serde(rename = "failedUri")]
    failure: Option<String>,
}

impl Subscriber {
    /// Whom to tell.
    pub fn reply(self, base: String) -> Reply {
        Reply {
            base,
            success: self.success,
            failure: self.failure,
            progress: self.progress,
            is_correlated: false,
            standing: Standing::default(),
        }
    }
}

/// Whether this may be told: by request of somebody who may subscribe, to whom something may be sent.
///
/// # Errors
/// A caller that is not known, a server that sends nothing, a URL that is none or where nothing may be sent.
pub fn admit(app: &App, headers: &HeaderMap, reply: &Reply) -> Result<(), Problem> {
    if !bearer::is_known(app, headers) {
        let detail = "Who wants to be told of results by a request shows one of the tokens that the administrator gave: \
                      \"Authorization: Bearer\".";
        return Err(Problem::new(Kind::Unauthorized, detail));
    }
    let urls = [Some(&reply.success), reply.failure.as_ref(), reply.progress.as_ref()];
    for url in urls.into_iter().flatten() {
        let refused = |reason: String| {
            let shown = crate::error::clipped(url);
            Problem::new(Kind::InvalidReplyTo, format!("{shown}: {reason}.")).with("value", &*shown)
        };
        let Some(poster) = &app.poster else { return Err(refused("this server sends nothing".to_owned())) };
        poster.admit(url).map_err(|forbidden| refused(forbidden.to_string()))?;
    }
    Ok(())
}

/// Tells the outcome of a job once it has ended, until it is taken.
pub fn watch(app: &Arc<App>, id: String, reply: Reply) {
    let app = Arc::clone(app);
    tokio::spawn(async move {
        let standing = tell(&app, &id, &reply).await;
        if let Some(standing) = standing {
            app.jobs.replied(&id, standing).await;
        }
    });
}

/// How it has fared; none when the job was called off.
async fn tell(app: &App, id: &str, reply: &Reply) -> Option<Standing> {
    let job = loop {
        match tokio::time::timeout(PROGRESS, app.jobs.ended(id)).await {
            Ok(ended) => break ended?,
            Err(_) => {
                if let Some(url) = &reply.progress {
                    let told = status(&app.jobs.get(id).await?, &reply.base).to_string();
                    // What is told meanwhile is told once.
                    post(app, reply, id, url, "application/json", told.into_bytes()).await;
                }
            }
        }
    };
    let url = if matches!(job.state, State::Successful(_)) { Some(&reply.success) } else { reply.failure.as_ref() };
    let Some(url) = url else { return Some(Standing::Sent) };
    let (media_type, body) = outcome(&job, &reply.base).await;
    let mut pause = PAUSES.0;
    loop {
        let (reason, wanted) = match post(app, reply, id, url, &media_type, body.clone()).await {
            Outcome::Taken => return Some(Standing::Sent),
            Outcome::Gone => return Some(Standing::GivenUp { reason: "the subscriber answered 410".to_owned() }),
            Outcome::Refused(reason) => return Some(Standing::GivenUp { reason }),
            Outcome::Later(reason, wanted) => (reason, wanted),
        };
        let ended = job.finished.unwrap_or(job.updated);
        if (Utc::now() - ended).num_seconds() > JOB_KEPT_SECONDS {
            return Some(Standing::GivenUp { reason });
        }
        tracing::debug!(job = id, reason, "an outcome is not taken; trying again");
        tokio::time::sleep(pause.max(wanted.unwrap_or_default())).await;
        pause = (pause * 2).min(PAUSES.1);
        app.jobs.get(id).await?;
    }
}

/// What is sent: the results, or the problem; of what is too large where it is.
async fn outcome(job: &Job, base: &str) -> (String, Vec<u8>) {
    let response = match &job.state {
        State::Failed(problem) => problem.write(&format!("/jobs/{}/results", job.id), &job.id, HeaderMap::new()),
        State::Successful(parts) => answered(parts, job.as_document),
        _ => return ("application/json".to_owned(), status(job, base).to_string().into_bytes()),
    };
    let media_type = response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media_type = media_type.unwrap_or("application/octet-stream").to_owned();
    match axum::body::to_bytes(response.into_body(), MAX_BYTES).await {
        Ok(body) => (media_type, body.to_vec()),
        Err(_) => ("application/json".to_owned(), status(job, base).to_string().into_bytes()),
    }
}

async fn post(app: &App, reply: &Reply, id: &str, url: &str, media_type: &str, body: Vec<u8>) -> Outcome {
    let Some(poster) = &app.poster else { return Outcome::Refused("this server sends nothing".to_owned()) };
    let mut headers = Vec::new();
    if let Some(key) = &app.modi_key {
        let signed = Signed { id, url, media_type, body: &body };
        let Some(signature) = Signer::Modi(Arc::clone(key)).headers(signed, Utc::now()) else {
            return Outcome::Later("the request cannot be signed".to_owned(), None);
        };
        headers = signature;
    }
    if reply.is_correlated {
        headers.push(("x-correlation-id", id.to_owned()));
    }
    poster.post(url, media_type, headers, body, TIMEOUT).await
}

/// Goes on with what a server that is no more has left: jobs that can be asked again, and outcomes that nobody was told.
pub fn resume(app: &Arc<App>) {
    for id in app.jobs.untold() {
        let own = Arc::clone(app);
        tokio::spawn(async move {
            if let Some(reply) = own.jobs.get(&id).await.and_then(|job| job.reply) {
                watch(&own, id, reply);
            }
        });
    }
    for job in app.jobs.interrupted() {
        let own = Arc::clone(app);
        app.jobs.go_on(&job.id.clone(), move |progress| again(own, job, progress));
    }
}

/// Asks a process again, as soon as the layers are there.
async fn again(app: Arc<App>, job: Job, progress: Progress) -> Result<Vec<crate::services::jobs::Part>, Problem> {
    let process = named(&job.process)?;
    let request = job.request.ok_or_else(|| Problem::new(Kind::JobFailed, "The job cannot be asked again."))?;
    let mut tries = 0;
    loop {
        let asked = run(Arc::clone(&app), process, request.clone(), progress.clone()).await;
        match asked {
            Err(problem) if tries < TRIES && is_early(problem.kind()) => tries += 1,
            outcome => return outcome,
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// Whether the server has only just begun.
const fn is_early(kind: Kind) -> bool {
    matches!(kind, Kind::LayerLoading | Kind::StoreUnavailable | Kind::SearchBuilding)
}
