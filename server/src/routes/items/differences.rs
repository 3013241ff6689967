//! `/collections/{id}/differences`: what differs in a layer between two moments.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use bricola_layers::cache::Snapshot;
use bricola_layers::crs::Crs;
use bricola_layers::definition::Scope;
use bricola_layers::feature::FeatureId;
use bricola_layers::limits::MAX_PAGE;
use bricola_layers::query::{Difference, differences};
use http::{HeaderMap, HeaderValue, header};
use serde_json::json;

use super::CONTENT_CRS;
use super::question::offered;
use crate::app::App;
use crate::error::{Answer, Kind, Problem};
use crate::params::Params;
use crate::routes::{parameters, respond, select, when};
use crate::wired::schema::{between, reference, text, usually, whole};
use crate::wired::{Operation, Parameter, Words};

/// Features of a page when nobody says.
const USUAL: i64 = 1_000;
const GEOJSON: HeaderValue = HeaderValue::from_static("application/geo+json");

/// Who asked for what.
struct Asked {
    crs: Crs,
    scope: Scope,
    after: Option<FeatureId>,
    limit: usize,
}

/// `GET /collections/{collectionId}/differences?from=&to=`: a `FeatureCollection` of what was inserted, updated or deleted
/// after the moment `from` and up to `to`, each feature once, as it is at `to` (as it was, when it is gone), with its
/// state `before`.
pub async fn get(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Answer {
    let layer = select::one(&app, &id)?;
    let params = Params::read(query.as_deref(), &["from", "to", "crs", "limit", "cursor", "f"])?;
    params.one_of("f", &[("json", ()), ("geojson", ())])?;
    let advice = "say since when: the seq of a change, or an instant such as 2026-01-31T12:00:00+01:00";
    let from = params.text("from").ok_or_else(|| Problem::missing("from", advice))?;
    let before = when::moment(&app, "from", from).await?;
    let after = match params.text("to") {
        None => when::When::default(),
        Some(to) => when::moment(&app, "to", to).await?,
    };
    let (first, last) = (before.seq(&app), after.seq(&app));
    if first > last {
        return Err(Problem::parameter("from", from, "comes after \"to\"").with("seq", last));
    }
    let limit = params.whole("limit", 1..=MAX_PAGE as i64)?.unwrap_or(USUAL);
    let asked = Asked {
        crs: offered(&layer.definition(), &params, "crs")?,
        scope: app.scope,
        after: params.whole("cursor", 0..=i64::MAX)?,
        limit: usize::try_from(limit).unwrap_or(MAX_PAGE),
    };
    let layers = [layer];
    let old = before.snapshots(&app, &layers).await?.swap_remove(0);
    let new = after.snapshots(&app, &layers).await?.swap_remove(0);
    let base = respond::base_url(&app.config, &headers);
    let address = format!("{base}/collections/{id}");
    let again = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(params.pairs().filter(|(name, _)| *name != "cursor" && *name != "to"))
        // A later page is of the same moment.
        .append_pair("to", &last.to_string())
        .finish();
    let seq = new.seq();
    let uri = format!("<{}>", asked.crs.uri());
    let work = move || collection(&old, &new, &asked, &address, &again);
    let mut response = tokio::task::spawn_blocking(work).await.map_err(Problem::internal)?;
    respond::set(&mut response, CONTENT_CRS, &uri);
    respond::set_seq(&mut response, seq);
    Ok(response)
}

fn collection(old: &Snapshot, new: &Snapshot, asked: &Asked, address: &str, again: &str) -> Response {
    let mut found = differences(old, new, asked.after, asked.limit + 1);
    let more = found.len() > asked.limit;
    found.truncate(asked.limit);
    let (was, is) = (old.writer(asked.scope).in_crs(&asked.crs), new.writer(asked.scope).in_crs(&asked.crs));
    let mut out = Vec::with_capacity(1024 + found.len() * 1024);
    out.extend_from_slice(b"{\"type\":\"FeatureCollection\",\"features\":[");
    for (place, difference) in found.iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        let (change, writer) = match difference {
            Difference::Inserted(_) => ("insert", &is),
            Difference::Updated { .. } => ("update", &is),
            Difference::Deleted(_) => ("delete", &was),
        };
        writer.write(&mut out, difference.row());
        // Its last brace makes room for what is told of the change.
        out.pop();
        out.extend_from_slice(format!(",\"change\":\"{change}\",\"before\":").as_bytes());
        match difference {
            Difference::Updated { before, .. } => was.write(&mut out, *before),
            Difference::Inserted(_) | Difference::Deleted(_) => out.extend_from_slice(b"null"),
        }
        out.push(b'}');
    }
    let link = |query: &str, rel: &str| json!({"href": format!("{address}/differences?{query}"), "rel": rel, "type": "application/geo+json"});
    let mut links = vec![link(again, "self")];
    if let Some(last) = found.last().filter(|_| more) {
        links.push(link(&format!("{again}&cursor={}", last.row().id()), "next"));
    }
    links.push(json!({"href": format!("{address}?f=json"), "rel": "collection", "type": "application/json"}));
    let rest = json!({"links": links, "numberReturned": found.len(), "from": old.seq(), "seq": new.seq()});
    out.extend_from_slice(b"],");
    out.extend_from_slice(&rest.to_string().as_bytes()[1..]);
    let mut response = Response::new(Body::from(out));
    response.headers_mut().insert(header::CONTENT_TYPE, GEOJSON);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

/// Of [`get`].
pub fn about() -> Operation {
    let about = Words(
        "Che cosa è cambiato in uno strato tra due momenti: ogni oggetto inserito, modificato o tolto, una volta sola, com’è \
         alla fine (se è stato tolto, com’era) e com’era prima.",
        "What has changed in a layer between two moments: each feature that was inserted, changed or removed, once, as it is at \
         the end (as it was, if it was removed) and as it was before.",
    );
    let from = Words(
        "Da quando: il numero (seq) di una modifica, o un istante RFC 3339",
        "Since when: the seq of a change, or an instant of RFC 3339",
    );
    let to = Words("Fino a quando; senza, fino ad ora", "Until when; until now without it");
    let limit = Words("Quanti oggetti al più", "How many features at most");
    let cursor =
        Words("Da dove si continua, come lo dice il collegamento next", "Where to go on, as the link next says it");
    let crs = Words("Il sistema di riferimento delle coordinate", "The CRS of the coordinates");
    let summary = Words("Che cosa è cambiato tra due momenti", "What has changed between two moments");
    Operation::get("differences", "changes", summary, about)
        .takes([
            parameters::collection(),
            Parameter::query("from", from, text()).needed().such_as("0"),
            Parameter::query("to", to, text()),
            parameters::crs_uri("crs", crs),
            Parameter::query("limit", limit, usually(between(1, MAX_PAGE as i64), USUAL)),
            Parameter::query("cursor", cursor, whole(0)),
            parameters::form(["json", "geojson"]),
        ])
        .gives(
            about,
            [("application/geo+json", reference("Differences"))],
            &["Bricola-Seq", "Cache-Control", "Content-Crs"],
        )
        .fails([Kind::UnknownLayer, Kind::LayerLoading, Kind::LayerUnreadable, Kind::MissingParameter, Kind::Pruned])
        .fails([Kind::LayerStored, Kind::StoreUnavailable])
}
