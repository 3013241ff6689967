//! `/collections/{id}/items/{feature}/versions`: what a feature was, state by state.

use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use bricola_layers::feature::FeatureId;
use chrono::SecondsFormat;
use http::HeaderMap;
use serde_json::json;

use super::CONTENT_CRS;
use super::question::offered;
use crate::app::App;
use crate::error::{Answer, Kind, Problem};
use crate::params::Params;
use crate::routes::{parameters, respond, select};
use crate::services::editing::Image;
use crate::services::versions::versions;
use crate::wired::schema::reference;
use crate::wired::{Operation, Words};

/// `GET /collections/{collectionId}/items/{featureId}/versions`: the states that are known, oldest first, of features that
/// are gone too.
pub async fn get(
    State(app): State<Arc<App>>,
    Path((id, feature)): Path<(String, String)>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Answer {
    let layer = select::one(&app, &id)?;
    let definition = layer.definition();
    let params = Params::read(query.as_deref(), &["crs", "f"])?;
    params.one_of("f", &[("json", ())])?;
    let crs = offered(&definition, &params, "crs")?;
    // Asked before the store: what it tells is at least as new.
    let seq = app.territory.seq();
    let unknown = || super::unknown(&id, &feature);
    let number = feature.parse::<FeatureId>().map_err(|_| unknown())?;
    let states = versions(app.archive(), &id, number).await.map_err(|error| Problem::store(&error))?;
    if states.is_empty() {
        return Err(unknown());
    }
    let base = respond::base_url(&app.config, &headers);
    let address = format!("{base}/collections/{id}/items/{number}");
    let told = states.into_iter().map(|(version, stored)| {
        let image = stored.and_then(|stored| Image::of(stored, &definition).ok());
        json!({
            "version": version.number,
            "since": version.since,
            "at": version.at.map(|at| at.to_rfc3339_opts(SecondsFormat::Millis, true)),
            "until": version.until,
            "href": version.since.map(|since| format!("{address}?at={since}")),
            "feature": image.map(|image| image.json(app.scope, &crs)),
        })
    });
    let told: Vec<_> = told.collect();
    let links = [
        json!({"href": format!("{address}/versions"), "rel": "self", "type": "application/json"}),
        json!({"href": address, "rel": "latest-version", "type": "application/geo+json"}),
        json!({"href": format!("{base}/collections/{id}?f=json"), "rel": "collection", "type": "application/json"}),
    ];
    let mut response = respond::json(&json!({"layer": id, "id": number, "versions": told, "links": links, "seq": seq}));
    respond::set(&mut response, CONTENT_CRS, &format!("<{}>", crs.uri()));
    respond::set_seq(&mut response, seq);
    Ok(response)
}

/// Of [`get`].
pub fn about() -> Operation {
    let about = Words(
        "Gli stati di un oggetto che si conoscono ancora, dal più vecchio, anche di uno che non c’è più: da quale modifica a \
         quale, da quando, e com’era.",
        "The states of a feature that are still known, oldest first, of one that is gone too: from which change to which, since \
         when, and as it was.",
    );
    let crs = Words("Il sistema di riferimento delle coordinate", "The CRS of the coordinates");
    Operation::get("versions", "features", Words("Le versioni di un oggetto", "The versions of a feature"), about)
        .takes([
            parameters::collection(),
            parameters::feature(),
            parameters::crs_uri("crs", crs),
            parameters::form(["json"]),
        ])
        .gives(about, [("application/json", reference("Versions"))], &["Bricola-Seq", "Cache-Control", "Content-Crs"])
        .fails([Kind::UnknownLayer, Kind::LayerUnreadable, Kind::UnknownFeature, Kind::StoreUnavailable])
}
