//! `/changes`: the feed for other systems, by cursor.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use bricola_layers::cache::{Footprint, RowRef, WorldBox};
use bricola_layers::crs::lonlat_to_world;
use bricola_layers::definition::LayerDefinition;
use bricola_layers::limits::{MAX_FEED_BYTES, MAX_FEED_PAGE, MAX_FEED_SCAN};
use bricola_layers::log::Seq;
use bricola_layers::query::cql2::BoundFilter;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use tokio::time::Instant;

use super::{filter, parameters, respond, select};
use crate::app::App;
use crate::error::{Answer, Kind, Problem};
use crate::params::Params;
use crate::services::feed::{Meaning, SLICE, Told, Unknown, with_images};
use crate::wired::schema::{between, reference, text, usually, whole};
use crate::wired::{self, Parameter, Words};

const KNOWN: [&str; 8] = ["after", "layers", "bbox", filter::FILTER, filter::FILTER_LANG, "limit", "wait", "f"];
/// Changes of a page when nobody says.
const USUAL: i64 = 1_000;
/// Seconds that a request may wait for a change to come.
const LONGEST_WAIT: i64 = 25;
/// The cursor of the next page, for answers that have no place for it in the body.
const NEXT: HeaderName = HeaderName::from_static("bricola-next");
/// Who asks, `name:key`, of those that the log is kept for.
const FOLLOWER: HeaderName = HeaderName::from_static("bricola-follower");

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Json,
    Lines,
}

/// What is asked for.
struct Asked {
    after: Seq,
    limit: usize,
    bbox: Option<WorldBox>,
    /// By layer; empty when none is asked for.
    filters: BTreeMap<String, BoundFilter>,
    layers: BTreeMap<String, Arc<LayerDefinition>>,
    form: Form,
    until: Instant,
}

/// A page of the feed on its way.
struct Page {
    out: Vec<u8>,
    count: usize,
    next: Seq,
}

/// `GET /changes?after=&layers=&bbox=&filter=&limit=&wait=`: `{"changes": […], "next", "seq"}`, or with `f=ndjson` a line for
/// each change and `Bricola-Next` in the head. Each change has `before` and `after`, `GeoJSON` features, and `causes` where a
/// binding made it. Ask again
/// with `after` set to `next`; with `wait` the answer comes when there is something, or after so many seconds. The
/// header `Bricola-Follower` says that a registered follower has handled all up to `after`.
pub async fn get(State(app): State<Arc<App>>, RawQuery(query): RawQuery, headers: HeaderMap) -> Answer {
    let asked = asked(&app, query.as_deref(), &headers)?;
    let end = app.archive().last_seq().await.map_err(|error| Problem::store(&error))?;
    not_ahead(asked.after, end)?;
    acknowledge(&app, &headers, asked.after).await?;
    // With too many who wait already, the answer comes at once, empty.
    let permit = app.waiting.try_acquire();
    let mut page = Page { out: Vec::with_capacity(4096), count: 0, next: asked.after };
    loop {
        read(&app, &asked, &mut page).await?;
        if page.count > 0 || asked.until <= Instant::now() || permit.is_err() {
            break;
        }
        // What the log has is read; what the follower has not seen yet will ring.
        let _ = tokio::time::timeout_at(asked.until, app.territory.reached(page.next + 1)).await;
    }
    Ok(finish(&asked, page, end))
}

/// Refuses a cursor behind the end of the log.
///
/// # Errors
/// 400, with where the log ends.
pub fn not_ahead(after: Seq, end: Seq) -> Result<(), Problem> {
    if after <= end {
        return Ok(());
    }
    let detail = format!("after={after}: the log ends at {end}; the store may have been restored from a copy.");
    Err(Problem::new(Kind::CursorAhead, detail).with("parameter", "after").with("seq", end))
}

/// Of [`get`].
pub fn about() -> wired::Operation {
    let about = Words(
        "Che cosa è cambiato dopo una modifica, con lo stato di prima e di dopo. Per continuare: after con il valore di next; \
         con wait la risposta aspetta che ci sia qualcosa.",
        "What has changed after a change, with the state before and after. To go on: after with the value of next; with wait \
         the answer comes when there is something.",
    );
    let follower = Words(
        "Chi segue, nome:chiave, per confermare fino ad after",
        "Who follows, name:key, to confirm all up to after",
    );
    wired::Operation::get("changes", "changes", Words("Le modifiche, a pagine", "The changes, in pages"), about)
        .takes([
            Parameter::query(
                "after",
                Words("L’ultima modifica già vista", "The last change that was seen"),
                usually(whole(0), 0),
            ),
            parameters::layers(),
            parameters::bbox(),
        ])
        .takes(parameters::filter())
        .takes([
            Parameter::query(
                "limit",
                Words("Quante modifiche al più", "How many changes at most"),
                usually(between(1, MAX_FEED_PAGE as i64), USUAL),
            ),
            Parameter::query(
                "wait",
                Words("Secondi di attesa al più", "Seconds to wait at most"),
                usually(between(0, LONGEST_WAIT), 0),
            ),
            parameters::form(["json", "ndjson"]),
            Parameter::header("Bricola-Follower", follower, text()),
        ])
        .gives(
            about,
            [("application/json", reference("Changes")), ("application/x-ndjson", text())],
            &["Bricola-Next", "Bricola-Seq", "Cache-Control"],
        )
        .fails([
            Kind::MissingParameter,
            Kind::UnknownLayer,
            Kind::LayerUnreadable,
            Kind::FilterSyntax,
            Kind::FilterField,
        ])
        .fails([Kind::FilterType, Kind::FilterUnsupported, Kind::FilterTooLarge, Kind::CursorAhead, Kind::Pruned])
        .fails([Kind::UnknownFollower, Kind::StoreUnavailable])
}

/// Notes that a registered follower has handled the changes up to `after`. Followers are made by the command line only:
/// nobody who merely asks can have the log kept, or another's part of it dropped.
async fn acknowledge(app: &App, headers: &HeaderMap, after: Seq) -> Result<(), Problem> {
    let Some(value) = headers.get(FOLLOWER) else { return Ok(()) };
    let known = match value.to_str().ok().and_then(|text| text.trim().split_once(':')) {
        Some((name, key)) => {
            app.archive().acknowledge(name, key, after).await.map_err(|error| Problem::store(&error))?
        }
        None => false,
    };
    if known {
        return Ok(());
    }
    Err(Problem::new(
        Kind::UnknownFollower,
        "Bricola-Follower must be name:key, as `bricola followers add` printed it; the follower may have been forgotten.",
    ))
}

fn asked(app: &App, query: Option<&str>, headers: &HeaderMap) -> Result<Asked, Problem> {
    let params = Params::read(query, &KNOWN)?;
    let form = params.one_of("f", &[("json", Form::Json), ("ndjson", Form::Lines)])?.unwrap_or_else(|| {
        let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if accept.contains("ndjson") { Form::Lines } else { Form::Json }
    });
    let limit = params.whole("limit", 1..=MAX_FEED_PAGE as i64)?.unwrap_or(USUAL);
    let wait = params.whole("wait", 0..=LONGEST_WAIT)?.unwrap_or(0);
    let layers = match params.text("layers") {
        None => select::visible(app).map(|(_, definition)| (definition.id.clone(), definition)).collect(),
        Some(list) => {
            let named = select::named(app, list)?;
            named.iter().map(|layer| (layer.definition().id.clone(), layer.definition())).collect()
        }
    };
    let filters = match filter::read(&params)? {
        None => BTreeMap::new(),
        Some(filter) => filter::bind(app, &filter, &layers)?,
    };
    Ok(Asked {
        after: params.whole("after", 0..=i64::MAX)?.unwrap_or(0),
        limit: usize::try_from(limit).unwrap_or(MAX_FEED_PAGE),
        bbox: bbox(&params)?,
        filters,
        layers,
        form,
        until: Instant::now() + Duration::from_secs(wait.unsigned_abs()),
    })
}

/// `west,south,east,north` in degrees, as world units.
fn bbox(params: &Params<'_>) -> Result<Option<WorldBox>, Problem> {
    let Some(text) = params.text("bbox") else { return Ok(None) };
    let refuse = |reason: &str| Problem::parameter("bbox", text, reason);
    let numbers: Option<Vec<f64>> = text.split(',').map(|number| number.trim().parse().ok()).collect();
    let Some([west, south, east, north]) = numbers.and_then(|numbers| <[f64; 4]>::try_from(numbers).ok()) else {
        return Err(refuse("must be four numbers: west,south,east,north in degrees"));
    };
    let inside = (-180.0..=180.0).contains(&west) && (-180.0..=180.0).contains(&east);
    if !inside || !(-90.0..=90.0).contains(&south) || !(-90.0..=90.0).contains(&north) {
        return Err(refuse("longitudes lie between -180 and 180 degrees, latitudes between -90 and 90"));
    }
    if west > east || south > north {
        return Err(refuse("west must not be east of east, nor south north of north"));
    }
    let ([left, bottom], [right, top]) = (lonlat_to_world([west, south]), lonlat_to_world([east, north]));
    Ok(Some(([left, top], [right, bottom])))
}

/// How long reading goes on before a page ends with what there is.
const LONGEST_PAGE: Duration = Duration::from_secs(3);

/// Reads on from the page's end until it is full, or the log has been read.
async fn read(app: &App, asked: &Asked, page: &mut Page) -> Result<(), Problem> {
    let (mut scanned, started) = (0, Instant::now());
    let is_full = |page: &Page| page.count >= asked.limit || page.out.len() >= MAX_FEED_BYTES;
    // A page that took longer than the client waits would be asked for again, and take as long again.
    while !is_full(page) && scanned < MAX_FEED_SCAN && started.elapsed() < LONGEST_PAGE {
        let most = SLICE.min(asked.limit - page.count);
        let changes = app.archive().changes(page.next, most).await.map_err(|error| Problem::store(&error))?;
        let Some(last) = changes.last().map(|change| change.seq) else { return Ok(()) };
        scanned += changes.len();
        let told = with_images(app.archive(), &asked.layers, changes).await.map_err(|error| Problem::store(&error))?;
        for mut told in told {
            told.change.causes = select::visible_causes(app, &told.change.layer, &told.change.causes);
            let told = &told;
            if let Some(meaning) = asked.meaning(told) {
                write(app, asked, told, meaning, page);
            }
        }
        page.next = last;
    }
    Ok(())
}

impl Asked {
    /// What a change means to the selection that `bbox` and `filter` make; `None` when it does not concern it.
    fn meaning(&self, told: &Told) -> Option<Meaning> {
        if self.bbox.is_none() && self.filters.is_empty() {
            return Some(Meaning::Unsaid);
        }
        Meaning::of(told, |row| self.selects(&told.change.layer, row))
    }

    /// Whether a feature is in the selection.
    fn selects(&self, layer: &str, row: RowRef<'_>) -> bool {
        let is_inside = |bbox| Footprint::of(row).bounds().is_some_and(|place| meet(bbox, place));
        self.bbox.is_none_or(is_inside) && self.filters.get(layer).is_none_or(|filter| filter.matches(&row))
    }
}

fn meet(a: WorldBox, b: WorldBox) -> bool {
    (0..2).all(|axis| a.0[axis] <= b.1[axis] && b.0[axis] <= a.1[axis])
}

fn write(app: &App, asked: &Asked, told: &Told, meaning: Meaning, page: &mut Page) {
    if page.count > 0 && asked.form == Form::Json {
        page.out.push(b',');
    }
    // Writing to a vector cannot fail.
    let _ = serde_json::to_writer(&mut page.out, &told.change);
    page.out.pop();
    if let Some(word) = meaning.word() {
        page.out.extend_from_slice(format!(",\"selection\":\"{word}\"").as_bytes());
    }
    for (name, image) in [("before", told.before()), ("after", told.after())] {
        write_image(app, told, name, image, &mut page.out);
    }
    page.out.push(b'}');
    if asked.form == Form::Lines {
        page.out.push(b'\n');
    }
    page.count += 1;
}

/// An image that is not known, and those of a layer as a whole, are left out; a feature that was not there is null.
fn write_image(app: &App, told: &Told, name: &str, image: Result<Option<RowRef<'_>>, Unknown>, out: &mut Vec<u8>) {
    let (Ok(image), Some(snapshot)) = (image, told.snapshot()) else { return };
    out.extend_from_slice(format!(",\"{name}\":").as_bytes());
    match image {
        None => out.extend_from_slice(b"null"),
        Some(row) => snapshot.writer(app.scope).write(out, row),
    }
}

fn finish(asked: &Asked, page: Page, end: Seq) -> Response {
    let (body, kind) = match asked.form {
        Form::Lines => (page.out, "application/x-ndjson"),
        Form::Json => {
            let mut body = b"{\"changes\":[".to_vec();
            body.extend(page.out);
            body.extend(format!("],\"next\":{},\"seq\":{}}}", page.next, end.max(page.next)).into_bytes());
            (body, "application/json")
        }
    };
    let mut response = Response::new(Body::from(body));
    respond::set(&mut response, header::CONTENT_TYPE, kind);
    respond::set(&mut response, header::CACHE_CONTROL, "no-store");
    response.headers_mut().insert(NEXT, HeaderValue::from(page.next));
    respond::set_seq(&mut response, end.max(page.next));
    response
}
