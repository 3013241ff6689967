//! `/search`, `/geocode` and `/reverse`: what people type, and what is where.

mod answer;
mod batch;
mod find;
mod geocode;
mod reverse;

pub use batch::{about as about_batch, post as geocode_file};
pub use find::{about as about_find, get as find};
pub use geocode::{about as about_geocode, get as geocode};
pub use reverse::{about as about_reverse, get as reverse};

use std::time::Duration;

use bricola_layers::log::Seq;
use http::HeaderMap;

use crate::app::App;
use crate::error::{Kind, Problem};
use crate::middleware::wanted_in;
use crate::params::{MIN_SEQ, Params};
use crate::services::search::MAX_SEARCH_CHARS;

/// Where addresses are geocoded: one, or a file of them.
pub const GEOCODE: &str = "/geocode";

/// How long a question waits for a change to arrive in the index.
const PATIENCE: Duration = Duration::from_secs(5);

/// What may be wrong while the index is not there.
const FAILURES: [Kind; 3] = [Kind::SearchBuilding, Kind::UnknownLayer, Kind::LayerUnreadable];

/// The change that the index reflects: that which the caller names, or a later one.
///
/// # Errors
/// While the index is being built, and when the change does not come.
async fn ready(app: &App, headers: &HeaderMap, query: Option<&str>) -> Result<Seq, Problem> {
    let wanted = wanted_in(headers, query)?;
    let mut seq = built(app)?;
    if let Some(wanted) = wanted.filter(|wanted| *wanted > seq) {
        let arrived = tokio::time::timeout(PATIENCE, app.search.reached(wanted)).await;
        seq = app.search.seq().unwrap_or(seq);
        if arrived.is_err() {
            let detail = format!("Change {wanted} was asked for; the search index reflects those up to {seq}.");
            return Err(Problem::new(Kind::NotYet, detail).with("parameter", MIN_SEQ).with("seq", seq).retry_after(1));
        }
    }
    Ok(seq)
}

/// The change that the index reflects.
///
/// # Errors
/// While the index is being built.
pub fn built(app: &App) -> Result<Seq, Problem> {
    app.search.seq().ok_or_else(|| {
        let detail = "The layers are being read into the search index; try again in a second. Everything else answers.";
        Problem::new(Kind::SearchBuilding, detail).retry_after(1)
    })
}

/// A text that somebody typed, inside its limit.
fn typed<'a>(params: &'a Params<'_>, name: &str) -> Result<Option<&'a str>, Problem> {
    let Some(text) = params.text(name) else { return Ok(None) };
    if text.chars().count() <= MAX_SEARCH_CHARS {
        return Ok(Some(text));
    }
    Err(Problem::parameter(name, text, format!("is longer than {MAX_SEARCH_CHARS} characters"))
        .with("limit", "MAX_SEARCH_CHARS")
        .with("allowed", MAX_SEARCH_CHARS))
}

/// So many numbers with commas between.
fn numbers<const N: usize>(params: &Params<'_>, name: &str, advice: &str) -> Result<Option<[f64; N]>, Problem> {
    let Some(text) = params.text(name) else { return Ok(None) };
    let refuse = || Problem::parameter(name, text, advice);
    let mut found = [0.0; N];
    let mut parts = text.split(',');
    for place in &mut found {
        let part = parts.next().ok_or_else(refuse)?;
        *place = part.trim().parse::<f64>().ok().filter(|number| number.is_finite()).ok_or_else(refuse)?;
    }
    if parts.next().is_some() { Err(refuse()) } else { Ok(Some(found)) }
}

/// `near=lon,lat`.
fn near(params: &Params<'_>) -> Result<Option<[f64; 2]>, Problem> {
    let advice = "must be a longitude and a latitude in degrees, such as 12.3388,45.4342";
    let near = numbers::<2>(params, "near", advice)?;
    match near {
        Some([lon, lat]) if lon.abs() > 180.0 || lat.abs() > 90.0 => {
            Err(Problem::parameter("near", params.text("near").unwrap_or_default(), advice))
        }
        near => Ok(near),
    }
}

/// `bbox=west,south,east,north`.
fn bbox(params: &Params<'_>) -> Result<Option<[f64; 4]>, Problem> {
    let advice = "must be west, south, east and north in degrees, such as 12.2,45.4,12.4,45.5";
    let bbox = numbers::<4>(params, "bbox", advice)?;
    match bbox {
        Some([west, south, east, north]) if west > east || south > north || south < -90.0 || north > 90.0 => {
            Err(Problem::parameter("bbox", params.text("bbox").unwrap_or_default(), advice))
        }
        bbox => Ok(bbox),
    }
}
