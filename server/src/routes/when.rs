//! As of when an answer is asked for: `at` is the log's time (what did the office know), `datetime` the data's own (what
//! was in force).

use std::sync::Arc;

use bricola_layers::cache::{Layer, PastError, Snapshot};
use bricola_layers::log::Seq;
use chrono::{DateTime, NaiveDate, Utc};
use http::{HeaderValue, header};

use super::select;
use crate::app::App;
use crate::error::{Kind, Problem};
use crate::params::Params;

/// The parameters; a path that takes them names them among its own.
pub const AT: &str = "at";
/// See [`AT`].
pub const DATETIME: &str = "datetime";

/// What was of old stays so: whoever asked by the number of a change need not ask again …
const IMMUTABLE: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
/// … and who asked by the clock may keep the answer for an hour.
const OLD: HeaderValue = HeaderValue::from_static("public, max-age=3600");

/// A moment, or now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct When {
    /// The change after which, and whether it was named by its number.
    at: Option<(Seq, bool)>,
    /// The day on which features must be valid.
    pub valid_on: Option<NaiveDate>,
}

/// Reads `at` (the `seq` of a change, or an instant by RFC 3339) and `datetime` (a day, or an instant that means its
/// day).
///
/// # Errors
/// A text that is neither, or a change or instant that is yet to come.
pub async fn read(app: &App, params: &Params<'_>) -> Result<When, Problem> {
    let valid_on = params.text(DATETIME).map(day).transpose()?;
    let Some(text) = params.text(AT) else { return Ok(When { at: None, valid_on }) };
    let last = app.territory.seq();
    if let Ok(seq) = text.parse::<Seq>() {
        if !(0..=last).contains(&seq) {
            let reason = format!("is no change that has been seen; the last one is {last}");
            return Err(Problem::parameter(AT, text, reason).with("seq", last));
        }
        return Ok(When { at: Some((seq, true)), valid_on });
    }
    let instant = DateTime::parse_from_rfc3339(text).map_err(|_| {
        Problem::parameter(AT, text, "must be the seq of a change, or an instant such as 2026-01-31T12:00:00+01:00")
    })?;
    if instant > Utc::now() {
        return Err(Problem::parameter(AT, text, "is yet to come"));
    }
    let seq = app.archive().seq_at(instant.to_utc()).await.map_err(|error| Problem::store(&error))?;
    Ok(When { at: Some((seq.min(last), false)), valid_on })
}

fn day(text: &str) -> Result<NaiveDate, Problem> {
    let instant = || DateTime::parse_from_rfc3339(text).map(|instant| instant.date_naive());
    text.parse().or_else(|_| instant()).map_err(|_| {
        Problem::parameter(DATETIME, text, "must be a day such as 2026-01-31, or an instant with its offset")
    })
}

impl When {
    /// Whether the answer is one of the past.
    pub const fn is_past(&self) -> bool {
        self.at.is_some()
    }

    /// The last change that the answer reflects; to be asked before snapshots are taken.
    pub fn seq(&self, app: &App) -> Seq {
        self.at.map_or_else(|| app.territory.seq(), |(seq, _)| seq)
    }

    /// The layers as they stood.
    ///
    /// # Errors
    /// The first layer that is not ready, or whose past is not known.
    pub async fn snapshots(&self, app: &App, layers: &[Arc<Layer>]) -> Result<Vec<Arc<Snapshot>>, Problem> {
        let Some((at, _)) = self.at else { return select::ready(layers) };
        let mut snapshots = Vec::with_capacity(layers.len());
        for layer in layers {
            snapshots.push(past(app, &layer.definition().id, at).await?);
        }
        Ok(snapshots)
    }

    /// Every layer that the caller may see, as far as it is ready and its past is known.
    ///
    /// # Errors
    /// When no layer is ready.
    pub async fn all(&self, app: &App) -> Result<Vec<Arc<Snapshot>>, Problem> {
        let layers: Vec<_> = select::visible(app).collect();
        let Some((at, _)) = self.at else {
            let ready: Vec<_> = layers.iter().filter_map(|(layer, _)| layer.snapshot()).collect();
            return match layers.first() {
                Some((_, definition)) if ready.is_empty() => Err(select::loading(&definition.id)),
                _ => Ok(ready),
            };
        };
        let mut snapshots = Vec::with_capacity(layers.len());
        for (_, definition) in layers {
            match past(app, &definition.id, at).await {
                Ok(snapshot) => snapshots.push(snapshot),
                Err(problem) if problem.kind() == Kind::Pruned => {}
                Err(problem) => return Err(problem),
            }
        }
        Ok(snapshots)
    }

    /// Lets clients keep what cannot change any more.
    pub fn cache<B>(&self, response: &mut http::Response<B>) {
        if let Some((_, by_number)) = self.at {
            response.headers_mut().insert(header::CACHE_CONTROL, if by_number { IMMUTABLE } else { OLD });
        }
    }
}

async fn past(app: &App, layer: &str, at: Seq) -> Result<Arc<Snapshot>, Problem> {
    let Some(past) = &app.past else {
        return Err(Problem::new(Kind::StoreUnavailable, "This server has no store that remembers."));
    };
    past.snapshot(layer, at).await.map_err(|error| match error {
        PastError::Pruned { first } => Problem::new(
            Kind::Pruned,
            format!("What layer \"{layer}\" was before change {first} is not known any more."),
        )
        .with("parameter", AT)
        .with("first", first),
        PastError::UnknownLayer(layer) => select::unknown(app, &layer),
        PastError::Future { at, last } => {
            Problem::parameter(AT, &at.to_string(), format!("is no change that has been seen; the last one is {last}"))
        }
        PastError::Busy => {
            Problem::new(Kind::Overloaded, "Too many earlier states are being read; try again in a moment.")
                .retry_after(2)
        }
        PastError::Read(error) => match error {
            bricola_layers::cache::FollowError::Store(error) => Problem::store(&error),
            error => Problem::internal(error),
        },
    })
}
