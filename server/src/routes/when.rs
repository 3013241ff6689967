//! As of when an answer is asked for: `at` is the log's time (what did the office know), `datetime` the data's own (what
//! was in force).

use std::collections::BTreeMap;
use std::sync::Arc;

use bricola_layers::cache::{Layer, PastError, Snapshot};
use bricola_layers::log::Seq;
use bricola_layers::query::gathered;
use chrono::{DateTime, Datelike as _, Days, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc};
use http::{HeaderValue, header};

use super::select;
use crate::app::App;
use crate::error::{Kind, Problem};
use crate::params::Params;
use crate::services::features::{Source, Stored};

/// The parameters; a path that takes them names them among its own.
pub const AT: &str = "at";
/// See [`AT`].
pub const DATETIME: &str = "datetime";
/// The same as a part of the axes of the data (OGC API Tiles 1, datetime).
pub const SUBSET: &str = "subset";

/// What was of old stays so, and may be kept for an hour; not for longer, since it is told in the words of the present
/// definition, and a field that is made private must not live on in copies that nobody asks about …
const OLD: HeaderValue = HeaderValue::from_static("public, max-age=3600");
/// … unless the moment is so near that what was committed before it may still be on its way here.
const SETTLED: TimeDelta = TimeDelta::minutes(5);

/// A moment, or now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct When {
    /// The change after which, and how long the answer holds.
    at: Option<(Seq, Holds)>,
    /// The day on which features must be valid.
    pub valid_on: Option<NaiveDate>,
}

/// How long an answer of the past stays true.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Holds {
    /// The change was named by its number, or found by a moment long gone.
    Long,
    /// It was found by a moment just gone.
    NotLong,
}

/// Reads `at` (the `seq` of a change, or an instant by RFC 3339) and `datetime` (a day, or an instant that means its
/// day in Italy, whatever its offset).
///
/// # Errors
/// A text that is neither, or a change or instant that is yet to come.
pub async fn read(app: &App, params: &Params<'_>) -> Result<When, Problem> {
    of(app, params.text(AT), params.text(DATETIME)).await
}

/// As [`read`], of what the two parameters say.
///
/// # Errors
/// As [`read`].
pub async fn of(app: &App, at: Option<&str>, datetime: Option<&str>) -> Result<When, Problem> {
    let valid_on = datetime.map(day).transpose()?;
    let moment = match at {
        None => When::default(),
        Some(text) => moment(app, AT, text).await?,
    };
    Ok(When { valid_on, ..moment })
}

/// The day that it is in Italy.
pub fn today() -> NaiveDate {
    day_in_italy(Utc::now().naive_utc())
}

/// As [`read`], where `datetime` may also be an interval, such as `2026-01-01/2026-12-31` or `2026-01-01/..` (OGC API
/// Features 1, 7.15.4); its first and last day, either `None` where it is open.
///
/// # Errors
/// As [`read`].
pub async fn read_during(app: &App, params: &Params<'_>) -> Result<(When, [Option<NaiveDate>; 2]), Problem> {
    let days = match params.text(DATETIME).map(|text| (text, text.split_once('/'))) {
        None => subset(params)?,
        Some((text, _)) if params.text(SUBSET).is_some() => {
            return Err(Problem::parameter(DATETIME, text, "and subset say the same; give one of them"));
        }
        Some((text, None)) => [Some(day(text)?); 2],
        Some((text, Some((first, last)))) => {
            let end = |end: &str| if matches!(end, "" | "..") { Ok(None) } else { day(end).map(Some) };
            let days = [end(first)?, end(last)?];
            if days[0].zip(days[1]).is_some_and(|(first, last)| first > last) {
                return Err(Problem::parameter(DATETIME, text, "ends before it begins"));
            }
            days
        }
    };
    Ok((read_at(app, params).await?, days))
}

/// `subset=datetime("2026-01-31")`, or `datetime("2026-01-01":"2026-12-31")` with `*` for an open end.
fn subset(params: &Params<'_>) -> Result<[Option<NaiveDate>; 2], Problem> {
    let Some(text) = params.text(SUBSET) else { return Ok([None; 2]) };
    let wrong = |reason: &str| Problem::parameter(SUBSET, text, reason);
    let inner = ["datetime", "time"].iter().find_map(|axis| text.strip_prefix(axis));
    let inner = inner.and_then(|rest| rest.strip_prefix('(')).and_then(|rest| rest.strip_suffix(')'));
    let inner = inner.ok_or_else(|| wrong("must be datetime(…); tiles have no other axis"))?;
    let bare = |end: &str| end.trim().trim_matches('"').to_owned();
    // Instants have colons of their own, which are told by the quotation marks around them.
    let ends: Vec<String> = match inner.split_once("\":").or_else(|| inner.split_once(":\"")) {
        Some((first, last)) => vec![bare(first), bare(last)],
        None if inner.contains('"') => vec![bare(inner)],
        None => inner.split(':').map(bare).collect(),
    };
    let read = |end: &String| if matches!(end.as_str(), "*" | "..") { Ok(None) } else { day_of(SUBSET, end).map(Some) };
    match ends.as_slice() {
        [one] => day_of(SUBSET, one).map(|day| [Some(day); 2]),
        [first, last] => {
            let days = [read(first)?, read(last)?];
            if days[0].zip(days[1]).is_some_and(|(first, last)| first > last) {
                return Err(wrong("ends before it begins"));
            }
            Ok(days)
        }
        _ => Err(wrong("must be one day or instant, or two with a colon between")),
    }
}

async fn read_at(app: &App, params: &Params<'_>) -> Result<When, Problem> {
    match params.text(AT) {
        None => Ok(When::default()),
        Some(text) => moment(app, AT, text).await,
    }
}

/// The moment that the text of a parameter names: the `seq` of a change, or an instant by RFC 3339.
///
/// # Errors
/// A text that is neither, or a change or instant that is yet to come.
pub async fn moment(app: &App, name: &str, text: &str) -> Result<When, Problem> {
    let last = app.territory.seq();
    if let Ok(seq) = text.parse::<Seq>() {
        if !(0..=last).contains(&seq) {
            let reason = format!("is no change that has been seen; the last one is {last}");
            return Err(Problem::parameter(name, text, reason).with("seq", last));
        }
        return Ok(When { at: Some((seq, Holds::Long)), valid_on: None });
    }
    let instant = DateTime::parse_from_rfc3339(text).map_err(|_| {
        Problem::parameter(name, text, "must be the seq of a change, or an instant such as 2026-01-31T12:00:00+01:00")
    })?;
    let now = Utc::now();
    if instant > now {
        return Err(Problem::parameter(name, text, "is yet to come"));
    }
    let seq = app.archive().seq_at(instant.to_utc()).await.map_err(|error| Problem::store(&error))?;
    let settled = seq <= last && now.signed_duration_since(instant) > SETTLED;
    Ok(When { at: Some((seq.min(last), if settled { Holds::Long } else { Holds::NotLong })), valid_on: None })
}

fn day(text: &str) -> Result<NaiveDate, Problem> {
    day_of(DATETIME, text)
}

fn day_of(name: &str, text: &str) -> Result<NaiveDate, Problem> {
    let instant = || DateTime::parse_from_rfc3339(text).map(|instant| day_in_italy(instant.naive_utc()));
    text.parse()
        .or_else(|_| instant())
        .map_err(|_| Problem::parameter(name, text, "must be a day such as 2026-01-31, or an instant with its offset"))
}

/// The day in Italy (Europe/Rome) of an instant in UTC. Summer time is that of Directive 2000/84/EC, for all years:
/// of earlier ones some autumns are an hour off.
fn day_in_italy(utc: NaiveDateTime) -> NaiveDate {
    let summer = changeover(utc.year(), 3)..changeover(utc.year(), 10);
    let hours = if summer.contains(&Some(utc)) { 2 } else { 1 };
    // Only the last hours that chrono can name have no local time.
    utc.checked_add_signed(TimeDelta::hours(hours)).unwrap_or(utc).date()
}

/// 01:00 UTC on the last Sunday of a month of 31 days.
fn changeover(year: i32, month: u32) -> Option<NaiveDateTime> {
    let last = NaiveDate::from_ymd_opt(year, month, 31)?;
    let sunday = last.checked_sub_days(Days::new(last.weekday().num_days_from_sunday().into()))?;
    Some(sunday.and_time(NaiveTime::from_hms_opt(1, 0, 0)?))
}

impl When {
    /// The same moment, with what is valid on a day.
    #[must_use]
    pub const fn valid(self, day: NaiveDate) -> Self {
        Self { valid_on: Some(day), ..self }
    }

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
            if layer.is_stored() {
                return Err(select::away(layer));
            }
            snapshots.push(past(app, &layer.definition().id, at).await?);
        }
        Ok(snapshots)
    }

    /// Those of some layers that there are, by their ids.
    ///
    /// # Errors
    /// As [`Self::snapshots`].
    pub async fn present<'a>(
        &self,
        app: &App,
        ids: impl IntoIterator<Item = &'a str>,
    ) -> Result<BTreeMap<String, Arc<Snapshot>>, Problem> {
        let named = ids.into_iter().filter_map(|id| Some((id.to_owned(), select::one(app, id).ok()?)));
        let (ids, layers): (Vec<String>, Vec<Arc<Layer>>) = named.unzip();
        Ok(ids.into_iter().zip(self.snapshots(app, &layers).await?).collect())
    }

    /// Where the features of a layer are answered from.
    ///
    /// # Errors
    /// A layer that is not ready, or whose past is not known.
    pub async fn source(&self, app: &App, layer: &Arc<Layer>) -> Result<Source, Problem> {
        // The definition first: one of another kind than what is found then has another seq too.
        let definition = layer.definition();
        let Some(standing) = layer.stored() else {
            return Ok(Source::Cached(self.snapshots(app, &[Arc::clone(layer)]).await?.swap_remove(0)));
        };
        let archive = app.shared_archive();
        let (seq, at) = match self.at {
            Some((at, _)) if at < standing.seq => {
                let seq = archive.layer_seq(&definition.id, at).await.map_err(|error| Problem::store(&error))?;
                (seq, Some(seq))
            }
            // The store may be further than we have heard.
            Some((at, _)) => (standing.seq, Some(at)),
            None => (standing.seq, None),
        };
        Ok(Source::Stored(Stored { archive, definition, seq, at }))
    }

    /// As [`Self::snapshots`], for layers that are to be drawn: of one whose features are in the store only an empty one, and
    /// where they are.
    ///
    /// # Errors
    /// As [`Self::snapshots`].
    pub async fn drawn(
        &self,
        app: &App,
        layers: &[Arc<Layer>],
    ) -> Result<Vec<(Arc<Snapshot>, Option<Stored>)>, Problem> {
        if !layers.iter().any(|layer| layer.is_stored()) {
            let snapshots = self.snapshots(app, layers).await?;
            return Ok(snapshots.into_iter().map(|snapshot| (snapshot, None)).collect());
        }
        let mut drawn = Vec::with_capacity(layers.len());
        for layer in layers {
            drawn.push(match self.source(app, layer).await? {
                Source::Cached(snapshot) => (snapshot, None),
                Source::Stored(stored) => {
                    let (empty, _) = gathered(&stored.definition, stored.seq, &[]).map_err(Problem::internal)?;
                    (Arc::new(empty), Some(stored))
                }
            });
        }
        Ok(drawn)
    }

    /// Every layer that the caller may see, as far as it is in memory, ready, and its past is known.
    ///
    /// # Errors
    /// When no layer is ready, or the past of none is known.
    pub async fn all(&self, app: &App) -> Result<Vec<Arc<Snapshot>>, Problem> {
        let layers: Vec<_> = select::visible(app).filter(|(layer, _)| !layer.is_stored()).collect();
        let Some((at, _)) = self.at else {
            let ready: Vec<_> = layers.iter().filter_map(|(layer, _)| layer.snapshot()).collect();
            return match layers.first() {
                Some((_, definition)) if ready.is_empty() => Err(select::loading(&definition.id)),
                _ => Ok(ready),
            };
        };
        let mut snapshots = Vec::with_capacity(layers.len());
        let mut pruned = None;
        for (_, definition) in layers {
            match past(app, &definition.id, at).await {
                Ok(snapshot) => snapshots.push(snapshot),
                Err(problem) if problem.kind() == Kind::Pruned => pruned = Some(problem),
                Err(problem) => return Err(problem),
            }
        }
        match pruned {
            // That nothing is known must not look like nothing was there.
            Some(problem) if snapshots.is_empty() => Err(problem),
            _ => Ok(snapshots),
        }
    }

    /// Lets clients keep for a while what cannot change any more.
    pub fn cache<B>(&self, response: &mut http::Response<B>) {
        let value = match self.at {
            Some((_, Holds::Long)) => OLD,
            Some((_, Holds::NotLong)) | None => return,
        };
        response.headers_mut().insert(header::CACHE_CONTROL, value);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_means_its_day_in_italy() {
        for (instant, expected) in [
            ("2024-12-31T22:59:59Z", "2024-12-31"),
            ("2024-12-31T23:00:00Z", "2025-01-01"),
            ("2025-01-01T00:00:00+01:00", "2025-01-01"),
            ("2024-12-31T20:00:00-05:00", "2025-01-01"),
            ("2026-07-14T21:59:59Z", "2026-07-14"),
            ("2026-07-14T22:00:00Z", "2026-07-15"),
            // Clocks went forward on 29 March 2026 and back on 25 October, both at 01:00 UTC.
            ("2026-03-28T23:30:00Z", "2026-03-29"),
            ("2026-03-29T22:00:00Z", "2026-03-30"),
            ("2026-10-24T22:00:00Z", "2026-10-25"),
            ("2026-10-25T22:30:00Z", "2026-10-25"),
            ("2026-10-25", "2026-10-25"),
        ] {
            assert_eq!(day(instant).ok(), expected.parse().ok(), "{instant}");
        }
        assert!(day("2026-10-25T22:30:00").is_err(), "without an offset it is no instant");
    }
}
