//! `/lookup`: everything at a point, or at ten thousand.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{RawQuery, Request, State};
use axum::response::Response;
use bricola_layers::cache::Snapshot;
use bricola_layers::crs::text::{Interpretation, parse_place};
use bricola_layers::crs::{Crs, CrsError, with_transformer};
use bricola_layers::limits::{MAX_LOOKUP_POINTS, MAX_LOOKUP_RADIUS_M};
use bricola_layers::log::Seq;
use bricola_layers::query::{Place, write_number};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};
use rayon::iter::{IntoParallelRefIterator as _, ParallelIterator as _};
use serde::Deserialize;

use super::when::{self, When};
use super::{body, parameters, respond, select};
use crate::app::App;
use crate::encoding::{Effort, Encoding};
use crate::error::{Answer, Kind, Problem};
use crate::params::Params;
use crate::services::lookup::{DEFAULT_RADIUS_M, Lookup};
use crate::wired::schema::{number, reference, text, usually};
use crate::wired::{Operation, Parameter, Words};

/// Where it is.
pub const PATH: &str = "/lookup";
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const FRESH: HeaderValue = HeaderValue::from_static("no-cache");
/// Radii over this are searched off the reactor: they may touch thousands of lines.
const QUICK_RADIUS_M: f64 = 100.0;
/// Answers from here on are compressed for clients that take it.
const LARGE_BYTES: usize = 8 * 1024;
/// Room for the headers of an answer, so that the map of them grows once.
const HEADERS: usize = 12;
/// Coordinates beyond this are no place on earth in any CRS.
const FARTHEST: f64 = 1e9;

/// `GET /lookup?x=&y=&crs=&layers=&radius=`, or `?q=` with coordinates as people type them. x is east or longitude,
/// y is north or latitude, whatever axis order the authority of the CRS publishes.
pub async fn get(State(app): State<Arc<App>>, RawQuery(query): RawQuery, headers: HeaderMap) -> Answer {
    let params =
        Params::read(query.as_deref(), &["x", "y", "q", "crs", "layers", "radius", when::AT, when::DATETIME, "f"])?;
    params.one_of("f", &[("json", ())])?;
    let radius_m = radius(params.number("radius")?)?;
    let (place, interpretations) = match params.text("q") {
        None => (place(&params)?, Vec::new()),
        Some(text) => typed_place(&app, &params, text)?,
    };
    let when = when::read(&app, &params).await?;
    let seq = when.seq(&app);
    let layers = layers(&app, params.text("layers"), &when).await?;
    let lookup = Lookup { layers, radius_m, valid_on: when.valid_on, scope: app.scope };
    let out = if radius_m <= QUICK_RADIUS_M {
        found(&lookup, &place, &interpretations)
    } else {
        let work = move || found(&lookup, &place, &interpretations);
        tokio::task::spawn_blocking(work).await.map_err(Problem::internal)?
    };
    let mut response = dress(out.map_err(|error| unplaceable(&error))?, seq, &headers).await?;
    when.cache(&mut response);
    Ok(response)
}

/// The same answer, if the place is given by coordinates, the search is a quick one and nothing is to be refused.
pub async fn quick(app: &App, query: &str, headers: &HeaderMap) -> Option<Response> {
    let params = Params::read(Some(query), &["x", "y", "crs", "layers"]).ok()?;
    let place = place(&params).ok()?;
    let when = When::default();
    let seq = when.seq(app);
    let layers = layers(app, params.text("layers"), &when).await.ok()?;
    let lookup = Lookup { layers, radius_m: DEFAULT_RADIUS_M, valid_on: when.valid_on, scope: app.scope };
    // A panic comes again on the way through the router, where it is caught and counted.
    let out = std::panic::catch_unwind(AssertUnwindSafe(|| found(&lookup, &place, &[]))).ok()?.ok()?;
    dress(out, seq, headers).await.ok()
}

/// The answer but for its end, which [`finish`] writes.
fn found(lookup: &Lookup, place: &Place, interpretations: &[Interpretation]) -> Result<Vec<u8>, CrsError> {
    let mut out = Vec::with_capacity(2048);
    out.extend_from_slice(b"{\"query\":");
    write_place(&mut out, place);
    if !interpretations.is_empty() {
        out.extend_from_slice(b",\"interpretations\":");
        // Writing to a vector cannot fail.
        let _ = serde_json::to_writer(&mut out, interpretations);
    }
    out.extend_from_slice(b",\"hits\":");
    lookup.write_hits(&mut out, place)?;
    Ok(out)
}

async fn dress(out: Vec<u8>, seq: Seq, asked: &HeaderMap) -> Answer {
    let mut response = finish(out, seq);
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    compress_large(response, asked).await
}

/// Of [`get`].
pub fn about_get() -> Operation {
    let about = Words(
        "Che cosa c’è in un punto: le superfici che lo coprono, i punti e le linee vicini. x è est o longitudine, y nord o \
         latitudine, in qualsiasi sistema di riferimento.",
        "What lies at a point: the surfaces that cover it, points and lines near it. x is east or longitude, y north or \
         latitude, in whatever CRS.",
    );
    let mut radius = usually(number(), DEFAULT_RADIUS_M);
    radius["minimum"] = 0.into();
    radius["maximum"] = MAX_LOOKUP_RADIUS_M.into();
    Operation::get("lookup", "territory", Words("Che cosa c’è in un punto", "What lies at a point"), about)
        .takes([
            Parameter::query("x", Words("Est o longitudine", "East or longitude"), number()).such_as(12.3388),
            Parameter::query("y", Words("Nord o latitudine", "North or latitude"), number()).such_as(45.4342),
            Parameter::query(
                "q",
                Words(
                    "Al posto di x e y, coordinate come si scrivono",
                    "Instead of x and y, coordinates as people type them",
                ),
                text(),
            ),
            parameters::crs(
                "crs",
                Words(
                    "Il sistema di riferimento, come EPSG:7795; senza, gradi WGS 84",
                    "The CRS, such as EPSG:7795; degrees of WGS 84 without it",
                ),
            ),
            parameters::layers(),
            Parameter::query(
                "radius",
                Words("Metri entro cui cercare punti e linee", "Metres within which points and lines are looked for"),
                radius,
            ),
            parameters::at(),
            parameters::day(),
            parameters::form(["json"]),
        ])
        .gives(about, [("application/json", reference("LookupAnswer"))], &["Bricola-Seq", "Cache-Control"])
        .fails(FAILURES)
        .fails([Kind::MissingParameter])
}

/// Of [`post`].
pub fn about_post() -> Operation {
    let about = Words(
        "Che cosa c’è in ciascuno di fino a diecimila punti, nel loro ordine; un punto che non si può collocare ha un errore \
         suo.",
        "What lies at each of up to ten thousand points, in their order; a point that cannot be placed has an error of its \
         own.",
    );
    let body = reference("LookupBatch");
    Operation::post(
        "lookup-batch",
        "territory",
        Words("Che cosa c’è in molti punti", "What lies at many points"),
        about,
        body,
    )
    .takes([parameters::at(), parameters::day()])
    .gives(about, [("application/json", reference("LookupResults"))], &["Bricola-Seq", "Cache-Control"])
    .fails(FAILURES)
}

const FAILURES: [Kind; 6] = [
    Kind::UnknownLayer,
    Kind::LayerLoading,
    Kind::LayerUnreadable,
    Kind::LayerStored,
    Kind::Pruned,
    Kind::StoreUnavailable,
];

/// Compresses an answer with long outlines in it. The usual answer is smaller, and too frequent to be given through
/// a compressing layer.
async fn compress_large(response: Response<Bytes>, asked: &HeaderMap) -> Answer {
    let encoding = Encoding::negotiate(asked);
    let (mut parts, body) = response.into_parts();
    if body.len() < LARGE_BYTES || encoding == Encoding::Identity {
        return Ok(Response::from_parts(parts, Body::from(body)));
    }
    let work = tokio::task::spawn_blocking(move || encoding.compress(&body, Effort::Live));
    let compressed = work.await.map_err(Problem::internal)?.map_err(Problem::internal)?;
    parts.headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding.name()));
    Ok(Response::from_parts(parts, Body::from(compressed)))
}

/// The body of `POST /lookup`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object with points: [[x, y], …], and crs, layers and radius if wanted")]
struct Batch {
    /// `[x, y]` each.
    points: Vec<[f64; 2]>,
    /// Of all points; longitude and latitude when absent.
    crs: Option<String>,
    /// Of all points; every layer when absent.
    layers: Option<Vec<String>>,
    /// Of all points, metres.
    radius: Option<f64>,
}

/// `POST /lookup` with `{"points": [[x, y], …], "crs", "layers", "radius"}`: `{"results": [{"hits": […]} or
/// {"error": "…"}, …], "seq"}` in the order of the points.
pub async fn post(State(app): State<Arc<App>>, RawQuery(query): RawQuery, request: Request) -> Answer {
    let params = Params::read(query.as_deref(), &[when::AT, when::DATETIME])?;
    let when = when::read(&app, &params).await?;
    let batch: Batch = body::json(request, app.config.limits.body_bytes).await?;
    if batch.points.len() > MAX_LOOKUP_POINTS {
        let detail =
            format!("{} points; at most {MAX_LOOKUP_POINTS} at a time, send them in parts.", batch.points.len());
        return Err(Problem::new(Kind::InvalidBody, detail)
            .with("parameter", "points")
            .with("limit", "MAX_LOOKUP_POINTS")
            .with("allowed", MAX_LOOKUP_POINTS));
    }
    let crs = crs(batch.crs.as_deref())?;
    let radius_m = radius(batch.radius)?;
    let seq = when.seq(&app);
    let list = batch.layers.map(|ids| ids.join(","));
    let layers = layers(&app, list.as_deref(), &when).await?;
    let lookup = Lookup { layers, radius_m, valid_on: when.valid_on, scope: app.scope };
    let out = tokio::task::spawn_blocking(move || {
        let parts: Vec<Vec<u8>> = batch.points.par_iter().map(|point| result(&lookup, &crs, *point)).collect();
        let mut out = Vec::with_capacity(parts.iter().map(|part| part.len() + 1).sum::<usize>() + 64);
        out.extend_from_slice(b"{\"results\":[");
        out.extend_from_slice(&parts.join(&b','));
        out.push(b']');
        out
    });
    Ok(finish(out.await.map_err(Problem::internal)?, seq).map(Body::from))
}

fn result(lookup: &Lookup, crs: &Crs, point: [f64; 2]) -> Vec<u8> {
    let mut out = Vec::with_capacity(1024);
    out.extend_from_slice(b"{\"hits\":");
    let written = Place::new(crs, point).and_then(|place| lookup.write_hits(&mut out, &place));
    if let Err(error) = written {
        return serde_json::json!({ "error": error.to_string() }).to_string().into_bytes();
    }
    out.push(b'}');
    out
}

fn finish(mut out: Vec<u8>, seq: Seq) -> Response<Bytes> {
    out.extend_from_slice(b",\"seq\":");
    out.extend_from_slice(itoa::Buffer::new().format(seq).as_bytes());
    out.push(b'}');
    let mut response = Response::new(Bytes::from(out));
    response.headers_mut().reserve(HEADERS);
    response.headers_mut().insert(header::CONTENT_TYPE, JSON);
    response.headers_mut().insert(header::CACHE_CONTROL, FRESH);
    respond::set_seq(&mut response, seq);
    response
}

fn place(params: &Params<'_>) -> Result<Place, Problem> {
    let advice = "give x (east or longitude) and y (north or latitude), and crs=EPSG:n unless they are degrees; or q with coordinates as typed";
    let coordinate = |name: &str| match params.number(name)? {
        Some(number) if number.abs() <= FARTHEST => Ok(number),
        Some(_) => Err(Problem::parameter(name, params.text(name).unwrap_or_default(), "lies beyond every CRS")),
        None => Err(Problem::missing(name, advice)),
    };
    let position = [coordinate("x")?, coordinate("y")?];
    let crs = crs(params.text("crs"))?;
    if params.text("crs").is_none() {
        for (name, value, most) in [("x", position[0], 180.0), ("y", position[1], 90.0)] {
            if value.abs() > most {
                let text = params.text(name).unwrap_or_default();
                let reason = format!("is no degree (at most {most}); for metres say in which CRS, as crs=EPSG:7795");
                return Err(Problem::parameter(name, text, reason));
            }
        }
    }
    Place::new(&crs, position).map_err(|error| unplaceable(&error))
}

/// A place as somebody typed it: the best reading, and all of them.
fn typed_place(app: &App, params: &Params<'_>, text: &str) -> Result<(Place, Vec<Interpretation>), Problem> {
    if let Some((name, value)) = ["x", "y"].into_iter().find_map(|name| Some((name, params.text(name)?))) {
        return Err(Problem::parameter(name, value, "is said by q already; give one or the other"));
    }
    let known = params.text("crs").map(|name| crs(Some(name))).transpose()?;
    let readings = parse_place(text, known.as_ref(), select::envelope(app))
        .map_err(|error| Problem::parameter("q", text, error))?;
    let Some(best) = readings.first() else { return Err(Problem::parameter("q", text, "is no place")) };
    let place = Place::new(&best.crs, [best.x, best.y]).map_err(|error| unplaceable(&error))?;
    Ok((place, readings))
}

fn crs(text: Option<&str>) -> Result<Crs, Problem> {
    match text {
        None => Ok(Crs::wgs84()),
        Some(text) => Crs::parse(text).map_err(|error| Problem::parameter("crs", text, error)),
    }
}

/// The place has no coordinates where they are needed.
fn unplaceable(error: &CrsError) -> Problem {
    Problem::new(Kind::InvalidParameter, error.to_string()).with("parameter", "x, y, crs")
}

fn radius(asked: Option<f64>) -> Result<f64, Problem> {
    match asked {
        None => Ok(DEFAULT_RADIUS_M),
        Some(radius) if (0.0..=MAX_LOOKUP_RADIUS_M).contains(&radius) => Ok(radius),
        Some(radius) => {
            let reason = format!("must lie between 0 and {MAX_LOOKUP_RADIUS_M} metres");
            Err(Problem::parameter("radius", &radius.to_string(), reason)
                .with("limit", "MAX_LOOKUP_RADIUS_M")
                .with("allowed", MAX_LOOKUP_RADIUS_M))
        }
    }
}

/// The layers that are named, which must be ready; or every layer that is ready, if one is.
async fn layers(app: &App, named: Option<&str>, when: &When) -> Result<Vec<Arc<Snapshot>>, Problem> {
    match named {
        Some(list) => when.snapshots(app, &select::named(app, list)?).await,
        None => when.all(app).await,
    }
}

/// `{"x", "y", "crs", "lon", "lat", "operation", "accuracy_m"}`.
fn write_place(out: &mut Vec<u8>, place: &Place) {
    let ([x, y], [lon, lat]) = (place.position(), place.lonlat());
    for (key, value) in [(&b"{\"x\":"[..], x), (b",\"y\":", y), (b",\"lon\":", lon), (b",\"lat\":", lat)] {
        out.extend_from_slice(key);
        write_number(out, value);
    }
    out.extend_from_slice(b",\"crs\":\"");
    out.extend_from_slice(crs_name(place.crs()).as_bytes());
    out.push(b'"');
    let wgs84 = Crs::wgs84();
    if *place.crs() != wgs84
        && let Ok(Ok(operation)) = with_transformer(place.crs(), &wgs84, |transformer| transformer.operation_at([x, y]))
    {
        out.extend_from_slice(b",\"operation\":");
        // Writing to a vector cannot fail.
        let _ = serde_json::to_writer(&mut *out, &operation.name);
        if let Some(accuracy) = operation.accuracy_m {
            out.extend_from_slice(b",\"accuracy_m\":");
            write_number(out, accuracy);
        }
    }
    out.push(b'}');
}

/// `EPSG:n`, or the CRS's URI.
fn crs_name(crs: &Crs) -> String {
    crs.code().map_or_else(|| crs.uri(), |code| format!("EPSG:{code}"))
}
