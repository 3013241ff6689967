//! `/events`: what changes, as it happens, for maps (server-sent events, WHATWG HTML 9.2).

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{RawQuery, State};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse as _, Response};
use bricola_layers::cache::{Applied, AppliedLayer, WorldBox};
use bricola_layers::crs::world_to_lonlat;
use bricola_layers::definition::LayerDefinition;
use bricola_layers::limits::{MAX_APPLIED_CAUSES, MAX_APPLIED_FEATURES, MAX_EVENTS_RESUMED};
use bricola_layers::log::{STYLES, Seq};
use futures::Stream;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use serde_json::{Value, json};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::{Interval, MissedTickBehavior};

use super::{parameters, respond, select};
use crate::app::App;
use crate::error::{Answer, Kind, Problem};
use crate::params::Params;
use crate::services::feed::with_images;
use crate::wired::schema::{text, whole};
use crate::wired::{Operation, Parameter, Words};

/// How often a stream says that it is alive, and where it stands.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How long a client whose cursor is ahead of this server is waited for: it may have come from a faster one.
const PATIENCE: Duration = Duration::from_secs(2);
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// `GET /events?after=&layers=`, resumed by `Last-Event-ID`. Events, each with the `seq` that answers reflect as its id:
/// - `change`: `{"seq", "layers": [{"layer", "seq", "whole", "ids", "boxes"}]}`; `boxes` are `[west, south, east,
///   north]` in degrees, outside of which nothing changed; `whole` says that all of the layer did; `ids` is absent
///   when there are many; `causes` says why, where bindings made the changes;
/// - `layers`: `{"seq", "layers": [id]}`, the layers that there are from now on: one was added, dropped or defined anew;
/// - `styles`: `{"seq"}`, the styles that are kept are others;
/// - `seq`: nothing to tell but the id, at the start and every fifteen seconds;
/// - `reset`: too much was missed, or the log was set back; ask for everything anew.
pub async fn get(State(app): State<Arc<App>>, RawQuery(query): RawQuery, headers: HeaderMap) -> Answer {
    let params = Params::read(query.as_deref(), &["after", "layers"])?;
    let only = match params.text("layers") {
        None => None,
        Some(list) => Some(select::named(&app, list)?.iter().map(|layer| layer.definition().id.clone()).collect()),
    };
    let resumed = headers.get(LAST_EVENT_ID).and_then(|value| value.to_str().ok()?.trim().parse().ok());
    let after = resumed.or(params.whole("after", 0..=i64::MAX)?);
    let permit = permit(&app)?;
    // Listening begins before anything is read, so that nothing falls between.
    let listener = app.territory.subscribe();
    let mut stream = EventStream {
        sent: after.unwrap_or_else(|| app.territory.seq()),
        closing: app.closing.subscribe(),
        heartbeat: tokio::time::interval(HEARTBEAT),
        waiting: VecDeque::new(),
        layers: Vec::new(),
        listener,
        only,
        app,
        _permit: permit,
    };
    stream.heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    stream.begin().await;
    let seq = stream.sent;
    Ok(sent(stream.into_stream(), seq))
}

/// Of [`get`].
pub fn about() -> Operation {
    let about = Words(
        "Le modifiche mentre accadono, per le mappe (server-sent events): change, layers, styles, seq e reset, ciascuno con il suo seq.",
        "Changes as they happen, for maps (server-sent events): change, layers, styles, seq and reset, each with its seq.",
    );
    let resumed = Words("Da dove riprendere, come after", "Where to go on, as after");
    Operation::get("events", "changes", Words("Le modifiche mentre accadono", "Changes as they happen"), about)
        .takes([
            Parameter::query("after", Words("L’ultima modifica già vista", "The last change that was seen"), whole(0)),
            parameters::layers(),
            Parameter::header("Last-Event-ID", resumed, text()),
        ])
        .gives(about, [("text/event-stream", text())], &["Bricola-Seq", "Cache-Control"])
        .fails([Kind::UnknownLayer, Kind::LayerUnreadable, Kind::TooManyStreams])
}

/// Room for one stream more.
///
/// # Errors
/// When as many are open as may be.
pub fn permit(app: &App) -> Result<OwnedSemaphorePermit, Problem> {
    Arc::clone(&app.streams).try_acquire_owned().map_err(|_| {
        let most = app.config.limits.streams;
        Problem::new(Kind::TooManyStreams, format!("{most} streams are open; try again in a while."))
            .with("limit", "limits.streams")
            .with("allowed", most)
            .retry_after(10)
    })
}

/// A stream of events as an answer that reflects a change.
pub fn sent(stream: impl Stream<Item = Result<Event, Infallible>> + Send + 'static, seq: Seq) -> Response {
    let mut response = Sse::new(stream).into_response();
    // Proxies such as nginx would otherwise gather events before they pass them on.
    respond::set(&mut response, HeaderName::from_static("x-accel-buffering"), "no");
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    respond::set_seq(&mut response, seq);
    response
}

struct EventStream {
    app: Arc<App>,
    listener: Receiver<Arc<Applied>>,
    only: Option<Vec<String>>,
    /// Up to where the client has been told.
    sent: Seq,
    waiting: VecDeque<Event>,
    /// Those that there were when the client was last told.
    layers: Vec<Arc<LayerDefinition>>,
    heartbeat: Interval,
    closing: watch::Receiver<bool>,
    _permit: OwnedSemaphorePermit,
}

impl EventStream {
    fn into_stream(self) -> impl Stream<Item = Result<Event, Infallible>> {
        futures::stream::unfold(self, |mut stream| async {
            let event = stream.next().await?;
            Some((Ok(event), stream))
        })
    }

    /// Brings a client that comes back up to date.
    async fn begin(&mut self) {
        self.layers = self.present();
        let seq = self.app.territory.seq();
        if self.sent > seq {
            let _ = tokio::time::timeout(PATIENCE, self.app.territory.reached(self.sent)).await;
        }
        if self.sent > self.app.territory.seq() {
            self.reset();
        } else if self.sent < seq {
            self.catch_up().await;
        }
    }

    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Some(event);
            }
            let applied = tokio::select! {
                _ = self.closing.wait_for(|closing| *closing) => return None,
                _ = self.heartbeat.tick() => None,
                applied = self.listener.recv() => Some(applied),
            };
            let Some(applied) = applied else {
                self.relist();
                self.push("seq", &json!({"seq": self.sent}));
                continue;
            };
            if applied.as_ref().map_or(true, |applied| applied.layers.iter().any(|part| part.whole)) {
                self.relist();
            }
            match applied {
                Ok(applied) if applied.after == applied.seq => self.reset(),
                // Told from the log already.
                Ok(applied) if applied.seq <= self.sent => {}
                Ok(applied) if applied.after <= self.sent => self.tell(applied.seq, &applied.layers, applied.styles),
                Ok(_) | Err(RecvError::Lagged(_)) => self.catch_up().await,
                Err(RecvError::Closed) => return None,
            }
        }
    }

    fn sees(&self, layer: &str) -> bool {
        let wants = self.only.as_ref().is_none_or(|only| only.iter().any(|id| id == layer));
        wants
            && match self.app.territory.layer(layer) {
                Some(layer) => self.app.scope.sees_layer(&layer.definition()),
                // It has just gone, unless it is one that this version cannot read.
                None => self.app.territory.unreadable().iter().all(|unreadable| unreadable.id != layer),
            }
    }

    fn tell(&mut self, seq: Seq, layers: &[AppliedLayer], styles: bool) {
        self.sent = seq;
        if styles {
            self.push("styles", &json!({"seq": seq}));
        }
        let describe = |part: &AppliedLayer| describe(&self.app, part);
        let layers: Vec<Value> = layers.iter().filter(|part| self.sees(&part.layer)).map(describe).collect();
        if !layers.is_empty() {
            self.push("change", &json!({"seq": seq, "layers": layers}));
        }
    }

    fn push(&mut self, name: &str, data: &Value) {
        self.waiting.push_back(Event::default().event(name).id(self.sent.to_string()).data(data.to_string()));
    }

    /// The layers that the client may see and wants to hear of.
    fn present(&self) -> Vec<Arc<LayerDefinition>> {
        let wanted = |id: &String| self.only.as_ref().is_none_or(|only| only.contains(id));
        select::visible(&self.app)
            .map(|(_, definition)| definition)
            .filter(|definition| wanted(&definition.id))
            .collect()
    }

    /// Tells which layers there are, when they are not those of before. They come before the changes that made them so,
    /// since a client can ask for nothing of a layer that it does not know.
    fn relist(&mut self) {
        let (now, before) = (self.present(), &self.layers);
        let is_same = |(a, b): (&Arc<LayerDefinition>, &Arc<LayerDefinition>)| Arc::ptr_eq(a, b) || a == b;
        if now.len() == before.len() && now.iter().zip(before).all(is_same) {
            return;
        }
        let ids: Vec<&str> = now.iter().map(|definition| definition.id.as_str()).collect();
        let data = json!({"seq": self.sent, "layers": ids});
        self.push("layers", &data);
        self.layers = now;
    }

    fn reset(&mut self) {
        self.sent = self.app.territory.seq();
        self.push("reset", &json!({"seq": self.sent}));
    }

    /// Tells from the log what was missed.
    async fn catch_up(&mut self) {
        match self.missed().await {
            Some((seq, layers, styles)) => self.tell(seq, &layers, styles),
            None => self.reset(),
        }
    }

    /// What happened after the last event, up to what answers reflect now; `None` when it is too much, or unknown.
    async fn missed(&self) -> Option<(Seq, Vec<AppliedLayer>, bool)> {
        let end = self.app.territory.seq();
        let mut changes = self.app.archive().changes(self.sent, MAX_EVENTS_RESUMED + 1).await.ok()?;
        changes.retain(|change| change.seq <= end);
        if changes.len() > MAX_EVENTS_RESUMED {
            return None;
        }
        let styles = changes.iter().any(|change| change.layer == STYLES);
        let definitions =
            select::visible(&self.app).map(|(_, definition)| (definition.id.clone(), definition)).collect();
        let told = with_images(self.app.archive(), &definitions, changes).await.ok()?;
        let mut layers: BTreeMap<String, AppliedLayer> = BTreeMap::new();
        for told in told {
            let change = &told.change;
            let part = layers.entry(change.layer.clone()).or_insert_with(|| AppliedLayer {
                layer: change.layer.as_str().into(),
                seq: 0,
                whole: false,
                ids: Vec::new(),
                boxes: Vec::new(),
                causes: Vec::new(),
            });
            part.seq = change.seq;
            // A change whose places are not known may have been anywhere.
            part.whole |= change.id.is_none() || told.before().is_err() || told.after().is_err();
            part.ids.extend(change.id);
            for cause in &change.causes {
                if part.causes.len() < MAX_APPLIED_CAUSES && !part.causes.contains(cause) {
                    part.causes.push(cause.clone());
                }
            }
            part.boxes.extend(told.boxes());
        }
        let bounded = layers.into_values().map(|mut part| {
            part.whole |= part.boxes.len() > 2 * MAX_APPLIED_FEATURES;
            part
        });
        Some((end, bounded.collect(), styles))
    }
}

fn describe(app: &App, part: &AppliedLayer) -> Value {
    let mut value = json!({"layer": &*part.layer, "seq": part.seq, "whole": part.whole});
    if !part.whole {
        value["boxes"] = part.boxes.iter().map(|place| json!(degrees(place))).collect();
        if !part.ids.is_empty() {
            value["ids"] = json!(part.ids);
        }
    }
    let causes = select::visible_causes(app, &part.layer, &part.causes);
    if !causes.is_empty() {
        value["causes"] = json!(causes);
    }
    value
}

/// West, south, east, north.
fn degrees(place: &WorldBox) -> [f64; 4] {
    let ([west, north], [east, south]) = (world_to_lonlat(place.0), world_to_lonlat(place.1));
    [west, south, east, north].map(|value| (value * 1e7).round() / 1e7)
}
