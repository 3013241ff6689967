//! A subscription's events as they happen (server-sent events, WHATWG HTML 9.2).

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, RawQuery, State as AppState};
use axum::response::Response;
use axum::response::sse::Event as Sent;
use http::{HeaderMap, HeaderName};
use serde_json::json;
use tokio::sync::{OwnedSemaphorePermit, watch};

use super::fetch::{begin, cursor, pulled, read, reader};
use crate::app::App;
use crate::error::{Answer, Problem};
use crate::params::Params;
use crate::routes::{bearer, events};
use crate::services::subscriptions::{Place, Reader};

/// How often a stream says that it is alive, and where it stands.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// Events that are read at a time.
const PAGE: usize = 200;
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// `GET /subscriptions/{subscriptionId}/events`, resumed by `Last-Event-ID`.
pub async fn stream(
    AppState(app): AppState<Arc<App>>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    streamed(app, &id, query.as_deref(), &headers).await.unwrap_or_else(bearer::refusal_or)
}

async fn streamed(app: Arc<App>, id: &str, query: Option<&str>, headers: &HeaderMap) -> Answer {
    let params = Params::read(query, &["after"])?;
    let resumed = headers.get(LAST_EVENT_ID).and_then(|value| Place::parse(value.to_str().ok()?.trim()));
    let after = resumed.or(cursor(params.text("after"))?);
    let one = pulled(&app, id, headers).await?;
    let end = app.archive().last_seq().await.map_err(|error| Problem::store(&error))?;
    let place = begin(&app, &one, after, end).await?;
    let seq = place.seq;
    let permit = events::permit(&app)?;
    let reader = reader(&app, &one, headers)?;
    let closing = app.closing.subscribe();
    let stream = Stream { reader, waiting: VecDeque::from([beat(&place)]), place, closing, app, _permit: permit };
    let told = futures::stream::unfold(stream, |mut stream| async {
        let event = stream.next().await?;
        Some((Ok::<_, Infallible>(event), stream))
    });
    Ok(events::sent(told, seq))
}

struct Stream {
    app: Arc<App>,
    reader: Reader,
    place: Place,
    waiting: VecDeque<Sent>,
    closing: watch::Receiver<bool>,
    _permit: OwnedSemaphorePermit,
}

fn beat(place: &Place) -> Sent {
    Sent::default().event("seq").id(place.token()).data(json!({"seq": place.seq}).to_string())
}

impl Stream {
    /// The next event; `None` ends the stream, and the subscriber comes again.
    async fn next(&mut self) -> Option<Sent> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Some(event);
            }
            let before = self.place.seq;
            let events = read(&mut self.reader, &mut self.place, PAGE).await.ok()?;
            for event in events {
                let text = String::from_utf8_lossy(&event.text).into_owned();
                let kind = if event.feature.is_some() { "change" } else { "layer" };
                self.waiting.push_back(Sent::default().event(kind).id(event.behind.token()).data(text));
            }
            if !self.waiting.is_empty() {
                continue;
            }
            if self.place.seq > before {
                // What was looked at and not wanted need not be looked at again.
                self.waiting.push_back(beat(&self.place));
                continue;
            }
            tokio::select! {
                () = self.app.territory.reached(self.place.seq + 1) => {}
                () = tokio::time::sleep(HEARTBEAT) => self.waiting.push_back(beat(&self.place)),
                _ = self.closing.wait_for(|closing| *closing) => return None,
            }
        }
    }
}
